import TestSupport
import Testing
import Wire

/// What a request parser makes of pieces, with neighbouring body events joined.
private func requests(_ pieces: [[UInt8]]) -> String {
    var parser = HTTPRequestParser()
    var text = ""
    do {
        // The last, empty piece brings out an error that waits behind events.
        for piece in pieces + [[]] {
            var events = try parser.receive(piece)
            while !events.isEmpty {
                var next: [HTTPEvent<HTTPRequest>] = []
                for event in events {
                    switch event {
                    case .head(let head):
                        text += "\(head.method) \(head.target)"
                        text += head.headers.fields.map { " [\($0.name)=\($0.value)]" }.joined() + " <"
                    case .body(let bytes): text += String(decoding: bytes, as: UTF8.self)
                    case .end:
                        text += ">\n"
                        next = try parser.startNext()
                    }
                }
                events = next
            }
        }
        return text + (parser.isBetweenMessages ? "" : "…")
    } catch {
        return text + "\(error.status)"
    }
}

private func responses(_ pieces: [[UInt8]], method: String = "GET", ends: Bool = false) -> String {
    var parser = HTTPResponseParser(answering: method)
    var text = ""
    func add(_ events: [HTTPEvent<HTTPResponse>]) {
        for event in events {
            switch event {
            case .head(let head): text += "\(head.status) <"
            case .body(let bytes): text += String(decoding: bytes, as: UTF8.self)
            case .end: text += ">"
            }
        }
    }
    do {
        for piece in pieces + [[]] { add(try parser.receive(piece)) }
        if ends { add(try parser.receiveEnd()) }
        return text + (parser.isBetweenMessages ? (parser.canReuse ? " keep" : " close") : "…")
    } catch {
        return text + "\(error.kind)"
    }
}

private func lines(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

@Suite struct HTTPRequestParserTests {
    @Test func `requests of all framings follow each other on a connection`() {
        let bytes = lines(
            """
            GET /a?b=c HTTP/1.1
            Host: h

            POST /p HTTP/1.1
            host:h
            Content-Length: 5
            X-Two:\t v 1 \t

            helloPOST /c HTTP/1.1
            Host: h
            Transfer-Encoding: chunked

            3
            one
            00A;ext=1
            0123456789
            0
            Trailer: x

            GET /last HTTP/1.0


            """)
        let expected = """
            GET /a?b=c [Host=h] <>
            POST /p [host=h] [Content-Length=5] [X-Two=v 1] <hello>
            POST /c [Host=h] [Transfer-Encoding=chunked] <one0123456789>
            GET /last <>

            """
        #expect(outcomesOfSplits(bytes, requests) == [expected])
        for length in 1..<bytes.count {
            let outcome = requests([Array(bytes[..<length])])
            let isComplete = !outcome.hasSuffix("…")
            #expect(expected.hasPrefix(outcome.replacing("…", with: "")))
            if isComplete { #expect(outcome.hasSuffix(">\n")) }
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\n\n", 400),  // no Host
        ("GET / HTTP/1.1\nHost: a\nHost: a\n\n", 400),
        ("GET  / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /\nHost: a\n\n", 400),
        ("GET / HTTP/2.0\nHost: a\n\n", 505),
        ("GET / http/1.1\nHost: a\n\n", 400),
        ("G(T / HTTP/1.1\nHost: a\n\n", 400),
        ("GET a HTTP/1.1\nHost: a\n\n", 400),
        ("CONNECT / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /a#b HTTP/1.1\nHost: a\n\n", 400),
        ("GET /%zz HTTP/1.1\nHost: a\n\n", 400),
        ("GET /%00 HTTP/1.1\nHost: a\n\n", 400),
        ("GET /%ff HTTP/1.1\nHost: a\n\n", 400),
        ("GET /a/../b HTTP/1.1\nHost: a\n\n", 400),
        ("GET /a/%2e%2E/b HTTP/1.1\nHost: a\n\n", 400),
        ("GET /a%2f..%2fb HTTP/1.1\nHost: a\n\n", 400),
        ("GET /é HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\n folded\n\n", 400),
        ("GET / HTTP/1.1\nHost : a\n\n", 400),
        ("GET / HTTP/1.1\n: a\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nno colon\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\u{1}\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 1\nTransfer-Encoding: chunked\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 1\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 1, 1\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: +1\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 0x1\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length:\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 9999999999999999999\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n", 501),
        ("GET / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n", 501),
        ("GET / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\n", 501),
        ("GET / HTTP/1.0\nTransfer-Encoding: chunked\n\n", 400),
        ("\nGET / HTTP/1.1\nHost: a\n\n", 400),
    ])
    func `a head that could be read in two ways is refused`(text: String, status: Int) {
        #expect(outcomesOfSplits(lines(text), requests) == ["\(status)"])
    }

    @Test(arguments: [
        "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
    ])
    func `lines end with both characters or not at all`(text: String) {
        #expect(outcomesOfSplits(Array(text.utf8), requests) == ["400"])
    }

    @Test(arguments: [
        "\n\n", "x\n", "-1\n", "+1\n", " 1\n", "1 \na\n", "0x1\n", "1\nab\n", "1\na0\n", "1234567890123456\n",
        "0\nbad trailer\n\n",
    ])
    func `a chunk that does not measure what it says is refused`(chunk: String) {
        let head = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
        for outcome in outcomesOfSplits(lines(head + chunk), requests) { #expect(outcome.hasSuffix("400")) }
    }

    @Test func `heads are limited in bytes and in lines`() {
        let many = (0..<128).map { "h\($0): v\n" }.joined()
        #expect(requests([lines("GET / HTTP/1.1\nHost: a\n\(many)\n")]) == "431")
        let long = String(repeating: "a", count: 65536)
        #expect(requests([lines("GET /\(long) HTTP/1.1\n")]) == "431")
        #expect(requests([lines("GET / HTTP/1.1\nHost: a\nx: \(long)\n\n")]) == "431")
        #expect(requests([lines("GET /" + long)]) == "431")
        let chunks = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
        #expect(requests([lines(chunks + "1;" + String(repeating: "e", count: 300))]).hasSuffix("431"))
        #expect(requests([lines(chunks + "0\n" + String(repeating: "a: b\n", count: 200))]).hasSuffix("431"))
    }

    @Test func `what follows an upgrade is left for the next protocol`() throws {
        var parser = HTTPRequestParser()
        let head = lines("GET /ws HTTP/1.1\nHost: a\nUpgrade: websocket\n\n")
        let events = try parser.receive(head + [0x81, 0x00])
        #expect(events.count == 2)
        #expect(events.last == .end)
        #expect(parser.takeRemaining() == [0x81, 0x00])
    }

    @Test func `an error stays`() {
        var parser = HTTPRequestParser()
        #expect(throws: HTTPError.self) { try parser.receive([0x0A]) }
        #expect(throws: HTTPError.self) { try parser.receive(lines("GET / HTTP/1.1\nHost: a\n\n")) }
    }

    @Test func `mutations never trap and never depend on how the bytes were cut`() {
        let corpus = lines(
            "POST /p HTTP/1.1\nHost: h\nContent-Length: 3\n\nabcPOST / HTTP/1.1\nHost: h\n"
                + "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n")
        var random = SeededRandom(seed: 5)
        for round in 0..<1500 {
            let bytes = random.mutate(corpus)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = requests([bytes])
            #expect(whole == requests(bytes.map { [$0] }), "seed 5, round \(round)")
            #expect(
                whole == requests([Array(bytes[..<cut]), Array(bytes[cut...])]), "seed 5, round \(round)")
        }
    }
}

@Suite struct HTTPResponseParserTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "GET", "200 <hi> keep"),
        ("HTTP/1.1 200\nContent-Length: 2\n\nhi", "GET", "200 <hi> keep"),
        ("HTTP/1.1 200 OK\nContent-Length: 2\nConnection: Close\n\nhi", "GET", "200 <hi> close"),
        ("HTTP/1.0 200 OK\nContent-Length: 2\n\nhi", "GET", "200 <hi> close"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n2\nhi\n0\n\n", "GET", "200 <hi> keep"),
        ("HTTP/1.1 204 No\n\n", "GET", "204 <> keep"),
        ("HTTP/1.1 304 No\nContent-Length: 9\n\n", "GET", "304 <> keep"),
        ("HTTP/1.1 200 OK\nContent-Length: 9\n\n", "HEAD", "200 <> keep"),
        (
            "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "PUT", "200 <> keep"
        ),
        ("HTTP/1.1 101 Switch\nUpgrade: x\n\n", "GET", "101 <> close"),
        ("HTTP/1.1 200 Established\n\n", "CONNECT", "200 <> close"),
    ])
    func `each framing ends where it says`(text: String, method: String, expected: String) {
        #expect(outcomesOfSplits(lines(text)) { responses($0, method: method) } == [expected])
        for length in 0..<lines(text).count {
            let outcome = responses([Array(lines(text)[..<length])], method: method, ends: true)
            #expect(outcome.hasSuffix("closed"), "\(length) bytes")
        }
    }

    @Test func `a body without a length ends with the connection`() {
        let bytes = lines("HTTP/1.1 200 OK\n\nall of it")
        #expect(outcomesOfSplits(bytes) { responses($0, ends: true) } == ["200 <all of it> close"])
        #expect(responses([bytes]).hasSuffix("…"))
    }

    @Test(arguments: [
        "HTTP/1.1 20 OK\n\n", "HTTP/1.1 2000 OK\n\n", "HTTP/1.1 0xx OK\n\n", "HTTP/1.1\n\n", "200 OK\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\n",
    ])
    func `what is no response is refused`(text: String) {
        #expect(outcomesOfSplits(lines(text)) { responses($0) } == ["malformed"])
    }

    @Test func `mutations never trap and never depend on how the bytes were cut`() {
        let corpus = lines("HTTP/1.1 100 C\n\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n")
        var random = SeededRandom(seed: 6)
        for round in 0..<1500 {
            let bytes = random.mutate(corpus)
            let whole = responses([bytes], ends: true)
            #expect(whole == responses(bytes.map { [$0] }, ends: true), "seed 6, round \(round)")
        }
    }
}

@Suite struct HTTPValueTests {
    @Test func `headers compare names without case and keep their order`() {
        var headers: HTTPHeaders = ["A": "1", "b": "2, X", "a": "3", "B": "y"]
        #expect(headers["B"] == "2, X")
        #expect(headers.all("A") == ["1", "3"])
        #expect(headers.tokens("B") == ["2", "x", "y"])
        headers["a"] = "4"
        #expect(headers.fields.map(\.name) == ["a", "b", "B"])
        headers["B"] = nil
        #expect(headers.fields.count == 1)
    }

    @Test func `a target has a path, segments and a query`() {
        let target = HTTPTarget("/v1/a%2Fb/c%20d?x=1&y=a+b%26&x=2&flag")
        #expect(target.path == "/v1/a/b/c d")
        #expect(target.segments == ["v1", "a/b", "c d"])
        #expect(target.query == ["x": "2", "y": "a b&", "flag": ""])
        #expect(HTTPTarget("http://h:80/p?q").authority == "h:80")
        #expect(HTTPTarget("http://h:80/p?q").path == "/p")
        #expect(HTTPTarget("h:443").authority == "h:443")
        #expect(HTTPTarget("/a b\r\nX: é").raw == "/a%20b%0D%0AX:%20%C3%A9")
        #expect(HTTPTarget("/x?u=http://h/").authority == nil)
    }

    @Test func `percent encoding round trips`() {
        let text = "a b/c?d=é&+%~-._"
        #expect(Percent.encode(text) == "a%20b%2Fc%3Fd%3D%C3%A9%26%2B%25~-._")
        #expect(Percent.decode(Percent.encode(text)) == text)
        #expect(Percent.decode("%2") == nil)
        #expect(Percent.decode("%g0") == nil)
        #expect(Percent.decode("a+b", plusIsSpace: true) == "a b")
    }

    @Test(
        arguments: [
            ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", nil), ("Bearer", nil),
            ("Bearer ", nil),
        ] as [(String, String?)])
    func `a bearer token is found`(value: String, token: String?) {
        #expect(Authorization.bearerToken(["authorization": value]) == token)
        #expect(Authorization.bearerToken(["Authorization": value, "authorization": value]) == nil)
    }
}
