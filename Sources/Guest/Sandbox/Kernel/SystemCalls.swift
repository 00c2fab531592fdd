// Which system calls a tool may make, by name. Both lists come from running the work itself under strace(1):
// git, make, node, python, gcc, cargo and their test runners for what a shell must keep, the kit's own file
// tools, git and coreutils for what is enough under `strict`. Tests/Conformance/escape executes every rule.

enum SystemCalls {
    /// Changing the machine, looking into other processes, and parts of the kernel with a history of holes.
    static let refused = [
        "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr",
        "mount_setattr",
        "fsopen", "fsmount", "fsconfig", "fspick", "unshare", "setns", "ptrace", "process_vm_readv",
        "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_getfd", "bpf",
        "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "add_key",
        "request_key", "keyctl", "kexec_load", "kexec_file_load", "init_module", "finit_module",
        "delete_module", "swapon", "swapoff", "reboot", "settimeofday", "clock_settime", "clock_adjtime",
        "adjtimex", "sethostname", "setdomainname", "acct", "quotactl", "quotactl_fd", "syslog", "iopl",
        "ioperm",
        "open_by_handle_at", "name_to_handle_at", "lookup_dcookie", "vhangup", "nfsservctl", "fanotify_init",
        "vmsplice", "migrate_pages", "move_pages", "mbind", "set_mempolicy", "set_mempolicy_home_node",
        "modify_ldt", "uselib", "personality", "listmount", "statmount", "lsm_set_self_attr",
    ]

    /// Of the refused: what runtimes try and do without. Told to the model only when its command failed.
    static let probes: Set<String> = [
        "io_uring_setup", "io_uring_enter", "io_uring_register", "mbind", "set_mempolicy", "move_pages",
        "name_to_handle_at", "personality", "add_key", "request_key", "keyctl", "perf_event_open",
        "userfaultfd", "syslog", "socket",
    ]

    /// Families of sockets that no tool speaks, see socket(2).
    static let families: [(number: UInt64, name: String)] = [
        (3, "AX25"), (4, "IPX"), (5, "APPLETALK"), (9, "X25"), (15, "KEY"), (17, "PACKET"), (21, "RDS"),
        (29, "CAN"), (30, "TIPC"), (31, "BLUETOOTH"), (36, "IEEE802154"), (37, "CAIF"), (38, "ALG"),
        (39, "NFC"),
        (40, "VSOCK"), (41, "KCM"), (42, "QIPCRTR"), (43, "SMC"), (44, "XDP"), (45, "MCTP"),
    ]

    /// Families that a shell may use; `strict` refuses them too, and then they need a name.
    static let commonFamilies: [(number: UInt64, name: String)] = [
        (1, "UNIX"), (2, "INET"), (10, "INET6"), (16, "NETLINK"),
    ]

    /// CLONE_NEW*, for clone(2) by its flags.
    static let namespaceFlags: [UInt64] = [
        0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]

    /// Terminal calls that put words into another one's input: TIOCSTI, TIOCLINUX.
    static let terminalCalls: [UInt64] = [0x5412, 0x541C]

    /// ioctl(2) of `strict`: TCGETS, TCSETS*, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX,
    /// FIOCLEX, TCGETS2, FICLONE, FS_IOC_GETFLAGS.
    static let strictRequests: [UInt64] = [
        0x5401, 0x5402, 0x5403, 0x5404, 0x540F, 0x5410, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C_542A,
        0x4004_9409, 0x8008_6601,
    ]

    /// Everything a file tool, git, a shell and coreutils do. What is not here does not exist for them.
    static let strict = files + memory + processes + waiting

    private static let files = [
        "access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
        "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fcntl",
        "fdatasync",
        "fgetxattr", "flistxattr", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents",
        "getdents64", "getxattr", "ioctl", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lseek",
        "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64",
        "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
        "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "splice", "stat", "statfs", "statx",
        "symlink", "symlinkat", "sync_file_range", "tee", "truncate", "umask", "unlink", "unlinkat", "utime",
        "utimensat", "utimes", "futimesat", "write", "writev", "memfd_create", "inotify_init1",
        "inotify_add_watch", "inotify_rm_watch",
    ]

    private static let memory = [
        "brk", "madvise", "membarrier", "mincore", "mlock", "mmap", "mprotect", "mremap", "msync", "munlock",
        "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    ]

    private static let processes = [
        "arch_prctl", "capget", "clone", "execve", "execveat", "exit", "exit_group", "fork", "getcpu",
        "getegid",
        "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority",
        "getrandom",
        "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "kill",
        "pidfd_open",
        "pidfd_send_signal", "prctl", "prlimit64", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
        "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
        "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
        "sched_getparam", "sched_getscheduler", "sched_setaffinity", "sched_yield", "set_robust_list",
        "get_robust_list", "set_tid_address", "setpgid", "setpriority", "setrlimit", "setsid", "sigaltstack",
        "sysinfo", "tgkill", "time", "times", "tkill", "uname", "vfork", "wait4", "waitid",
        "landlock_add_rule",
        "landlock_create_ruleset", "landlock_restrict_self", "seccomp",
    ]

    private static let waiting = [
        "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1",
        "epoll_ctl",
        "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "futex", "futex_waitv",
        "getitimer",
        "gettimeofday", "nanosleep", "pause", "poll", "ppoll", "pselect6", "restart_syscall", "select",
        "setitimer", "signalfd4", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
        "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
        // On the one socket that was handed in, over which the kit's own tools are asked and answer, and
        // for the message that hands the filter's listener to the sandbox. None can be made, and those
        // reach nobody else.
        "sendmsg", "sendto", "recvfrom", "shutdown",
    ]
}
