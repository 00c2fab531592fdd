import Kit
import System
import Testing

@testable import Wire

@Suite(.serialized) struct RelayTests {
    private func relay(to server: TestServer) throws -> TestServer {
        let address = server.address
        return try TestServer { request, exchange in
            try HTTPRelay.forward(request, exchange, to: address, adding: ["X-Relay": "yes"])
        }
    }

    @Test func `a request arrives as it was sent, and its answer too`() throws {
        let server = try TestServer { request, exchange in try TestServer.echo(request, exchange) }
        let relay = try relay(to: server)
        let answer = try HTTPClient.send(
            HTTPRequest(
                "POST", "/a/b%20c?d=%C3%A9", headers: ["Authorization": "Bearer t"], body: Array("hello".utf8)
            ),
            to: relay.address)
        #expect(answer.status == 200)
        #expect(answer.headers["X-Relay"] == "yes")
        #expect(try answer.json()["path"] == "/a/b c")
        #expect(try answer.json()["query"]?["d"] == "é")
        #expect(try answer.json()["body"] == "hello")
        #expect(try answer.json()["token"] == "t")
    }

    @Test func `a WebSocket goes through, in both directions and to its end`() throws {
        let server = try TestServer { _, exchange in
            let socket = try WebSocketConnection.accept(exchange)
            while let message = try socket.receive() { try socket.send(message) }
        }
        let relay = try relay(to: server)
        let socket = try WebSocketConnection.connect(to: relay.address, target: "/stream")
        let text = String(repeating: "☃", count: 200_000)
        for message in [WebSocketMessage.text("a"), .text(text), .binary([0, 255])] {
            try socket.send(message)
            #expect(try socket.receive(timeoutMilliseconds: 20_000) == message)
        }
        try socket.close()
        #expect(try socket.receive() == nil)
        #expect(socket.end?.code == 1000)
    }

    @Test func `a refused WebSocket is refused with the same words`() throws {
        let server = try TestServer { _, exchange in
            try exchange.respond(.error(403, code: "no", message: "not you"))
        }
        let relay = try relay(to: server)
        do {
            _ = try WebSocketConnection.connect(to: relay.address, target: "/stream")
            Issue.record("it was opened")
        } catch {
            #expect("\(error)".contains("403"))
        }
    }

    @Test func `when either side breaks, the other learns of it`() throws {
        let ended = Condition(false)
        let server = try TestServer { _, exchange in
            let socket = try WebSocketConnection.accept(exchange)
            _ = try? socket.receive()
            ended.withLock { $0 = true }
        }
        let relay = try relay(to: server)
        let socket = try WebSocketConnection.connect(to: relay.address, target: "/")
        socket.interrupt()
        #expect(ended.wait(timeoutMilliseconds: 20_000) { $0 ? true : nil } == true)
        let other = try WebSocketConnection.connect(to: relay.address, target: "/")
        server.server.stop()
        #expect(try other.receive(timeoutMilliseconds: 20_000) == nil)
    }

    @Test func `a server that is not there is an error before anything is answered`() throws {
        let relay = try TestServer { request, exchange in
            do throws(HTTPError) {
                try HTTPRelay.forward(request, exchange, to: .tcp("127.0.0.1", 1))
            } catch {
                try exchange.respond(502, json: ["tried": true])
            }
        }
        #expect(try HTTPClient.send(HTTPRequest("GET", "/"), to: relay.address).status == 502)
    }
}
