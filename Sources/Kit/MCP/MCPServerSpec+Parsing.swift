// Reading what a role and a repository say about servers of tools. The two forms differ where the world has a
// form already: .mcp.json is written for other programs, too.

extension MCPServerSpec {
    /// Which form is read: a role's, a repository's file, or a guest document, which we made of these.
    enum Form: Sendable { case role, repository, document }

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
    /// not what of the user's they get. It is written for many programs, so fields that are not known here
    /// are passed over, names are made into ours, and a server that cannot be used costs only itself.
    /// - Returns: The servers that can be used, and what is wrong with the others: a problem's path begins
    ///   with `mcpServers` and the server's own name.
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

    /// The same with each server that cannot be used in its place, so that a session can say why.
    public static func all(repository text: String) -> [MCPServerSpec] {
        let (specs, problems) = parse(repository: text)
        let reasons = Dictionary(grouping: problems) { $0.path.dropFirst().first ?? ".mcp.json" }
        let unusable = reasons.map { name, problems in
            MCPServerSpec(
                name: label(of: name),
                transport: .unusable(reason: problems.map { "\($0)" }.joined(separator: "; ")))
        }
        return specs + unusable.sorted { $0.name < $1.name }
    }

    /// A server's name as tools can have it in theirs: small letters, digits and dashes.
    static func label(of name: String) -> String {
        var label = ""
        for scalar in name.unicodeScalars {
            let isPlain = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
            let isCapital = ("A"..."Z").contains(scalar)
            label += isPlain || isCapital ? String(scalar).lowercased() : label.hasSuffix("-") ? "" : "-"
        }
        let start = label.first?.isLetter == true ? "" : "s"
        return String((start + label).prefix(24)).trimmingDashes
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
            if form == .repository, body["disabled"]?.boolValue == true { continue }
            var reader = MCPServerReader(name: form == .repository ? label(of: name) : name, form: form)
            if let spec = reader.read(body) {
                if specs.contains(where: { $0.name == spec.name }) {
                    problems.append(
                        Problem(path: path + [name], message: "another one is called \(spec.name)"))
                } else {
                    specs.append(spec)
                }
            }
            problems += reader.problems.map {
                Problem(path: path + [name] + $0.path.dropFirst(), message: $0.message)
            }
        }
        // A role is written for us: one that is wrong is wrong as a whole.
        return (form == .repository || problems.isEmpty ? specs : [], problems)
    }

    /// Secrets that are nobody's business in a guest, whatever a role says: with them somebody could be the
    /// user.
    static let reserved: Set<String> = [
        "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "SESSION_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN",
        "GITEA_TOKEN",
    ]
}

extension String {
    fileprivate var trimmingDashes: String {
        var text = self[...]
        while text.hasSuffix("-") { text.removeLast() }
        return String(text)
    }
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
        case .role, .document:
            ["command", "env", "secrets", "url", "headers", "bearer", "tools", "timeout_ms"]
        case .repository: ["type", "command", "args", "env", "url", "headers"]
        }
    }

    /// Fields that a repository may not have: they would be given something of the user's.
    private let asks: Set<String> = ["secrets", "bearer"]

    mutating func read(_ json: JSON) -> MCPServerSpec? {
        guard let members = json.objectValue else { return refuse("must be an object") }
        if !Self.isName(name) {
            refuse("a server's name is small letters, digits and dashes, a letter first, at most 24")
        }
        for key in members.keys.sorted()
        where !fields.contains(key) && (form != .repository || asks.contains(key)) {
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
        case .role, .document: words = texts("command") ?? []
        case .repository: words = (text("command").map { [$0] } ?? []) + (texts("args") ?? [])
        }
        if words.first?.isEmpty ?? true {
            note("command", form == .repository ? "must be a program" : "must be a list of words")
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
            if !isHeader(key) || !value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
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
    /// A repository may say a word of its own to its server; a role names a secret for that, `bearer`.
    private func isHeader(_ text: String) -> Bool {
        if form != .role, text.lowercased() == "authorization" { return true }
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
        guard let text = value.stringValue.map(filled), isPlain(text, field) else {
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
        let texts = items.compactMap(\.stringValue).map(filled)
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
        let texts = members.compactMapValues(\.stringValue).mapValues(filled)
        return texts.values.allSatisfy { isPlain($0, field) } ? texts : [:]
    }

    /// `${NAME:-VALUE}` is VALUE: other programs fill in what their environment has; here there is nothing.
    private func filled(_ text: String) -> String {
        guard form == .repository, text.utf8.count <= MCPServerLimits.textBytes else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            let body = rest[start.upperBound...]
            guard let end = body.firstIndex(of: "}"), let middle = body[..<end].firstRange(of: ":-"),
                Self.isVariable(String(body[..<middle.lowerBound]))
            else {
                result += rest[..<start.upperBound]
                rest = body
                continue
            }
            result += rest[..<start.lowerBound] + body[middle.upperBound..<end]
            rest = body[body.index(after: end)...]
        }
        return result + rest
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
                "${…} is not filled in without a value of its own (${NAME:-VALUE}); secrets are named in "
                    + "a role's mcp section, see openclaw help roles"
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
