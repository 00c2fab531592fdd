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

    /// - Parameters:
    ///   - service: What runs in it: `serve` for the tools, `mcp` for servers of tools.
    ///   - onNotification: Hears what it says without being asked.
    init(
        task: String, policy: JSON, session: Session, service: String = "serve",
        onNotification: @escaping @Sendable (String, JSON) -> Void = { _, _ in }
    ) throws(HarnessError) {
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
            files.arguments([program, "tool", service]), environment: guest.environment(asAgent: false),
            stdin: .descriptor(theirs.raw), stdout: .null, stderr: .null, descriptors: files.descriptors,
            dieWithParent: true)
        report = files.report
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = Limits.agentLineBytes
        peer = JSONRPCPeer(
            input: ours, output: ours, name: "tools", limits: limits, onNotification: onNotification)
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
        var answer = try request(
            "call", ["name": .string(name), "input": input], for: name,
            timeoutMilliseconds: timeoutMilliseconds)
        answer["layers"] = layers
        return answer
    }

    /// Asks what runs in it.
    /// - Parameter what: What it is asked for, for words.
    func request(_ method: String, _ params: JSON, for what: String, timeoutMilliseconds: Int)
        throws(HarnessError) -> JSON
    {
        do throws(JSONRPCCallError) {
            return try peer.call(method, params, timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            guard isOver else { throw HarnessError("run \(what)", "\(error)") }
            let reason = ended.wait(timeoutMilliseconds: 5000) { $0 } ?? "\(error)"
            throw HarnessError(
                "run \(what)", "the tools' sandbox ended (\(reason))",
                hint: "the next call gets a new one; background jobs and shell variables are gone")
        }
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
        let servers = mcp.withLock { current in
            defer { current = nil }
            return current
        }
        for last in [last, servers?.tools].compactMap({ $0 }) {
            let denials = last.newDenials()
            if !denials.isEmpty { tell(denials, task: last.task) }
            last.close()
        }
    }
}
