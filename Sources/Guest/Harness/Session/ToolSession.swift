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

    /// What answers those who run in it, where they may ask.
    struct Requests: Sendable {
        let answer: @Sendable (String, JSON) throws(JSONRPCError) -> JSON
    }

    /// - Parameters:
    ///   - requests: Answers what is asked from inside; without it nothing can be.
    ///   - service: What runs in it: `serve` for the tools, `mcp` for servers of tools, `languages` for the
    ///     language servers that peers ask too, `program` for somebody else's agent.
    ///   - onNotification: Hears what it says without being asked.
    init(
        task: String, policy: JSON, session: Session, service: String = "serve",
        requests: Requests? = nil,
        onNotification: @escaping @Sendable (String, JSON) -> Void = { _, _ in }
    ) throws(HarnessError) {
        self.task = task
        let guest = session.guest
        let program = guest.binary("openclaw-agent")
        var policy = policy
        policy["timeout_ms"] = JSON(Limits.toolSessionMilliseconds)
        try session.openProxy(&policy)
        let (ours, theirs) = try attempt("make a socket for the tools") { () throws(SystemError) in
            try Sockets.socketPair().split()
        }
        let files = try SandboxFiles(policy: policy, guest: guest)
        let command = Spawn.Command(
            files.arguments([program, "tool", service], options: ["--end-with-input"]),
            environment: guest.environment(asAgent: false),
            stdin: .descriptor(theirs.raw), stdout: .null, stderr: .null, descriptors: files.descriptors,
            dieWithParent: true)
        report = files.report
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = Limits.agentLineBytes
        let passed = passed
        peer = JSONRPCPeer(
            input: ours, output: ours, name: "tools", limits: limits,
            onRequest: { method, params in
                guard let requests else { throw JSONRPCError.methodNotFound(method) }
                return try requests.answer(method, params)
            }, onNotification: onNotification,
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
        do throws(HarnessError) {
            layers = try Self.layers(files.report, ended)
        } catch {
            peer.close()
            throw error
        }
        peer.start()
    }

    /// What holds, which the sandbox writes down before it starts the tools.
    private static func layers(_ report: SharedDescriptor, _ ended: Condition<String?>) throws(HarnessError)
        -> JSON
    {
        let deadline = Supervisor.now + Limits.sandboxMilliseconds
        while Supervisor.now < deadline {
            // A report that has an error is about a sandbox that was not made.
            if let report = SandboxFiles.readReport(report), report["error"] == nil,
                let layers = report["layers"]
            {
                return layers
            }
            // Ends early when the sandbox could not be made.
            if let reason = ended.wait(timeoutMilliseconds: Limits.sandboxLookMilliseconds, until: { $0 }) {
                throw HarnessError("make the tools' sandbox", reason)
            }
        }
        throw HarnessError("make the tools' sandbox", "it took more than \(Limits.sandboxMilliseconds) ms")
    }

    var isOver: Bool { peer.endReason != nil }

    /// Calls a tool. A sandbox that ended is an error; the next call gets a new one.
    /// - Parameter time: What the tool keeps itself, in milliseconds.
    func call(_ name: String, _ input: JSON, time: Int) throws(HarnessError) -> JSON {
        var answer = try request(
            "call", ["name": .string(name), "input": input], for: name,
            timeoutMilliseconds: time + ToolTime.slack)
        answer["layers"] = layers
        return answer
    }

    /// Asks what runs in it. What does not keep its time is ended with all others of its task, because
    /// nothing in there can be trusted to end it.
    /// - Parameter what: What it is asked for, for words.
    func request(_ method: String, _ params: JSON, for what: String, timeoutMilliseconds: Int)
        throws(HarnessError) -> JSON
    {
        do throws(JSONRPCCallError) {
            return try peer.call(method, params, timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            if case .timeout = error {
                close()
                throw HarnessError(
                    "run \(what)",
                    "no end within \(timeoutMilliseconds / 1000) s, so all tools of this task were ended",
                    hint: "the next call gets new ones; background jobs, shell variables and /tmp are gone. "
                        + "Ask for less at a time, or run it as a background job with bash")
            }
            guard isOver else { throw HarnessError("run \(what)", "\(error)") }
            let reason = ended.wait(timeoutMilliseconds: 5000) { $0 } ?? "\(error)"
            throw HarnessError(
                "run \(what)", "the tools' sandbox ended (\(reason))",
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
        let answer = try call("open", ["path": .string(path)], time: ToolTime.files.usual)
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
                let count = denial["count"]?.count ?? 1
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
        let played = program.withLock { current -> ProgramSession? in
            guard let known = current, !known.speaksForItself || isStopping else { return nil }
            current = nil
            return known
        }
        for last in [last, servers?.tools, played?.tools].compactMap({ $0 }) {
            let denials = last.newDenials()
            if !denials.isEmpty { tell(denials, task: last.task) }
            last.close()
        }
    }
}
