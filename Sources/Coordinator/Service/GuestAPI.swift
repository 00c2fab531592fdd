import Channel
import Core
import Delivery
import Gateway
import Journal
import Kit
import Platform
import System
import Wire

/// What guests may ask of the coordinator, each as itself. Everything that arrives here is hostile until
/// checked.
struct GuestAPI: Sendable {
    let session: SessionRunner

    /// Texts of a guest, in bytes; longer ones are cut.
    private static let textBytes = 64 << 10
    private static let bodyBytes = 4 << 20
    /// Of one denial, and of all notes that an agent reads.
    private static let denialBytes = 4 << 10
    private static let notesBytes = 256 << 10
    /// Of a refused plan: how many problems are written down, and the bytes of each.
    private static let problemLimit = 50
    private static let problemBytes = 500
    /// What a process can end with, and signals as some say them.
    private static let exitCodes = -255...255

    func bodyPlan(_ request: HTTPRequest) -> HTTPServer.BodyPlan {
        let segments = request.target.segments
        if segments.first == "git" { return GitHTTP.bodyPlan }
        if segments.first == "session" { return CanvasSite.bodyPlan }
        return segments.first == "coordinator" ? .collect(limit: Self.bodyBytes) : Gateway.bodyPlan
    }

    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        try session.holding("\(request.method) \(request.path)") { try take(request, exchange) }
    }

    private func take(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        // What the canvas guest passes on: a viewer's own token says what it may do.
        if request.target.segments.first == "session" {
            guard let site = session.world.canvas.site,
                request.target.segments.dropFirst().first == session.id
            else { return try missing(request, exchange) }
            return try site.answer(request, exchange, door: .guest)
        }
        guard let agent = agent(of: request) else {
            if Gateway.owns(path: request.path) {
                return try exchange.respond(
                    Gateway.unauthorized(
                        path: request.path,
                        message: "this needs the token of an agent of the session; it is in SESSION_TOKEN"))
            }
            try exchange.respond(
                .error(
                    401, code: "unauthorized", message: "this needs the token of an agent of the session",
                    hint: "it is in SESSION_TOKEN"))
            return
        }
        let segments = request.target.segments
        switch segments.first {
        case "git":
            guard segments.count >= 3, segments[1] == session.id else {
                return try missing(request, exchange)
            }
            try session.git.handle(exchange, path: segments[2...].joined(separator: "/"), agent: agent)
        case "anthropic", "openai":
            session.gateway.handle(request, exchange, caller: caller(agent))
        case "coordinator":
            let answer: HTTPResponse
            do throws(ServiceError) {
                let body = request.body.isEmpty ? JSON.object([:]) : (try? request.json()) ?? .null
                guard body.objectValue != nil else {
                    throw ServiceError("the body is no JSON object", code: "bad_request", status: 400)
                }
                let path = segments.dropFirst().joined(separator: "/")
                try charge(agent, request, path)
                answer = HTTPResponse(status: 200, json: try perform(request.method, path, agent, body))
            } catch {
                answer = HTTPResponse(status: error.status, json: error.json)
            }
            try exchange.respond(answer)
        default: try missing(request, exchange)
        }
    }

    private func missing(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        try exchange.respond(
            .error(404, code: "not_found", message: "there is no \(request.method) \(request.path)", hint: "")
        )
    }

    /// Whose token it is; nil when it is nobody's of this session.
    private func agent(of request: HTTPRequest) -> String? {
        guard let token = request.bearerToken ?? request.headers["x-api-key"] else { return nil }
        return session.agent(of: token)
    }

    private func caller(_ agent: String) -> Caller {
        let state = session.state
        let task = state.agents[agent]?.task.flatMap { state.tasks[$0] }
        return Caller(
            session: session.id, agent: agent, role: state.agents[agent]?.role ?? "",
            task: state.agents[agent]?.task, taskKind: task?.kind.rawValue, attempt: task?.attempt,
            spec: session.model(
                agent: agent, role: state.agents[agent]?.role ?? "", task: task?.plan))
    }

    // MARK: Requests

    func text(_ body: JSON, _ field: String) throws(ServiceError) -> String {
        guard let text = body[field]?.stringValue else {
            throw ServiceError("`\(field)` is required, a text", code: "bad_request", status: 400)
        }
        return Self.cut(text)
    }

    private static func cut(_ text: String, _ limit: Int = textBytes) -> String {
        text.utf8.count <= limit ? text : String(decoding: Array(text.utf8.prefix(limit)), as: UTF8.self)
    }

    /// The newest, as many as a prompt can hold.
    private var notes: String {
        var bytes = 0
        let shown = session.state.notes.reversed().prefix { note in
            bytes += note.utf8.count + 1
            return bytes <= Self.notesBytes
        }
        return shown.reversed().joined(separator: "\n")
    }

    private func perform(
        _ method: String, _ path: String, _ agent: String, _ body: JSON
    ) throws(ServiceError) -> JSON {
        switch (method, path) {
        case ("GET", "notes"): return ["notes": .string(notes)]
        case ("GET", "peers"): return peers()
        case ("GET", "tasks"): return tasks()
        case ("GET", "mcp/secrets"): return try serverSecrets(agent)
        case ("GET", _) where path.hasPrefix("conversations/"):
            return try conversation(String(path.dropFirst("conversations/".count)), agent)
        case ("POST", "heartbeat"):
            session.beat(agent, progressAge: Int64(body["progress_age_ms"]?.count ?? 0))
        // Which guest it is, the platform says, when it has made it.
        case ("POST", "agents/ready"): session.beat(agent, progressAge: 0)
        case ("POST", "agents/exited"): exited(agent, body)
        case ("POST", "tasks/accepted"):
            try session.submit(.accept(agent: agent, task: try text(body, "task")))
            GateRunner.prepare(session)
        case ("POST", "tasks/progress"): try progress(agent, body)
        case ("POST", "tasks/complete"): try complete(agent, body)
        case ("POST", "tasks/fail"):
            try session.submit(
                .fail(agent: agent, task: try text(body, "task"), reason: try text(body, "reason")))
        case ("POST", "plan"): return try plan(agent, body)
        case ("POST", "tasks/assign"): return try assign(agent, body)
        case ("POST", "comments"): try comment(agent, body)
        case ("POST", "verdict"):
            guard let verdict = Verdict(rawValue: try text(body, "verdict")) else {
                throw ServiceError(
                    "`verdict` is approve or request_changes", code: "bad_request", status: 400)
            }
            try session.submit(.judge(agent: agent, verdict, summary: try text(body, "summary")))
        case ("POST", "tests"): try tests(agent, body)
        case ("POST", "canvas"): return try draw(agent, body)
        case ("POST", "notes"):
            let words = try text(body, "text")
            try session.submit(.note(agent: agent, text: words))
            return held(agent, words)
        case ("POST", "denials"):
            let denials = (body["denials"]?.arrayValue ?? []).prefix(100).map {
                Self.cut($0.text, Self.denialBytes)
            }
            let task = body["task"]?.stringValue
            try session.submit(.record([.sandboxDenied(agent: agent, task: task, denials: Array(denials))]))
        default: return try peers(method, path, agent, body)
        }
        return ["ok": true]
    }

    private func draw(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        guard let messages = body["messages"]?.arrayValue else {
            throw ServiceError(
                "`messages` is required, a list of A2UI messages", code: "bad_request", status: 400)
        }
        return ["ok": true, "surfaces": JSON(try session.draw(agent, messages))]
    }

    private func peers() -> JSON {
        let agents = session.state.agents.sorted { $0.key < $1.key }
        return [
            "peers": .array(
                agents.map { name, agent in
                    [
                        "agent_id": .string(name), "role": .string(agent.role),
                        "status": .string(agent.isPaused ? "paused" : agent.status.rawValue),
                        "task": agent.task.map { .string($0) } ?? .null,
                        "url": .string(Self.url(of: name)),
                    ]
                })
        ]
    }

    private func tasks() -> JSON {
        let tasks = session.state.tasks.sorted {
            $0.key.count == $1.key.count ? $0.key < $1.key : $0.key.count < $1.key.count
        }
        return [
            "tasks": .array(
                tasks.map { id, task in
                    [
                        "id": .string(id), "title": .string(task.plan.title),
                        "kind": .string(task.kind.rawValue),
                        "status": .string(task.status.rawValue),
                        "agent": task.agent.map { .string($0) } ?? .null,
                        "write_set": JSON(task.plan.writeSet),
                    ]
                })
        ]
    }

    private func conversation(_ task: String, _ agent: String) throws(ServiceError) -> JSON {
        guard session.state.tasks[task]?.agent == agent else {
            throw ServiceError("\(task) is not a task of \(agent)", code: "wrong_agent", status: 403)
        }
        do {
            let found = try session.gateway.conversations(of: session.id)?.messages(task: task, agent: agent)
            return [
                "messages": .array(found?.messages ?? []), "interrupted": JSON(found?.interrupted ?? false),
            ]
        } catch {
            throw ServiceError("read the conversation of \(task): \(error)")
        }
    }

    private func exited(_ agent: String, _ body: JSON) {
        let state = session.state
        guard !state.phase.isOver, let known = state.agents[agent], known.status == .ready,
            !session.isEnding(agent)
        else { return }
        let code = body["exit_code"]?.clamped(to: Self.exitCodes) ?? 255
        // Its guest is of no use without it; a new one goes on from the last turn.
        if let instance = known.instance {
            Worker.start("retire") { [platform = session.world.platform] in
                try? platform.terminate(instance, graceMilliseconds: 500)
            }
        }
        session.insist(
            .agentLost(agent: agent, generation: known.generation, reason: "its program ended with \(code)"))
    }

    private func progress(_ agent: String, _ body: JSON) throws(ServiceError) {
        let task = try text(body, "task")
        guard session.state.tasks[task]?.agent == agent else { return }
        let message = String(try text(body, "message").prefix(500))
        session.beat(agent, progressAge: 0)
        try session.submit(.record([.taskProgressed(task: task, agent: agent, message: message)]))
    }

    /// The commit must be in the session repository: what was said to be published was.
    private func complete(_ agent: String, _ body: JSON) throws(ServiceError) {
        let commit = body["commit"]?.stringValue
        if let commit {
            let isHash = commit.utf8.count >= 40 && commit.allSatisfy(\.isHexDigit)
            guard isHash, (try? session.repository.commit(of: commit)) != nil else {
                throw ServiceError(
                    "the commit \(commit.prefix(64)) is not in the session repository",
                    hint: "push it first", code: "no_commit", status: 422)
            }
        }
        try session.submit(
            .complete(
                agent: agent, task: try text(body, "task"),
                isSuccess: body["result"]?.stringValue != "failure",
                summary: Self.cut(body["summary"]?.stringValue ?? ""), commit: commit))
    }

    private func plan(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        // Before anything is written down.
        guard session.state.agents[agent]?.role == "architect" else {
            throw ServiceError(
                "only an architect proposes a plan, and \(agent) is none", code: "wrong_role", status: 403)
        }
        let plan: Plan
        do throws(PlanError) {
            plan = try session.admit(proposed: body)
        } catch {
            let problems = error.problems.prefix(Self.problemLimit).map {
                Self.cut("\($0.path): \($0.message)", Self.problemBytes)
            }
            try session.submit(.record([.planRejected(agent: agent, problems: problems)]))
            throw Self.refused("the plan is refused", error)
        }
        try session.submit(.proposePlan(agent: agent, plan))
        return ["ok": true, "tasks": JSON(plan.tasks.map(\.id))]
    }

    static func refused(_ message: String, _ error: PlanError) -> ServiceError {
        var refusal = ServiceError(message, hint: "correct it and try again", code: "bad_plan", status: 422)
        refusal.problems = error.problems.map { ($0.path, $0.message) }
        return refusal
    }

    private func assign(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        let state = session.state
        guard let plan = state.plan, state.agents[agent]?.role == "architect" else {
            throw ServiceError(
                "only an architect adds tasks, and only to a plan", code: "wrong_role", status: 403)
        }
        let task: PlanTask
        do throws(PlanError) {
            task = try session.admit(proposed: body["task"] ?? .null, to: plan)
        } catch {
            throw Self.refused("the task is refused", error)
        }
        try session.submit(.addTask(task, by: agent))
        var answer = held(agent, "\(task.title): \(task.description)")
        answer["task"] = .string(task.id)
        return answer
    }

    private func comment(_ agent: String, _ body: JSON) throws(ServiceError) {
        let severity = body["severity"]?.stringValue ?? "blocking"
        try session.submit(
            .comment(
                agent: agent,
                ReviewComment(
                    file: try text(body, "file"), line: body["line"]?.count, body: try text(body, "body"),
                    severity: severity == "note" || severity == "warning" ? "note" : "blocking")))
    }

    private func tests(_ agent: String, _ body: JSON) throws(ServiceError) {
        guard let code = body["exit_code"]?.clamped(to: Self.exitCodes) else {
            throw ServiceError("`exit_code` is required", code: "bad_request", status: 400)
        }
        try session.submit(
            .reportTests(
                agent: agent,
                TestReport(
                    tree: body["tree"]?.stringValue, command: try text(body, "command"), exitCode: code,
                    passed: body["passed"]?.count, failed: body["failed"]?.count,
                    skipped: body["skipped"]?.count,
                    output: Self.cut(body["output_tail"]?.stringValue ?? ""))))
    }
}
