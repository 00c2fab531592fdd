import CCap
import Glibc
import Kit
import System

/// Everything that a tool's process gives up, in the order in which that is possible.
struct Privileges {
    private let policy: SandboxPolicy

    init(_ policy: SandboxPolicy) { self.policy = policy }

    /// Whether the tool's ids exist in this user namespace.
    var isMapped: Bool { Self.exists(policy.uid, in: "uid_map") && Self.exists(policy.gid, in: "gid_map") }

    /// Linux: user_namespaces(7)
    private static func exists(_ id: UInt32, in map: String) -> Bool {
        let text = (try? Files.readText("/proc/self/\(map)", limit: 65536)) ?? ""
        return text.split(separator: "\n").contains { line in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            return numbers.count == 3 && numbers[0] <= UInt64(id) && UInt64(id) < numbers[0] + numbers[2]
        }
    }

    // MARK: Users

    /// Becomes the tool's user. Where the namespace has no such id, because an ordinary user made it, a
    /// second user namespace gives the one id there is the tool's number; so the tool is root nowhere.
    /// - Returns: What became of it, for the report.
    @discardableResult
    func becomeUser(isMapped: Bool) throws(SandboxError) -> String {
        guard isMapped else { return try renumber() }
        try attempt("become user \(policy.uid)") { () throws(SystemError) in
            try Credentials.setGroups([])
            try Credentials.setGroup(policy.gid)
            try Credentials.setUser(policy.uid)
        }
        return "\(policy.uid)"
    }

    private func renumber() throws(SandboxError) -> String {
        let (user, group) = (Credentials.effectiveUser(), Credentials.effectiveGroup())
        try attempt("make a user namespace for the tool") { () throws(SystemError) in
            // Files of /proc/self belong to root while a process is not dumpable, and the map is one of them.
            try Processes.setDumpable(true)
            try Namespaces.unshare(.user)
            try Namespaces.writeIDMaps(
                Processes.current(), users: [.init(inside: policy.uid, outside: user, count: 1)],
                groups: [.init(inside: policy.gid, outside: group, count: 1)], denySetGroups: true)
            try Credentials.setGroup(policy.gid)
            try Credentials.setUser(policy.uid)
        }
        return "\(policy.uid) (the caller's own outside)"
    }

    // MARK: Capabilities

    /// No program can bring a capability back, set-user-id or not. Linux: capabilities(7)
    func dropBounding() throws(SandboxError) {
        var number: Int32 = 0
        while cap_get_bound(number) >= 0 {
            guard cap_drop_bound(number) == 0 else {
                throw SandboxError("drop capability \(number): \(SystemError(call: "prctl", code: errno))")
            }
            number += 1
        }
    }

    private static let setSecureBits: Int32 = 28
    /// NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, and all of them and KEEP_CAPS locked.
    /// Linux: capabilities(7), "The securebits flags"
    private static let secureBits: UInt = 0b1110_1111

    /// Becoming user 0 by any way gives nothing from here on. Needs CAP_SETPCAP, so it comes before the
    /// last drop.
    func lockSecureBits() throws(SandboxError) {
        try attempt("lock the secure bits") { () throws(SystemError) in
            _ = try Processes.control(Self.setSecureBits, Self.secureBits)
        }
    }

    func dropCapabilities() throws(SandboxError) {
        // PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL: one call instead of one a capability.
        try attempt("clear the ambient set") { () throws(SystemError) in _ = try Processes.control(47, 4) }
        guard let none = cap_init() else { throw SandboxError("make an empty set of capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(none)) }
        guard cap_set_proc(none) == 0 else {
            throw SandboxError("drop all capabilities: \(SystemError(call: "capset", code: errno))")
        }
    }

    // MARK: Limits

    /// - Parameter hasGroup: Whether a cgroup holds the memory already.
    func limit(hasGroup: Bool) throws(SandboxError) -> String {
        let limits = policy.limits
        let megabyte: UInt64 = 1 << 20
        var wanted: [(Limits.Resource, UInt64)] = [(.coreBytes, 0)]
        if limits.cpuSeconds > 0 { wanted.append((.cpuSeconds, UInt64(limits.cpuSeconds))) }
        if limits.addressSpaceMB > 0 {
            wanted.append((.addressSpaceBytes, UInt64(limits.addressSpaceMB) * megabyte))
        }
        if limits.memoryMB > 0, !hasGroup { wanted.append((.dataBytes, UInt64(limits.memoryMB) * megabyte)) }
        if limits.processes > 0 { wanted.append((.processes, UInt64(limits.processes))) }
        if limits.openFiles > 0 { wanted.append((.openFiles, UInt64(limits.openFiles))) }
        if limits.fileMB > 0 { wanted.append((.fileBytes, UInt64(limits.fileMB) * megabyte)) }
        for (resource, value) in wanted {
            try attempt("limit \(resource)") { () throws(SystemError) in
                try Limits.lower(resource, to: value)
            }
        }
        return wanted.map { "\($0.0)" }.joined(separator: " ")
    }
}
