import Channel
import Kit
import Synchronization
import System
import Wire

/// The coordinator's address for browsers: loopback only, everything by token.
final class CanvasListener: Sendable {
    let port: UInt16
    let site: CanvasSite
    private let server: HTTPServer

    /// Listens on the port of last time, so that pages that are open find the coordinator again.
    init(_ coordinator: Coordinator, _ site: CanvasSite, log: @escaping @Sendable (String) -> Void) throws {
        let home = coordinator.home
        let remembered = try? Files.readText(home.canvasPort, limit: 16)
        let wanted = Environment.get("OPENCLAW_CANVAS_PORT") ?? remembered
        let listener = try CanvasListener.listen(UInt16(wanted?.filter(\.isNumber) ?? "") ?? 0, log: log)
        let port = try Sockets.localPort(listener.raw)
        if remembered != "\(port)" { try Files.writeAtomically(home.canvasPort, Array("\(port)".utf8)) }
        let router = CanvasRouter(coordinator, site)
        let guardian = OriginGuard(port: port)
        var limits = HTTPServer.Limits()
        limits.connections = 1024
        server = try HTTPServer(
            listener: listener, name: "canvas", limits: limits, bodyPlan: { _ in CanvasSite.bodyPlan },
            report: { error, _ in log("canvas: \(error)") },
            handler: { request, exchange in
                if let response = Self.decision(request, coordinator) {
                    return try exchange.respond(response)
                }
                if let refusal = guardian.refusal(of: request) {
                    return try exchange.respond(refusal.response)
                }
                try router.answer(request, exchange)
            })
        (self.port, self.site) = (port, site)
        server.start()
    }

    private static func listen(
        _ port: UInt16, log: @Sendable (String) -> Void
    ) throws(SystemError) -> SharedDescriptor {
        do throws(SystemError) {
            return SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: port))
        } catch {
            guard port != 0 else { throw error }
            log("canvas: port \(port) is taken; using another")
            return SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        }
    }

    /// The answer to a signed decision of a webhook; nil for everything else.
    private static func decision(_ request: HTTPRequest, _ coordinator: Coordinator) -> HTTPResponse? {
        let segments = request.target.segments
        guard request.method == "POST", segments.count == 5, segments[0] == "session",
            Array(segments[2...]) == ["canvas", "hooks", "decision"]
        else { return nil }
        guard let webhook = coordinator.world.webhook, let session = coordinator.find(segments[1]) else {
            return .error(404, code: "not_found", message: "there is no webhook, or no such session")
        }
        return webhook.decide(request, session)
    }

    /// The address to open. The token is behind the `#`: a browser sends that to nobody.
    func address(of session: SessionRunner, _ authority: Authority) -> String {
        let token = RunnerChannel(session: session).token(authority) ?? ""
        return "http://127.0.0.1:\(port)/session/\(session.id)/canvas/#token=\(token)"
    }

    func stop() {
        site.close()
        pause(milliseconds: 50)
        server.stop()
    }
}

/// Where the guest API finds the site; there is none before the coordinator serves.
final class CanvasDoor: Sendable {
    private let held = Mutex<CanvasSite?>(nil)

    var site: CanvasSite? { held.withLock { $0 } }
    func open(_ site: CanvasSite) { held.withLock { $0 = site } }
}
