// Reading what a role and a repository say about servers of tools. The two forms differ where the world has a
// form already: .mcp.json is written for other programs, too.

extension MCPServerSpec {
    /// Which form is read.
    enum Form: Sendable { case role, repository }

    /// Something wrong: the member, as a path, and what about it.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        public let path: [String]
        public let message: String
        public var description: String { "\(path.joined(separator: ".")): \(message)" }
    }

    /// The `mcp` section of a role: servers by name.
    static func read(role json: JSON) -> (specs: [MCPServerSpec], problems: [Problem]) {
        read(json, .role, path: ["mcp"])
    }

    /// The text of a repository's .mcp.json: `{"mcpServers": {NAME: {"command", "args", "env"} or {"type":
    /// "http", "url", "headers"}}}`. It can name no secret: a file of a repository says what its servers are,
    /// not what of the user's they get.
    public static func parse(repository text: String) -> (specs: [MCPServerSpec], problems: [Problem]) {
        let json: JSON
        do throws(JSONError) {
            json = try JSON.parse(Array(text.utf8))
        } catch {
            return ([], [Problem(path: [".mcp.json"], message: "is no JSON: \(error)")])
        }
        guard let members = json.objectValue, let servers = members["mcpServers"] else {
            return ([], [Problem(path: [".mcp.json"], message: "has no object mcpServers")])
        }
        return read(servers, .repository, path: ["mcpServers"])
    }

    private static func read(_ json: JSON, _ form: Form, path: [String])
        -> (specs: [MCPServerSpec], problems: [Problem])
    {
        guard let servers = json.objectValue else {
            return ([], [Problem(path: path, message: "must hold servers by name")])
        }
        guard servers.count <= MCPServerLimits.servers else {
            return (
                [],
                [Problem(path: path, message: "\(servers.count) servers; at most \(MCPServerLimits.servers)")]
            )
        }
        var specs: [MCPServerSpec] = []
        var problems: [Problem] = []
        for (name, body) in servers.sorted(by: { $0.key < $1.key }) {
            var reader = MCPServerReader(name: name, form: form)
            if let spec = reader.read(body) { specs.append(spec) }
            problems += reader.problems.map { Problem(path: path + $0.path, message: $0.message) }
        }
        return (problems.isEmpty ? specs : [], problems)
    }

    /// Secrets that are nobody's business in a guest, whatever a role says: with them somebody could be the
    /// user.
    static let reserved: Set<String> = [
        "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "SESSION_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN",
        "GITEA_TOKEN",
    ]
}

/// Reads one server and notes everything that is wrong.
struct MCPServerReader {
    let name: String
    let form: MCPServerSpec.Form
    private(set) var problems: [MCPServerSpec.Problem] = []
    private var body: JSON = [:]

    init(name: String, form: MCPServerSpec.Form) { (self.name, self.form) = (name, form) }

    private var fields: Set<String> {
        switch form {
        case .role: ["command", "env", "secrets", "url", "headers", "bearer", "tools", "timeout_ms"]
        case .repository: ["type", "command", "args", "env", "url", "headers"]
        }
    }

    mutating func read(_ json: JSON) -> MCPServerSpec? {
        guard let members = json.objectValue else { return refuse("must be an object") }
        if !Self.isName(name) {
            refuse("a server's name is small letters, digits and dashes, a letter first, at most 24")
        }
        for key in members.keys.sorted() where !fields.contains(key) {
            note(key, "is no field; known are \(fields.sorted().joined(separator: ", "))")
        }
        body = json
        let hasURL = members["url"] != nil
        guard hasURL != (members["command"] != nil) else { return refuse("needs either command or url") }
        let foreign: [String] = hasURL ? ["env", "secrets", "args"] : ["headers", "bearer"]
        for key in foreign where members[key] != nil {
            note(key, hasURL ? "is for servers with a command" : "is for servers with a url")
        }
        guard let transport = hasURL ? http() : stdio() else { return nil }
        var spec = MCPServerSpec(name: name, transport: transport)
        spec.secrets = texts("secrets") ?? []
        spec.bearer = text("bearer")
        for (field, names) in [("secrets", spec.secrets), ("bearer", spec.bearer.map { [$0] } ?? [])] {
            for secret in names { checkSecret(secret, field) }
        }
        spec.tools = texts("tools")
        if let wanted = members["timeout_ms"] {
            if let number = wanted.intValue, (1...MCPServerLimits.longestCallMilliseconds).contains(number) {
                spec.timeoutMilliseconds = number
            } else {
                note("timeout_ms", "must be from 1 to \(MCPServerLimits.longestCallMilliseconds)")
            }
        }
        return problems.isEmpty ? spec : nil
    }

    /// A label that can stand in the name of a tool between two pairs of underscores.
    private static func isName(_ text: String) -> Bool {
        text.utf8.count <= 24 && Role.isName(text)
    }

    @discardableResult
    private mutating func refuse(_ message: String) -> MCPServerSpec? {
        problems.append(.init(path: [name], message: message))
        return nil
    }

    private mutating func note(_ field: String, _ message: String) {
        problems.append(.init(path: [name, field], message: message))
    }

    private mutating func stdio() -> MCPServerSpec.Transport? {
        var words: [String]
        switch form {
        case .role: words = texts("command") ?? []
        case .repository: words = (text("command").map { [$0] } ?? []) + (texts("args") ?? [])
        }
        if words.first?.isEmpty ?? true {
            note("command", form == .role ? "must be a list of words" : "must be a program")
            words = []
        }
        if form == .repository, let type = text("type"), type != "stdio" { note("type", "must be stdio") }
        let environment = pairs("env")
        for key in environment.keys.sorted() where !Self.isVariable(key) {
            note("env", "\(key.prefix(80)) is no name of a variable")
        }
        return words.isEmpty ? nil : .stdio(command: words, environment: environment)
    }

    private mutating func http() -> MCPServerSpec.Transport? {
        guard let url = text("url") else { return nil }
        if form == .repository, let type = text("type"), !["http", "streamable-http"].contains(type) {
            note("type", "\(type.prefix(40)) is not spoken; http (streamable) is")
        }
        if MCPServerSpec.authority(of: url) == nil {
            note("url", "must be a plain http or https address without a user and without a fragment")
        }
        let headers = pairs("headers")
        for (key, value) in headers.sorted(by: { $0.key < $1.key }) {
            if !Self.isHeader(key) || !value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                note(
                    "headers",
                    "\(key.prefix(80)) is no header that may be set, or its value is not plain text")
            }
        }
        return .http(url: url, headers: headers)
    }

    private mutating func checkSecret(_ secret: String, _ field: String) {
        if MCPServerSpec.reserved.contains(secret) {
            note(field, "\(secret) is never given to a guest")
        } else if !MCPServerSpec.isSecretName(secret) {
            note(field, "\(secret.prefix(80)) is no name of capital letters, digits and underscores")
        }
    }

    private static func isVariable(_ text: String) -> Bool {
        !text.isEmpty && text.first?.isNumber == false && text.utf8.count <= 128
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// A token (RFC 9110, section 5.6.2) that is neither ours to set nor decides how a message is read.
    private static func isHeader(_ text: String) -> Bool {
        let ours: Set<String> = [
            "host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "expect",
            "authorization", "mcp-session-id", "mcp-protocol-version", "last-event-id", "proxy-authorization",
        ]
        return !text.isEmpty && text.utf8.count <= 128 && !ours.contains(text.lowercased())
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "-_.!#$%&'*+^`|~".contains($0))
            }
    }

    // MARK: Values

    private mutating func text(_ field: String) -> String? {
        guard let value = body[field] else { return nil }
        guard let text = value.stringValue, isPlain(text, field) else {
            if value.stringValue == nil { note(field, "must be a text") }
            return nil
        }
        return text
    }

    private mutating func texts(_ field: String) -> [String]? {
        guard let value = body[field] else { return nil }
        guard let items = value.arrayValue, items.count <= MCPServerLimits.entries else {
            note(field, "must be a list of at most \(MCPServerLimits.entries) texts")
            return nil
        }
        let texts = items.compactMap(\.stringValue)
        guard texts.count == items.count, texts.allSatisfy({ isPlain($0, field) }) else {
            if texts.count != items.count { note(field, "must be a list of texts") }
            return nil
        }
        return texts
    }

    private mutating func pairs(_ field: String) -> [String: String] {
        guard let value = body[field] else { return [:] }
        guard let members = value.objectValue, members.count <= MCPServerLimits.entries,
            members.values.allSatisfy({ $0.stringValue != nil })
        else {
            note(field, "must hold at most \(MCPServerLimits.entries) texts by name")
            return [:]
        }
        let texts = members.compactMapValues(\.stringValue)
        return texts.values.allSatisfy { isPlain($0, field) } ? texts : [:]
    }

    /// Of bounded length, without zero bytes, and without the `${NAME}` that other programs fill in from
    /// their environment: here nothing is filled in.
    private mutating func isPlain(_ text: String, _ field: String) -> Bool {
        guard text.utf8.count <= MCPServerLimits.textBytes, !text.utf8.contains(0) else {
            note(field, "is longer than \(MCPServerLimits.textBytes) bytes, or holds a zero byte")
            return false
        }
        guard !text.contains("${") else {
            note(
                field,
                "${…} is not filled in; secrets are named in a role's mcp section, see openclaw help roles"
            )
            return false
        }
        return true
    }
}

extension MCPServerSpec {
    /// Capital letters, digits and underscores, a letter first.
    public static func isSecretName(_ text: String) -> Bool {
        text.utf8.count <= 64 && text.first?.isLetter == true
            && text.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    /// What a role would have to allow before this server can be reached; nil when nothing.
    func missingEgress(_ egress: [String]) -> String? {
        guard let (host, port) = authority else { return nil }
        let isReached = egress.contains { HostPattern($0)?.matches(host, port: port) ?? false }
        let usual = port == 80 || port == 443
        return isReached ? nil : usual ? host : "\(host):\(port)"
    }
}
