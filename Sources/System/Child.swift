// A started process.
import CSystem
import Glibc
import Synchronization

/// A child of this process. Waiting and signalling are safe from any thread and never hit a reused pid.
///
/// Do not mix with `Processes.reapAny()` in one process: whoever reaps first has the status.
public final class Child: Sendable {
    /// The process id; also the process group when it has its own session.
    public let pid: Int32
    /// Readable when the process has ended. Linux: pidfd_open(2)
    public let pidfd: SharedDescriptor
    /// Our ends of the pipes that were asked for.
    public let stdin: SharedDescriptor?
    public let stdout: SharedDescriptor?
    public let stderr: SharedDescriptor?
    private let leadsGroup: Bool
    private let status = Mutex<Spawn.ExitStatus?>(nil)

    init(
        pid: Int32, pidfd: SharedDescriptor, leadsGroup: Bool, stdin: SharedDescriptor?,
        stdout: SharedDescriptor?, stderr: SharedDescriptor?
    ) {
        self.pid = pid
        self.pidfd = pidfd
        self.leadsGroup = leadsGroup
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
    }

    /// Waits for the end and reaps. May be called again, from several threads. Linux: waitpid(2)
    public func wait() throws(SystemError) -> Spawn.ExitStatus {
        try IO.waitReadable(pidfd.raw)
        return try reap() ?? .exited(255)
    }

    /// Waits at most this long; nil when it still runs.
    public func wait(timeoutMilliseconds: Int) throws(SystemError) -> Spawn.ExitStatus? {
        guard try IO.waitReadable(pidfd.raw, timeoutMilliseconds: timeoutMilliseconds) else { return nil }
        return try reap()
    }

    private func reap() throws(SystemError) -> Spawn.ExitStatus? {
        try status.withLock { status throws(SystemError) in
            if let status { return status }
            status = try Processes.waitPID(pid)?.status
            return status
        }
    }

    /// Signals the process; one that has ended is no error. Linux: pidfd_send_signal(2)
    public func kill(_ signal: Int32) throws(SystemError) {
        let code = cs_pidfd_signal(pidfd.raw, signal) == 0 ? 0 : cs_errno()
        if code != 0, code != ESRCH {
            throw SystemError(call: "pidfd_send_signal", operand: "\(pid)", code: code)
        }
    }

    /// Signals its process group when it leads one, else itself. A group that is gone is no error. Linux:
    /// kill(2)
    public func killGroup(_ signal: Int32) throws(SystemError) {
        guard leadsGroup else { return try kill(signal) }
        let code = Glibc.kill(-pid, signal) == 0 ? 0 : cs_errno()
        if code != 0, code != ESRCH { throw SystemError(call: "kill", operand: "-\(pid)", code: code) }
    }
}
