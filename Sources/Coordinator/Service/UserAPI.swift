import Channel
import Core
import Delivery
import Glibc
import Journal
import Kit
import Platform
import Synchronization
import System
import Wire

/// What the person at the terminal may ask, over a socket that only this user can open.
struct UserAPI: Sendable {
    let coordinator: Coordinator

    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        do throws(ServiceError) {
            try route(request, exchange)
        } catch {
            guard !exchange.hasAnswered else { return }
            try exchange.respond(HTTPResponse(status: error.status, json: error.json))
        }
    }

    private func route(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(ServiceError) {
        let segments = request.target.segments
        let body = request.body.isEmpty ? JSON.object([:]) : (try? request.json()) ?? .null
        guard segments.first == "v1", segments.count >= 2, body.objectValue != nil else {
            throw missing(request)
        }
        switch (request.method, segments[1], segments.count) {
        case ("GET", "status", 2): reply(exchange, status)
        case ("POST", "shutdown", 2):
            reply(exchange, ["ok": true])
            coordinator.stop()
        case ("GET", "search", 2): reply(exchange, try coordinator.search(request.query))
        case ("POST", "gc", 2): reply(exchange, try coordinator.collectGarbage(body))
        case ("GET", "sessions", 2): reply(exchange, ["sessions": .array(list)])
        case ("POST", "sessions", 2): reply(exchange, try coordinator.start(body))
        case ("GET", "sessions", 3): reply(exchange, try session(segments[2]).state.summary)
        case ("GET", "sessions", 4):
            let session = try session(segments[2])
            try session.holding("GET \(segments[3])") { () throws(ServiceError) in
                try look(session, segments[3], request, exchange)
            }
        case ("POST", "sessions", 4):
            let session = try session(segments[2])
            try session.holding("a person's \(segments[3])") { () throws(ServiceError) in
                try steer(session, segments[3], body)
            }
            reply(exchange, session.state.summary)
        default: throw missing(request)
        }
    }

    private func missing(_ request: HTTPRequest) -> ServiceError {
        ServiceError("there is no \(request.method) \(request.path)", code: "no_such_request", status: 404)
    }

    /// A client that left needs no answer.
    private func reply(_ exchange: HTTPExchange, _ json: JSON) { try? exchange.respond(200, json: json) }

    private func session(_ id: String) throws(ServiceError) -> SessionRunner {
        guard let session = coordinator.find(id) else {
            throw ServiceError(
                "there is no session \(id)", hint: "openclaw sessions lists them", code: "not_found",
                status: 404)
        }
        return session
    }

    private var status: JSON {
        let all = coordinator.sessions.withLock { Array($0.values) }
        return [
            "version": "0.1.0", "pid": JSON(Int(Processes.current())), "sessions": JSON(all.count),
            "active_sessions": JSON(all.filter { !$0.state.phase.isOver }.count),
            "home": .string(coordinator.home.path),
        ]
    }

    private var list: [JSON] {
        let all = coordinator.sessions.withLock { Array($0.values) }.map(\.state)
        return all.sorted { $0.startedAt > $1.startedAt }.map(\.summary)
    }

    // MARK: Steering

    private func steer(_ session: SessionRunner, _ verb: String, _ body: JSON) throws(ServiceError) {
        let by = "user"
        switch verb {
        case "approve":
            guard let tree = body["tree"]?.stringValue else {
                throw ServiceError(
                    "an approval names the tree that it is for", hint: "it is in the session's status",
                    code: "bad_request", status: 400)
            }
            try session.submit(.approve(tree: tree, by: by))
        case "deny": try deny(session, body, by)
        case "permit":
            let words = body["text"] == nil ? nil : try text(body, "text")
            try session.submit(.permit(id: try text(body, "id"), by: by, text: words))
        case "refuse":
            try session.submit(
                .refuse(id: try text(body, "id"), by: by, reason: body["reason"]?.stringValue ?? ""))
        case "plan":
            try session.submit(.editPlan(try session.admit(edited: body), by: by))
        case "tasks": try addTask(session, body, by)
        case "pause": try session.submit(.pause(by: by))
        case "resume": try session.submit(.resume(by: by))
        case "cancel": try session.submit(.cancel(by: by))
        case "message":
            let words = try text(body, "text")
            try session.submit(.say(from: by, to: body["to"]?.stringValue ?? "all", text: words))
        default: throw ServiceError("a session cannot \(verb)", code: "no_such_request", status: 404)
        }
    }

    private static let textBytes = 64 << 10

    private func text(_ body: JSON, _ field: String) throws(ServiceError) -> String {
        guard let text = body[field]?.stringValue, !text.isEmpty, text.utf8.count <= Self.textBytes else {
            throw ServiceError(
                "`\(field)` is required, a text of at most 64 KiB", code: "bad_request", status: 400)
        }
        return text
    }

    /// With comments it is a review that asks for changes; without, the end of the session.
    private func deny(_ session: SessionRunner, _ body: JSON, _ by: String) throws(ServiceError) {
        let reason = body["reason"]?.stringValue ?? ""
        var comments: [ReviewComment] = []
        for item in body["comments"]?.arrayValue ?? [] {
            comments.append(
                ReviewComment(
                    file: item["file"]?.stringValue ?? "", line: item["line"]?.intValue,
                    body: try text(item, "body")))
        }
        guard !comments.isEmpty else { return try session.submit(.deny(by: by, reason: reason)) }
        if !reason.isEmpty { comments.insert(ReviewComment(file: "", body: reason), at: 0) }
        let waiting = session.state.approval?.tree ?? ""
        try session.submit(
            .requestChanges(tree: body["tree"]?.stringValue ?? waiting, by: by, comments: comments))
    }

    private func addTask(_ session: SessionRunner, _ body: JSON, _ by: String) throws(ServiceError) {
        guard let plan = session.state.plan else {
            throw ServiceError("\(session.id) has no plan yet", code: "no_plan", status: 409)
        }
        try session.submit(.addTask(try session.admit(body["task"] ?? .null, to: plan), by: by))
    }

    // MARK: Looking

    private func look(
        _ session: SessionRunner, _ what: String, _ request: HTTPRequest, _ exchange: HTTPExchange
    ) throws(ServiceError) {
        switch what {
        case "events": follow(session, request.query, exchange)
        case "plan": reply(exchange, (try? JSONCoding.encode(session.state.plan)) ?? .null)
        case "logs": try logs(session, request.query, exchange)
        case "shell":
            try TakeOver(session: session, agent: request.query["agent"] ?? "").run(request, exchange)
        case "canvas": reply(exchange, try canvas(session, request.query))
        case "diff": reply(exchange, try session.diff(request.query["commit"]))
        case "summary": throw missing(request)
        default: reply(exchange, try session.look(what))
        }
    }

    /// The address of the canvas. It carries the power to approve, so it is given over this socket only.
    private func canvas(_ session: SessionRunner, _ query: [String: String]) throws(ServiceError) -> JSON {
        guard let listener = coordinator.canvas.withLock({ $0 }) else {
            throw ServiceError("the canvas is not served yet", hint: "try again in a moment", status: 503)
        }
        let isReadOnly = query["read_only"] == "true"
        return [
            "url": .string(listener.address(of: session, isReadOnly ? .view : .operate)),
            "read_only": JSON(isReadOnly), "port": JSON(Int(listener.port)),
        ]
    }

    private static let ndjson: HTTPHeaders = ["Content-Type": "application/x-ndjson"]
    private static let waitMilliseconds = 5000
    /// A piece of a stream of lines; a system call a line would be most of what a long session costs.
    private static let pieceBytes = 64 * 1024

    /// The journal's events; with `follow` until the session is over. A slow reader reads from the journal,
    /// and nothing is kept for it.
    private func follow(_ session: SessionRunner, _ query: [String: String], _ exchange: HTTPExchange) {
        let follows = query["follow"] == "true"
        var after = query["after"].flatMap { Int64($0) } ?? 0
        let journal = coordinator.world.journal
        do {
            try exchange.begin(200, headers: Self.ndjson)
            while true {
                let isOver = session.state.phase.isOver
                let mark = journal.changes.withLock { $0 }
                let lines = try journal.lines(session.id, after: after, limit: 1000)
                var piece: [UInt8] = []
                for line in lines {
                    piece += line.bytes
                    piece.append(UInt8(ascii: "\n"))
                    guard piece.count >= Self.pieceBytes else { continue }
                    try exchange.write(piece)
                    piece = []
                }
                try exchange.write(piece)
                after = lines.last?.seq ?? after
                if !lines.isEmpty { continue }
                if !follows || isOver || coordinator.isStopping.withLock({ $0 }) { break }
                let isNew = journal.changes.wait(timeoutMilliseconds: Self.waitMilliseconds) {
                    $0 > mark ? true : nil
                }
                if isNew == nil { try exchange.write(JSONLines.line([:])) }
            }
            try exchange.end()
        } catch {
            // The reader left, or the journal cannot be read; cutting the stream says so.
            return
        }
    }

    private func logs(_ session: SessionRunner, _ query: [String: String], _ exchange: HTTPExchange)
        throws(ServiceError)
    {
        let agent = query["agent"] ?? ""
        guard let known = session.state.agents[agent] else {
            let names = session.state.agents.keys.sorted().joined(separator: ", ")
            throw ServiceError(
                "\(session.id) has no agent \(agent)", hint: "its agents are \(names)", code: "not_found",
                status: 404)
        }
        guard let instance = known.instance else {
            throw ServiceError(
                "\(agent) has no guest yet", hint: "try again in a moment", code: "not_found", status: 404)
        }
        do {
            try exchange.begin(200, headers: Self.ndjson)
            try coordinator.world.platform.logs(instance, after: 0, follow: query["follow"] == "true") {
                line in
                let json = (try? JSONCoding.encode(line)) ?? .null
                return (try? exchange.write(JSONLines.line(json))) != nil
            }
            try exchange.end()
        } catch {
            return
        }
    }
}
