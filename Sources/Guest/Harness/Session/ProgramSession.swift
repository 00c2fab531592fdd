// An agent program that is not ours, in the sandbox of its role: the same policy as a tool's, and one door
// more, to the model gateway. What it may ask the harness for comes over the tools' socket.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// One `openclaw-agent tool program` in a sandbox.
final class ProgramSession: Sendable {
    let tools: ToolSession
    /// It takes its task by the harness's socket and hands over itself.
    let speaksForItself: Bool
    fileprivate let ending: Ending

    /// What the program said of the end of its task.
    final class Ending: Sendable {
        struct Words: Sendable {
            var result: String
            var summary: String
        }

        let words = Mutex<Words?>(nil)
        /// One that speaks for itself: the task that it has not taken yet, and that it asked for another one.
        let given = Mutex<JSON?>(nil)
        let asksAgain = Condition(false)
    }

    fileprivate init(_ tools: ToolSession, _ ending: Ending, speaksForItself: Bool) {
        (self.tools, self.ending, self.speaksForItself) = (tools, ending, speaksForItself)
    }

    /// Runs it to its end.
    /// - Parameter task: What it is told to do; nil for one that takes its task itself.
    func run(_ document: JSON, task: String?, resumes: Bool, workdir: String) throws(HarnessError) -> JSON {
        ending.words.withLock { $0 = nil }
        var params: JSON = [
            "program": document, "resumes": JSON(resumes), "workdir": .string(workdir),
        ]
        params["task"] = task.map { .string($0) }
        var answer = try tools.request(
            "run", params, for: document["description"]?["name"]?.stringValue ?? "the agent's program",
            timeoutMilliseconds: Int(Limits.toolSessionMilliseconds))
        if let words = ending.words.withLock({ $0 }) {
            answer["result"] = .string(words.result)
            answer["said"] = .string(words.summary)
        }
        return answer
    }
}

extension ProgramSession {
    /// Its task is over, and so is its sandbox.
    fileprivate func end(_ session: Session) {
        ending.asksAgain.withLock { $0 = true }
        let denials = tools.newDenials()
        if !denials.isEmpty { session.tell(denials, task: tools.task) }
        tools.close()
        session.program.withLock { if $0 === self { $0 = nil } }
    }
}

/// What a program of somebody else's may ask its harness, by MCP: what concerns the team, and nothing that
/// its own shell does as well.
struct ProgramTools: Sendable {
    let session: Session
    let ending: ProgramSession.Ending

    /// Tools of ours that a program cannot have of its own.
    static let names: Set<String> = [
        "plan", "assign", "comment", "verdict", "message", "notes", "tasks", "peers", "artifact", "draw",
        "run_tests",
        "fetch", "browse",
    ]

    private static let completeTask: JSON = [
        "name": "complete_task",
        "description": .string(
            "Say how the task ended and what the next person should know. Then stop: the work is handed over "
                + "when your program ends."),
        "input_schema": [
            "type": "object", "required": ["summary"], "additionalProperties": false,
            "properties": [
                "result": ["type": "string", "enum": ["success", "failure"]], "summary": ["type": "string"],
            ],
        ],
    ]

    func perform(_ method: String, _ params: JSON) throws(JSONRPCError) -> JSON {
        do throws(HarnessError) {
            switch method {
            case "tools.list": return ["tools": .array(try list())]
            case "tools.call":
                guard let name = params["name"]?.stringValue else {
                    throw HarnessError(method, "name is required")
                }
                return try call(name, params["input"] ?? [:], params["call_id"]?.stringValue ?? "")
            default: break
            }
        } catch {
            throw .server(error.description)
        }
        throw JSONRPCError.methodNotFound(method)
    }

    private func list() throws(HarnessError) -> [JSON] {
        let all = try Tools(session: session).list()["tools"]?.arrayValue ?? []
        return all.filter { Self.isOffered($0["name"]?.stringValue ?? "") } + [Self.completeTask]
    }

    private static func isOffered(_ name: String) -> Bool {
        names.contains(name) || name.hasPrefix(MCPSession.prefix)
    }

    private func call(_ name: String, _ input: JSON, _ callID: String) throws(HarnessError) -> JSON {
        if name == "complete_task" {
            let result = input["result"]?.stringValue == "failure" ? "failure" : "success"
            let summary = input["summary"]?.stringValue ?? ""
            ending.words.withLock { $0 = .init(result: result, summary: summary) }
            return [
                "content": "Noted. End now: the work is handed over when your program ends.",
                "is_error": false,
            ]
        }
        guard Self.isOffered(name) else { return Tools.problem("There is no tool \(name) here.") }
        return try Tools(session: session).call(name, input, callID: callID)
    }
}

/// What a program that speaks the harness's socket is answered: as an agent, about its one task.
private struct ProgramCalls: Sendable {
    let session: Session
    let ending: ProgramSession.Ending
    let task: String

    func perform(_ method: String, _ params: JSON) throws(JSONRPCError) -> JSON {
        switch method {
        case "task.next": return next(params)
        case "program.run": throw JSONRPCError.methodNotFound(method)
        default: return try AgentCalls(session: session).perform(method, params)
        }
    }

    /// Its task, once. Who asks again has ended it, or waits for what there will not be.
    private func next(_ params: JSON) -> JSON {
        let given = ending.given.withLock { given in
            defer { given = nil }
            return given
        }
        let wait = min(max(0, params["wait_ms"]?.intValue ?? 0), Limits.taskWaitMilliseconds)
        if given == nil {
            _ = session.state.wait(timeoutMilliseconds: wait) { state in
                state.isStopping || state.book.current[task] == nil ? true : nil
            }
        }
        return session.state.withLock { state in
            if state.book.current[task] == nil { ending.asksAgain.withLock { $0 = true } }
            return ["task": given ?? .null, "messages": .array(state.book.takeMessages())]
        }
    }
}

extension Session {
    /// The program of the agent's place, in its sandbox.
    /// - Parameters:
    ///   - task: The one it works on.
    ///   - given: The task for a program that takes it itself.
    func programSession(_ task: String, given: JSON?) throws(HarnessError) -> ProgramSession {
        guard document["program"] != nil else {
            throw HarnessError("run the agent's program", "the role names none")
        }
        return try program.withLock { (current) throws(HarnessError) in
            if let current, current.tools.task == task, !current.tools.isOver { return current }
            current?.tools.close()
            let ending = ProgramSession.Ending()
            ending.given.withLock { $0 = given }
            let tools = ToolSession.Requests { [self] (method, params) throws(JSONRPCError) in
                progress()
                guard given == nil else {
                    return try ProgramCalls(session: self, ending: ending, task: task).perform(method, params)
                }
                return try ProgramTools(session: self, ending: ending).perform(method, params)
            }
            let new = ProgramSession(
                try ToolSession(
                    task: task, policy: try programPolicy(), session: self, service: "program",
                    requests: tools, onNotification: { [self] method, params in hear(method, params, task) }),
                ending, speaksForItself: given != nil)
            current = new
            return new
        }
    }

    /// The role's policy, and what a program needs besides: its own files to read, the gateway, and sockets
    /// to reach it with, which the strict filter has not.
    private func programPolicy() throws(HarnessError) -> JSON {
        guard var policy = document["sandbox"], policy.objectValue != nil else {
            throw HarnessError("run the agent's program", "the guest document has no sandbox policy")
        }
        let shown = document["program"]?["views"]?.arrayValue ?? []
        policy["views"] = .array(shown + (policy["views"]?.arrayValue ?? []))
        policy["models"] = .string("\(coordinatorHost):\(GuestDocument.modelPort)")
        policy["seccomp"] = .string(SandboxPolicy.Filter.shell.rawValue)
        var environment = (policy["environment"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        let known = state.withLock { $0.runEnvironment }
        for name in ["SESSION_ID", "AGENT_ID", "AGENT_ROLE", "PEER_AGENTS"] {
            environment[name] = known[name]
        }
        environment.merge(ProgramPlace.environment) { $1 }
        let paths = (document["program"]?["paths"]?.arrayValue ?? []).compactMap(\.stringValue)
        environment["PATH"] = (paths + [environment["PATH"] ?? "/usr/bin:/bin"]).joined(separator: ":")
        policy["environment"] = .object(environment.mapValues { .string($0) })
        return policy
    }

    private var coordinatorHost: String {
        let url = document["coordinator_url"]?.stringValue ?? ""
        return String(url.dropFirst("http://".count).prefix { $0 != ":" && $0 != "/" })
    }

    /// What the program says and prints, as far as people see it.
    private func hear(_ method: String, _ params: JSON, _ task: String) {
        progress()
        let words = redactor.redact(params["text"]?.stringValue ?? "")
        switch method {
        case "said":
            guard !words.isEmpty else { return }
            progressReporter.add(["task": .string(task), "message": .string(words)], session: self)
        case "line":
            let stream = params["stream"]?.stringValue == "stderr" ? "stderr" : "stdout"
            mailbox.post(.log(.init(stream: stream, line: String(words.prefix(4096)), source: "agent")))
        default: break
        }
    }

    /// Runs the program on a task to its end.
    func runProgram(_ params: JSON) throws(HarnessError) -> JSON {
        let task = try AgentCalls.word(params, "task")
        let place = try programSession(task, given: params["given"])
        let isOver = Mutex(false)
        defer {
            isOver.withLock { $0 = true }
            if place.speaksForItself { place.end(self) }
        }
        Worker.start("called-off", stackBytes: 128 * 1024) { [self] in
            while !isOver.withLock({ $0 }), !isStopping {
                if endWhenDone(place, task) { return }
            }
        }
        var answer: JSON
        do throws(HarnessError) {
            answer = try place.run(
                document["program"] ?? [:], task: params["text"]?.stringValue,
                resumes: params["resumes"]?.boolValue == true, workdir: currentDirectory)
        } catch {
            // One that handed over and stayed was ended by us.
            guard place.speaksForItself, isEnded(task) else { throw error }
            return ["is_over": true]
        }
        let denials = place.tools.newDenials()
        if !denials.isEmpty { tell(denials, task: task) }
        answer["layers"] = place.tools.layers
        answer["is_over"] = JSON(isEnded(task))
        return redactor.redact(answer)
    }

    private func isEnded(_ task: String) -> Bool { state.withLock { $0.book.current[task] == nil } }

    /// Ends a program whose task was called off, or that has handed over and asks for another task.
    /// - Returns: True when it did; false when nothing was to be done for a while.
    private func endWhenDone(_ place: ProgramSession, _ task: String) -> Bool {
        let isCalledOff: Bool? = state.wait(timeoutMilliseconds: Limits.callOffMilliseconds) { state in
            if state.book.cancelled.contains(task) { return true }
            return state.book.current[task] == nil ? false : nil
        }
        guard let isCalledOff else { return false }
        if !isCalledOff {
            _ = place.ending.asksAgain.wait(timeoutMilliseconds: Limits.farewellMilliseconds) {
                $0 ? true : nil
            }
        }
        place.tools.close()
        return true
    }

    private var currentDirectory: String { document["sandbox"]?["workdir"]?.stringValue ?? "/" }
}
