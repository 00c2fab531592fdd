import Glibc
import Kit
import System

/// A cgroup of the tool's own, where a version 2 hierarchy lets us make one: limits for all its processes
/// together, and a kill that nothing escapes. Linux: cgroups(7)
struct ControlGroup {
    private let path: String
    /// The controllers that hold, for the report.
    let controllers: [String]
    private static let root = "/sys/fs/cgroup"

    /// Makes one below our own; nil and the reason when that is not possible here.
    static func make(_ limits: SandboxPolicy.Limits) -> (group: ControlGroup?, report: String) {
        guard let line = try? Files.readText("/proc/self/cgroup", limit: 65536),
            let own = line.split(separator: "\n").first(where: { $0.hasPrefix("0::") })?.dropFirst(3),
            let hierarchy = mountPoint()
        else { return (nil, "absent (no version 2 hierarchy)") }
        let parent = hierarchy + (own == "/" ? "" : own)
        let path = "\(parent)/tool-\(Processes.current())-\(Random.hex(4))"
        do throws(SystemError) {
            try Files.makeDirectories(path)
        } catch {
            return (nil, "absent (\(error.name): not delegated)")
        }
        let controllers = Self.apply(limits, to: path)
        guard !controllers.isEmpty else {
            // Entering it costs milliseconds, and the pid namespace ends everybody just as well.
            rmdir(path)
            return (nil, "absent (no controller is enabled here)")
        }
        return (
            ControlGroup(path: path, controllers: controllers), "kill " + controllers.joined(separator: " ")
        )
    }

    private static func mountPoint() -> String? {
        guard let text = try? Files.readText("/proc/self/mountinfo", limit: 1 << 20) else { return nil }
        for line in text.split(separator: "\n") where line.contains(" - cgroup2 ") {
            let fields = line.split(separator: " ")
            if fields.count > 4 { return String(fields[4]) }
        }
        return nil
    }

    private static func apply(_ limits: SandboxPolicy.Limits, to path: String) -> [String] {
        var held: [String] = []
        func set(_ file: String, _ value: String) -> Bool {
            // A controller that is not enabled here has no file; the report then does not name it.
            guard let file = try? Files.open("\(path)/\(file)", O_WRONLY) else { return false }
            return (try? IO.writeAll(file.raw, Array(value.utf8))) != nil
        }
        if limits.memoryMB > 0, set("memory.max", "\(limits.memoryMB << 20)") {
            // The whole call ends, not one process of it that the others then wait for.
            let isGroup = set("memory.oom.group", "1")
            _ = set("memory.swap.max", "0")
            held.append(isGroup ? "memory oom.group" : "memory")
        }
        if limits.processes > 0, set("pids.max", "\(limits.processes)") { held.append("pids") }
        if limits.cpuPercent > 0, set("cpu.max", "\(limits.cpuPercent * 1000) 100000") { held.append("cpu") }
        return held
    }

    var holdsMemory: Bool { controllers.contains { $0.hasPrefix("memory") } }

    /// Copies this process; the child is born in it, because moving one there waits for every processor.
    /// Linux: clone3(2) CLONE_INTO_CGROUP; 5.7
    func fork() throws(SystemError) -> Int32 {
        // O_PATH of open(2), which Glibc hides.
        let directory = try Files.open(path, 0x20_0000 | O_DIRECTORY)
        return try Processes.fork(intoGroup: directory.raw)
    }

    /// How often the kernel ended something of it for want of memory.
    var memoryKills: Int {
        guard let text = try? Files.readText("\(path)/memory.events", limit: 4096) else { return 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    }

    /// Ends all of it and removes it. Waits for processes that are on their way out.
    func remove() {
        if let file = try? Files.open("\(path)/cgroup.kill", O_WRONLY) {
            try? IO.writeAll(file.raw, Array("1".utf8))
        }
        for _ in 0..<200 {
            if rmdir(path) == 0 || errno != EBUSY { return }
            poll(nil, 0, 5)
        }
    }
}
