// What the coordinator, and peers with its leave, may ask of this guest.
import Kit
import System
import Wire

/// The harness on port 8700: tasks and messages for the agent. The coordinator shows the agent's own token,
/// a peer a grant that the coordinator made from it.
struct HTTPFace: Sendable {
    static let port: UInt16 = 8700
    let session: Session

    func start() throws(HarnessError) {
        let address = Environment.get("AEGIS_HARNESS_LISTEN") ?? "0.0.0.0:\(Self.port)"
        let colon = address.lastIndex(of: ":") ?? address.endIndex
        let port = UInt16(address[colon...].dropFirst()) ?? Self.port
        let (mailbox, session) = (session.mailbox, session)
        let artifacts = ArtifactServer(store: session.artifacts) { session.token }
        try attempt("listen on \(address)") { () throws(SystemError) in
            let listener = try Sockets.listenTCP(String(address[..<colon]), port: port).shared()
            let server = try HTTPServer(
                listener: listener, name: "face",
                report: { error, _ in mailbox.log("harness HTTP: \(error)") },
                handler: { request, exchange in
                    if request.path.hasPrefix(ArtifactServer.path) {
                        try artifacts.answer(request, exchange)
                    } else if request.path == ShellDesk.path {
                        try session.shell.answer(request, exchange, session)
                    } else {
                        try exchange.respond(answer(request))
                    }
                })
            session.keep(listener)
            session.keep(server)
            // What the platform or a test that chose port 0 needs to know.
            mailbox.post(
                .notify(
                    method: "listening", params: ["port": JSON(Int(try Sockets.localPort(listener.raw)))]))
            server.start()
        }
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        if request.path.hasPrefix(SharedLanguages.path) {
            return session.languages.answer(request, session: session)
        }
        if let look = peerLook(request) { return look }
        guard let token = session.token, let shown = request.bearerToken, Self.areEqual(token, shown) else {
            return .error(
                401, code: "unauthorized",
                message: "\(request.method) \(request.path) needs the agent's token")
        }
        if request.method == "GET", request.path == "/health" {
            return HTTPResponse(
                status: 200,
                json: session.health(
                    dropped: 0, orphans: 0, agentAlive: session.state.withLock { $0.agent != nil }))
        }
        guard request.method == "POST" else { return missing(request) }
        let body: JSON
        do throws(HTTPError) { body = try request.json() } catch {
            return .error(400, code: "invalid_json", message: "\(error)")
        }
        switch request.path {
        case "/tasks/accept": return accept(body)
        case "/tasks/cancel":
            guard let task = body["task"]?.stringValue else {
                return .error(400, code: "invalid_task", message: "task is the id of a task")
            }
            let wasWorking = session.state.withLock { $0.book.cancel(task) }
            return HTTPResponse(status: 200, json: ["working": JSON(wasWorking)])
        case "/messages":
            session.state.withLock { $0.book.post(body) }
            return HTTPResponse(status: 202, json: [:])
        default: return missing(request)
        }
    }

    /// What a peer may know: that the guest answers, and how its agent gets on.
    private func peerLook(_ request: HTTPRequest) -> HTTPResponse? {
        guard request.method == "GET", request.path == "/health", let token = session.token,
            let shown = request.bearerToken,
            PeerGrant.check(shown, owner: token, use: .health, now: Clock.wallMilliseconds()) != nil
        else { return nil }
        let health = session.state.withLock { state -> JSON in
            [
                "status": "ok", "agent_alive": JSON(state.agent != nil),
                "progress_age_ms": JSON(state.clock.age(now: Supervisor.now)),
            ]
        }
        return HTTPResponse(status: 200, json: health)
    }

    private func accept(_ body: JSON) -> HTTPResponse {
        let taken = session.state.withLock { state -> Result<Bool, TaskBook.Refusal> in
            do throws(TaskBook.Refusal) {
                return .success(try state.book.accept(body["task"] ?? .null))
            } catch {
                return .failure(error)
            }
        }
        switch taken {
        case .success(let isNew):
            return HTTPResponse(status: 202, json: ["accepted": true, "new": JSON(isNew)])
        case .failure(.noID): return .error(400, code: "invalid_task", message: "a task has an id")
        case .failure(.full):
            return .error(
                429, code: "busy", message: "\(Limits.waitingTasks) tasks wait already",
                hint: "cancel some of them")
        }
    }

    private func missing(_ request: HTTPRequest) -> HTTPResponse {
        .error(404, code: "not_found", message: "there is no \(request.method) \(request.path)")
    }

    /// Takes the same time wherever two tokens of one length differ, so that nobody guesses one byte by byte.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(into: UInt8(0)) { $0 |= $1.0 ^ $1.1 } == 0
    }
}
