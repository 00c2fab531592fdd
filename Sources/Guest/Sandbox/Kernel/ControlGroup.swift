import Glibc
import Kit
import System

/// A cgroup of the tool's own, where a version 2 hierarchy lets us make one: limits for all its processes
/// together, and a kill that nothing escapes. Linux: cgroups(7)
struct ControlGroup {
    private let path: String
    /// The controllers that hold, for the report.
    let controllers: [String]

    /// Makes one below our own; nil and the reason when that is not possible here.
    ///
    /// What a child group can hold is in a file of ours. It is read first, because making a group and
    /// removing it again costs more than all namespaces together.
    static func make(_ limits: SandboxPolicy.Limits) -> (group: ControlGroup?, report: String) {
        guard let parent = own() else { return (nil, "absent (no version 2 hierarchy)") }
        let enabled = bytes(parent + "/cgroup.subtree_control") ?? []
        guard enabled.contains(where: { $0 != 0x0A }) else {
            return (nil, "absent (no controller is enabled here)")
        }
        let path = "\(parent)/tool-\(Processes.current())-\(Random.hex(4))"
        do throws(SystemError) {
            try Files.makeDirectories(path)
        } catch {
            return (nil, "absent (\(error.name): not delegated)")
        }
        let controllers = Self.apply(limits, to: path)
        guard !controllers.isEmpty else {
            rmdir(path)
            return (nil, "absent (no controller is enabled here)")
        }
        return (
            ControlGroup(path: path, controllers: controllers), "kill " + controllers.joined(separator: " ")
        )
    }

    /// Our own group's directory.
    private static func own() -> String? {
        guard let groups = bytes("/proc/self/cgroup"), let hierarchy = mountPoint() else { return nil }
        let lines = [0x0A] + groups
        guard let start = find("\n0::", in: lines[...]) else { return nil }
        let rest = lines[start...].dropFirst(4)
        let group = String(decoding: rest.prefix { $0 != 0x0A }, as: UTF8.self)
        return hierarchy + (group == "/" ? "" : group)
    }

    /// Bytes, not lines of characters: this is on the way of every call, and the list of mounts may be long.
    private static func mountPoint() -> String? {
        guard let mounts = bytes("/proc/self/mountinfo"), let mark = find(" - cgroup2 ", in: mounts[...])
        else { return nil }
        // The fifth word of the line that the mark is in.
        let start = mounts[..<mark].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        var rest = mounts[start..<mark]
        for _ in 0..<4 {
            guard let blank = rest.firstIndex(of: 0x20) else { return nil }
            rest = rest[(blank + 1)...]
        }
        return String(decoding: rest.prefix { $0 != 0x20 }, as: UTF8.self)
    }

    private static func bytes(_ path: String) -> [UInt8]? { try? Files.read(path, limit: 1 << 20) }

    private static func find(_ text: StaticString, in bytes: ArraySlice<UInt8>) -> Int? {
        let (start, count) = (text.utf8Start, text.utf8CodeUnitCount)
        guard bytes.count >= count else { return nil }
        for index in bytes.startIndex...(bytes.endIndex - count) where bytes[index] == start[0] {
            var matched = 1
            while matched < count, bytes[index + matched] == start[matched] { matched += 1 }
            if matched == count { return index }
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

    /// Copies this process into new namespaces; the child is born in this group, because moving one there
    /// waits for every processor. Linux: clone3(2) CLONE_INTO_CGROUP; 5.7
    func fork(into kinds: NamespaceKinds) throws(SystemError) -> Int32 {
        // O_PATH of open(2), which Glibc hides.
        let directory = try Files.open(path, 0x20_0000 | O_DIRECTORY)
        return try Processes.fork(into: kinds, group: directory.raw)
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
