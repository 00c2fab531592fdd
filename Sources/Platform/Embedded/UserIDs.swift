import Glibc
import System

/// Which ids guests get, and how this process came to have them.
struct UserIDs: Sendable, Hashable {
    /// What a guest's root is here.
    var base: UInt32
    /// How many ids a guest has from there.
    var count: UInt32
    /// We are root in a user namespace of our own.
    var isRootless: Bool

    /// A guest has users for harness, agent and tools.
    var isRange: Bool { count > 1001 }

    /// Prepares this process, which must have one thread: its own mount namespace always, and for an
    /// ordinary user the user namespace in which it is root.
    static func prepare() throws(PlatformError) -> UserIDs {
        let ids: UserIDs
        if Credentials.effectiveUser() == 0 {
            let range = SubordinateIDs.ofRoot()
            ids = UserIDs(base: range.base, count: range.count, isRootless: false)
        } else {
            ids = try enterUserNamespace()
        }
        do throws(SystemError) {
            try Namespaces.unshare(.mount)
            // What the system mounts later shows up here; what we mount stays here and goes with us.
            try Mounts.makeSlave("/")
        } catch {
            throw PlatformError(
                "no_namespaces", "make a mount namespace: \(error)",
                hint: "openclaw doctor says what this machine lacks")
        }
        return ids
    }

    private static func enterUserNamespace() throws(PlatformError) -> UserIDs {
        let (user, group) = (Credentials.effectiveUser(), Credentials.effectiveGroup())
        let ranges = subordinate(user)
        do throws(SystemError) {
            guard let ranges, Environment.lookUp("newuidmap").map(Files.exists) ?? false else {
                try Namespaces.unshare(.user)
                try Namespaces.writeIDMaps(
                    Processes.current(), users: [.init(inside: 0, outside: user, count: 1)],
                    groups: [.init(inside: 0, outside: group, count: 1)], denySetGroups: true)
                return UserIDs(base: 0, count: 1, isRootless: true)
            }
            // Only a process outside may write a map of more than one id, with the help of a set-user-id
            // program.
            let go = try IO.pipe().split()
            let pid = Processes.current()
            let helper = try Processes.fork()
            if helper == 0 { map(pid, go.reader.raw, (user, group), ranges) }
            try Namespaces.unshare(.user)
            try IO.writeAll(go.writer.raw, [1])
            guard let ended = try Processes.waitPID(helper), ended.status.isSuccess else {
                throw SystemError(call: "newuidmap", operand: "\(ranges.users)", code: EPERM)
            }
            return UserIDs(
                base: 1, count: min(ranges.users.count, ranges.groups.count, 65_536), isRootless: true)
        } catch {
            throw PlatformError(
                "no_namespaces", "make a user namespace: \(error)",
                hint: "openclaw doctor says what this machine lacks")
        }
    }

    private typealias Ranges = (users: (start: UInt32, count: UInt32), groups: (start: UInt32, count: UInt32))

    /// Runs in a child that stays outside.
    private static func map(_ pid: Int32, _ go: Int32, _ own: (UInt32, UInt32), _ ranges: Ranges) -> Never {
        _ = try? IO.read(go)
        for (program, id, range) in [("newuidmap", own.0, ranges.users), ("newgidmap", own.1, ranges.groups)]
        {
            let words = [
                program, "\(pid)", "0", "\(id)", "1", "1", "\(range.start)", "\(min(range.count, 65_536))",
            ]
            let outcome = try? Spawn.run(Spawn.Command(words, stdout: .null, stderr: .inherit))
            guard outcome?.status.isSuccess == true else { _exit(1) }
        }
        _exit(0)
    }

    /// The user's ranges in /etc/subuid and /etc/subgid, by number or name. Linux: subuid(5)
    private static func subordinate(_ user: UInt32) -> Ranges? {
        var names = ["\(user)"]
        if let entry = getpwuid(user), let name = entry.pointee.pw_name {
            names.append(String(cString: name))
        }
        func range(_ file: String) -> (start: UInt32, count: UInt32)? {
            let text = (try? Files.readText(file, limit: 1 << 20)) ?? ""
            let own = SubordinateIDs.ranges(text).first { names.contains($0.owner) && $0.count >= 2000 }
            return own.flatMap { own in
                UInt32(exactly: own.start).map { ($0, UInt32(clamping: own.count)) }
            }
        }
        guard let users = range("/etc/subuid"), let groups = range("/etc/subgid") else { return nil }
        return (users, groups)
    }
}
