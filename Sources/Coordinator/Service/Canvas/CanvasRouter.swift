import Channel
import Core
import Kit
import Platform
import System
import Wire

/// Brings browsers to the canvas guest of their session, which is woken when they come and sleeps when they
/// are gone. A session that is over has no guests; its page comes from the coordinator itself.
struct CanvasRouter: Sendable {
    private let coordinator: Coordinator
    private let site: CanvasSite
    private let router: ServeRouter

    /// The name of the guest in its session; no agent has it, since theirs are a role and a number.
    static let name = "canvas"
    /// A page that is asked for waits so long before it is told that the guest wakes.
    private static let pageMilliseconds = 400
    /// A socket or a command is held until the guest is there.
    private static let holdMilliseconds = 30_000

    init(_ coordinator: Coordinator, _ site: CanvasSite) {
        (self.coordinator, self.site) = (coordinator, site)
        let world = coordinator.world
        router = ServeRouter(world.platform, patience: Self.patience, log: world.log)
    }

    /// `OPENCLAW_CANVAS_IDLE` is "SECONDS,SECONDS": until it is paused, and from then until it is ended.
    private static var patience: ServePolicy.Patience {
        let numbers = (Environment.get("OPENCLAW_CANVAS_IDLE") ?? "").split(separator: ",").compactMap {
            Int64($0)
        }
        guard numbers.count == 2, numbers.allSatisfy({ (0...86_400).contains($0) }) else {
            return ServePolicy.Patience()
        }
        return ServePolicy.Patience(pause: numbers[0] * 1000, end: numbers[1] * 1000)
    }

    /// The guest of a session; nil when the session has none.
    private func app(of id: String) -> ServeRouter.App? {
        guard let session = coordinator.find(id) else { return nil }
        let state = session.state
        guard !state.phase.isOver, let configuration = state.configuration else { return nil }
        // A kit of an older version has no such program.
        guard Files.exists("\(coordinator.home.kit)/guest/openclaw-canvas") else { return nil }
        let request = InstanceRequest(
            app: .init(
                id: "\(id)/\(Self.name)/1", sessionID: id, agentID: Self.name,
                coordinatorURL: EffectRunner.coordinatorURL),
            policy: "serve", group: id,
            command: [
                "/openclaw/bin/openclaw-canvas", "/openclaw/bin/canvas", "openclaw-coordinator:9090",
            ],
            runAs: "root", isolation: configuration.isolation)
        return ServeRouter.App(request: request, host: Self.name)
    }

    /// Answers one request of a browser; its origin was checked.
    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(HTTPError) {
        let segments = request.target.segments
        guard segments.count >= 3, segments[0] == "session", let app = app(of: segments[1]) else {
            return try site.answer(request, exchange, door: .guest)
        }
        let isPage = segments.count == 3 && request.method == "GET"
        do throws(HTTPError) {
            let isServed: Bool? = try router.withGuest(
                app, patienceMilliseconds: isPage ? Self.pageMilliseconds : Self.holdMilliseconds
            ) { (address) throws(HTTPError) in
                try HTTPRelay.forward(request, exchange, to: address, adding: Self.mark)
                return true
            }
            if isServed == nil { try exchange.respond(Self.loading) }
        } catch {
            guard !exchange.hasAnswered else { return }
            // Somebody who wants to approve should not have to wait for a guest to be repaired.
            coordinator.world.log("canvas: \(error); the coordinator answers itself")
            try site.answer(request, exchange, door: .guest)
        }
    }

    /// Says that the answer came from the guest.
    private static let mark: HTTPHeaders = ["X-OpenClaw-Served-By": "guest"]

    /// Comes back by itself; the browser keeps what is behind the `#`.
    private static var loading: HTTPResponse {
        let text = """
            <!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
            <title>OpenClaw: waking</title><p role="status">The canvas of this session wakes up.</p></html>
            """
        var response = HTTPResponse(status: 200, headers: AppFiles.headers, body: Array(text.utf8))
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        response.headers["Cache-Control"] = "no-store"
        return response
    }
}
