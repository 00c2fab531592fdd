import Kit
import System
import Testing
import Wire

@testable import Canvas

/// The program of the canvas guest, between a browser and a coordinator that is a stand-in here.
@Suite(.serialized) struct CanvasServerTests {
    private static func serve(
        _ body: (HTTPAddress, String) throws -> Void
    ) throws {
        Signals.ignoreSIGPIPE()
        let directory = try Files.temporaryDirectory(prefix: "canvas-test-")
        defer { try? Files.removeTree(directory) }
        let behind = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        let coordinator = try HTTPServer(listener: behind) { request, exchange in
            if request.path.hasSuffix("/stream") {
                let socket = try WebSocketConnection.accept(exchange)
                while let message = try socket.receive() { try socket.send(message) }
                return
            }
            try exchange.respond(
                200,
                json: [
                    "path": .string(request.path), "token": request.bearerToken.map { .string($0) } ?? .null,
                    "body": .string(String(decoding: request.body, as: UTF8.self)),
                ])
        }
        coordinator.start()
        let front = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        let server = try CanvasServer.make(
            front, files: AppFiles(directory: directory),
            coordinator: .tcp("127.0.0.1", try Sockets.localPort(behind.raw)))
        server.start()
        defer {
            server.stop()
            coordinator.stop()
        }
        try body(.tcp("127.0.0.1", try Sockets.localPort(front.raw)), directory)
    }

    @Test func `files come from the guest, everything else from the coordinator`() throws {
        try Self.serve { address, directory in
            try Files.write("\(directory)/index.html", Array("<!doctype html>".utf8))
            let page = try HTTPClient.send(HTTPRequest("GET", "/session/s/canvas/"), to: address)
            #expect(page.body == Array("<!doctype html>".utf8))
            #expect(page.headers["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
            let read = try HTTPClient.send(
                HTTPRequest(
                    "GET", "/session/s/canvas/api/summary", headers: ["Authorization": "Bearer viewer"]),
                to: address)
            #expect(try read.json()["path"] == "/session/s/canvas/api/summary")
            #expect(try read.json()["token"] == "viewer")
            let command = try HTTPClient.send(
                HTTPRequest("POST", "/session/s/canvas/commands", json: ["a": 1]), to: address)
            #expect(try command.json()["body"] == #"{"a":1}"#)
            #expect(try HTTPClient.send(HTTPRequest("GET", "/coordinator/notes"), to: address).status == 404)
            #expect(try HTTPClient.send(HTTPRequest("GET", "/"), to: address).status == 404)
        }
    }

    @Test func `the stream goes through`() throws {
        try Self.serve { address, _ in
            let socket = try WebSocketConnection.connect(to: address, target: "/session/s/canvas/stream")
            try socket.send(.text("first"))
            #expect(try socket.receive(timeoutMilliseconds: 20_000) == .text("first"))
        }
    }

    @Test func `wrong words are a usage error`() {
        #expect(CanvasServer.main([]) == 64)
        #expect(CanvasServer.main(["/tmp", "nowhere"]) == 64)
    }
}
