import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Delivery

/// A forge in memory that fails as it is told to, before or after the deed.
private final class FakeForge: Forge {
    enum Fault: CaseIterable { case none, before, after, limited, exists }

    struct State {
        var pulls: [ForgePull] = []
        var faults: [Fault]
        var labels: Set<String> = []
    }

    let state: Mutex<State>

    init(_ faults: [Fault]) { state = Mutex(State(faults: faults)) }

    /// The next fault; what was wished happens unless it comes before.
    private func meet(_ deed: @Sendable (inout State) -> Void) throws(ForgeError) {
        let fault = state.withLock { $0.faults.isEmpty ? .none : $0.faults.removeFirst() }
        switch fault {
        case .none: state.withLock { deed(&$0) }
        case .before: throw ForgeError(.unavailable, "502")
        case .after:
            state.withLock { deed(&$0) }
            throw ForgeError(.unavailable, "cut")
        case .limited: throw ForgeError(.limited(milliseconds: 1), "secondary rate limit")
        case .exists: throw ForgeError(.invalid, "422")
        }
    }

    func find(branch: String) throws(ForgeError) -> ForgePull? { state.withLock { $0.pulls.last } }

    func open(_ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        try meet { state in
            state.pulls.append(
                ForgePull(
                    number: state.pulls.count + 1, url: "u", state: .open, isDraft: wish.isDraft, commit: "c")
            )
        }
        guard let pull = state.withLock({ $0.pulls.last }) else { throw ForgeError(.strange, "none") }
        return pull
    }

    func update(_ pull: ForgePull, _ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        var pull = pull
        pull.isDraft = wish.isDraft
        state.withLock { $0.pulls[pull.number - 1] = pull }
        return pull
    }

    func decorate(_ pull: ForgePull, labels: [String], reviewers: [String]) throws(ForgeError) {
        state.withLock { $0.labels.formUnion(labels) }
    }

    func merge(_ pull: ForgePull, commit: String) throws(ForgeError) {
        try meet { $0.pulls[pull.number - 1].state = .merged }
    }

    func checks(of commit: String) throws(ForgeError) -> ForgeChecks {
        ForgeChecks(isComplete: true, count: 0, failures: [])
    }

    func issue(_ number: Int) throws(ForgeError) -> ForgeIssue {
        ForgeIssue(title: "T", text: String(repeating: "x", count: 100_000), comments: ["a: b"])
    }
}

@Suite struct ForgeTests {
    private static let wish = ForgeWish(
        branch: "openclaw/s", base: "main", title: "T", text: "x", isDraft: false)

    @Test
    func `whatever fails in whatever order, and however often it is begun anew, there is one pull request`()
        throws
    {
        // All sequences of four faults.
        let faults = FakeForge.Fault.allCases
        for first in faults {
            for second in faults {
                for third in faults {
                    for fourth in faults {
                        let forge = FakeForge([first, second, third, fourth])
                        var pull: ForgePull?
                        // A coordinator that is started again begins from the start.
                        for _ in 0..<6 where pull == nil {
                            pull = try? PullRequests(forge).put(
                                Self.wish, commit: "c", labels: ["bot"], reviewers: [])
                        }
                        let state = forge.state.withLock { $0 }
                        #expect(
                            state.pulls.count == 1 && pull?.state == .open,
                            "\([first, second, third, fourth])")
                        #expect(state.labels == ["bot"])
                    }
                }
            }
        }
    }

    @Test func `a merge whose answer was lost is known to have happened`() throws {
        let forge = FakeForge([])
        let pull = try PullRequests(forge).put(Self.wish, commit: "c", labels: [], reviewers: [])
        forge.state.withLock { $0.faults = [.after] }
        try PullRequests(forge).merge(pull, commit: "c", branch: "openclaw/s")
        #expect(throws: DeliveryError.self) {
            let other = FakeForge([.none, .before])
            let pull = try PullRequests(other).put(Self.wish, commit: "c", labels: [], reviewers: [])
            try PullRequests(other).merge(pull, commit: "c", branch: "openclaw/s")
        }
    }

    @Test func `a pull request that somebody closed is not opened behind his back`() throws {
        let forge = FakeForge([])
        _ = try PullRequests(forge).put(Self.wish, commit: "c", labels: [], reviewers: [])
        forge.state.withLock { $0.pulls[0].state = .closed }
        #expect(throws: DeliveryError.self) {
            try PullRequests(forge).put(Self.wish, commit: "c", labels: [], reviewers: [])
        }
        forge.state.withLock { $0.pulls[0].state = .merged }
        #expect(
            try PullRequests(forge).put(Self.wish, commit: "c", labels: [], reviewers: []).state == .merged)
        // It goes on after that was merged: a new one.
        #expect(try PullRequests(forge).put(Self.wish, commit: "d", labels: [], reviewers: []).number == 2)
    }

    @Test(arguments: [
        (
            "https://github.com/acme/widgets", ForgePlace.Provider.github, "acme/widgets",
            "https://api.github.com"
        ),
        ("https://github.com/acme/widgets.git/", .github, "acme/widgets", "https://api.github.com"),
        ("git@github.com:acme/widgets.git", .github, "acme/widgets", "https://api.github.com"),
        (
            "ssh://git@github.acme.test:2222/acme/widgets", .github, "acme/widgets",
            "https://github.acme.test/api/v3"
        ),
        ("github.com/acme/widgets", .github, "acme/widgets", "https://api.github.com"),
        ("https://user:secret@gitlab.com/a/b/c.git", .gitlab, "a/b/c", "https://gitlab.com/api/v4"),
        ("https://codeberg.org/acme/widgets", .gitea, "acme/widgets", "https://codeberg.org/api/v1"),
    ])
    func `the forge is told by the address`(
        address: String, provider: ForgePlace.Provider, path: String, api: String
    ) throws {
        let place = try ForgePlace(remote: address)
        #expect(place.provider == provider && place.path == path && place.api == api)
        #expect(!place.host.contains("secret"))
    }

    @Test(arguments: ["https://git.acme.test/a/b", "/home/me/project", "https://github.com/acme", "", "::::"])
    func `an address that tells nothing is refused with a way out`(address: String) {
        #expect(throws: DeliveryError.self) { try ForgePlace(remote: address) }
        #expect(throws: DeliveryError.self) {
            try ForgePlace(remote: "https://git.acme.test/a/b", provider: "github", api: "http://evil.test")
        }
    }

    @Test func `the page of a branch is the repository and the branch`() {
        let page = SourceRepository.page("https://github.com/acme/widgets/tree/feature/x?tab=readme")
        #expect(page.url == "https://github.com/acme/widgets" && page.branch == "feature/x")
        #expect(SourceRepository.page("https://gitlab.com/a/b/-/tree/main").url == "https://gitlab.com/a/b")
        #expect(SourceRepository.page("https://github.com/acme/tree").branch == nil)
    }

    @Test func `what the agents do not have of a repository is said`() throws {
        let fixture = try Fixture([
            ".gitmodules": "[submodule \"x\"]\n", "media/.gitattributes": "*.png filter=lfs\n", "a": "a",
        ])
        let plain = try Fixture()
        let (large, small) = (try fixture.create(), try plain.create())
        let (some, none) = (try large.limits(), try small.limits())
        #expect(some.count == 2)
        #expect(none.isEmpty)
        // A fixture takes its files along when it goes.
        withExtendedLifetime((fixture, plain)) {}
    }

    @Test func `words of models notify nobody and are no markup`() {
        var text = PullRequestText(
            session: "s", task: "Fix @octocat's #12\nmore", summary: "<script>@all", cost: "$1.00", tree: "t",
            journalHead: "7:ab")
        text.steps = [.init(task: "t1", title: "a | b", agent: "coder-1", commit: "0123456789abcdef")]
        text.evidence = [String(repeating: "é", count: 100_000)]
        text.template = "## Checklist"
        #expect(text.title == "Fix @ octocat's # 12")
        #expect(!text.markdown.contains("<script") && !text.markdown.contains("@all"))
        #expect(text.markdown.contains("a \\| b") && text.markdown.count < 65_536)
        text.evidence = ["green"]
        #expect(text.markdown.hasSuffix("## Checklist"))
    }

    @Test func `an issue is a task of bounded length, with its comments`() throws {
        let task = try PullRequests(FakeForge([])).task(issue: 1).text
        #expect(task.hasPrefix("T\n\nxxx") && task.utf8.count < 50_000)
    }
}

/// The client against a server that answers what it is told to.
@Suite struct ForgeClientTests {
    private static func serve(_ answers: [HTTPResponse]) throws -> (
        server: HTTPServer, port: UInt16, seen: Mutex<[String]>.Box
    ) {
        let seen = Mutex<[String]>.Box([])
        let left = Mutex<[HTTPResponse]>.Box(answers)
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        let port = try Sockets.localPort(listener.raw)
        let server = try HTTPServer(
            listener: listener, name: "forge", report: { _, _ in },
            handler: { request, exchange in
                seen.value.withLock { $0.append("\(request.method) \(request.path)") }
                let answer = left.value.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
                try exchange.respond(answer)
            })
        server.start()
        return (server, port, seen)
    }

    private static func answer(_ status: Int, _ json: JSON, _ headers: HTTPHeaders = [:]) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, json: json)
    }

    @Test func `limits are waited for as long as the forge says, and other refusals are not repeated`() throws
    {
        let (server, port, seen) = try Self.serve([
            Self.answer(403, ["message": "You have exceeded a secondary rate limit"], ["Retry-After": "7"]),
            Self.answer(429, ["message": "slow down"], ["Retry-After": "9"]), Self.answer(502, [:]),
            Self.answer(200, ["ok": true]),
        ])
        defer { server.stop() }
        let waits = Mutex<[Int]>.Box([])
        var client = ForgeClient(
            api: "http://127.0.0.1:\(port)", authorization: ("Authorization", "Bearer x"))
        client.pause = { milliseconds in waits.value.withLock { $0.append(milliseconds) } }
        #expect(try client.send("GET", "/x")["ok"] == true)
        #expect(waits.value.withLock { $0 } == [7000, 9000, 2000])
        #expect(seen.value.withLock { $0.count } == 4)
    }

    @Test(arguments: [
        "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e300", "0", "", "x",
    ])
    func `a limit with any number is waited for within bounds`(number: String) throws {
        for name in ["X-RateLimit-Reset", "Retry-After"] {
            let headers: HTTPHeaders = ["X-RateLimit-Remaining": "0", name: number]
            let (server, port, _) = try Self.serve([
                Self.answer(403, ["message": "secondary rate limit"], headers),
                Self.answer(200, ["ok": true]),
            ])
            defer { server.stop() }
            let waits = Mutex<[Int]>.Box([])
            var client = ForgeClient(api: "http://127.0.0.1:\(port)", authorization: nil)
            client.limits.waitMilliseconds = .max
            client.pause = { milliseconds in waits.value.withLock { $0.append(milliseconds) } }
            #expect(try client.send("GET", "/x")["ok"] == true)
            #expect(waits.value.withLock { $0.allSatisfy { (0...86_401_000).contains($0) } })
        }
    }

    @Test(arguments: [
        (401, ForgeError.Kind.unauthorized), (403, .forbidden), (404, .notFound), (409, .conflict),
        (422, .invalid), (302, .strange),
    ])
    func `a refusal is told from another and is not tried again`(status: Int, kind: ForgeError.Kind) throws {
        let (server, port, seen) = try Self.serve([
            Self.answer(status, ["message": "no", "errors": [["message": "because"]]])
        ])
        defer { server.stop() }
        let client = ForgeClient(api: "http://127.0.0.1:\(port)", authorization: nil)
        do throws(ForgeError) {
            try client.send("POST", "/x", [:], isRepeatable: false)
            Issue.record("\(status) passes")
        } catch {
            #expect(error.kind == kind && error.message.contains("because"))
        }
        #expect(seen.value.withLock { $0.count } == 1)
    }

    @Test func `what must not be done twice is not repeated when its end is unknown`() throws {
        let (server, port, seen) = try Self.serve([Self.answer(500, [:])])
        defer { server.stop() }
        let client = ForgeClient(api: "http://127.0.0.1:\(port)", authorization: nil)
        #expect(throws: ForgeError.self) { try client.send("POST", "/pulls", [:], isRepeatable: false) }
        #expect(seen.value.withLock { $0.count } == 1)
    }

    @Test func `an answer without end is cut`() throws {
        let (server, port, _) = try Self.serve([
            Self.answer(200, .string(String(repeating: "x", count: 5000)))
        ])
        defer { server.stop() }
        var client = ForgeClient(api: "http://127.0.0.1:\(port)", authorization: nil)
        client.limits.answerBytes = 1000
        #expect(throws: ForgeError.self) { try client.send("GET", "/x") }
    }
}

extension Mutex where Value: Sendable {
    /// A mutex that closures share.
    final class Box: Sendable {
        let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }
    }
}
