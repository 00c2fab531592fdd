// What an agent may ask its harness.
import Glibc
import Kit
import System
import Wire

/// The methods of `agent.sock`. Blocking.
struct AgentCalls: Sendable {
    let session: Session

    func perform(_ method: String, _ params: JSON) throws(JSONRPCError) -> JSON {
        do throws(HarnessError) {
            switch method {
            case "task.next": return try nextTask(params)
            case "task.progress": return try progress(params)
            case "task.complete": return try complete(params)
            case "task.fail": return try fail(params)
            case "messages.next":
                return ["messages": .array(session.state.withLock { $0.book.takeMessages() })]
            case "tools.list": return try Tools(session: session).list()
            case "tools.call":
                guard let name = params["name"]?.stringValue else {
                    throw HarnessError(method, "name is required")
                }
                return try Tools(session: session).call(
                    name, params["input"] ?? [:], callID: params["call_id"]?.stringValue ?? "")
            case "program.run": return try session.runProgram(params)
            case "peers.list": return try get("peers")
            case "tasks.list": return try get("tasks")
            case "task.review": return try review(params)
            case "instructions.read": return try instructions(params)
            // A sign of life; the line itself has been noticed.
            case "agent.heartbeat": return [:]
            case "notes.read": return try get("notes")
            case "notes.append": return try post("notes", params)
            case "canvas.update": return try post("canvas", params)
            case "conversation.read": return try get("conversations/\(try Self.word(params, "task"))")
            case "artifact.put": return try Artifacts(session: session).put(params)
            case "artifact.get": return try Artifacts(session: session).get(params)
            case "artifact.list": return try get("artifacts")
            default: break
            }
        } catch {
            throw .server(error.description)
        }
        throw JSONRPCError.methodNotFound(method)
    }

    /// A parameter that may stand in a path.
    static func word(_ params: JSON, _ name: String, default value: String? = nil) throws(HarnessError)
        -> String
    {
        guard let text = params[name]?.stringValue ?? value, isName(text) else {
            throw HarnessError(
                "read \(name)", "it is not a name of letters, digits, dots, dashes and underscores")
        }
        return text
    }

    /// Letters, digits, dots, dashes, underscores; neither "." nor "..".
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200 && text != "." && text != ".."
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    func courier() throws(HarnessError) -> Courier {
        guard let courier = session.courier else {
            throw HarnessError("reach the coordinator", "this guest has no coordinator or no token")
        }
        return courier
    }

    private func checked(_ answer: Courier.Answer, _ what: String) throws(HarnessError) -> JSON {
        guard answer.isSuccess else { throw HarnessError(what, answer.problem) }
        return answer.body.isNull ? [:] : answer.body
    }

    func get(_ path: String) throws(HarnessError) -> JSON {
        try checked(try courier().get("/coordinator/\(path)"), path)
    }

    func post(_ path: String, _ body: JSON) throws(HarnessError) -> JSON {
        try checked(try courier().post("/coordinator/\(path)", body), path)
    }

    // MARK: Tasks

    private func nextTask(_ params: JSON) throws(HarnessError) -> JSON {
        let wait = min(max(0, params["wait_ms"]?.intValue ?? 0), Limits.taskWaitMilliseconds)
        session.state.withLock { $0.clock.beginWait(now: Supervisor.now) }
        let found: JSON?? = session.state.wait(timeoutMilliseconds: wait) { state -> JSON?? in
            if state.isStopping { return .some(nil) }
            return state.book.next().map { .some($0) }
        }
        session.state.withLock { $0.clock.endWait(now: Supervisor.now) }
        let messages = session.state.withLock { $0.book.takeMessages() }
        guard case .some(.some(let task)) = found, let id = task["id"]?.stringValue else {
            return ["task": .null, "messages": .array(messages)]
        }
        do throws(HarnessError) {
            let prepared = try prepare(task)
            _ = try post("tasks/accepted", ["task": .string(id)])
            return ["task": prepared, "messages": .array(messages)]
        } catch {
            session.state.withLock { $0.book.end(id) }
            _ = try post(
                "tasks/fail", ["task": .string(id), "reason": .string("preparing the task: \(error)")])
            return ["task": .null, "messages": .array(messages)]
        }
    }

    private func prepare(_ task: JSON) throws(HarnessError) -> JSON {
        guard session.document["clone"]?.boolValue == true else { return task }
        return try session.withGit { () throws(HarnessError) in
            try Clone(session: session, task: task).prepare()
        }
    }

    private func progress(_ params: JSON) throws(HarnessError) -> JSON {
        let id = try Self.word(params, "task")
        session.progressReporter.add(params, session: session)
        return ["cancelled": JSON(session.state.withLock { $0.book.cancelled.contains(id) })]
    }

    private func complete(_ params: JSON) throws(HarnessError) -> JSON {
        let id = try Self.word(params, "task")
        var body = params
        if let task = session.state.withLock({ $0.book.current[id] }),
            session.document["clone"]?.boolValue == true,
            params["result"]?.stringValue != "failure"
        {
            let commit = try session.withGit { () throws(HarnessError) in
                try Clone(session: session, task: task).publish(summary: params["summary"]?.stringValue ?? "")
            }
            body["commit"] = .string(commit)
        }
        session.progressReporter.flush(milliseconds: Limits.progressMilliseconds)
        let answer = try post("tasks/complete", body)
        end(id)
        var result = answer
        result["commit"] = body["commit"]
        return result
    }

    private func fail(_ params: JSON) throws(HarnessError) -> JSON {
        let id = try Self.word(params, "task")
        session.progressReporter.flush(milliseconds: Limits.progressMilliseconds)
        let answer = try post("tasks/fail", params)
        end(id)
        return answer
    }

    private func end(_ task: String) {
        session.state.withLock { $0.book.end(task) }
        session.endTools()
    }

    /// What the agent is about to hand over, from git.
    private func review(_ params: JSON) throws(HarnessError) -> JSON {
        let id = try Self.word(params, "task")
        guard let task = session.state.withLock({ $0.book.current[id] }),
            session.document["clone"]?.boolValue == true
        else { return ["diff": "", "outside": []] }
        return try session.withGit { () throws(HarnessError) in
            try Clone(session: session, task: task).review()
        }
    }

    /// The repository's words for agents, for roles that see a repository.
    private func instructions(_ params: JSON) throws(HarnessError) -> JSON {
        let id = try Self.word(params, "task")
        let task = session.state.withLock { $0.book.current[id] } ?? [:]
        let isBlind = (session.document["sandbox"]?["hidden"]?.arrayValue ?? [])
            .contains { $0.stringValue == session.guest.workspace }
        if isBlind { return ["files": []] }
        let answer = try Tools(session: session).served(
            "instructions", ["paths": task["write_set"] ?? []], "instructions")
        return answer["content"] ?? ["files": []]
    }
}

extension Session {
    /// Runs git work alone.
    func withGit<Result>(_ body: () throws(HarnessError) -> Result) throws(HarnessError) -> Result {
        _ = gitLock.wait { isHeld in
            guard !isHeld else { return nil as Bool? }
            isHeld = true
            return true
        }
        defer { gitLock.withLock { $0 = false } }
        return try body()
    }
}
