"""The attempts. Each has a family, what is tried, what must come of it inside, and what the same attempt does outside.

`inside` is the exact answer of the box: an errno, a signal, or =VALUE. `outside` is what the attempt gives without the
box and with root's powers, where it must get through: OK, or the complaint of a call that was let in but given nonsense
(a reboot must not be tried for real). `alone` names the one layer that refuses it: with that layer switched off nothing
else does, and docs/SECURITY.md says so. `others` gives the answers of the layers behind the first, by the layer that is
switched off. `grounds` gives answers that differ by who runs the sandbox."""

import dataclasses
import os


@dataclasses.dataclass
class Case:
    family: str
    name: str
    attempt: str
    inside: str
    outside: str = "OK"
    alone: str = ""
    others: dict = dataclasses.field(default_factory=dict)
    grounds: dict = dataclasses.field(default_factory=dict)
    # What the control tries instead, where the same words would do harm or mean something else outside.
    control: str = ""
    # Whether bubblewrap's column has it: not where the case is about a feature of ours.
    peer: bool = True


CASES = []


def case(family, name, attempt, inside, **more):
    CASES.append(Case(family, name, attempt, inside, **more))


def files():
    f = "file system"
    gone = {"mounts": "ENOENT"}
    case(f, "read a file next to the view", "read {out}/secret", "ENOENT")
    case(f, "read another agent's token", "read {out}/agent-2/token", "ENOENT")
    case(f, "list another agent's directory", "open {out}/agent-2 r", "ENOENT")
    case(f, "write next to the view", "open {out}/new wc", "ENOENT")
    case(f, "leave the view by dots", "read {work}/../outside/secret", "ENOENT")
    case(f, "leave by a symbolic link", "read {work}/link-out", "ENOENT")
    case(f, "write through a symbolic link", "open {work}/link-out wt", "ENOENT")
    case(f, "leave by the old root", "read /proc/1/root{out}/secret", "EACCES",
         control="read /proc/{pid}/root{out}/agent-2/token")
    case(f, "leave by init's directory", "open /proc/1/cwd r", "EACCES", control="open /proc/{pid}/cwd r")
    case(f, "the home of the user", "stat {home}", "ENOENT")
    case(f, "write into a read-only view", "open {ro}/new wc", "EROFS", others={"mounts": "EACCES"})
    case(f, "change a file of a read-only view", "open {ro}/file wt", "EROFS", others={"mounts": "EACCES"})
    case(f, "remove a file of a read-only view", "unlink {ro}/file", "EROFS", others={"mounts": "EACCES"},
         control="unlink {ro}/victim")
    case(f, "rename in a read-only view", "rename {ro}/file {ro}/file2", "EROFS", others={"mounts": "EACCES"},
         control="rename {ro}/victim2 {ro}/victim3")
    case(f, "make a directory in a read-only view", "mkdir {ro}/d", "EROFS", others={"mounts": "EACCES"})
    case(f, "truncate in a read-only view", "truncate {ro}/file", "EROFS", others={"mounts": "EACCES"},
         control="truncate {ro}/victim4")
    case(f, "change modes in a read-only view", "chmod {ro}/file 0777", "EROFS", others={"mounts": "EPERM"})
    case(f, "write into the system", "open {opt}/new wc", "EROFS", others={"mounts": "EACCES"})
    case(f, "change a program of the system", "open {opt}/tool wt", "EROFS", others={"mounts": "EACCES"})
    case(f, "make a file in the root", "open /new wc", "EROFS", control="open {out}/rooted wc",
         others={"mounts": "EACCES"})
    case(f, "make a device directory", "mkdir /dev/new", "EROFS", control="mkdir {out}/dev",
         others={"mounts": "EACCES"})
    case(f, "run a program in a new place of the root", "mkdir /run/x", "EROFS", control="mkdir {out}/run",
         others={"mounts": "EACCES"})
    case("hard links", "link a file out of a read-only view", "link {ro}/file {work}/hard", "EXDEV",
         others={})
    case("hard links", "link a protected file to a free name", "link {work}/.git/config {work}/free", "EXDEV")
    case("hard links", "link a program of the system", "link {opt}/tool {work}/hard2", "EXDEV",
         control="link {opt}/tool {opt}/hard2")
    case("races", "swap a directory for a link while writing", "race {work}/swap {work} {out} {work}/swap/raced 4000",
         "=never", control="race {work}/swap {work} {out} {work}/swap/raced 400000")
    case("races", "swap while opening a protected file",
         "race {work}/swap2 {work}/free-dir {work}/.git/hooks {work}/swap2/raced 4000", "=never", alone="mounts",
         control="race {work}/swap2 {work}/free-dir {work}/.git/hooks {work}/swap2/raced 400000")


def git():
    f = "git and host files"
    case(f, "change git's configuration", "open {work}/.git/config wt", "EROFS", alone="mounts",
         control="open {out}/.git/config wt")
    case(f, "add a hook", "open {work}/.git/hooks/post-checkout wc", "EROFS", alone="mounts")
    case(f, "move the hooks away", "rename {work}/.git/hooks {work}/.git/old", "EBUSY",
         control="rename {out}/.git/hooks {out}/.git/old")
    case(f, "move the whole repository away", "rename {work}/.git {work}/.git2", "EBUSY",
         control="rename {out}/.git {out}/.git2")
    case(f, "make alternates that lead elsewhere", "open {work}/.git/objects/info/alternates wc", "EROFS",
         alone="mounts")
    case(f, "make attributes that run a filter", "open {work}/.git/info/attributes wc", "EROFS", alone="mounts")
    case(f, "add a CI workflow", "open {work}/.github/workflows/x.yml wc", "EROFS", alone="mounts")
    case(f, "make a CI file", "open {work}/.gitlab-ci.yml wc", "EISDIR", control="open {out}/.gitlab-ci.yml wc")
    case(f, "make an editor's tasks", "open {work}/.vscode/tasks.json wc", "EROFS", alone="mounts",
         control="open {out}/tasks.json wc")
    case(f, "replace an editor's directory", "rmdir {work}/.vscode", "EBUSY", control="rmdir {out}/empty")
    case(f, "make a direnv file", "open {work}/.envrc wc", "EISDIR", control="open {out}/.envrc wc")


def processes():
    f = "processes and signals"
    case(f, "signal a process of the host", "kill {pid} 0", "ESRCH")
    case(f, "end the harness", "kill {pid} 9", "ESRCH", control="kill {victim} 9")
    case(f, "end init", "kill 1 9", "EPERM", control="kill {victim2} 9",
         # Let through, and without effect: the init of a pid namespace gets no such signal from inside.
         grounds={"user": {"landlock": "OK"}})
    case(f, "read init's memory", "open /proc/1/mem r", "EACCES", control="open /proc/{pid}/mem r")
    case(f, "write init's memory", "open /proc/1/mem w", "EACCES", control="open /proc/{pid}/mem w")
    case(f, "read init's environment", "read /proc/1/environ", "EACCES", control="read /proc/{pid}/environ")
    case(f, "read init's maps", "read /proc/1/maps", "EACCES", control="read /proc/{pid}/maps")
    case(f, "use init's descriptors", "open /proc/1/fd/3 rn", "EACCES", control="open /proc/{pid}/fd/0 r")
    case(f, "see a process of the host", "stat /proc/{pid}/status", "ENOENT")
    case(f, "trace init", "sys {ptrace} 0x4206 1 0 0", "EPERM", control="sys {ptrace} 0x4206 {pid} 0 0")
    case(f, "be traced", "sys {ptrace} 0", "EPERM", alone="seccomp")
    case(f, "read another's memory", "sys {process_vm_readv} p 0 0 0 0 0", "EPERM", alone="seccomp")
    case(f, "write another's memory", "sys {process_vm_writev} p 0 0 0 0 0", "EPERM", alone="seccomp")
    case(f, "take another's descriptor", "sys {pidfd_getfd} -1 0 0", "EPERM", outside="EBADF", alone="seccomp")
    case(f, "advise on another's memory", "sys {process_madvise} -1 z 1 0 0", "EPERM", outside="EBADF", alone="seccomp")
    case(f, "take the memory of the dying", "sys {process_mrelease} -1 0", "EPERM", outside="EBADF", alone="seccomp")
    case(f, "compare kernel objects", "sys {kcmp} p p 2 0 0", "EPERM", alone="seccomp")


def namespaces():
    f = "namespaces and mounts"
    flags = {"user": 0x10000000, "mount": 0x20000, "network": 0x40000000, "pid": 0x20000000, "cgroup": 0x2000000,
             "ipc": 0x8000000, "uts": 0x4000000, "time": 0x80}
    for name, flag in flags.items():
        more = {"alone": "seccomp"} if name == "user" else {}
        case(f, f"unshare the {name} namespace", f"sys {{unshare}} {flag}", "EPERM", **more)
    case(f, "clone into a user namespace", "sys {clone} 0x10000011 0 0 0 0", "EPERM", alone="seccomp")
    case(f, "clone3, whose flags no filter sees", "sys {clone3} z 64", "ENOSYS", outside="OK", alone="seccomp")
    case(f, "enter a namespace", "sys {setns} -1 0", "EPERM", outside="EBADF", alone="seccomp")
    case(f, "mount a tmpfs", "sys {mount} s:x s:/tmp s:tmpfs 0 0", "EPERM")
    case(f, "bind the root", "sys {mount} s:/ s:/tmp s: 4096 0", "EPERM")
    case(f, "make the root writable again", "sys {mount} s: s:/usr s: 4128 0", "EPERM", outside="EINVAL")
    case(f, "unmount the cover of /proc/sys", "sys {umount2} s:/proc/sys 2", "EPERM", outside="EINVAL")
    case(f, "unmount a protected path", "sys {umount2} s:{work}/.git/hooks 2", "EPERM", outside="EINVAL")
    case(f, "change the root", "sys {chroot} s:/tmp", "EPERM")
    case(f, "pivot the root", "sys {pivot_root} s:/tmp s:/tmp", "EPERM", outside="ENOENT",
         control="sys {pivot_root} s:/nowhere s:/nowhere")
    case(f, "copy a mount", "sys {open_tree} -100 s:/ 1", "EPERM")
    case(f, "attach a mount", "sys {move_mount} -1 s: -100 s:/tmp 4", "EPERM", outside="EBADF")
    case(f, "open a file system", "sys {fsopen} s:tmpfs 0", "EPERM")
    case(f, "change a mount's flags", "sys {mount_setattr} -100 s:/usr 0 z 32", "EPERM", alone="seccomp")
    case(f, "open a file by its handle", "sys {open_by_handle_at} -100 z 0", "EPERM", outside="EINVAL", others={"seccomp": "EINVAL|EPERM"})
    case(f, "set the host's name", "sys {sethostname} s:x 1", "EPERM")


def devices(nodes):
    f = "devices"
    kinds = (("memory", 0o20000, 0x101), ("kmsg", 0o20000, 0x10B), ("a disk", 0o60000, 0xFE00), ("null", 0o20000, 0x103))
    for name, kind, number in kinds:
        case(f, f"make the device {name}", f"mknod {{work}}/node-{name.split()[-1]} {kind | 0o666} {number}", "EPERM",
             alone="capabilities,uid", grounds={"guest": {"capabilities": "EPERM"}, "user": {"capabilities": "EPERM"}})
    for node in nodes:
        case(f, f"the device /dev/{node}", f"stat /dev/{node}", "ENOENT")
    case(f, "the machine's devices in /sys", "stat /sys/class", "ENOENT")
    case(f, "the kernel's log", "sys {syslog} 3 z 4096", "EPERM")
    case(f, "a terminal of the host", "controlling", "ENXIO", control="controlling own")
    case(f, "an I/O port", "sys {iopl} 3", "EPERM", outside="OK|ENOSYS", others={"seccomp": "EPERM|ENOSYS"})
    case(f, "the range of I/O ports", "sys {ioperm} 0 1 1", "EPERM", outside="OK|ENOSYS",
         others={"seccomp": "EPERM|ENOSYS"})


def proc():
    f = "/proc and /sys"
    named = {"core_pattern": "/proc/sys/kernel/core_pattern", "modprobe": "/proc/sys/kernel/modprobe",
             "ip_forward": "/proc/sys/net/ipv4/ip_forward"}
    for name, path in named.items():
        if os.path.exists(path):
            case(f, f"write {name}", f"open {path} w", "EACCES", others={"uid": "EROFS"})
    if os.path.exists("/proc/sys/kernel/ns_last_pid"):
        case(f, "write ns_last_pid", "open /proc/sys/kernel/ns_last_pid w", "EROFS", alone="mounts")
    if os.path.exists("/proc/sysrq-trigger"):
        case(f, "trigger a sysrq", "open /proc/sysrq-trigger w", "EACCES", others={"uid": "EROFS"})
    case(f, "raise the OOM score of init", "open /proc/1/oom_score_adj w", "EACCES", alone="uid")
    secrets = {"kcore": False, "keys": True, "kallsyms": True, "timer_list": False, "key-users": True,
               "sched_debug": False}
    for name, is_alone in secrets.items():
        if os.path.exists(f"/proc/{name}"):
            case(f, f"read the kernel's {name}", f"read /proc/{name}", "=empty", alone="mounts" if is_alone else "",
                 others={"mounts": "EACCES"})
    case(f, "remount by /proc/self/mountinfo", "open /proc/self/mountinfo w", "EACCES", outside="OK")


def capabilities():
    f = "capabilities and users"
    case(f, "become root", "sys {setuid} 0", "EPERM", alone="uid", grounds={"user": {"": "EINVAL"}})
    case(f, "become another user", "sys {setresuid} 1 1 1", "EPERM", grounds={"user": {"": "EINVAL"}})
    case(f, "join a group", "sys {setgroups} 1 z", "EPERM")
    case(f, "take a capability", "raise permitted", "EPERM", alone="capabilities,uid")
    case(f, "raise an ambient capability", "raise ambient", "EPERM", alone="capabilities")
    case(f, "the bounding set", "bounding", "=empty", alone="capabilities")
    case(f, "change the secure bits", "prctl 28 0 0 0 0", "EPERM")
    case(f, "keep capabilities over setuid", "prctl 8 1 0 0 0", "EPERM", alone="capabilities")
    case(f, "give a file to root", "chown {work}/mine 0 0", "EPERM", alone="capabilities,uid",
         grounds={"user": {"": "EINVAL"}}, control="chown {out}/mine 0 0")
    case(f, "run a set-user-id program", "euid-of {bin}/suid", "=1001", alone="uid")
    case(f, "raise a hard limit", "raise-limit 7", "EPERM", outside="OK|EPERM", alone="rlimits", control="raise-limit 8")
    case(f, "a better priority", "sys {setpriority} 0 0 -20", "EACCES")
    case(f, "real-time scheduling", "realtime", "EPERM", outside="OK|EPERM")


def kernel():
    f = "kernel surface"
    case(f, "io_uring", "sys {io_uring_setup} 8 z", "EPERM", alone="seccomp")
    case(f, "io_uring by another call", "sys {io_uring_register} -1 0 0 0", "EPERM", outside="EBADF|EINVAL|ENOSYS",
         alone="seccomp")
    case(f, "bpf", "sys {bpf} 0 z 128", "EPERM", outside="EINVAL", alone="seccomp")
    case(f, "userfaultfd", "sys {userfaultfd} 0", "EPERM")
    case(f, "perf events", "sys {perf_event_open} z 0 -1 -1 0", "EPERM", outside="ENOENT", others={"seccomp": "EACCES|EPERM"})
    case(f, "the session's keys", "sys {keyctl} 0 -3 0", "EPERM", alone="seccomp")
    case(f, "add a key", "sys {add_key} s:user s:x s:y 1 -3", "EPERM", alone="seccomp")
    case(f, "request a key", "sys {request_key} s:user s:x 0 -3", "EPERM", outside="ENOKEY", alone="seccomp")
    case(f, "load a module", "sys {finit_module} -1 s: 0", "EPERM", outside="EBADF|ENOSYS",
         others={"seccomp": "EPERM|ENOSYS"})
    case(f, "load a kernel", "sys {kexec_load} 0 1 z 0", "EPERM", outside="EINVAL|ENOSYS",
         others={"seccomp": "EPERM|ENOSYS"})
    case(f, "reboot", "sys {reboot} 0 0 0 0", "EPERM", outside="EINVAL")
    case(f, "set the clock", "sys {settimeofday} 0 0", "EPERM", outside="OK", alone="seccomp")
    case(f, "swap on a file", "sys {swapon} s:/nowhere 0", "EPERM", outside="ENOENT")
    case(f, "accounting", "sys {acct} s:/nowhere", "EPERM", outside="ENOENT")
    case(f, "another personality", "sys {personality} 0x0040000", "EPERM", alone="seccomp")
    case(f, "a segment of one's own", "sys {modify_ldt} 0 z 16", "EPERM", alone="seccomp")
    case(f, "splice of memory", "sys {vmsplice} -1 z 0 0", "EPERM", outside="EBADF", alone="seccomp")
    case(f, "watch a file system", "sys {fanotify_init} 0 0", "EPERM")
    case(f, "another architecture's calls", "i386", "SIGSYS", alone="seccomp")
    case(f, "x32's calls", "sys 0x40000027", "SIGSYS", outside="ENOSYS", alone="seccomp")


def sockets():
    f = "sockets"
    families = {"vsock": (40, 1, 0), "packet": (17, 3, 0), "algorithm": (38, 5, 0)}
    for name, (family, kind, protocol) in families.items():
        more = {} if name == "packet" else {"alone": "seccomp"}
        case(f, f"a {name} socket", f"socket {family} {kind} {protocol}", "EAFNOSUPPORT",
             outside="OK|EAFNOSUPPORT", others={"seccomp": "EPERM"} if name == "packet" else {}, **more)
    case(f, "a raw socket", "socket 2 3 1", "EPERM")
    case(f, "an abstract socket of the host", "abstract {abstract}", "ECONNREFUSED", others={"net_ns": "EPERM"})
    case(f, "a unix socket of the host", "unix {out}/socket", "ENOENT")
    case(f, "the harness's socket", "unix /run/openclaw/agent.sock", "ENOENT", control="unix {out}/socket")
    case(f, "a port of the host's loopback", "tcp 127.0.0.1 {port}", "ECONNREFUSED", alone="net_ns")
    case(f, "a port of the host's own address", "tcp {address} {port}", "ENETUNREACH", alone="net_ns")
    case(f, "the coordinator, past the proxy", "tcp 10.77.0.1 9090", "ENETUNREACH", alone="net_ns",
         control="tcp {address} {port}")
    case(f, "a cloud's metadata", "tcp 169.254.169.254 80", "ENETUNREACH", alone="net_ns",
         control="tcp {address} {port}")
    case(f, "the proxy, without the relay", "tcp 10.77.0.1 3128", "ENETUNREACH", alone="net_ns",
         control="tcp {address} {port}")
    case(f, "a name server over TCP", "tcp 8.8.8.8 53", "ENETUNREACH", alone="net_ns", control="tcp {address} {port}")
    case(f, "a name server", "udp 8.8.8.8 53", "ENETUNREACH", alone="net_ns", control="udp {address} {port}")


def terminals():
    f = "terminals"
    case(f, "type into a terminal", "tiocsti", "EPERM", others={"seccomp": "OK"}, alone="seccomp")
    case(f, "paste into a console", "tioclinux", "EPERM", outside="ENOTTY", alone="seccomp")
    case(f, "the caller's terminal", "open /proc/1/fd/0 bn", "EACCES", control="open /proc/{pid}/fd/0 bn")


def resources():
    f = "resources"
    case(f, "more processes than allowed", "fork-bomb 700", "EAGAIN", alone="rlimits,uid")
    case(f, "more memory than allowed", "memory-bomb 400", "ENOMEM", alone="rlimits")
    case(f, "a full /tmp", "fill /tmp/big 40", "ENOSPC", control="fill {out}/big 40")
    case(f, "a full /dev/shm", "fill /dev/shm/big 80", "ENOSPC", control="fill {out}/big 80")
    case(f, "a file that is too large", "fill {work}/big 72", "SIGXFSZ", alone="rlimits")
    case(f, "a core dump", "rlimit 4", "=0", alone="rlimits")


def leaks():
    f = "leaks"
    case(f, "a descriptor of the caller", "fd 7", "EBADF")
    case(f, "a directory of the caller", "sys {openat} 8 s:secret 0", "EBADF")
    case(f, "the policy's descriptor", "fd 3", "EBADF", control="fd 7")
    case(f, "the report's descriptor", "fd 4", "EBADF", control="fd 7")
    case(f, "a secret of the caller's environment", "env ESCAPE_SECRET", "=unset")
    case(f, "the caller's preload", "env LD_PRELOAD", "=unset", control="env ESCAPE_SECRET")


def collect(nodes):
    CASES.clear()
    files()
    git()
    processes()
    namespaces()
    devices(nodes)
    proc()
    capabilities()
    kernel()
    sockets()
    terminals()
    resources()
    leaks()
    return CASES
