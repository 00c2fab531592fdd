import CSeccomp
import CSystem
import Glibc
import Kit
import System

/// Refuses system calls by number. Linux: seccomp(2), through libseccomp, whose filter also ends programs
/// that speak another architecture's or x32's numbers.
///
/// A refused call goes to a listener in the sandbox's parent, which answers with the error and writes down
/// what was asked for: so denials are known by name and counted exactly, and calls that are allowed cost
/// nothing more.
struct SystemCallFilter {
    private let kind: SandboxPolicy.Filter
    /// Whether refusals go to a listener or straight to the caller.
    private let isWatched: Bool

    /// What libseccomp makes of one kind, in the kernel's own form: classic BPF, eight bytes an instruction.
    struct Programs: Equatable {
        var watched: [UInt8]
        /// For a kernel that gives no listener.
        var plain: [UInt8]
    }

    // The macros of seccomp.h that Swift cannot see.
    private static let allow: UInt32 = 0x7fff_0000
    private static let notify: UInt32 = 0x7fc0_0000
    private static let killProcess: UInt32 = 0x8000_0000
    private static func refuse(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) }

    /// The error that a refused call gets: for a socket that no tool speaks, what a kernel without it says.
    static func error(of name: String, under kind: SandboxPolicy.Filter) -> Int32 {
        name == "socket" && kind == .shell ? EAFNOSUPPORT : EPERM
    }

    // MARK: Loading

    /// SECCOMP_FILTER_FLAG_NEW_LISTENER
    private static let newListener: UInt32 = 8

    /// Applies to this process and what it becomes.
    /// - Returns: The listener; nil when the kernel gives none, which an outer sandbox with one of its own
    ///   makes so.
    static func load(_ programs: Programs) throws(SandboxError) -> Int32? {
        let listener = load(programs.watched, newListener)
        if listener >= 0 { return listener }
        guard load(programs.plain, 0) >= 0 else {
            throw SandboxError(
                "load the filter of system calls: \(SystemError(call: "seccomp", code: cs_errno()))")
        }
        return nil
    }

    private static func load(_ program: [UInt8], _ flags: UInt32) -> Int32 {
        program.withUnsafeBytes { cs_seccomp_load($0.baseAddress, UInt16(clamping: $0.count / 8), flags) }
    }

    // MARK: Compiling

    static func compile(_ kind: SandboxPolicy.Filter) throws(SandboxError) -> Programs {
        Programs(
            watched: try SystemCallFilter(kind: kind, isWatched: true).compile(),
            plain: try SystemCallFilter(kind: kind, isWatched: false).compile())
    }

    private func compile() throws(SandboxError) -> [UInt8] {
        let fallback = kind == .strict ? (isWatched ? Self.notify : Self.refuse(EPERM)) : Self.allow
        guard let filter = seccomp_init(fallback) else { throw SandboxError("make a filter of system calls") }
        defer { seccomp_release(filter) }
        guard seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, Self.killProcess) == 0,
            // A tree of comparisons instead of a list: the calls that are allowed pass in a few steps.
            seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0
        else { throw SandboxError("set up the filter of system calls") }
        switch kind {
        case .strict: try allowOnly(filter)
        case .shell: try refuseSome(filter)
        }
        return try attempt("write the filter of system calls") { () throws(SystemError) in
            let file = try Files.memory("filter")
            let code = seccomp_export_bpf(filter, file.raw)
            guard code == 0, lseek(file.raw, 0, SEEK_SET) == 0 else {
                throw SystemError(call: "seccomp_export_bpf", code: code == 0 ? errno : -code)
            }
            return try IO.readAll(file.raw, limit: FilterStore.longestProgram)
        }
    }

    private func allowOnly(_ filter: scmp_filter_ctx) throws(SandboxError) {
        for name in SystemCalls.strict where name != "clone" && name != "ioctl" {
            try add(filter, name, Self.allow)
        }
        let namespaces = SystemCalls.namespaceFlags.reduce(0, |)
        try add(filter, "clone", Self.allow, (0, SCMP_CMP_MASKED_EQ, namespaces, 0))
        // Its flags are in memory, where a filter cannot look; programs fall back to clone.
        try add(filter, "clone3", Self.refuse(ENOSYS))
        for request in SystemCalls.strictRequests {
            try add(filter, "ioctl", Self.allow, (1, SCMP_CMP_MASKED_EQ, 0xFFFF_FFFF, request))
        }
    }

    private func refuseSome(_ filter: scmp_filter_ctx) throws(SandboxError) {
        func refusal(_ name: String) -> UInt32 {
            isWatched ? Self.notify : Self.refuse(Self.error(of: name, under: .shell))
        }
        for name in SystemCalls.refused { try add(filter, name, refusal(name)) }
        try add(filter, "clone3", Self.refuse(ENOSYS))
        for flag in SystemCalls.namespaceFlags {
            try add(filter, "clone", refusal("clone"), (0, SCMP_CMP_MASKED_EQ, flag, flag))
        }
        for family in SystemCalls.families {
            try add(filter, "socket", refusal("socket"), (0, SCMP_CMP_MASKED_EQ, 0xFFFF_FFFF, family.number))
        }
        for call in SystemCalls.terminalCalls {
            // The kernel looks at 32 bits of the number, so the filter must too (CVE-2023-1523).
            try add(filter, "ioctl", refusal("ioctl"), (1, SCMP_CMP_MASKED_EQ, 0xFFFF_FFFF, call))
        }
    }

    private func add(
        _ filter: scmp_filter_ctx, _ name: String, _ action: UInt32,
        _ argument: (UInt32, scmp_compare, UInt64, UInt64)? = nil
    ) throws(SandboxError) {
        let number = seccomp_syscall_resolve_name(name)
        // This architecture has no such call, or this library does not know it yet: then it has no rule.
        guard number >= 0 else { return }
        var rules: [scmp_arg_cmp] = []
        if let argument {
            rules.append(
                scmp_arg_cmp(arg: argument.0, op: argument.1, datum_a: argument.2, datum_b: argument.3))
        }
        let code = seccomp_rule_add_array(filter, action, number, UInt32(rules.count), rules)
        guard code == 0 || code == -EEXIST else {
            throw SandboxError(
                "set the rule of \(name): \(SystemError(call: "seccomp_rule_add", code: -code))")
        }
    }
}
