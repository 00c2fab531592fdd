import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Delivery

@Suite struct RepositoryAddressTests {
    @Test(arguments: [
        (".", ".", nil, nil), (".#main", ".", "main", nil),
        (".#main:services/api", ".", "main", "services/api"),
        (".#:docs", ".", nil, "docs"), ("github.com/a/b#v2", "github.com/a/b", "v2", nil),
        ("git@host:a/b#x:y", "git@host:a/b", "x", "y"), ("/a#b#c", "/a#b", "c", nil), ("#x", "#x", nil, nil),
        (".#", ".", nil, nil), (".#a:b:c", ".", "a", "b:c"),
    ])
    func `an address is a place, a revision and a directory`(
        text: String, place: String, ref: String?, directory: String?
    ) {
        let address = RepositoryAddress(text)
        #expect((address.place, address.ref, address.subdirectory) == (place, ref, directory))
    }

    @Test func `a directory whose name has the mark in it is a place`() {
        #expect(RepositoryAddress("/a#b") { $0 == "/a#b" } == RepositoryAddress(place: "/a#b"))
    }

    @Test(arguments: [
        ("docs", "docs"), ("/services//api/", "services/api"), ("..", nil), ("a/../b", nil), ("./a", nil),
        ("a/.git/hooks", nil), ("a/.GIT", nil), ("", nil), ("/", nil), ("a\nb", nil), (":(glob)x", nil),
    ])
    func `a directory leads nowhere else`(text: String, plain: String?) {
        #expect(RepositoryAddress.plain(text) == plain)
    }
}

@Suite struct RemoteAccessTests {
    @Test(arguments: [
        ("https://host/a/b", "host", "a/b"), ("https://me@host:8443/a", "host:8443", "a"),
        ("http://127.0.0.1:80/a", "127.0.0.1:80", "a"), ("http://localhost/a", "localhost", "a"),
    ])
    func `credentials are for https, and for this machine`(url: String, host: String, path: String) throws {
        let place = try #require(WebPlace(url))
        #expect(place.host == host && place.path == path)
        let setting = try #require(RemoteCredential(user: "u", secret: "s").settings(place).first)
        #expect(setting.0 == "http.\(place.scheme)://\(host)/.extraHeader")
        #expect(setting.1 == "Authorization: Basic dTpz")
    }

    @Test(arguments: [
        "http://host/a", "ssh://host/a", "file:///a", "git@host:a", "https:///a",
        "http://127.0.0.1.evil.test/",
        "https://host/a\nhost=evil.test", "http://localhost.evil.test/a",
    ])
    func `no other remote gets any`(url: String) { #expect(WebPlace(url) == nil) }

    @Test func `an address with a password is refused without repeating it`() {
        let error = #expect(throws: DeliveryError.self) {
            try RemoteAccess.check("https://ann:hunter2@host/a")
        }
        #expect(error.map { !"\($0)".contains("hunter2") } == true)
        #expect(throws: Never.self) { try RemoteAccess.check("https://ann@host/a") }
        #expect(throws: Never.self) { try RemoteAccess.check("git@host:a/b") }
    }

    @Test func `a token is for its kind of forge`() throws {
        let tokens = ForgeTokens(["GITHUB_TOKEN": "hub", "GITLAB_TOKEN": "lab", "GITEA_TOKEN": ""])
        #expect(tokens.token(for: .github) == "hub" && tokens.token(for: .gitlab) == "lab")
        let unknown = try #require(WebPlace("https://git.acme.test/a/b"))
        // One that nobody knows is asked about with the helpers alone.
        #expect(ForgeCredential.sources(unknown, tokens).count == 1)
        let known = ForgeTokens(["GITEA_TOKEN": "tea"], provider: .gitea)
        let first = try #require(ForgeCredential.sources(unknown, known).first)
        #expect(first() == RemoteCredential(user: "x-access-token", secret: "tea"))
    }

    @Test(arguments: [
        "fatal: could not read Username for 'https://h': terminal prompts disabled",
        "fatal: Authentication failed for 'https://h/'",
        "fatal: unable to access 'https://h/': The requested URL returned error: 403",
        "remote: Repository not found.",
    ])
    func `what a server says to strangers is understood`(complaint: String) {
        #expect(RemoteAccess.wantsCredentials(complaint))
        #expect(
            !RemoteAccess.wantsCredentials("fatal: unable to access 'https://h/': Could not resolve host: h"))
    }
}

/// What git says to servers on loopback.
@Suite struct RemoteExchangeTests {
    private static func serve(
        _ answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) throws -> (server: HTTPServer, port: UInt16, seen: Mutex<[HTTPRequest]>.Box) {
        let seen = Mutex<[HTTPRequest]>.Box([])
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        let port = try Sockets.localPort(listener.raw)
        let server = try HTTPServer(
            listener: listener, name: "remote", report: { _, _ in },
            handler: { request, exchange in
                seen.value.withLock { $0.append(request) }
                try exchange.respond(answer(request))
            })
        server.start()
        return (server, port, seen)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a credential follows no redirect, and the new address is told`(status: Int) throws {
        Signals.ignoreSIGPIPE()
        let (other, otherPort, atOther) = try Self.serve { _ in
            HTTPResponse(status: 404, body: Array("no".utf8))
        }
        defer { other.stop() }
        let target = "http://me:word@localhost:\(otherPort)/acme/moved.git"
        let (first, port, atFirst) = try Self.serve { request in
            guard request.headers["authorization"] != nil else {
                return HTTPResponse(status: 401, headers: ["WWW-Authenticate": "Basic realm=\"x\""], body: [])
            }
            return HTTPResponse(
                status: status, headers: ["Location": "\(target)/info/refs?service=git-upload-pack"])
        }
        defer { first.stop() }
        let url = "http://127.0.0.1:\(port)/acme/widgets.git"
        let tokens = ForgeTokens(["GITHUB_TOKEN": "canary-token"], provider: .github)
        do {
            _ = try SourceRepository.inspect(spec: url, tokens: tokens)
            Issue.record("it was followed")
        } catch {
            #expect(error.reason.contains("http://localhost:\(otherPort)/acme/moved.git;"), "\(error)")
            #expect(error.hint.contains("--repo http://localhost:\(otherPort)/acme/moved.git"))
            #expect(!"\(error)".contains("canary") && !"\(error)".contains("word"))
        }
        #expect(atOther.value.withLock { $0.count } == 0)
        #expect(atFirst.value.withLock { $0.contains { $0.headers["authorization"] != nil } })
    }

    @Test func `the person's proxy is asked, and what a repository names is not`() throws {
        Signals.ignoreSIGPIPE()
        let (persons, port, seen) = try Self.serve { _ in HTTPResponse(status: 404, body: Array("no".utf8)) }
        let (foreign, foreignPort, never) = try Self.serve { _ in
            HTTPResponse(status: 404, body: Array("no".utf8))
        }
        defer {
            persons.stop()
            foreign.stop()
        }
        let fixture = try Fixture()
        for (key, value) in [
            ("http.proxy", "http://127.0.0.1:\(foreignPort)"),
            ("core.sshCommand", "touch \(fixture.directory)/ran"),
            ("url.ext::touch x.insteadOf", "http://code."),
        ] { try fixture.git(["config", key, value], in: fixture.source) }
        try Person.has(
            "[http]\n\tproxy = http://127.0.0.1:\(port)\n[url \"http://code.example/\"]\n\tinsteadOf = co:\n",
            in: fixture)
        let access = RemoteAccess("co:acme/widgets", ForgeTokens(), home: fixture.source)
        _ = try access.attempt(Git(nil), ["ls-remote", "--", "co:acme/widgets"], timeoutMilliseconds: 30_000)
        #expect(
            seen.value.withLock { $0.map(\.target.raw) }.first?.contains("code.example/acme/widgets") == true)
        #expect(never.value.withLock { $0.isEmpty })
        #expect(!Files.exists("\(fixture.directory)/ran"))
    }

    @Test(arguments: [
        ("<= Recv header: Location: https://h/a/b.git/info/refs?service=x\r\n", "https://h/a/b.git"),
        ("15:0 http.c:1 <= Recv header: location: /c/d\n", "http://was/c/d"),
        ("<= Recv header: Location: nonsense\n", nil), ("", nil),
    ])
    func `a new address is read from what curl tells`(trace: String, address: String?) throws {
        let place = try #require(WebPlace("http://127.0.0.1/x"))
        let expected = address.map { $0.hasPrefix("http://was") ? "http://127.0.0.1/c/d" : $0 }
        #expect(RemoteAccess.newAddress(in: trace, place) == expected)
    }
}
