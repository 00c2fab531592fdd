// A role: what an agent is told, and what the kernel lets it do.

/// One file of `kit/roles/`.
public struct Role: Sendable, Hashable {
    /// What of the session's volume an agent of this role can write.
    public enum Workspace: String, Sendable, Hashable, CaseIterable {
        case readOnly = "read-only"
        /// A clone of its own.
        case clone
        /// A throw-away copy of what has been merged.
        case integrationCopy = "integration-copy"
        case none
    }

    public var name: String
    public var description: String
    public var prompt: String
    public var tools: [String]
    public var workspace: Workspace
    /// Hosts that it may reach through the coordinator's proxy; empty means none. `registries` stands for the
    /// hosts that the user has set, see `reaching(registries:)`.
    public var egress: [String]
    public var model: String?
    public var turns: Int
    public var maxTokens: Int
    public var contextTokens: Int
    public var filter: SandboxPolicy.Filter
    public var require: [String]
    /// Paths of its clone that it may not write: what runs on other machines when it is merged or opened.
    public var protected: [String]
    /// A program instead of openclaw-agent that takes its tasks from the harness's socket.
    public var command: [String]?
    /// The name of an agent program of somebody else's, which is given a task a run.
    public var agent: String?
    /// Servers of tools for its agents.
    public var mcp: [MCPServerSpec] = []
    /// By language, the command of the server that its `lsp` tool asks, instead of the first that
    /// is installed.
    public var languageServers: [String: [String]] = [:]

    /// Files that an editor or a CI service runs without being asked, as far as a sandbox can keep them. A
    /// role that shall change them says `sandbox: {protect: []}`; the person is told of a change in any case.
    public static let defaultProtected = ProtectedPath.mounted

    /// The word in `egress` for the user's own list of package registries.
    public static let registries = "registries"

    /// The role with that word replaced by the user's list, which is empty when none was set: a role that is
    /// shipped opens nothing by itself.
    public func reaching(registries hosts: [String]) -> Role {
        var role = self
        role.egress = egress.flatMap { $0 == Self.registries ? hosts : [$0] }
        return role
    }

    /// All tools there are.
    public static let knownTools = [
        "bash", "read", "write", "edit", "glob", "grep", "git", "diff", "plan", "assign", "comment",
        "verdict", "run_tests", "notes", "job", "patch", "tasks", "lsp", "fetch", "browse", "draw",
        "artifact", "message", "peers",
    ]
}

/// Everything that is wrong with a role's file.
public struct RoleError: Error, Sendable, Hashable, CustomStringConvertible {
    public let source: String
    /// "LINE: field: what is wrong".
    public let problems: [String]

    public init(source: String, problems: [String]) { (self.source, self.problems) = (source, problems) }

    public var description: String { problems.map { "\(source):\($0)" }.joined(separator: "\n") }
}

extension Role {
    /// Reads a role; all problems at once, each with its line and field.
    public static func parse(_ text: String, source: String) throws(RoleError) -> Role {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw RoleError(source: source, problems: ["\(error.mark.line): \(error.reason)"])
        }
        return try read(node, source: source)
    }

    /// Reads a role's YAML after it was parsed.
    static func read(_ node: YAMLNode, source: String) throws(RoleError) -> Role {
        guard case .mapping = node else {
            throw RoleError(source: source, problems: ["1: a role is a mapping with name, prompt and tools"])
        }
        var reader = RoleReader(node: node)
        let role = reader.read()
        guard reader.problems.isEmpty else { throw RoleError(source: source, problems: reader.problems) }
        return role
    }
}

private struct RoleReader {
    let node: YAMLNode
    var problems: [String] = []

    private static let fields: Set<String> = [
        "name", "description", "prompt", "tools", "workspace", "egress", "model", "limits", "sandbox",
        "command", "agent", "mcp", "language_servers",
    ]

    init(node: YAMLNode) { self.node = node }

    mutating func read() -> Role {
        refuseUnknown(node, Self.fields, "")
        let name = text("name") ?? ""
        let isName =
            !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        if !isName { note(node["name"], "name", "must be letters, digits and dashes") }
        let tools = texts("tools")
        for tool in tools where !Role.knownTools.contains(tool) {
            note(
                node["tools"], "tools",
                "\(tool) is no tool; known are \(Role.knownTools.joined(separator: ", "))")
        }
        let workspace = text("workspace") ?? "none"
        let view = Role.Workspace(rawValue: workspace)
        if view == nil {
            let known = Role.Workspace.allCases.map(\.rawValue).joined(separator: ", ")
            note(node["workspace"], "workspace", "\(workspace) is none of \(known)")
        }
        let egress = node["egress"]?.json.stringValue == "none" ? [] : texts("egress")
        for host in egress where HostPattern(host) == nil {
            note(
                node["egress"], "egress",
                "\(host) is no host; write example.org, *.example.org or example.org:8443")
        }
        let limits = node["limits"]
        if let limits { refuseUnknown(limits, ["turns", "max_tokens", "context_tokens"], "limits.") }
        let sandbox = node["sandbox"]
        if let sandbox { refuseUnknown(sandbox, ["seccomp", "require", "protect"], "sandbox.") }
        let protected = sandbox?["protect"].map { protections($0) } ?? Role.defaultProtected
        let filter = sandbox?["seccomp"]?.json.stringValue ?? "shell"
        if SandboxPolicy.Filter(rawValue: filter) == nil {
            note(sandbox?["seccomp"], "sandbox.seccomp", "\(filter) is neither shell nor strict")
        }
        let prompt = text("prompt") ?? ""
        if prompt.isEmpty { note(node["prompt"], "prompt", "is missing") }
        let servers = mcpServers(egress: egress)
        let agent = text("agent")
        if let agent, !Template.isName(agent) {
            note(node["agent"], "agent", "\(agent) is no program's name")
        }
        if agent != nil, let command = node["command"] {
            note(command, "command", "cannot stand beside agent: one program plays the role")
        }
        return Role(
            name: name, description: text("description") ?? "", prompt: prompt, tools: tools,
            workspace: view ?? .none, egress: egress, model: node["model"]?.json.stringValue,
            turns: number(limits?["turns"], "limits.turns", 1...10_000) ?? 100,
            maxTokens: number(limits?["max_tokens"], "limits.max_tokens", 256...200_000) ?? 8192,
            contextTokens: number(limits?["context_tokens"], "limits.context_tokens", 4096...2_000_000)
                ?? 180_000,
            filter: SandboxPolicy.Filter(rawValue: filter) ?? .shell,
            require: sandbox?["require"]?.json.arrayValue?.compactMap(\.stringValue) ?? [],
            protected: protected,
            command: node["command"]?.json.arrayValue?.compactMap(\.stringValue), agent: agent,
            mcp: servers, languageServers: languageServers())
    }

    private mutating func languageServers() -> [String: [String]] {
        guard let section = node["language_servers"] else { return [:] }
        guard case .mapping(let members, _) = section else {
            note(section, "language_servers", "must be a mapping of languages to commands")
            return [:]
        }
        var chosen: [String: [String]] = [:]
        for member in members {
            let field = "language_servers.\(member.key)"
            let known = Language.all.map(\.id)
            if !known.contains(member.key) {
                note(member.node, field, "is no language; known are \(known.joined(separator: ", "))")
            }
            let words = member.node.json.arrayValue?.compactMap(\.stringValue) ?? []
            // The words are handed on in one variable, see `Language.choiceVariable`.
            let isCommand =
                !words.isEmpty && words.count == member.node.json.arrayValue?.count
                && words.allSatisfy { !$0.isEmpty && !$0.contains(where: { " ;=\n".contains($0) }) }
            guard isCommand else {
                note(member.node, field, "must be a list of words, none with a space, ; or =")
                continue
            }
            chosen[member.key] = words
        }
        return chosen
    }

    /// The `mcp` section; servers on the web must be on the role's own list.
    private mutating func mcpServers(egress: [String]) -> [MCPServerSpec] {
        guard let section = node["mcp"] else { return [] }
        let (servers, problems) = MCPServerSpec.read(role: section.json)
        for problem in problems {
            // The deepest node that is there.
            let place = problem.path.dropFirst().reduce(section) { $0[$1] ?? $0 }
            note(place, problem.path.joined(separator: "."), problem.message)
        }
        for server in servers {
            guard let host = server.missingEgress(egress) else { continue }
            note(
                section[server.name], "mcp.\(server.name).url",
                "egress has no \(host), so no agent of the role could reach it")
        }
        return servers
    }

    private mutating func note(_ place: YAMLNode?, _ field: String, _ message: String) {
        problems.append("\((place ?? node).mark.line): \(field): \(message)")
    }

    private mutating func refuseUnknown(_ node: YAMLNode, _ known: Set<String>, _ prefix: String) {
        guard case .mapping(let members, _) = node else {
            return note(node, String(prefix.dropLast()), "must be a mapping")
        }
        for member in members where !known.contains(member.key) {
            note(
                member.node, prefix + member.key,
                "is no field; known are \(known.sorted().joined(separator: ", "))")
        }
    }

    private mutating func text(_ field: String) -> String? {
        guard let value = node[field] else { return nil }
        guard let text = value.json.stringValue else {
            note(value, field, "must be a text")
            return nil
        }
        return text
    }

    private mutating func texts(_ field: String) -> [String] {
        guard let value = node[field] else { return [] }
        guard let items = value.json.arrayValue, items.allSatisfy({ $0.stringValue != nil }) else {
            note(value, field, "must be a list of texts")
            return []
        }
        return items.compactMap(\.stringValue)
    }

    /// Paths relative to the clone.
    private mutating func protections(_ place: YAMLNode) -> [String] {
        let paths = place.json.arrayValue?.compactMap(\.stringValue) ?? []
        guard paths.count == place.json.arrayValue?.count else {
            note(place, "sandbox.protect", "must be a list of texts")
            return []
        }
        for path in paths {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
                note(place, "sandbox.protect", "\(path) is no plain path below the clone")
            }
        }
        return paths
    }

    private mutating func number(_ value: YAMLNode?, _ field: String, _ range: ClosedRange<Int>) -> Int? {
        guard let value else { return nil }
        guard let number = value.json.intValue, range.contains(number) else {
            note(value, field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }
}
