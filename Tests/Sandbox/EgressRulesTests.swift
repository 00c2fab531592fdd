// Hosts and requests, as relay and proxy read them.
import Kit
import System
import TestSupport
import Testing

@Suite struct EgressRulesTests {
    @Test(arguments: [
        ("example.org", "example.org", 443, true), ("example.org", "example.org", 80, true),
        ("example.org", "example.org", 22, false), ("example.org", "a.example.org", 443, false),
        ("example.org", "example.org.evil.net", 443, false), ("example.org", "notexample.org", 443, false),
        ("*.example.org", "a.example.org", 443, true), ("*.example.org", "a.b.example.org", 443, true),
        ("*.example.org", "example.org", 443, false), ("*.example.org", "aexample.org", 443, false),
        ("*.example.org", ".example.org", 443, false), ("EXAMPLE.org", "example.org", 443, true),
        ("example.org:8443", "example.org", 8443, true), ("example.org:8443", "example.org", 443, false),
        ("example.org:*", "example.org", 22, true), ("127.0.0.1:9", "127.0.0.1", 9, true),
        ("[::1]:9", "::1", 9, true), ("localhost:9", "localhost", 9, true),
    ]) func `a pattern fits what it says and nothing else`(
        pattern: String, host: String, port: Int, fits: Bool
    ) throws {
        let pattern = try #require(HostPattern(pattern))
        #expect(pattern.matches(host, port: UInt16(port)) == fits)
    }

    @Test(arguments: [
        "*", "*.", "*.org", "", "a..b", ".a", "a.", "a/b", "a:b", "a:", "ex*.org", "[::1", "-:1:2",
    ])
    func `what is no pattern is none`(text: String) {
        #expect(HostPattern(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("10.1.2.3", true), ("172.16.0.1", true), ("172.32.0.1", false),
        ("192.168.1.1", true),
        ("169.254.169.254", true), ("100.64.0.1", true), ("0.0.0.0", true), ("224.0.0.1", true),
        ("8.8.8.8", false),
        ("::1", true), ("::", true), ("fe80::1", true), ("fd00::1", true), ("ff02::1", true),
        ("2001:4860::8888", false),
        ("::ffff:127.0.0.1", true), ("::ffff:8.8.8.8", false), ("64:ff9b::10.0.0.1", true),
        ("2002:7f00:1::", true),
    ]) func `an address of a private network is known in all its clothes`(text: String, isPrivate: Bool)
        throws
    {
        #expect(try #require(Address(text)).isPrivate == isPrivate)
    }

    private func read(_ text: String) -> ProxyRequestHead.Step {
        var head = ProxyRequestHead()
        return head.add(Array(text.utf8))
    }

    private func request(_ text: String) throws -> ProxyRequest {
        guard case .head(let request) = read(text) else {
            Issue.record("\(read(text))")
            throw CancellationError()
        }
        return request
    }

    @Test func `CONNECT is read, and passed on with our token instead of the caller's`() throws {
        let text =
            "CONNECT Example.ORG.:443 HTTP/1.1\r\nHost: example.org\r\nProxy-Authorization: Bearer "
            + "theirs\r\n\r\nrest"
        let request = try request(text)
        #expect(request.host == "example.org" && request.port == 443 && request.isTunnel)
        #expect(request.token == "theirs" && request.rest == Array("rest".utf8))
        let next = String(decoding: request.bytes(token: "ours"), as: UTF8.self)
        #expect(
            next
                == "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n"
                + "Proxy-Authorization: Bearer ours\r\n\r\nrest"
        )
        #expect(try self.request(next).token == "ours")
    }

    @Test(
        arguments: [
            ("Basic Y29kZXItMTp0MGtlbg==", "t0ken"), ("basic Y29kZXItMTp0MGtlbg", nil),
            ("Basic OnQ=", "t"),
            ("Basic Y29kZXItMQ==", nil), ("Basic Y29kZXItMTo=", nil), ("Basic !", nil), ("Basic", nil),
            ("Basic Y29kZXItMTp0MGtlbg== x", nil), ("Bearer t0ken", "t0ken"), ("Digest t0ken", nil),
        ] as [(String, String?)])
    func `the token comes as a bearer's or as a password, the form that a variable can carry`(
        header: String, token: String?
    ) throws {
        let text = "CONNECT a:443 HTTP/1.1\r\nProxy-Authorization: \(header)\r\n\r\n"
        #expect(try request(text).token == token)
    }

    @Test func `a plain request reaches the server without what is the proxy's business`() throws {
        let text =
            "GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\nProxy-Connection: x\r\n"
            + "Connection: keep-alive\r\n\r\n"
        let request = try request(text)
        #expect(request.target == "example.org:80" && request.path == "/a?b")
        #expect(
            String(decoding: request.origin, as: UTF8.self)
                == "GET /a?b HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
        #expect(try self.request("GET http://example.org:8080 HTTP/1.0\r\n\r\n").path == "/")
    }

    @Test(arguments: [
        ("http://allowed.example/p", "allowed.example"), ("http://allowed.example:80/p", "allowed.example"),
        ("http://allowed.example:8080/p", "allowed.example:8080"),
        ("http://[2001:db8::1]/p", "[2001:db8::1]"),
    ])
    func `the server is told the host that was allowed, whatever the client calls it`(
        url: String, host: String
    )
        throws
    {
        for named in ["Host: other.example", "Host: other.example\r\nhOsT: third.example", "HOST:", "A: b"] {
            let request = try request("GET \(url) HTTP/1.1\r\n\(named)\r\n\r\n")
            for bytes in [request.origin, request.bytes(token: "t")] {
                let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
                let hosts = lines.filter { $0.lowercased().hasPrefix("host:") }
                #expect(hosts == ["Host: \(host)"])
            }
        }
    }

    @Test(arguments: [
        "Transfer-Encoding: chunked\r\nContent-Length: 4", "Content-Length: 4\r\ntransfer-encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 5", "Content-Length: 4\r\nContent-Length: 4",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Connection: Content-Length\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
    ])
    func `a body whose length is said twice is refused`(headers: String) {
        guard case .refused(let reason) = read("POST http://a.example/ HTTP/1.1\r\n\(headers)\r\n\r\n") else {
            Issue.record("\(headers) was taken")
            return
        }
        #expect(reason.contains("length"))
    }

    @Test func `what a client marks as for one hop ends at the proxy`() throws {
        let request = try request(
            "GET http://a.example/ HTTP/1.1\r\nConnection: X-One, upgrade\r\n"
                + "X-One: 1\r\nUpgrade: h2c\r\nX-Two: 2\r\n\r\n"
        )
        #expect(request.headers.map(\.name) == ["X-Two"])
    }

    @Test(arguments: [
        "CONNECT example.org HTTP/1.1", "CONNECT example.org:0 HTTP/1.1",
        "CONNECT example.org:70000 HTTP/1.1",
        "CONNECT user@example.org:443 HTTP/1.1", "CONNECT a/b:443 HTTP/1.1", "CONNECT :443 HTTP/1.1",
        "CONNECT [::1:443 HTTP/1.1", "CONNECT [zz]:443 HTTP/1.1", "GET / HTTP/1.1", "GET ftp://a/ HTTP/1.1",
        "GET http://user:p@a/ HTTP/1.1", "GET http://a/ HTTP/2", "GET  http://a/ HTTP/1.1",
        "G T http://a/ HTTP/1.1",
        "CONNECT a:443 HTTP/1.1\r\n folded: x", "CONNECT a:443 HTTP/1.1\r\nno colon",
        "CONNECT a:443 HTTP/1.1\r\nA: b\nB: c", "CONNECT a:443 HTTP/1.1\r\nA b: c",
    ]) func `what is no request to a proxy is refused`(start: String) {
        guard case .refused = read(start + "\r\n\r\n") else {
            Issue.record("\(start) was taken: \(read(start + "\r\n\r\n"))")
            return
        }
    }

    @Test func `a head that is cut anywhere waits for more, in whatever pieces it comes`() {
        let text = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nUser-Agent: x\r\n\r\n"
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            var head = ProxyRequestHead()
            let first = head.add(Array(bytes[..<cut]))
            #expect(first == .more)
            guard case .head(let request) = head.add(Array(bytes[cut...])) else {
                Issue.record("cut at \(cut)")
                continue
            }
            #expect(request.target == "example.org:443")
        }
    }

    @Test func `a head has a limit`() {
        var head = ProxyRequestHead()
        let long = Array(repeating: UInt8(0x61), count: ProxyRequestHead.limit + 1)
        guard case .refused = head.add(long) else {
            Issue.record("it was taken")
            return
        }
    }

    @Test func `fuzz: a head is read or refused, and reads the same when passed on`() {
        let seed: UInt64 = 42
        var random = SeededRandom(seed: seed)
        let head =
            "GET http://example.org:81/a?b HTTP/1.1\r\nHost: example.org\r\nProxy-Authorization: Bearer "
            + "x\r\nA: b\r\n\r\n"
        let start = Array(head.utf8)
        for round in 0..<5000 {
            var bytes = start
            for _ in 0...random.below(4) {
                let index = random.below(bytes.count)
                bytes[index] =
                    random.below(2) == 0 ? UInt8(random.below(256)) : start[random.below(start.count)]
            }
            var head = ProxyRequestHead()
            guard case .head(let request) = head.add(bytes) else { continue }
            var next = ProxyRequestHead()
            guard case .head(let again) = next.add(request.bytes(token: "t")) else {
                Issue.record("seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))")
                continue
            }
            #expect(again.target == request.target && again.token == "t", "seed \(seed), round \(round)")
        }
    }
}
