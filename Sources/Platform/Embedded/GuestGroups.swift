// What holds a whole guest from outside: control groups of version 2, where the host lets us make them.
// Linux: Documentation/admin-guide/cgroup-v2.rst
import Glibc
import Synchronization
import System

/// The place for the control groups of all guests of this platform.
public final class GuestGroups: Sendable {
    private struct Place {
        var path: String
        var controllers: [String]
        /// Held so that another platform sees that this one lives.
        var lock: SharedDescriptor
    }

    private static let prefix = "openclaw-"
    /// Of memory, processors and processes.
    public static let wanted = ["memory", "cpu", "pids"]
    private static let procs = "cgroup.procs"

    private let place = Mutex<Place?>(nil)

    /// Looks for a place; without one, guests have no group, are paused by signals and have no bounds of
    /// their own.
    init() {
        guard let hierarchy = Self.mountPoint(), let own = Self.own() else { return }
        var best: Place?
        for above in Self.chain(own) {
            let parent = hierarchy + (above == "/" ? "" : above)
            Self.removeStale(in: parent)
            guard let found = Self.make("\(parent)/\(Self.prefix)\(Random.hex(4))") else { continue }
            guard found.controllers.count > best?.controllers.count ?? -1 else {
                Self.remove(found.path)
                continue
            }
            if let best { Self.remove(best.path) }
            best = found
            if found.controllers.count == Self.wanted.count { break }
        }
        place.withLock { $0 = best }
    }

    /// What would hold the guests of this user here, by trying; nil when no group can be made.
    public static func tryOut() -> [String]? {
        let groups = GuestGroups()
        defer { groups.close() }
        return groups.controllers
    }

    /// The controllers that hold guests here; nil without groups.
    var controllers: [String]? { place.withLock { $0?.controllers } }

    /// A group for a guest, with its bounds.
    /// - Parameter size: Nil for a virtual machine, which is bounded by what it is.
    func make(_ id: String, size: MachineGround.Size?) -> GuestGroup? {
        guard let place = place.withLock({ $0 }) else { return nil }
        let group = GuestGroup(path: "\(place.path)/\(id)")
        do throws(SystemError) {
            try Files.makeDirectories(group.path)
            guard let size else { return group }
            for (controller, file, value) in GuestGroup.bounds(size)
            where place.controllers.contains(controller) {
                // The swap of a kernel without any has no file.
                if !Files.exists("\(group.path)/\(file)") { continue }
                try Files.write("\(group.path)/\(file)", Array(value.utf8))
            }
            return group
        } catch {
            group.remove()
            return nil
        }
    }

    /// Removes the place; its guests have ended.
    func close() {
        let old = place.withLock { place in
            defer { place = nil }
            return place
        }
        if let old { Self.remove(old.path) }
    }

    // MARK: Finding a place

    /// Makes it, gives it what controllers there are, and tries it with a process.
    private static func make(_ path: String) -> Place? {
        guard (try? Files.makeDirectories(path)) != nil,
            let lock = try? Files.open(path, O_RDONLY | O_DIRECTORY).shared(),
            flock(lock.raw, LOCK_EX | LOCK_NB) == 0
        else { return nil }
        let there = (try? Files.readText("\(path)/cgroup.controllers", limit: 4096)) ?? ""
        let held = wanted.filter { name in
            there.split(whereSeparator: \.isWhitespace).contains(Substring(name))
                && (try? Files.write("\(path)/cgroup.subtree_control", Array("+\(name)".utf8))) != nil
        }
        let trial = GuestGroup(path: "\(path)/trial")
        defer { trial.remove() }
        guard (try? Files.makeDirectories(trial.path)) != nil,
            let entry = try? Files.open("\(trial.path)/\(procs)", O_WRONLY),
            let outcome = try? Spawn.run(Spawn.Command(["/bin/true"], cgroup: entry.raw)),
            outcome.status.isSuccess
        else {
            remove(path)
            return nil
        }
        return Place(path: path, controllers: held, lock: lock)
    }

    /// From a group upwards to the root.
    static func chain(_ own: String) -> [String] {
        var chain = [own]
        while let last = chain.last, last != "/" { chain.append(Files.parent(of: last)) }
        return chain
    }

    private static func own() -> String? {
        guard let text = try? Files.readText("/proc/self/cgroup", limit: 65536),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
        else { return nil }
        let path = String(line.dropFirst(3))
        // Above the root of a control group namespace there is nothing that we may touch.
        return path.contains("/..") ? nil : path
    }

    private static func mountPoint() -> String? {
        let text = (try? Files.readText("/proc/self/mountinfo", limit: 1 << 20)) ?? ""
        let line = text.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
        let fields = line?.split(separator: " ") ?? []
        return fields.count > 4 ? String(fields[4]) : nil
    }

    /// What a platform that was killed left: nobody holds its lock, and its guests ended with it.
    private static func removeStale(in parent: String) {
        for name in (try? Files.list(parent)) ?? [] where name.hasPrefix(prefix) {
            let path = "\(parent)/\(name)"
            guard let lock = try? Files.open(path, O_RDONLY | O_DIRECTORY),
                flock(lock.raw, LOCK_EX | LOCK_NB) == 0
            else { continue }
            remove(path)
        }
    }

    private static func remove(_ path: String) {
        for name in (try? Files.list(path)) ?? [] where Files.isDirectory("\(path)/\(name)") {
            GuestGroup(path: "\(path)/\(name)").remove()
        }
        // Best effort: one that is in use is its owner's.
        _ = rmdir(path)
    }
}

/// The control group of one guest; its launcher stays outside, so that somebody is there for a guest that
/// is frozen.
struct GuestGroup: Sendable, Hashable {
    let path: String

    /// Processes and threads of one guest: a bomb stops here, and a build does not.
    static let processes = 4096
    private static let freezeMilliseconds = 5000
    private static let removeTries = 200

    /// The files that bound a guest, and what goes into them.
    static func bounds(_ size: MachineGround.Size) -> [(controller: String, file: String, value: String)] {
        [
            ("memory", "memory.max", "\(size.memoryMegabytes << 20)"), ("memory", "memory.swap.max", "0"),
            ("cpu", "cpu.max", "\(size.processors * 100_000) 100000"), ("pids", "pids.max", "\(processes)"),
        ]
    }

    /// Stops or continues all of it at once, and none of it can tell. Linux: cgroup.freeze, 5.2
    func freeze(_ isFrozen: Bool) throws(SystemError) {
        try Files.write("\(path)/cgroup.freeze", Array((isFrozen ? "1" : "0").utf8))
        let line = "frozen \(isFrozen ? 1 : 0)"
        let deadline = Clock.monotonicNanoseconds() + Int64(Self.freezeMilliseconds) * 1_000_000
        while true {
            let text = try Files.readText("\(path)/cgroup.events", limit: 4096)
            if text.split(separator: "\n").contains(Substring(line)) { return }
            guard Clock.monotonicNanoseconds() < deadline else {
                throw SystemError(call: "cgroup.freeze", operand: path, code: ETIMEDOUT)
            }
            usleep(2000)
        }
    }

    /// Ends what is still in it, and removes it.
    func remove() {
        if let file = try? Files.open("\(path)/cgroup.kill", O_WRONLY) {
            try? IO.writeAll(file.raw, Array("1".utf8))
        }
        for _ in 0..<Self.removeTries {
            if rmdir(path) == 0 || errno != EBUSY { return }
            usleep(5000)
        }
    }
}
