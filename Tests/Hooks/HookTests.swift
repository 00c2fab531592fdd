import Kit
import TestSupport
import Testing

@testable import Hooks

let sessionToken = String(repeating: "0123456789abcdef", count: 4)
let realKey = "sk-ant-CANARY-6f1d"
let gitToken = "ghp-CANARY-77aa"

func renderInput() -> JSON {
    [
        "api": "aegis.kit/v1", "hook": "render_env",
        "app": [
            "id": "fix-bug-4k2p/coder-1", "session_id": "fix-bug-4k2p", "agent_id": "coder-1",
            "role": "coder",
            "coordinator_url": "http://openclaw-coordinator:9090",
            "peers": [
                ["agent_id": "coder-1", "role": "coder", "url": "http://coder-1.session.local:8700"],
                [
                    "agent_id": "reviewer-1", "role": "reviewer",
                    "url": "http://reviewer-1.session.local:8700",
                ],
            ],
            "config": ["llm": "gateway"],
        ],
        "secrets": [
            "ANTHROPIC_API_KEY": .string(realKey), "GITHUB_TOKEN": .string(gitToken),
            "SESSION_TOKEN": .string(sessionToken),
        ],
    ]
}

func configInput() -> JSON {
    [
        "api": "aegis.kit/v1", "hook": "validate_config",
        "app_config": [
            "agent": ["id": "coder-1", "role": "coder"],
            "resources": ["cpu_millis": 2000, "mem_mb": 1024, "disk_mb": 5120],
            "config": ["llm": "gateway", "model": "m"],
        ],
    ]
}

extension JSON {
    /// A copy with the value at a path of keys replaced.
    func with(_ path: String..., value: JSON?) -> JSON { replacing(path[...], value) }

    private func replacing(_ path: ArraySlice<String>, _ value: JSON?) -> JSON {
        guard let key = path.first else { return value ?? .null }
        var copy = self
        copy[key] = path.count == 1 ? value : (self[key] ?? [:]).replacing(path.dropFirst(), value)
        return copy
    }
}

extension Hook.Result {
    var json: JSON { (try? JSON.parse(stdout)) ?? .null }
    /// "PATH CODE" of every error.
    var errors: [String] {
        (json["errors"]?.arrayValue ?? []).map {
            "\($0["path"]?.stringValue ?? "?") \($0["code"]?.stringValue ?? "?")"
        }
    }
    func contains(_ text: String) -> Bool {
        String(decoding: stdout, as: UTF8.self).contains(text) || stderr.contains(text)
    }
}

func answer(_ hook: Hook, _ input: JSON) -> Hook.Result { hook.answer(input.serialized()) }

@Suite struct RenderEnvTests {
    @Test func `the environment points at the coordinator and holds the agent's own token`() throws {
        let result = answer(.renderEnv, renderInput())
        #expect(result.exit == .accepted)
        let environment = try #require(result.json["env"]?.objectValue)
        let token = JSON.string(
            try #require(AgentToken.derive(sessionToken: sessionToken, agent: "coder-1", generation: 1)))
        #expect(environment["SESSION_ID"] == "fix-bug-4k2p")
        #expect(environment["AGENT_ID"] == "coder-1")
        #expect(environment["AGENT_ROLE"] == "coder")
        #expect(environment["COORDINATOR_URL"] == "http://openclaw-coordinator:9090")
        #expect(environment["SESSION_TOKEN"] == token)
        #expect(environment["ANTHROPIC_API_KEY"] == token)
        #expect(environment["ANTHROPIC_BASE_URL"] == "http://openclaw-coordinator:9090/anthropic")
        #expect(environment["OPENAI_API_KEY"] == token)
        #expect(environment["OPENAI_BASE_URL"] == "http://openclaw-coordinator:9090/openai/v1")
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"] {
            #expect(
                environment[name]
                    == .string("http://coder-1:\(token.stringValue ?? "")@openclaw-coordinator:3128"))
        }
        #expect(environment["NO_PROXY"]?.stringValue?.contains("openclaw-coordinator,.session.local") == true)
        let peers = try JSON.parse(try #require(environment["PEER_AGENTS"]?.stringValue))
        #expect(
            peers == [
                ["agent_id": "reviewer-1", "role": "reviewer", "url": "http://reviewer-1.session.local:8700"]
            ])
        #expect(result.json["withheld"] == ["ANTHROPIC_API_KEY", "GITHUB_TOKEN", "SESSION_TOKEN"])
        for secret in [realKey, gitToken, sessionToken] { #expect(!result.contains(secret)) }
    }

    @Test func `the second guest of an agent has a token of its own`() throws {
        let result = answer(.renderEnv, renderInput().with("app", "id", value: "fix-bug-4k2p/coder-1/2"))
        let token = AgentToken.derive(sessionToken: sessionToken, agent: "coder-1", generation: 2)
        #expect(result.json["env"]?["SESSION_TOKEN"]?.stringValue == token)
    }

    @Test func `only a direct app gets the real key`() {
        let input = renderInput().with("app", "config", "llm", value: "direct")
        let result = answer(.renderEnv, input)
        #expect(result.json["env"]?["ANTHROPIC_API_KEY"] == .string(realKey))
        #expect(result.json["env"]?["ANTHROPIC_BASE_URL"] == "https://api.anthropic.com")
        #expect(result.json["withheld"] == ["GITHUB_TOKEN", "SESSION_TOKEN"])
        let without = answer(.renderEnv, input.with("secrets", "ANTHROPIC_API_KEY", value: nil))
        #expect(without.exit == .rejected)
        #expect(without.errors == ["/secrets/ANTHROPIC_API_KEY missing"])
    }

    @Test func `an unusable session secret is rejected without being shown`() {
        let result = answer(.renderEnv, renderInput().with("secrets", "SESSION_TOKEN", value: "CANARY-short"))
        #expect(result.exit == .rejected)
        #expect(result.errors == ["/secrets/SESSION_TOKEN bad_value"])
        #expect(!result.contains("CANARY"))
    }

    @Test func `all errors come at once, as pointers`() {
        let input = renderInput().with("app", "role", value: "No Role").with("app", "session_id", value: nil)
            .with("app", "coordinator_url", value: "http://user@host").with("app", "colour", value: "red")
            .with("app", "peers", value: [["agent_id": "x"], 5]).with("secrets", "OTHER", value: 7)
            .with("extra", value: 1)
        let result = answer(.renderEnv, input)
        #expect(result.exit == .malformed)
        #expect(
            result.errors.sorted() == [
                "/app/colour unknown_key", "/app/coordinator_url bad_value", "/app/peers/0/role missing",
                "/app/peers/1 wrong_type", "/app/role bad_value", "/app/session_id missing",
                "/extra unknown_key",
                "/secrets/OTHER wrong_type",
            ])
    }
}

@Suite struct ValidateConfigTests {
    @Test(arguments: ["architect", "coder", "reviewer", "tester", "browser", "auditor"])
    func `a role of the kit or a plugin is accepted`(role: String) {
        let input = configInput().with("app_config", "agent", "role", value: .string(role))
            .with("roles", value: ["auditor"])
        let result = answer(.validateConfig, input)
        #expect(result.exit == .accepted)
        #expect(result.json == ["ok": true])
    }

    @Test(arguments: [
        (["agent", "role"], JSON.string("wizard"), "/app_config/agent/role unknown_role"),
        (["agent", "role"], 5, "/app_config/agent/role wrong_type"),
        (["agent", "role"], nil, "/app_config/agent/role missing"),
        (["agent", "id"], "Coder 1", "/app_config/agent/id bad_value"),
        (["agent", "name"], "x", "/app_config/agent/name unknown_key"),
        (["resources", "mem_mb"], 1025, "/app_config/resources/mem_mb out_of_range"),
        (["resources", "mem_mb"], "1gb", "/app_config/resources/mem_mb wrong_type"),
        (["resources", "cpu_millis"], 0, "/app_config/resources/cpu_millis out_of_range"),
        (["resources", "disk_mb"], 999_999, "/app_config/resources/disk_mb out_of_range"),
        (["resources", "gpu"], 1, "/app_config/resources/gpu unknown_key"),
        (["session", "agents"], 9, "/app_config/session/agents out_of_range"),
        (["config", "llm"], "other", "/app_config/config/llm bad_value"),
        (["config", "api_key"], "CANARY", "/app_config/config/api_key unknown_key"),
        (["a/b~c"], 1, "/app_config/a~1b~0c unknown_key"),
    ])
    func `what is wrong is rejected with its place`(path: [String], value: JSON?, error: String) {
        var config = configInput()
        let keys = ["app_config"] + path
        config =
            keys.count == 2
            ? config.with(keys[0], keys[1], value: value)
            : config.with(keys[0], keys[1], keys[2], value: value)
        let result = answer(.validateConfig, config)
        #expect(result.exit == .rejected)
        #expect(result.errors == [error])
        #expect(result.json["ok"] == false)
        #expect(!result.contains("CANARY"))
    }

    @Test func `all errors come at once`() {
        let input = configInput().with(
            "app_config", value: ["agent": [:], "resources": ["mem_mb": -1], "x": 1])
        #expect(
            answer(.validateConfig, input).errors.sorted() == [
                "/app_config/agent/id missing", "/app_config/agent/role missing",
                "/app_config/resources/mem_mb out_of_range", "/app_config/x unknown_key",
            ])
    }
}

@Suite struct EnvelopeTests {
    @Test(arguments: Hook.allCases)
    func `what is no input of this hook is malformed`(hook: Hook) {
        for text in ["", "x", "[]", "null", "{}", "{\"api\":\"aegis.kit/v2\",\"hook\":\"\(hook.rawValue)\"}"]
        {
            let result = hook.answer(Array(text.utf8))
            #expect(result.exit == .malformed, "\(text)")
            #expect(result.json["ok"] == false)
            #expect(!result.errors.isEmpty && !result.stderr.isEmpty)
        }
        let other: JSON = ["api": "aegis.kit/v1", "hook": "other"]
        #expect(answer(hook, other).errors == ["/hook wrong_hook"])
        let bare: JSON = ["api": "aegis.kit/v1", "hook": .string(hook.rawValue)]
        #expect(answer(hook, bare).exit == .malformed)
    }

    @Test func `an input over the limit is refused before it is read`() {
        let input = [UInt8](repeating: 0x20, count: Hook.inputLimit + 1)
        let result = Hook.validateConfig.answer(input)
        #expect(result.exit == .malformed)
        #expect(result.errors == [" too_large"])
        let fitting = configInput().serialized()
        let padded = fitting + [UInt8](repeating: 0x20, count: Hook.inputLimit - fitting.count)
        #expect(Hook.validateConfig.answer(padded).exit == .accepted)
    }

    @Test func `broken JSON is not quoted`() {
        for text in [
            "{\"secrets\":{\"A\":\"CANARY\"", "{\"CANARY\":1,\"CANARY\":2}", "{\"a\":CANARY}", "1e999999",
        ] {
            let result = Hook.renderEnv.answer(Array(text.utf8))
            #expect(result.exit == .malformed)
            #expect(!result.contains("CANARY") && !result.contains("1e9"))
        }
    }

    /// Random edits of a good input: no trap, an exit code of the contract, and never a secret.
    @Test(arguments: [Hook.renderEnv, .validateConfig], 1...4)
    func `mutations neither trap nor leak`(hook: Hook, seed: UInt64) {
        var generator = SeededRandom(seed: seed)
        let good = (hook == .renderEnv ? renderInput() : configInput()).serialized()
        for _ in 0..<1500 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                case 2:
                    bytes.insert(Array("{}[]\",:0n".utf8).randomElement(using: &generator) ?? 0, at: index)
                default: bytes.removeSubrange(index..<min(bytes.count, index + 20))
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            let result = hook.answer(bytes)
            // A secret may be cut or moved into a public field by the edit; whole and unmoved it must not
            // show.
            let intact = (try? JSON.parse(bytes))?["secrets"]?.objectValue ?? [:]
            for secret in [realKey, gitToken, sessionToken] where intact.values.contains(.string(secret)) {
                let parsed = (try? JSON.parse(bytes))?["app"]?.text ?? ""
                if !parsed.contains(secret) { #expect(!result.contains(secret), "seed \(seed)") }
            }
        }
    }
}
