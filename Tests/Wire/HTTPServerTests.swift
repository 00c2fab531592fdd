import Kit
import Synchronization
import System
import Testing
import Wire

private func run(_ arguments: [String], stdin: String = "") throws -> String {
    let outcome = try Spawn.run(
        Spawn.Command(arguments, stdin: .bytes(Array(stdin.utf8)), timeoutMilliseconds: 10_000))
    return outcome.status.isSuccess ? outcome.stdoutText : "\(outcome.status): \(outcome.stderrText)"
}

@Suite struct HTTPServerTests {
    @Test func `curl gets an answer, also to a large body for which it asks first`() throws {
        let test = try TestServer { request, exchange in
            if request.path == "/count" {
                return try exchange.respond(200, json: ["bytes": JSON(request.body.count)])
            }
            try TestServer.echo(request, exchange)
        }
        let url = "http://127.0.0.1:\(test.port)"
        let answer = try run([
            "curl", "-sS", "-X", "PUT", "-d", "hi", "-H", "Authorization: Bearer t", "\(url)/a%20b?x=1",
        ])
        #expect(
            try JSON.parse(answer) == [
                "method": "PUT", "path": "/a b", "query": ["x": "1"], "body": "hi", "token": "t",
            ])
        let body = String(repeating: "x", count: 2 << 20)
        #expect(
            try run(
                ["curl", "-sS", "-H", "Expect: 100-continue", "--data-binary", "@-", "\(url)/count"],
                stdin: body)
                == #"{"bytes":2097152}"#)
        #expect(
            try run(
                ["curl", "-sS", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", "\(url)/count"],
                stdin: body) == #"{"bytes":2097152}"#)
        // Two requests over one connection; the second of them HEAD.
        let two = try run(["curl", "-sS", "-w", "%{num_connects} ", "\(url)/", "--next", "-sSI", "\(url)/"])
        #expect(two.contains("Content-Length: "))
    }

    @Test func `Python keeps its connection over requests and reads chunks`() throws {
        let test = try TestServer { request, exchange in
            guard request.path == "/stream" else { return try TestServer.echo(request, exchange) }
            try exchange.begin(200, headers: ["Content-Type": "text/plain"])
            for piece in ["one ", "", "two ", "three"] { try exchange.write(Array(piece.utf8)) }
            try exchange.end()
        }
        let script = """
            import http.client, json
            c = http.client.HTTPConnection("127.0.0.1", \(test.port), timeout=5)
            c.request("POST", "/x", body=b"abc")
            first = json.load(c.getresponse()); s = c.sock
            c.request("HEAD", "/stream"); h = c.getresponse(); h.read()
            c.request("GET", "/stream"); r = c.getresponse(); text = r.read().decode()
            chunked = {"Transfer-Encoding": "chunked"}
            c.request("POST", "/y", body=iter([b"d", b"ef"]), encode_chunked=True, headers=chunked)
            last = json.load(c.getresponse())
            print(first["body"], text, last["body"], h.status, c.sock is s)
            """
        #expect(try run(["python3", "-c", script]) == "abc one two three def 200 True\n")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "), ("x\r\n\r\n", "HTTP/1.1 400 "),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", "HTTP/1.1 417 "),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 "),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
            "HTTP/1.1 413 "
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "),
        ("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /throw HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 500 "),
        ("GET /refuse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 422 "),
        ("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 500 "),
        ("GET /twice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /inject HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 500 "),
    ])
    func `every request gets its status and the connection ends`(request: String, start: String) throws {
        struct Odd: Error {}
        var limits = HTTPServer.Limits()
        limits.bodyBytes = 10
        let test = try TestServer(limits: limits) { request, exchange in
            switch request.path {
            case "/throw": throw Odd()
            case "/refuse": throw HTTPError(.misuse, "no", status: 422)
            case "/silent": return
            case "/twice":
                try exchange.respond(200, json: 1)
                try exchange.respond(200, json: 2)
            case "/inject": try exchange.respond(HTTPResponse(status: 200, headers: ["X": "a\r\nY: b"]))
            default: try TestServer.echo(request, exchange)
            }
        }
        let answer = try test.exchange(request)
        #expect(answer.hasPrefix(start))
        #expect(answer.contains("Connection: close\r\n"))
        #expect(answer.components(of: "HTTP/1.1 ") == 1)
    }

    @Test func `requests that were sent in advance are answered in order`() throws {
        let test = try TestServer(handler: TestServer.echo)
        let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        let answer = try test.exchange(
            one + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
                + "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let paths = ["/1", "/2", "/3"].compactMap { answer.firstRange(of: "\"path\":\"\($0)\"")?.lowerBound }
        #expect(paths.count == 3)
        #expect(paths == paths.sorted())
    }

    @Test func `an answer that breaks off does not look whole`() throws {
        struct Odd: Error {}
        let test = try TestServer { _, exchange in
            try exchange.begin(200)
            try exchange.write([0x61])
            throw Odd()
        }
        let answer = try test.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.hasSuffix("1\r\na\r\n"))
        let error = #expect(throws: HTTPError.self) {
            try HTTPClient.send(HTTPRequest("GET", "/"), to: test.address)
        }
        #expect(error?.kind == .closed)
    }

    @Test func `a handler can read a body as it comes`() throws {
        let test = try TestServer(bodyPlan: { _ in .stream }) { request, exchange in
            if request.path == "/ignore" { return try exchange.respond(200, json: "ignored") }
            var stream = SHA256Stream()
            while case let bytes = try exchange.readBody(), !bytes.isEmpty { stream.update(bytes) }
            try exchange.respond(200, json: .string(stream.hexDigest()))
        }
        let body = (0..<20_000_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        let connection = HTTPConnection(test.address)
        let answer = try connection.send(HTTPRequest("POST", "/", body: body))
        #expect(try answer.json() == .string(Digest.sha256Hex(body)))
        // A body that nobody read is skipped when it is short; the connection goes on.
        for _ in 0..<2 {
            let ignored = try connection.send(HTTPRequest("POST", "/ignore", body: Array(body[..<1000])))
            #expect(try ignored.json() == "ignored")
        }
        #expect(test.server.connectionCount == 1)
    }

    @Test func `connections over the limit are told so`() throws {
        var limits = HTTPServer.Limits()
        limits.connections = 1
        let test = try TestServer(limits: limits, handler: TestServer.echo)
        let first = HTTPConnection(test.address)
        #expect(try first.send(HTTPRequest("GET", "/")).status == 200)
        #expect(try HTTPClient.send(HTTPRequest("GET", "/"), to: test.address).status == 503)
        #expect(try first.send(HTTPRequest("GET", "/")).status == 200)
    }

    @Test func `slow clients are cut off`() throws {
        var limits = HTTPServer.Limits()
        limits.headMilliseconds = 50
        limits.idleMilliseconds = 50
        limits.writeMilliseconds = 50
        limits.bodyMilliseconds = 50
        let test = try TestServer(limits: limits) { _, exchange in
            try exchange.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 32 << 20)))
        }
        #expect(try test.exchange("") == "")
        #expect(try test.exchange("GET / HT").hasPrefix("HTTP/1.1 408 "))
        #expect(
            try test.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx").hasPrefix(
                "HTTP/1.1 408 "))
        let idle = try test.connect()
        try Sockets.send(idle.raw, Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        let report = test.reports.texts.wait(timeoutMilliseconds: 5000) { texts in
            texts.first { $0.contains("takes nothing") }
        }
        #expect(report != nil)
    }

    @Test func `a handler sees that its client left`() throws {
        let gone = Condition(false)
        let test = try TestServer { _, exchange in
            try exchange.begin(200)
            try exchange.write([0x61])
            while !exchange.peerIsGone {
                _ = try IO.waitReadable(exchange.rawDescriptor, timeoutMilliseconds: 10)
            }
            gone.withLock { $0 = true }
        }
        _ = try HTTPClient.send(HTTPRequest("GET", "/"), to: test.address, onBody: { _ in false })
        #expect(gone.wait(timeoutMilliseconds: 5000) { $0 ? true : nil } == true)
    }

    @Test func `stopping wakes everyone and leaves the listener to its owner`() throws {
        let entered = Condition(0)
        let test = try TestServer { _, exchange in
            entered.withLock { $0 += 1 }
            try exchange.begin(200)
            while !exchange.peerIsGone {
                _ = try IO.waitReadable(exchange.rawDescriptor, timeoutMilliseconds: 1000)
            }
        }
        let idle = try test.connect()
        let client = Worker.start("client") {
            _ = try? HTTPClient.send(HTTPRequest("GET", "/"), to: test.address)
        }
        _ = entered.wait(timeoutMilliseconds: 5000) { $0 > 0 ? true : nil }
        test.server.stop()
        test.server.stop()
        #expect(test.server.waitUntilStopped(timeoutMilliseconds: 5000))
        client.join()
        idle.close()
        // The next server takes over the same socket.
        let next = try HTTPServer(listener: test.listener, handler: TestServer.echo)
        next.start()
        #expect(try HTTPClient.send(HTTPRequest("GET", "/"), to: test.address).status == 200)
        next.stop()
        #expect(next.waitUntilStopped(timeoutMilliseconds: 5000))
    }
}

extension String {
    func components(of text: String) -> Int { ranges(of: text).count }
}
