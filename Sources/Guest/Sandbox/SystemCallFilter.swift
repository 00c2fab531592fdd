import CSeccomp
import Glibc
import Kit
import System

/// What a tool never needs, refused by number. Linux: seccomp(2), through libseccomp, whose filter also
/// ends programs that speak another architecture's or x32's numbers.
struct SystemCallFilter {
    private let kind: SandboxPolicy.Filter

    init(_ kind: SandboxPolicy.Filter) { self.kind = kind }

    // The macros of seccomp.h that Swift cannot see.
    private static let allow: UInt32 = 0x7fff_0000
    private static func refuse(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) }

    /// Changing the machine, looking into other processes, and parts of the kernel with a history of holes.
    private static let refused = [
        "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "mount_setattr", "fsopen",
        "fsmount",
        "fsconfig", "fspick", "unshare", "setns", "ptrace", "process_vm_readv", "process_vm_writev",
        "process_madvise", "kcmp", "pidfd_getfd", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
        "io_uring_enter", "io_uring_register", "add_key", "request_key", "keyctl", "kexec_load",
        "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff", "reboot",
        "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "acct",
        "quotactl", "quotactl_fd", "syslog", "iopl", "ioperm", "open_by_handle_at", "name_to_handle_at",
        "lookup_dcookie", "vhangup", "nfsservctl", "fanotify_init", "vmsplice", "migrate_pages", "move_pages",
        "mbind", "set_mempolicy", "modify_ldt", "uselib", "personality",
    ]

    /// Families of sockets that no tool speaks: KEY, RDS, PACKET, BLUETOOTH, TIPC, ALG, NFC, VSOCK, KCM,
    /// QIPCRTR, SMC, XDP; see socket(2).
    private static let families: [UInt64] = [15, 17, 21, 30, 31, 38, 39, 40, 41, 42, 43, 44]

    /// CLONE_NEW*, for clone(2) by its flags.
    private static let namespaceFlags: [UInt64] = [
        0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]

    /// Terminal calls that put words into another one's input: TIOCSTI, TIOCLINUX.
    private static let terminalCalls: [UInt64] = [0x5412, 0x541C]

    /// Applies to this process and what it becomes.
    func load() throws(SandboxError) {
        guard let filter = seccomp_init(Self.allow) else {
            throw SandboxError("make a filter of system calls")
        }
        defer { seccomp_release(filter) }
        for name in Self.refused { try add(filter, name, Self.refuse(EPERM)) }
        // Its flags are in memory, where a filter cannot look; programs fall back to clone.
        try add(filter, "clone3", Self.refuse(ENOSYS))
        for flag in Self.namespaceFlags {
            try add(filter, "clone", Self.refuse(EPERM), argument: (0, SCMP_CMP_MASKED_EQ, flag, flag))
        }
        for family in Self.families {
            try add(filter, "socket", Self.refuse(EAFNOSUPPORT), argument: (0, SCMP_CMP_EQ, family, 0))
        }
        for call in Self.terminalCalls {
            // The kernel looks at 32 bits of the number, so the filter must too (CVE-2023-1523).
            try add(filter, "ioctl", Self.refuse(EPERM), argument: (1, SCMP_CMP_MASKED_EQ, 0xFFFF_FFFF, call))
        }
        if kind == .strict {
            for name in ["socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"] {
                try add(filter, name, Self.refuse(EPERM))
            }
        }
        let code = seccomp_load(filter)
        guard code == 0 else {
            throw SandboxError(
                "load the filter of system calls: \(SystemError(call: "seccomp", code: -code))")
        }
    }

    private func add(
        _ filter: scmp_filter_ctx, _ name: String, _ action: UInt32,
        argument: (UInt32, scmp_compare, UInt64, UInt64)? = nil
    ) throws(SandboxError) {
        let number = seccomp_syscall_resolve_name(name)
        // This architecture has no such call, or this library does not know it yet: then it has no rule.
        guard number != -1 else { return }
        var rules: [scmp_arg_cmp] = []
        if let argument {
            rules.append(
                scmp_arg_cmp(arg: argument.0, op: argument.1, datum_a: argument.2, datum_b: argument.3))
        }
        // In strict mode "socket" has a rule for all families after those for some.
        let code = seccomp_rule_add_array(filter, action, number, UInt32(rules.count), rules)
        guard code == 0 || code == -EEXIST else {
            throw SandboxError("refuse \(name): \(SystemError(call: "seccomp_rule_add", code: -code))")
        }
    }
}
