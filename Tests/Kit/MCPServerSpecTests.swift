import Kit
import Testing

@Suite struct MCPServerSpecTests {
    private func role(_ section: String, egress: String = "none") throws -> Role {
        try Role.parse(
            "name: x\nprompt: p\ntools: [bash]\nworkspace: clone\negress: \(egress)\nmcp:\n\(section)",
            source: "x.yaml")
    }

    private func problems(_ section: String, egress: String = "none") -> [String] {
        do throws(RoleError) {
            _ = try Role.parse(
                "name: x\nprompt: p\ntools: [bash]\nworkspace: clone\negress: \(egress)\nmcp:\n\(section)",
                source: "x.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `a role's servers are read with everything that they say`() throws {
        let role = try role(
            """
              docs: {command: [python3, s.py], env: {A: "1"}, secrets: [DOCS_KEY], tools: [find],
                timeout_ms: 5000}
              web: {url: "https://mcp.example.org/mcp", headers: {X-Team: core}, bearer: WEB_TOKEN}
            """, egress: "[mcp.example.org]")
        #expect(role.mcp.map(\.name) == ["docs", "web"])
        #expect(role.mcp[0].transport == .stdio(command: ["python3", "s.py"], environment: ["A": "1"]))
        #expect(role.mcp[0].secretNames == ["DOCS_KEY"] && role.mcp[0].tools == ["find"])
        #expect(role.mcp[0].timeoutMilliseconds == 5000)
        #expect(
            role.mcp[1].transport == .http(url: "https://mcp.example.org/mcp", headers: ["X-Team": "core"]))
        #expect(role.mcp[1].secretNames == ["WEB_TOKEN"])
        for server in role.mcp { #expect(MCPServerSpec(server.json) == server) }
        let document = GuestDocument.make(role: role, session: "s", agent: "a", coordinatorURL: "http://c")
        #expect(document["mcp"]?.arrayValue?.count == 2)
    }

    @Test(arguments: [
        ("  Docs: {command: [x]}", "7: mcp.Docs: a server's name"),
        ("  d: {command: [x], urls: y}", "7: mcp.d.urls: is no field"),
        ("  d: {}", "7: mcp.d: needs either command or url"),
        ("  d: {command: [x], url: 'http://a'}", "7: mcp.d: needs either command or url"),
        ("  d: {command: x}", "7: mcp.d.command: must be a list"),
        ("  d: {command: ['']}", "7: mcp.d.command: must be a list of words"),
        ("  d: {command: [x], headers: {}}", "7: mcp.d.headers: is for servers with a url"),
        ("  d: {command: [x], env: {A-B: c}}", "7: mcp.d.env: A-B is no name"),
        ("  d: {command: [x], env: {A: '${TOKEN}'}}", "7: mcp.d.env: ${…} is not filled in"),
        ("  d: {command: [x], secrets: [ANTHROPIC_API_KEY]}", "7: mcp.d.secrets: ANTHROPIC_API_KEY is never"),
        ("  d: {command: [x], secrets: [lower]}", "7: mcp.d.secrets: lower is no name"),
        ("  d: {command: [x], timeout_ms: 0}", "7: mcp.d.timeout_ms: must be from 1"),
        ("  d: {url: 'ftp://a/b'}", "7: mcp.d.url: must be a plain http"),
        ("  d: {url: 'http://u:p@a/b'}", "7: mcp.d.url: must be a plain http"),
        ("  d: {url: 'http://a/b'}", "7: mcp.d.url: egress has no a"),
        ("  d: {url: 'http://a:8080/b', headers: {Host: b}}", "7: mcp.d.headers: Host is no header"),
        (
            "  d: {url: 'http://a:8080/b', headers: {Authorization: b}}",
            "7: mcp.d.headers: Authorization is no"
        ),
        ("  [a]", "7: mcp: must hold servers by name"),
    ])
    func `what is wrong is named with its line and field`(section: String, start: String) {
        let found = problems(section)
        #expect(found.contains { $0.hasPrefix(start) }, "\(found)")
    }

    @Test func `a server on the web needs its host and port on the role's list`() {
        #expect(problems("  d: {url: 'http://127.0.0.1:81/mcp'}", egress: "['127.0.0.1:81']").isEmpty)
        #expect(problems("  d: {url: 'http://127.0.0.1:82/mcp'}", egress: "['127.0.0.1:81']").count == 1)
        #expect(problems("  d: {url: 'https://A.example.org/mcp'}", egress: "['*.example.org']").isEmpty)
        #expect(problems("  d: {url: 'https://[::1]:9/mcp'}", egress: "['[::1]:9']").isEmpty)
    }

    @Test func `a repository's file is read in the form that others write, and names no secret`() {
        let (servers, none) = MCPServerSpec.parse(
            repository: """
                {"mcpServers": {"a": {"command": "node", "args": ["s.js"], "env": {"X": "y"}},
                 "b": {"type": "http", "url": "https://example.org/mcp", "headers": {"X-A": "b"}}}}
                """)
        #expect(none.isEmpty && servers.map(\.name) == ["a", "b"])
        #expect(servers.first?.transport == .stdio(command: ["node", "s.js"], environment: ["X": "y"]))
        for (text, words) in [
            (#"{"mcpServers": {"a": {"command": "x", "env": {"T": "${TOKEN}"}}}}"#, "not filled in"),
            (#"{"mcpServers": {"a": {"command": "x", "secrets": ["TOKEN"]}}}"#, "is no field"),
            (#"{"mcpServers": {"a": {"command": "x", "args": ["${A:-b"]}}}"#, "not filled in"),
            (#"{"mcpServers": {"a": {"type": "sse", "url": "http://a/b"}}}"#, "sse is not spoken"),
            (#"{"servers": {}}"#, "has no object mcpServers"), ("[", "is no JSON"),
        ] {
            let (servers, problems) = MCPServerSpec.parse(repository: text)
            #expect(servers.isEmpty && problems.contains { "\($0)".contains(words) }, "\(text): \(problems)")
        }
        let many = (0...MCPServerLimits.servers).map { "\"s\($0)\": {\"command\": \"x\"}" }
        let crowd = MCPServerSpec.parse(repository: "{\"mcpServers\": {\(many.joined(separator: ","))}}")
        #expect(crowd.specs.isEmpty && crowd.problems.count == 1)
    }

    @Test func `one bad server of a repository costs that server, and its reason is kept`() {
        let text = #"""
            {"mcpServers": {
              "Good_One": {"command": "${TOOLS:-/opt/tools}/serve", "args": ["--root", "${DIR:-.}"],
                           "env": {"EMPTY": "${X:-}"}, "disabled": false, "alwaysAllow": ["read"],
                           "timeout": 60},
              "off": {"command": "x", "disabled": true},
              "old": {"type": "sse", "url": "http://example.org/sse"},
              "said": {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer public"}},
              "wants": {"command": "x", "env": {"TOKEN": "${TOKEN}"}}}, "inputs": []}
            """#
        let all = MCPServerSpec.all(repository: text)
        #expect(all.filter { $0.problem == nil }.map(\.name) == ["good-one", "said"])
        #expect(
            all.first?.transport
                == .stdio(command: ["/opt/tools/serve", "--root", "."], environment: ["EMPTY": ""]))
        #expect(all.compactMap(\.problem).map { $0.contains("sse is not spoken") } == [true, false])
        #expect(all.last?.problem?.contains("wants") == true)
        for spec in all { #expect(MCPServerSpec(spec.json) == spec, "\(spec)") }
        // Two names that become one are not guessed at.
        let twins = MCPServerSpec.all(
            repository: #"{"mcpServers": {"A b": {"command": "x"}, "a_b": {"command": "y"}}}"#)
        #expect(twins.filter { $0.problem == nil }.count == 1 && twins.compactMap(\.problem).count == 1)
        #expect(MCPServerSpec.all(repository: "[").compactMap(\.problem).count == 1)
    }
}
