import Kit
import Synchronization
import System
import Wire

/// A server on a port of its own that ends with the test.
final class TestServer: Sendable {
    let server: HTTPServer
    let listener: SharedDescriptor
    let port: UInt16
    /// What the server reported.
    let reports: ReportList

    final class ReportList: Sendable {
        let texts = Condition<[String]>([])
    }

    init(
        limits: HTTPServer.Limits = HTTPServer.Limits(),
        bodyPlan: (@Sendable (HTTPRequest) -> HTTPServer.BodyPlan)? = nil,
        handler: @escaping HTTPServer.Handler
    ) throws {
        Signals.ignoreSIGPIPE()
        listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        let list = ReportList()
        reports = list
        server = try HTTPServer(
            listener: listener, name: "test", limits: limits, bodyPlan: bodyPlan,
            report: { error, _ in list.texts.withLock { $0.append("\(error)") } }, handler: handler)
        server.start()
    }

    deinit { server.stop() }

    var address: HTTPAddress { .tcp("127.0.0.1", port) }

    func connect() throws -> SharedDescriptor {
        SharedDescriptor(try Sockets.connectTCP("127.0.0.1", port: port))
    }

    /// Sends raw bytes and returns everything until the server closes.
    func exchange(_ text: String) throws -> String {
        let socket = try connect()
        try Sockets.send(socket.raw, Array(text.utf8))
        try Sockets.setReceiveTimeout(socket.raw, milliseconds: 5000)
        return String(decoding: try IO.readAll(socket.raw), as: UTF8.self)
    }

    /// Echoes what was asked, as JSON.
    static func echo(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        try exchange.respond(
            200,
            json: [
                "method": .string(request.method), "path": .string(request.path),
                "query": .object(request.query.mapValues { .string($0) }),
                "body": .string(String(decoding: request.body, as: UTF8.self)),
                "token": request.bearerToken.map { .string($0) } ?? .null,
            ])
    }
}
