// The sandbox in which an agent's tools run while it works on one task.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// One `openclaw-agent tool serve` in a sandbox, and the way to it.
///
/// Made at the first call of a task and ended with it: a shell keeps its directory and variables, /tmp keeps
/// its files, background jobs keep running.
final class ToolSession: Sendable {
    /// Of the task it belongs to.
    let task: String
    /// The layers that hold in this sandbox.
    let layers: JSON
    private let peer: JSONRPCPeer
    private let ended = Condition<String?>(nil)
    private let report: SharedDescriptor
    /// How often each thing was refused, as far as somebody was told.
    private let told = Mutex<[String: Int]>([:])
    /// The file that the tools passed last, and whether somebody waits for one.
    private let passed = Passed()

    private final class Passed: Sendable {
        let isTaken = Condition(false)
        let file = Mutex<SharedDescriptor?>(nil)
    }

    /// - Parameter kind: `serve`, or `languages` for the servers that peers ask too.
    init(task: String, policy: JSON, session: Session, kind: String = "serve") throws(HarnessError) {
        self.task = task
        let guest = session.guest
        let program = guest.binary("openclaw-agent")
        // The same policy once for a program that only ends, because a sandbox reports when it is over.
        let probe = try SandboxRun(session: session).run([program, "tool", "probe"], policy: policy)
        guard probe.exitCode == 0 else {
            throw HarnessError(
                "make the tools' sandbox", probe.report["error"]?.stringValue ?? probe.stderr)
        }
        layers = probe.report["layers"] ?? [:]
        var policy = policy
        policy["timeout_ms"] = JSON(Limits.toolSessionMilliseconds)
        try session.openProxy(&policy)
        let (ours, theirs) = try attempt("make a socket for the tools") { () throws(SystemError) in
            try Sockets.socketPair().split()
        }
        let files = try SandboxFiles(policy: policy, guest: guest)
        let command = Spawn.Command(
            files.arguments([program, "tool", kind]), environment: guest.environment(asAgent: false),
            stdin: .descriptor(theirs.raw), stdout: .null, stderr: .null, descriptors: files.descriptors,
            dieWithParent: true)
        report = files.report
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = Limits.agentLineBytes
        let passed = passed
        peer = JSONRPCPeer(
            input: ours, output: ours, name: "tools", limits: limits,
            onDescriptor: { file in passed.file.withLock { $0 = file } })
        let (mailbox, ended, peer) = (session.mailbox, ended, peer)
        Worker.start("tools", stackBytes: 256 * 1024) {
            let outcome = mailbox.run(command)
            let report = SandboxFiles.readReport(files.report)
            ended.withLock { $0 = report?["error"]?.stringValue ?? "\(outcome)" }
            // Whoever waits for an answer learns of it now.
            theirs.close()
            peer.close()
        }
        peer.start()
    }

    var isOver: Bool { peer.endReason != nil }

    /// Calls a tool. A sandbox that ended is an error; the next call gets a new one.
    func call(_ name: String, _ input: JSON, timeoutMilliseconds: Int) throws(HarnessError) -> JSON {
        do throws(JSONRPCCallError) {
            var answer = try peer.call(
                "call", ["name": .string(name), "input": input], timeoutMilliseconds: timeoutMilliseconds)
            answer["layers"] = layers
            return answer
        } catch {
            guard isOver else { throw HarnessError("run \(name)", "\(error)") }
            let reason = ended.wait(timeoutMilliseconds: 5000) { $0 } ?? "\(error)"
            throw HarnessError(
                "run \(name)", "the tools' sandbox ended (\(reason))",
                hint: "the next call gets a new one; background jobs and shell variables are gone")
        }
    }

    /// Opens a file as the tools see it and with what they may: the tools open it and pass the descriptor, so
    /// that no path of theirs is ever followed by us.
    func open(_ path: String) throws(HarnessError) -> SharedDescriptor {
        _ = passed.isTaken.wait { isTaken in
            guard !isTaken else { return nil as Bool? }
            isTaken = true
            return true
        }
        defer { passed.isTaken.withLock { $0 = false } }
        passed.file.withLock { $0 = nil }
        let answer = try call("open", ["path": .string(path)], timeoutMilliseconds: Limits.callMilliseconds)
        let file = passed.file.withLock { file in
            defer { file = nil }
            return file
        }
        guard answer["is_error"]?.boolValue != true, let file else {
            throw HarnessError("open \(path)", answer["content"]?.stringValue ?? "the tools did not pass it")
        }
        return file
    }

    /// What was refused since the last time. The sandbox keeps its report up to date while it runs.
    func newDenials() -> [JSON] {
        let all = SandboxFiles.readReport(report)?["denials"]?.arrayValue ?? []
        return told.withLock { told in
            all.compactMap { denial in
                let key = "\(denial["layer"]?.stringValue ?? "") \(denial["object"]?.stringValue ?? "")"
                let count = denial["count"]?.intValue ?? 1
                let known = told.updateValue(count, forKey: key) ?? 0
                guard count > known else { return nil }
                var new = denial
                new["count"] = JSON(count - known)
                return new
            }
        }
    }

    func close() { peer.close() }
}

extension Session {
    /// The tools of the task that the agent works on, or of no task.
    func toolSession(_ task: String) throws(HarnessError) -> ToolSession {
        guard let policy = document["sandbox"], policy.objectValue != nil else {
            throw HarnessError("run a tool", "the guest document has no sandbox policy")
        }
        return try tools.withLock { (current) throws(HarnessError) in
            if let current, current.task == task, !current.isOver { return current }
            current?.close()
            let new = try ToolSession(task: task, policy: policy, session: self)
            current = new
            return new
        }
    }

    /// The task is over: its shell, its jobs and its /tmp go.
    func endTools() {
        let last = tools.withLock { current in
            defer { current = nil }
            return current
        }
        guard let last else { return }
        let denials = last.newDenials()
        if !denials.isEmpty { tell(denials, task: last.task) }
        last.close()
    }
}
