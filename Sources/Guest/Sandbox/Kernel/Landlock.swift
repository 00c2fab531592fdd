import CSystem
import Glibc
import Kit
import System

/// Rules that hold whatever the mounts say. Linux: landlock(7)
struct Landlock {
    private let policy: SandboxPolicy

    init(_ policy: SandboxPolicy) { self.policy = policy }

    /// LANDLOCK_ACCESS_FS_*, by the version that brought them.
    private enum Access {
        static let execute: UInt64 = 1 << 0
        static let writeFile: UInt64 = 1 << 1
        static let readFile: UInt64 = 1 << 2
        static let readDirectory: UInt64 = 1 << 3
        static let truncate: UInt64 = 1 << 14
        static let ioctl: UInt64 = 1 << 15
        static let reading = execute | readFile | readDirectory

        static func all(_ abi: Int32) -> UInt64 {
            let bits: UInt64 = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13
            return (1 << bits) - 1
        }
    }

    /// LANDLOCK_ACCESS_NET_BIND_TCP and CONNECT_TCP, from version 4 on.
    private static let tcp: UInt64 = 3
    /// LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and SIGNAL, from version 6 on.
    private static let scopes: UInt64 = 3

    /// Restricts this process for good.
    /// - Returns: What holds, for the report.
    func restrict() throws(SandboxError) -> String {
        let abi = cs_landlock_abi()
        guard abi > 0 else {
            return "absent (\(SystemError(call: "landlock_create_ruleset", code: cs_errno()).name))"
        }
        let all = Access.all(abi)
        // A build needs its loopback; a tool without sockets needs no port either.
        let network = abi >= 4 && policy.seccomp == .strict ? Self.tcp : 0
        let ruleset = cs_landlock_create(all, network, abi >= 6 ? Self.scopes : 0)
        guard ruleset >= 0 else {
            throw SandboxError(
                "make landlock rules: \(SystemError(call: "landlock_create_ruleset", code: cs_errno()))")
        }
        defer { close(ruleset) }
        try allow("/", Access.reading, ruleset)
        for view in policy.views where view.mode != .readOnly && Files.exists(view.target) {
            try allow(view.target, all, ruleset)
        }
        try allow("/tmp", all, ruleset)
        try allow("/dev/shm", all, ruleset)
        try allow("/dev", (Access.reading | Access.writeFile | Access.truncate | Access.ioctl) & all, ruleset)
        // Programs name their threads and lower their own limits there.
        try allow("/proc", (Access.reading | Access.writeFile | Access.truncate) & all, ruleset)
        guard cs_landlock_restrict(ruleset, 0) == 0 else {
            throw SandboxError(
                "apply landlock rules: \(SystemError(call: "landlock_restrict_self", code: cs_errno()))")
        }
        var parts = "fs"
        if abi >= 5 { parts += " ioctl" }
        if network != 0 { parts += " tcp" }
        if abi >= 6 { parts += " scopes" }
        return "abi \(abi) (\(parts))"
    }

    private func allow(_ path: String, _ access: UInt64, _ ruleset: Int32) throws(SandboxError) {
        // O_PATH of open(2), which Glibc hides.
        let handle = cs_openat(-100, path, 0x20_0000 | O_CLOEXEC, 0)
        guard handle >= 0 else {
            throw SandboxError("open \(path): \(SystemError(call: "open", code: cs_errno()))")
        }
        defer { close(handle) }
        var access = access
        // Rights on entries make no sense for a file, and the kernel refuses them.
        if !Files.isDirectory(path) {
            access &= Access.execute | Access.writeFile | Access.readFile | Access.truncate | Access.ioctl
        }
        guard cs_landlock_allow_path(ruleset, handle, access) == 0 else {
            throw SandboxError(
                "allow \(path): \(SystemError(call: "landlock_add_rule", operand: path, code: cs_errno()))")
        }
    }
}
