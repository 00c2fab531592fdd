import Channel
import Kit
import System
import Wire

/// The coordinator's address for browsers: loopback only, everything by token.
final class CanvasListener: Sendable {
    let port: UInt16
    let site: CanvasSite
    private let server: HTTPServer

    /// Listens on the port of last time, so that pages that are open find the coordinator again.
    init(home: Home, site: CanvasSite, log: @escaping @Sendable (String) -> Void) throws {
        let remembered = try? Files.readText(home.canvasPort, limit: 16)
        let wanted = Environment.get("OPENCLAW_CANVAS_PORT") ?? remembered
        let listener = try CanvasListener.listen(UInt16(wanted?.filter(\.isNumber) ?? "") ?? 0, log: log)
        let port = try Sockets.localPort(listener.raw)
        if remembered != "\(port)" { try Files.writeAtomically(home.canvasPort, Array("\(port)".utf8)) }
        var limits = HTTPServer.Limits()
        limits.connections = 1024
        server = try HTTPServer(
            listener: listener, name: "canvas", limits: limits, bodyPlan: { _ in CanvasSite.bodyPlan },
            report: { error, _ in log("canvas: \(error)") },
            handler: { request, exchange in
                try site.answer(request, exchange, door: .loopback(port: port))
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
