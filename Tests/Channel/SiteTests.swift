import Glibc
import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Channel

/// What other pages, names and people try.
@Suite(.serialized) struct SiteTests {
    private static let uuid = "1f0c8f1e-6f0a-4e2c-9d57-0d1c2b3a4f5e"
    private static let commands = "/session/s-1/canvas/commands"

    private func post(
        _ fixture: Fixture, _ json: JSON, token: String? = Fixture.token, _ more: HTTPHeaders = [:]
    )
        throws -> HTTPResponse
    {
        var request = HTTPRequest("POST", Self.commands, json: json)
        for field in more.fields { request.headers[field.name] = field.value }
        return try fixture.send(request, token: token)
    }

    @Test func `a command arrives as it was meant`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let approve: JSON = [
            "id": .string(Self.uuid), "type": "approve", "basedOn": ["seq": 4, "digest": "abc"],
        ]
        #expect(try post(fixture, approve).status == 200)
        #expect(
            fixture.commands.withLock { $0 } == [
                CanvasCommand(id: Self.uuid, action: .approve, basis: .init(seq: 4, digest: "abc"))
            ])
        let action: JSON = [
            "id": .string(Self.uuid), "type": "action", "surfaceId": "coder-1/main", "name": "go",
            "sourceComponentId": "b1", "context": ["n": 1],
        ]
        #expect(try post(fixture, action).status == 200)
        #expect(
            fixture.commands.withLock { $0.last?.action }
                == .surface(surface: "coder-1/main", name: "go", source: "b1", context: ["n": 1]))
    }

    @Test func `a stale command says what is true now`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(3)
        let answer = try post(
            fixture,
            ["id": .string(Self.uuid), "type": "approve", "basedOn": ["seq": 1, "digest": "old"]])
        #expect(answer.status == 409)
        #expect(try answer.json()["head"] == 3)
        #expect(try answer.json()["tree"] == "new")
    }

    @Test(
        arguments: [
            [:], ["id": "x", "type": "pause"], ["id": "12345678", "type": "explode"],
            ["id": "12345678", "type": "message", "to": "all"], ["id": "../../etc", "type": "pause"],
            ["id": "12345678", "type": "approve", "basedOn": ["seq": "1", "digest": "a"]],
            ["id": "12345678", "type": "comment", "file": "a", "text": "b", "line": 0], [1],
            [
                "id": "12345678", "type": "action", "surfaceId": "a/b", "name": "n", "sourceComponentId": "c",
                "context": 3,
            ],
        ] as [JSON]) func `a command that is none is refused with 400`(_ json: JSON) throws
    {
        let fixture = try Fixture()
        defer { fixture.stop() }
        #expect(try post(fixture, json).status == 400)
        #expect(fixture.commands.withLock { $0.isEmpty })
    }

    @Test func `no token, a wrong one, and one for looking cannot steer`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let pause: JSON = ["id": .string(Self.uuid), "type": "pause"]
        #expect(try post(fixture, pause, token: nil).status == 401)
        #expect(try post(fixture, pause, token: "coder-1.00").status == 401)
        #expect(try post(fixture, pause, token: Fixture.viewToken).status == 403)
        #expect(
            try fixture.send(HTTPRequest("GET", "/session/s-1/canvas/api/summary"), token: nil).status == 401)
        let seen = try fixture.send(
            HTTPRequest("GET", "/session/s-1/canvas/api/summary"), token: Fixture.viewToken)
        #expect(seen.status == 200)
        let inQuery = HTTPRequest("GET", "/session/s-1/canvas/api/summary?token=\(Fixture.token)")
        #expect(try fixture.send(inQuery, token: nil).status == 401)
        #expect(fixture.commands.withLock { $0.isEmpty })
    }

    @Test(arguments: [
        ("Origin", "http://evil.example"), ("Origin", "null"), ("Origin", "https://127.0.0.1"),
        ("Origin", "http://127.0.0.1:1"), ("Host", "evil.example"), ("Host", "rebind.example:80"),
        ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Host", "127.0.0.1"),
    ]) func `requests of other pages and under other names do nothing`(_ name: String, _ value: String) throws
    {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let pause: JSON = ["id": .string(Self.uuid), "type": "pause"]
        let answer = try post(fixture, pause, [name: value])
        #expect([403, 421].contains(answer.status))
        #expect(fixture.commands.withLock { $0.isEmpty })
        #expect(throws: HTTPError.self) { _ = try fixture.connect(headers: [name: value]) }
    }

    @Test func `the page's own origin is let in, and a form is not`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let pause: JSON = ["id": .string(Self.uuid), "type": "pause"]
        let own: HTTPHeaders = [
            "Origin": "http://127.0.0.1:\(fixture.port)", "Sec-Fetch-Site": "same-origin",
        ]
        #expect(try post(fixture, pause, own).status == 200)
        #expect(try post(fixture, pause, ["Content-Type": "text/plain"]).status == 415)
        _ = try fixture.connect(headers: ["Origin": "http://127.0.0.1:\(fixture.port)"])
    }

    @Test func `pages are locked in, and only plain names are files`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let folder = "\(fixture.directory)/canvas"
        let page = "<!doctype html><style>body{margin:0}</style><script src=\"app.js\"></script>"
        try Files.write("\(folder)/index.html", Array(page.utf8))
        try Files.write("\(folder)/app.js", Array("1".utf8))
        try Files.write("\(folder)/app.js.gz", Array("packed".utf8))
        try Files.write("\(fixture.directory)/secret.txt", Array("no".utf8))
        let bare = try fixture.send(HTTPRequest("GET", "/session/s-1/canvas"), token: nil)
        #expect(bare.status == 308)
        #expect(bare.headers["Location"] == "/session/s-1/canvas/")
        let answer = try fixture.send(HTTPRequest("GET", "/session/s-1/canvas/"), token: nil)
        let policy = answer.headers["Content-Security-Policy"] ?? ""
        #expect(answer.status == 200)
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self' 'sha256-"))
        #expect(policy.contains(Base64.encode(Digest.sha256(Array("body{margin:0}".utf8)))))
        for part in ["connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
        {
            #expect(policy.contains(part))
        }
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
        let script = try fixture.send(HTTPRequest("GET", "/session/s-1/canvas/app.js"), token: nil)
        #expect(script.body == Array("1".utf8))
        let packed = try fixture.send(
            HTTPRequest("GET", "/session/s-1/canvas/app.js", headers: ["Accept-Encoding": "gzip"]), token: nil
        )
        #expect(packed.headers["Content-Encoding"] == "gzip")
        let tag: HTTPHeaders = ["If-None-Match": script.headers["ETag"] ?? ""]
        let again = try fixture.send(
            HTTPRequest("GET", "/session/s-1/canvas/app.js", headers: tag), token: nil)
        #expect(again.status == 304)
        for name in [
            "..%2Fsecret.txt", "%2e%2e%2fsecret.txt", ".hidden.js", "app.exe", "nothing.js", "a%00.js",
        ] {
            let refused = try fixture.send(HTTPRequest("GET", "/session/s-1/canvas/\(name)"), token: nil)
            #expect([400, 404].contains(refused.status), "\(name)")
        }
    }

    @Test func `a session that is not there, and one without an app, say so`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        #expect(try fixture.send(HTTPRequest("GET", "/session/other/canvas/api/summary")).status == 404)
        #expect(throws: HTTPError.self) { _ = try fixture.connect("/session/other/canvas/stream") }
        let page = try fixture.send(HTTPRequest("GET", "/session/s-1/canvas/"), token: nil)
        #expect(page.status == 503)
        #expect(String(decoding: page.body, as: UTF8.self).contains("openclaw kit install"))
        #expect(try fixture.send(HTTPRequest("GET", "/")).status == 404)
    }
}
