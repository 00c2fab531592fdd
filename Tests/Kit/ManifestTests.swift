import Glibc
import Testing

@testable import Kit

/// The manifest that the repository ships, found from this file.
private func shippedManifest() throws -> String {
    var folders = "\(#filePath)".split(separator: "/").dropLast(3).map(String.init)
    folders += ["kit", "aegis-kit.yaml"]
    let file = try #require(fopen("/" + folders.joined(separator: "/"), "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

private func problems(_ text: String) -> [String] {
    do throws(ManifestError) {
        _ = try Manifest.parse(text, source: "m")
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

private let minimal = "name: x\nversion: 1.0.0\ndescription: d\nimage: {base: b}\n"

@Suite struct ManifestTests {
    @Test func `the kit's own manifest has every value of the specification`() throws {
        let manifest = try Manifest.parse(try shippedManifest(), source: "kit/aegis-kit.yaml")
        #expect(manifest.name == "openclaw")
        #expect(manifest.version.description == "1.0.0")
        #expect(manifest.image.base == "ghcr.io/openclaw/agent-base:latest")
        #expect(manifest.secrets.map(\.name) == ["ANTHROPIC_API_KEY", "GITHUB_TOKEN", "SESSION_TOKEN"])
        #expect(manifest.secrets.map(\.scope) == [.workspace, .workspace, .session])
        #expect(manifest.secrets.map(\.isUserProvided) == [true, true, false])
        #expect(manifest.secrets.map(\.isGenerated) == [false, false, true])
        #expect(manifest.secrets.map(\.isOptional) == [false, true, false])
        let routing = try #require(manifest.routing)
        #expect(routing.scheme == "/session/{sessionId}/canvas")
        #expect(routing.hasSessionStickiness && routing.hasWebSocket)
        #expect(routing.expose == [Manifest.Routing.Port(number: 80, transport: .http, isUI: true)])
        #expect(manifest.networking.egress == .allow)
        #expect(manifest.networking.internalHosts == ["openclaw-coordinator:9090"])
        #expect(manifest.networking.isInterVM && manifest.networking.hasLongLivedConnections)
        #expect(
            manifest.policies
                == Manifest.Policies(defaultTask: .longRunning, defaultServe: .serve, warmPool: 3))
        #expect(manifest.resources.memoryMegabytes == 1024)
        #expect(manifest.resources.cpu == 2)
        #expect(manifest.resources.diskMegabytes == 5120)
        #expect(manifest.resources.maxAgentsPerSession == 8)
        #expect(manifest.resources.maxSessionsPerWorkspace == 3)
        #expect(manifest.workspace.mode == .shared)
        #expect(manifest.json["resources"]?["memory_mb"] == 1024)
        #expect(manifest.json["routing"]?["expose"]?[0]?["ui"] == true)
    }

    @Test func `what a kit leaves out has the platform's default`() throws {
        let manifest = try Manifest.parse(minimal, source: "m")
        #expect(manifest.workspace.mode == .isolated)
        #expect(!manifest.networking.isInterVM)
        #expect(manifest.resources.memoryMegabytes == 512)
        #expect(manifest.routing == nil)
    }

    @Test func `all problems come at once, in the order of the lines`() {
        let text = """
            name: Open Claw
            version: 1.0
            colour: red
            image:
              bass: x
            resources:
              memory: 1 pound
              cpu: "2"
            workspace:
              mode: mine
            """
        let found = problems(text)
        #expect(found.count == 9)
        #expect(found.contains { $0.hasPrefix("line 1: name: is \"Open Claw\"; expected") })
        #expect(
            found.contains { $0 == "line 2: version: is \"1.0\"; expected a semantic version such as 1.0.0" })
        #expect(
            found.contains {
                $0.hasPrefix("line 3: colour: is unknown; expected one of description, homepage")
            })
        #expect(found.contains { $0.contains("image.base: is missing") })
        #expect(found.contains { $0 == "line 5: image.bass: is unknown; expected one of base" })
        #expect(found.contains { $0.hasPrefix("line 7: resources.memory: is \"1 pound\"; expected a size") })
        #expect(found.contains { $0.hasPrefix("line 8: resources.cpu: is \"2\"; expected a whole number") })
        #expect(
            found.contains { $0 == "line 10: workspace.mode: is \"mine\"; expected one of isolated, shared" })
        #expect(found.contains { $0.hasPrefix("line 1: description: is missing") })
    }

    @Test(arguments: [
        ("secrets: {required: [{name: a, scope: per_app}]}", "secrets.required[0].name"),
        ("secrets: {required: [{name: A}]}", "secrets.required[0].scope"),
        ("secrets: {required: [{name: A, scope: ever}]}", "secrets.required[0].scope"),
        ("secrets: {required: [{name: A, scope: per_app, generated: yes}]}", "secrets.required[0].generated"),
        (
            "secrets: {required: [{name: A, scope: per_app, generated: true, user_provided: true}]}",
            "secrets.required[0].generated"
        ),
        (
            "secrets: {required: [{name: A, scope: per_app}, {name: A, scope: per_app}]}",
            "secrets.required[1].name"
        ),
        ("secrets: []", "secrets"),
        ("routing: {scheme: x}", "routing.scheme"),
        ("routing: {scheme: /x, expose: [{port: 0}]}", "routing.expose[0].port"),
        ("routing: {scheme: /x, expose: [{port: 80, protocol: smtp}]}", "routing.expose[0].protocol"),
        ("routing: {scheme: /x, expose: 80}", "routing.expose"),
        ("networking: {egress: maybe}", "networking.egress"),
        ("networking: {internal_hosts: [x]}", "networking.internal_hosts[0]"),
        ("networking: {internal_hosts: [\"x:99999\"]}", "networking.internal_hosts[0]"),
        ("policies: {warm_pool: -1}", "policies.warm_pool"),
        ("policies: {default_task: forever}", "policies.default_task"),
        ("resources: {disk: 1}", "resources.disk"),
        ("resources: {memory: 9999999999999999tb}", "resources.memory"),
        ("resources: {max_agents_per_session: many}", "resources.max_agents_per_session"),
        ("workspace: shared", "workspace"),
    ])
    func `a wrong field is named with its path`(line: String, path: String) {
        let found = problems(minimal + line)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("line 5: \(path): ") == true, "\(found)")
    }

    @Test func `a text that is no YAML or no mapping is one problem`() {
        #expect(problems("name: [").count == 1)
        #expect(problems("").count == 1)
        #expect(problems("- x").count == 1)
    }

    @Test(arguments: ["1.0", "01.0.0", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.0.0", "1..0", "1.0.0+", ""])
    func `a version that is not semantic is refused`(text: String) {
        #expect(SemanticVersion(text) == nil)
    }

    @Test func `versions order as semver says`() throws {
        let order = [
            "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0",
        ]
        let versions = order.compactMap { SemanticVersion($0) }
        #expect(versions.map(\.description) == order)
        for (index, version) in versions.enumerated() {
            for later in versions[(index + 1)...] { #expect(version < later && !(later < version)) }
        }
    }
}

@Suite struct AgentTokenTests {
    private let secret = String(repeating: "0123456789abcdef", count: 4)

    @Test func `a token is good for its agent in its session only`() throws {
        func agent(_ token: String, _ secret: String, _ generation: Int? = 1) -> String? {
            AgentToken.agent(of: token, sessionToken: secret) { _ in generation }
        }
        let token = try #require(AgentToken.derive(sessionToken: secret, agent: "coder-1", generation: 1))
        #expect(token.hasPrefix("coder-1."))
        #expect(token.utf8.count == "coder-1.".utf8.count + 64)
        #expect(agent(token, secret) == "coder-1")
        #expect(agent("coder-2" + token.dropFirst(7), secret) == nil)
        #expect(agent(String(token.dropLast()), secret) == nil)
        #expect(agent(token, String(secret.reversed())) == nil)
        #expect(agent("", secret) == nil && agent(token, secret, nil) == nil)
    }

    @Test func `a token is good for one guest of its agent, and not for the one after it`() throws {
        var tokens: Set<String> = []
        for generation in 1...3 {
            let token = try #require(
                AgentToken.derive(sessionToken: secret, agent: "coder-1", generation: generation))
            tokens.insert(token)
            for present in 1...3 {
                let agent = AgentToken.agent(of: token, sessionToken: secret) { _ in present }
                #expect((agent == "coder-1") == (present == generation))
            }
        }
        #expect(tokens.count == 3)
        #expect(AgentToken.generation(ofApp: "s/coder-1/2") == 2)
        for id in ["", "coder-1", "s/coder-1", "s/coder-1/0", "s/coder-1/-2", "s/coder-1/x", "a/b/2/3"] {
            #expect(AgentToken.generation(ofApp: id) == 1, "\(id)")
        }
    }

    @Test func `a secret that is not 32 bytes of hexadecimal makes no token`() {
        for bad in ["", "00", String(repeating: "g", count: 64), String(repeating: "0", count: 66)] {
            #expect(AgentToken.derive(sessionToken: bad, agent: "a", generation: 1) == nil)
        }
    }
}
