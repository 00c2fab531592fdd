// What a policy says, and what it refuses to say.
import Kit
import TestSupport
import Testing

@Suite struct PolicyTests {
    private func role(_ more: String = "", workspace: String = "clone") throws -> Role {
        try Role.parse(
            "name: x\nprompt: p\ntools: [bash]\nworkspace: \(workspace)\n\(more)", source: "x.yaml")
    }

    private func problems(_ more: String) -> [String] {
        do throws(RoleError) {
            _ = try Role.parse("name: x\nprompt: p\ntools: [bash]\n\(more)", source: "x.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `a policy survives its own JSON`() throws {
        let policy = GuestDocument.policy(
            of: try role("egress: [example.org, '*.example.net']"), agent: "coder-1")
        #expect(try SandboxPolicy.parse(policy.json) == policy)
    }

    @Test func `a coder writes its clone, and neither git's own files nor what runs elsewhere`() throws {
        let policy = GuestDocument.policy(of: try role(), agent: "coder-1")
        let home = "/workspace/agents/coder-1"
        #expect(policy.views.filter { $0.mode != .readOnly }.map(\.target) == [home])
        for name in [".git/config", ".git/hooks", ".github/workflows", ".vscode", ".envrc"] {
            #expect(policy.protected.contains("\(home)/\(name)"))
        }
        #expect(policy.network == .none && policy.egress.isEmpty)
    }

    @Test(arguments: ["read-only", "none"]) func `who does not write has no writable view`(workspace: String)
        throws
    {
        let policy = GuestDocument.policy(of: try role(workspace: workspace), agent: "a-1")
        #expect(policy.views.allSatisfy { $0.mode == .readOnly })
        #expect(policy.views.isEmpty == (workspace == "none"))
    }

    @Test func `a role with hosts has one door, and without hosts none`() throws {
        let policy = GuestDocument.policy(of: try role("egress: [example.org]"), agent: "a-1")
        #expect(policy.network == .proxy && policy.egress == ["example.org"])
        #expect(policy.environment["HTTPS_PROXY"] == "http://127.0.0.1:3128")
        #expect(policy.proxyToken.isEmpty)
    }

    @Test func `a role may open files that others protect`() throws {
        let policy = GuestDocument.policy(of: try role("sandbox: {protect: []}"), agent: "a-1")
        #expect(policy.protected.allSatisfy { $0.contains("/.git/") })
        #expect(!problems("sandbox: {protect: [../x]}").isEmpty)
        #expect(!problems("sandbox: {protect: [/etc]}").isEmpty)
        #expect(!problems("sandbox: {protect: yes}").isEmpty)
    }

    @Test(arguments: [
        "*", "*.org", "http://example.org", "a b", "exa mple.org", "example.org:0", "example.org:99999", "",
    ])
    func `a host that is none is refused where it stands`(host: String) {
        #expect(problems("egress: ['\(host)']").count == 1)
    }

    @Test(arguments: [
        (#"{"rok": true}"#, "rok"), (#"{"limits": {"cpu": 1}}"#, "cpu"),
        (#"{"workdir": "relative"}"#, "relative"),
        (#"{"workdir": "/a/../b"}"#, ".."), (#"{"protected": ["/a/./b"]}"#, "/a/./b"),
        (#"{"tmp_mb": -1}"#, "-1"), (#"{"uid": 0}"#, "root"),
        (#"{"network": "proxy", "proxy": "x"}"#, "HOST:PORT"),
        (#"{"views": [{"source": "/a", "target": "/", "mode": "rw"}]}"#, "root"),
        (#"{"network": "proxy", "proxy": "h:1", "proxy_token": "a\r\nb"}"#, "ASCII"),
        (#"{"environment": {"A=B": "x"}}"#, "A=B"), (#"{"seccomp": "none"}"#, "none"),
        (#"{"timeout_ms": "1"}"#, ""),
    ]) func `what would weaken it by mistake is refused`(text: String, word: String) throws {
        let json = try JSON.parse(text)
        let error = #expect(throws: JSONCodingError.self) { try SandboxPolicy.parse(json) }
        #expect(word.isEmpty || "\(error.map { "\($0)" } ?? "")".contains(word))
    }

    @Test func `the explanation names every host, view and fence`() throws {
        let policy = GuestDocument.policy(of: try role("egress: [example.org]"), agent: "coder-1")
        let text = policy.explanation.map { "\($0.name): \($0.text)" }.joined(separator: "\n")
        for word in [
            "example.org", "/workspace/agents/coder-1 writable", ".git/hooks", "TERM", "io_uring", "1001",
        ] {
            #expect(text.contains(word), "\(word) is not in \(text)")
        }
        #expect(!text.contains(policy.proxyToken) || policy.proxyToken.isEmpty)
    }

    @Test func `a role run on this machine keeps its fences, at its own place`() throws {
        let policy = SandboxPolicy.local(try role(), directory: "/src/app")
        #expect(policy.views == [.init(source: "/src/app", target: "/src/app", mode: .writable)])
        #expect(policy.protected.contains("/src/app/.git/hooks") && policy.workdir == "/src/app")
    }

    /// Any bytes: parsed or refused, never a crash, and what is parsed is the same when written and read
    /// again.
    @Test func `fuzz: a policy is read or refused`() throws {
        let seed: UInt64 = 20_261_126
        var random = SeededRandom(seed: seed)
        let start = Array(
            GuestDocument.policy(of: try role("egress: [example.org]"), agent: "a").json.serialized())
        for round in 0..<3000 {
            var bytes = start
            for _ in 0...random.below(6) {
                let index = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[index] = UInt8(random.below(256))
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(UInt8(random.below(256)), at: index)
                default: bytes = Array(bytes[..<index])
                }
                if bytes.isEmpty { bytes = [0x7B] }
            }
            guard let json = try? JSON.parse(bytes), let policy = try? SandboxPolicy.parse(json) else {
                continue
            }
            #expect(try SandboxPolicy.parse(policy.json) == policy, "seed \(seed), round \(round)")
            #expect(policy.uid != 0 && policy.workdir.hasPrefix("/"), "seed \(seed), round \(round)")
        }
    }
}
