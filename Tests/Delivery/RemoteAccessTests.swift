import System
import Testing

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
