// Processes: waiting, signalling, and finding whole trees of them.
import CSystem
import Glibc

/// Calls on processes.
public enum Processes {
    /// A reaped child.
    public struct Reaped: Sendable, Hashable {
        public var pid: Int32
        public var status: Spawn.ExitStatus
    }

    /// Reaps one child; nil when WNOHANG was asked for and it still runs. Linux: waitpid(2)
    public static func waitPID(_ pid: Int32, options: Int32 = 0) throws(SystemError) -> Reaped? {
        var status: Int32 = 0
        let found = try check("waitpid", "\(pid)") { waitpid(pid, &status, options) }
        return found == 0 ? nil : Reaped(pid: found, status: Spawn.ExitStatus(waitStatus: status))
    }

    /// Reaps any ended child without blocking; nil when there is none. For PID 1 after SIGCHLD.
    public static func reapAny() throws(SystemError) -> Reaped? {
        do throws(SystemError) {
            return try waitPID(-1, options: WNOHANG)
        } catch {
            if error.code == ECHILD { return nil }
            throw error
        }
    }

    /// Linux: kill(2)
    public static func kill(_ pid: Int32, _ signal: Int32) throws(SystemError) {
        try check("kill", "\(pid)") { Glibc.kill(pid, signal) }
    }

    /// True while there is such a process, a zombie included.
    public static func exists(_ pid: Int32) -> Bool { Glibc.kill(pid, 0) == 0 || cs_errno() == EPERM }

    /// How many processors this machine has. Linux: sysconf(3)
    public static func processors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// This process. Linux: getpid(2)
    public static func current() -> Int32 { getpid() }

    /// The parent; 0 when it is outside our pid namespace. Linux: getppid(2)
    public static func parent() -> Int32 { getppid() }

    /// A descriptor of a process. Linux: pidfd_open(2)
    public static func open(_ pid: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("pidfd_open", "\(pid)") { cs_pidfd_open(pid) })
    }

    /// Copies this process: 0 in the child. Linux: fork(2)
    ///
    /// Only for single-threaded processes that build namespaces: in the child of a process with threads a
    /// lock may be held for ever by a thread that does not exist there.
    public static func fork() throws(SystemError) -> Int32 { try check("fork") { cs_fork() } }

    /// The same, with the child in new namespaces and in another cgroup from its first instruction.
    /// Linux: clone3(2)
    /// - Parameter group: A descriptor of the cgroup's directory; nil leaves it in ours.
    public static func fork(into kinds: NamespaceKinds, group: Int32? = nil) throws(SystemError) -> Int32 {
        let flags = UInt64(UInt32(bitPattern: kinds.rawValue))
        return try check("clone3", "0x\(String(flags, radix: 16))") { cs_clone(flags, group ?? -1) }
    }

    /// Runs `body` in a child that borrows our memory until it becomes another program or ends, which is when
    /// this returns: nothing is copied, and what it changes in memory stays changed. Linux: clone(2)
    /// CLONE_VM, CLONE_VFORK
    ///
    /// Only for single-threaded processes, as `fork`. Descriptors, directory, root, credentials, limits and
    /// signals are the child's own.
    /// - Parameter kinds: New namespaces for the child.
    public static func lend(
        into kinds: NamespaceKinds = [], to body: @escaping () -> Never
    ) throws(SystemError) -> Int32 {
        var body = body
        return try check("clone") {
            withUnsafeMutablePointer(to: &body) { pointer in
                cs_lend(
                    kinds.rawValue,
                    { context in
                        guard let context else { return 125 }
                        context.assumingMemoryBound(to: (() -> Never).self).pointee()
                    }, pointer)
            }
        }
    }

    /// Becomes another program; returns only on failure. Linux: execve(2)
    public static func execute(_ path: String, _ arguments: [String], environment: [String: String])
        -> SystemError
    {
        // Plain memory: this may run where a new type of array costs more than the call.
        let argv = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        let envp = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: environment.count + 1)
        for (index, argument) in arguments.enumerated() { argv[index] = strdup(argument) }
        argv[arguments.count] = nil
        var count = 0
        for (name, value) in environment {
            envp[count] = strdup(name + "=" + value)
            count += 1
        }
        envp[count] = nil
        defer {
            for index in 0..<arguments.count { free(argv[index]) }
            for index in 0..<count { free(envp[index]) }
            argv.deallocate()
            envp.deallocate()
        }
        execve(path, argv, envp)
        return SystemError(call: "execve", operand: path, code: cs_errno())
    }

    /// Orphaned descendants become our children. Linux: prctl(2) PR_SET_CHILD_SUBREAPER
    public static func setSubreaper(_ isOn: Bool = true) throws(SystemError) {
        try check("prctl(PR_SET_CHILD_SUBREAPER)") { cs_prctl(36, isOn ? 1 : 0, 0, 0, 0) }
    }

    /// The signal we get when the thread that made us ends; 0 for none. Linux: prctl(2) PR_SET_PDEATHSIG
    public static func setParentDeathSignal(_ signal: Int32) throws(SystemError) {
        try check("prctl(PR_SET_PDEATHSIG)") { cs_prctl(1, UInt(signal), 0, 0, 0) }
    }

    /// Whether others of the same user may read our memory and /proc files. Linux: prctl(2) PR_SET_DUMPABLE
    public static func setDumpable(_ isOn: Bool) throws(SystemError) {
        try check("prctl(PR_SET_DUMPABLE)") { cs_prctl(4, isOn ? 1 : 0, 0, 0, 0) }
    }

    /// Linux: prctl(2) PR_SET_NO_NEW_PRIVS
    public static func setNoNewPrivileges() throws(SystemError) {
        try check("prctl(PR_SET_NO_NEW_PRIVS)") { cs_prctl(38, 1, 0, 0, 0) }
    }

    /// Linux: prctl(2) with plain numbers, for what has no function here.
    @discardableResult
    public static func control(_ option: Int32, _ a: UInt = 0, _ b: UInt = 0) throws(SystemError) -> Int32 {
        try check("prctl(\(option))") { cs_prctl(option, a, b, 0, 0) }
    }

    /// All processes below `pid`, itself not included; a snapshot from /proc. Linux: proc(5) stat
    public static func descendants(of pid: Int32) throws(SystemError) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for name in try Files.list("/proc") {
            // A process that ended meanwhile is no descendant any more.
            guard let process = Int32(name), let parent = parent(of: process) else { continue }
            children[parent, default: []].append(process)
        }
        var found: [Int32] = []
        var next = [pid]
        while let process = next.popLast() {
            let below = children.removeValue(forKey: process) ?? []
            found += below
            next += below
        }
        return found
    }

    /// The parent of a process; nil when there is no such process. Linux: proc(5) stat
    public static func parent(of pid: Int32) -> Int32? {
        guard let stat = try? Files.readText("/proc/\(pid)/stat", limit: 4096) else { return nil }
        // The name is in parentheses and may hold any byte; what follows the last one is fixed.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }

    /// Signals a process and all below it. One that ends meanwhile is no error.
    ///
    /// With SIGKILL it stops the tree first and looks again until nothing new appears, so that a fork in
    /// between does not escape. A process that left the tree by losing its parent does; a pid namespace
    /// keeps those.
    public static func signalTree(_ pid: Int32, _ signal: Int32) throws(SystemError) {
        var known: [Int32] = [pid]
        if signal == SIGKILL {
            _ = Glibc.kill(pid, SIGSTOP)
            while true {
                let new = try descendants(of: pid).filter { !known.contains($0) }
                if new.isEmpty { break }
                for process in new { _ = Glibc.kill(process, SIGSTOP) }
                known += new
            }
        } else {
            known += try descendants(of: pid)
        }
        for process in known where Glibc.kill(process, signal) != 0 {
            let code = cs_errno()
            if code != ESRCH { throw SystemError(call: "kill", operand: "\(process)", code: code) }
        }
    }
}
