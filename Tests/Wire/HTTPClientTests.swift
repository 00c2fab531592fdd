import Kit
import Synchronization
import System
import Testing
import Wire

@Suite struct HTTPClientTests {
    @Test func `Python's server is understood, with bodies that end with the connection`() throws {
        let directory = try Files.temporaryDirectory(prefix: "wire-client-")
        defer { try? Files.removeTree(directory) }
        try Files.write("\(directory)/hello.txt", Array("hello".utf8))
        let script = """
            import http.server, sys
            class H(http.server.SimpleHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    self.send_response(201); self.end_headers(); self.wfile.write(body[::-1])
                def log_message(self, *a): pass
            s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
            print(s.server_port, flush=True); s.serve_forever()
            """
        let child = try Spawn.start(
            Spawn.Command(
                ["python3", "-c", script], workingDirectory: directory, stdout: .pipe, stderr: .null))
        defer {
            try? child.killGroup(9)
            _ = try? child.wait()
        }
        let stdout = try #require(child.stdout)
        let line = try #require(try IO.readWithTimeout(stdout.raw, timeoutMilliseconds: 10_000))
        let port = try #require(UInt16(String(decoding: line, as: UTF8.self).filter(\.isNumber)))
        let address = HTTPAddress.tcp("127.0.0.1", port)
        let file = try HTTPClient.send(HTTPRequest("GET", "/hello.txt"), to: address)
        #expect(file.status == 200)
        #expect(file.headers["content-type"] == "text/plain")
        #expect(file.body == Array("hello".utf8))
        #expect(try HTTPClient.send(HTTPRequest("HEAD", "/hello.txt"), to: address).body == [])
        #expect(try HTTPClient.send(HTTPRequest("GET", "/none"), to: address).status == 404)
        let reversed = try HTTPClient.send(HTTPRequest("POST", "/", body: Array("abc".utf8)), to: address)
        #expect(reversed.status == 201)
        #expect(reversed.body == Array("cba".utf8))
    }

    @Test func `a Unix socket carries a descriptor with an answer`() throws {
        let directory = try Files.temporaryDirectory(prefix: "wire-unix-")
        defer { try? Files.removeTree(directory) }
        let path = "\(directory)/s.sock"
        let server = try HTTPServer(listener: SharedDescriptor(try Sockets.listenUnix(path))) {
            request, exchange in
            let (reader, writer) = try IO.pipe().split()
            try IO.writeAll(writer.raw, Array("through the pipe".utf8))
            let passed = request.path == "/fd" ? reader.raw : nil
            try exchange.respond(HTTPResponse(status: 200, json: [:]), passing: passed)
        }
        server.start()
        defer { server.stop() }
        let answer = try HTTPClient.send(HTTPRequest("POST", "/fd"), to: .unix(path))
        let descriptor = try #require(answer.descriptor)
        #expect(try IO.readAll(descriptor.raw) == Array("through the pipe".utf8))
        #expect(try HTTPClient.send(HTTPRequest("POST", "/none"), to: .unix(path)).descriptor == nil)
    }

    @Test func `a stream is given piece by piece and errors are collected`() throws {
        let test = try TestServer { request, exchange in
            if request.path == "/error" {
                return try exchange.respond(.error(409, code: "busy", message: "m", hint: "h"))
            }
            try exchange.begin(200)
            for number in 0..<100 { try exchange.write(Array("\(number)\n".utf8)) }
            try exchange.end()
        }
        let connection = HTTPConnection(test.address)
        var body: [UInt8] = []
        let answer = try connection.send(HTTPRequest("GET", "/")) { piece in
            body += piece
            return true
        }
        #expect(answer.body == [])
        #expect(body.split(separator: 0x0A).count == 100)
        let refused = try connection.send(HTTPRequest("GET", "/error")) { _ in true }
        #expect(try refused.json()["error"] == ["code": "busy", "message": "m", "hint": "h"])
        #expect(test.server.connectionCount == 1)
    }

    @Test func `a kept connection that the server closed is replaced`() throws {
        var limits = HTTPServer.Limits()
        limits.idleMilliseconds = 1
        let test = try TestServer(limits: limits, handler: TestServer.echo)
        let connection = HTTPConnection(test.address)
        for _ in 0..<20 { #expect(try connection.send(HTTPRequest("POST", "/")).status == 200) }
    }

    @Test func `errors name the request and the address`() throws {
        let error = #expect(throws: HTTPError.self) {
            try HTTPClient.send(HTTPRequest("GET", "/v1/x"), to: .unix("/nonexistent/s.sock"))
        }
        #expect(error?.description.contains("unix:/nonexistent/s.sock") == true)
        #expect(error?.system?.name == "ENOENT")
        let gate = Condition(false)
        let test = try TestServer { _, _ in _ = gate.wait(timeoutMilliseconds: 5000) { $0 ? true : nil } }
        let late = #expect(throws: HTTPError.self) {
            try HTTPClient.send(HTTPRequest("GET", "/slow"), to: test.address, timeoutMilliseconds: 30)
        }
        #expect(late?.kind == .timeout)
        #expect(late?.description.contains("GET /slow at 127.0.0.1:") == true)
        gate.withLock { $0 = true }
    }

    @Test func `closing a client ends what it waits for`() throws {
        let started = Condition(false)
        let test = try TestServer { _, exchange in
            try exchange.begin(200)
            try exchange.write([1])
            while !exchange.peerIsGone {
                _ = try IO.waitReadable(exchange.rawDescriptor, timeoutMilliseconds: 1000)
            }
        }
        let connection = HTTPConnection(test.address)
        let outcome = Condition<String?>(nil)
        let worker = Worker.start("follow") {
            do throws(HTTPError) {
                _ = try connection.send(HTTPRequest("GET", "/")) { _ in
                    started.withLock { $0 = true }
                    return true
                }
                outcome.withLock { $0 = "ended" }
            } catch {
                outcome.withLock { $0 = "\(error.kind)" }
            }
        }
        _ = started.wait(timeoutMilliseconds: 5000) { $0 ? true : nil }
        connection.close()
        worker.join()
        #expect(outcome.withLock { $0 } == "closed")
    }

    @Test func `an answer over the limit is refused`() throws {
        let test = try TestServer { _, exchange in
            try exchange.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 1000)))
        }
        let error = #expect(throws: HTTPError.self) {
            try HTTPClient.send(HTTPRequest("GET", "/"), to: test.address, maxBodyBytes: 999)
        }
        #expect(error?.kind == .tooLarge)
    }

    @Test func `a WebSocket opens, echoes and closes over real sockets`() throws {
        let test = try TestServer { _, exchange in
            let socket = try WebSocketConnection.accept(exchange)
            while let message = try socket.receive(timeoutMilliseconds: 5000) { try socket.send(message) }
        }
        let socket = try WebSocketConnection.connect(to: test.address, target: "/ws")
        for message in [.text("héllo"), .binary([UInt8](repeating: 7, count: 300_000)), .text("")]
            as [WebSocketMessage]
        {
            try socket.send(message)
            #expect(try socket.receive(timeoutMilliseconds: 5000) == message)
        }
        let silent = #expect(throws: HTTPError.self) { try socket.receive(timeoutMilliseconds: 10) }
        #expect(silent?.kind == .timeout)
        try socket.close(code: 1000, reason: "done")
        #expect(try socket.receive(timeoutMilliseconds: 5000) == nil)
        #expect(socket.end?.code == 1000)
        let refused = try HTTPClient.send(HTTPRequest("GET", "/ws"), to: test.address)
        #expect(refused.status == 426)
    }
}
