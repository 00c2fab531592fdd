// What everybody in a machine may use together, so that PID 1 always has something left.
import Glibc
import System

/// The control groups of our own machine: PID 1 stays at the top, everybody else goes below `guest`, whose
/// bounds leave room for PID 1. Linux: Documentation/admin-guide/cgroup-v2.rst
enum ControlGroups {
    private static let root = "/sys/fs/cgroup"
    /// Processes and threads of the guest; a fork bomb stops here, and PID 1 can still start a process.
    static let processes = 4096
    /// Memory that only PID 1 and the kernel use, in bytes.
    static let reservedBytes: Int64 = 96 << 20
    private static let controllers = ["memory", "pids", "cpu"]

    /// Mounts and makes them.
    /// - Returns: The file through which a new process enters, `cgroup.procs` of the group for work.
    static func make() throws(SystemError) -> SharedDescriptor {
        do throws(SystemError) {
            try Mounts.mount(
                "cgroup2", root, type: "cgroup2", flags: [.noSetuid, .noDevices, .noExecute],
                data: "nsdelegate")
        } catch {
            if error.code != EBUSY { throw error }
        }
        let there = try Files.readText("\(root)/cgroup.controllers", limit: 4096).split {
            $0 == " " || $0 == "\n"
        }
        let enable = controllers.filter { there.contains(Substring($0)) }.map { "+\($0)" }.joined(
            separator: " ")
        try Files.write("\(root)/cgroup.subtree_control", Array(enable.utf8))
        try Files.makeDirectories("\(root)/guest")
        try Files.write("\(root)/guest/pids.max", Array("\(processes)".utf8))
        let meminfo = try Files.readText("/proc/meminfo", limit: 65536)
        if let limit = memoryLimit(meminfo: meminfo) {
            try Files.write("\(root)/guest/memory.max", Array("\(limit)".utf8))
        }
        // Delegated: who runs tools may divide what there is among them.
        try Files.write("\(root)/guest/cgroup.subtree_control", Array(enable.utf8))
        try Files.makeDirectories("\(root)/guest/work")
        return try Files.open("\(root)/guest/work/cgroup.procs", O_WRONLY).shared()
    }

    /// All but what is reserved, and at least half.
    static func memoryLimit(meminfo: String) -> Int64? {
        let line = meminfo.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int64($0) }) else {
            return nil
        }
        return max(kibibytes * 1024 - reservedBytes, kibibytes * 512)
    }
}
