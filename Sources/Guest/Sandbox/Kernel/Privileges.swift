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
        // Number by number, three a line: first inside, first outside, how many.
        let bytes = (try? Files.read("/proc/self/" + map, limit: 65536)) ?? []
        var (first, place, number): (UInt64, Int, UInt64?) = (0, 0, nil)
        for byte in bytes {
            if byte >= 0x30, byte <= 0x39 {
                number = (number ?? 0) &* 10 &+ UInt64(byte - 0x30)
                continue
            }
            guard let value = number else { continue }
            if place == 0 { first = value }
            if place == 2, first <= UInt64(id), UInt64(id) - first < value { return true }
            (place, number) = ((place + 1) % 3, nil)
        }
        return false
    }

    // MARK: Users

    /// Becomes the tool's user. Where the namespace has no such id, because an ordinary user made it, a
    /// second user namespace, which the tool is born in, gives the one id there is the tool's number; so the
    /// tool is root nowhere.
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
        try attempt("become user \(policy.uid) of a user namespace") { () throws(SystemError) in
            try Namespaces.writeIDMaps(
                Processes.current(), users: [.init(inside: policy.uid, outside: 0, count: 1)],
                groups: [.init(inside: policy.gid, outside: 0, count: 1)], denySetGroups: true)
            try Credentials.setGroup(policy.gid)
            try Credentials.setUser(policy.uid)
            // The map is written, so neither this memory nor init's, which it is, need be readable.
            try Processes.setDumpable(false)
        }
        return "\(policy.uid) (the caller's own outside)"
    }

    // MARK: Capabilities

    /// No program can bring a capability back, set-user-id or not. Linux: capabilities(7)
    func dropBounding() throws(SandboxError) {
        // The last one is where the kernel knows no more; one that is missing already drops as well.
        var number: Int32 = 0
        while cap_drop_bound(number) == 0 { number += 1 }
        let code = errno
        guard code == EINVAL, number > 0 else {
            throw SandboxError("drop capability \(number): \(SystemError(call: "prctl", code: code))")
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

    /// Memory that a tool may lock, in bytes: the kernel's own default. The harness's may be without bound.
    private static let lockedBytes: UInt64 = 8 << 20

    /// - Parameter hasGroup: Whether a cgroup holds the memory already.
    /// - Returns: What is limited, for the report.
    func limit(hasGroup: Bool) throws(SandboxError) -> String {
        let limits = policy.limits
        let megabyte: UInt64 = 1 << 20
        var held = "core locked"
        // One by one and with written names: a list of pairs that names itself costs a sandbox's start more
        // than the limits do, because the runtime makes types for it.
        func lower(_ resource: Limits.Resource, _ name: String, _ value: Int, _ unit: UInt64 = 1)
            throws(SandboxError)
        {
            guard value > 0 else { return }
            try set(resource, name, UInt64(value) * unit)
            held += " " + name
        }
        try set(.coreBytes, "core", 0)
        try set(.lockedBytes, "locked", Self.lockedBytes)
        try lower(.cpuSeconds, "cpu", limits.cpuSeconds)
        try lower(.addressSpaceBytes, "address_space", limits.addressSpaceMB, megabyte)
        if !hasGroup { try lower(.dataBytes, "data", limits.memoryMB, megabyte) }
        try lower(.processes, "processes", limits.processes)
        try lower(.openFiles, "open_files", limits.openFiles)
        try lower(.fileBytes, "file", limits.fileMB, megabyte)
        return held
    }

    private func set(_ resource: Limits.Resource, _ name: String, _ value: UInt64) throws(SandboxError) {
        try attempt("limit \(name)") { () throws(SystemError) in try Limits.lower(resource, to: value) }
    }
}
