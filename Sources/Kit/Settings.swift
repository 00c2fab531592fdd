// What a user sets once instead of with every command: config.yaml in the home of openclaw.

/// The settings of a user. The file is flat YAML, `key: value`, with comments; every key is known, every
/// value is checked.
public struct Settings: Sendable, Hashable {
    /// What a value must be.
    public enum Kind: Sendable, Hashable {
        case text, boolean, money, url
        /// Hosts as in a role's `egress`, with blanks between them.
        case hosts
        case integer(ClosedRange<Int>)
        case words([String])
    }

    /// One thing that can be set.
    public struct Key: Sendable, Hashable {
        public let name: String
        public let kind: Kind
        /// One line of help.
        public let help: String
        /// The variable that wins over the file.
        public let variable: String?

        init(_ name: String, _ kind: Kind, _ help: String, variable: String? = nil) {
            (self.name, self.kind, self.help, self.variable) = (name, kind, help, variable)
        }
    }

    /// A value and the line it is on.
    public struct Value: Sendable, Hashable {
        public let text: String
        public let line: Int
    }

    public static let keys: [Key] = [
        Key(
            "model", .text, "the model of sessions; see openclaw help model-names", variable: "OPENCLAW_MODEL"
        ),
        Key("agents", .words(SessionConfiguration.agentWords), "how many agents at most"),
        Key("budget", .money, "US dollars that a session may spend at most"),
        Key("deadline", .integer(1...10_080), "minutes after which a session gives up"),
        Key("isolation", .words(SessionConfiguration.isolationWords), "what guests are"),
        Key(
            "allow", .text,
            "what --yes may pass although it needs a person; KIND[:GLOB], with blanks between them"),
        Key("merge", .boolean, "fast-forward the checked-out branch when a result is approved"),
        Key(
            "egress.registries", .hosts,
            "package registries that roles with `egress: [registries]` reach, as coder; none when not set"
        ),
        Key("color", .words(["auto", "always", "never"]), "colours in the output"),
        Key(
            "notify.command", .text, "run by sh when a session waits for you or ends"
        ),
        Key("notify.webhook", .url, "gets a POST with JSON when a session waits or ends"),
        Key("notify.desktop", .boolean, "show a desktop notification with notify-send"),
        Key("gc.keep_days", .integer(0...3650), "days that gc keeps what a session left; 14 when not set"),
        Key("gc.keep_sessions", .integer(0...100_000), "sessions that gc keeps in any case; 10 when not set"),
    ]

    public private(set) var values: [String: Value] = [:]

    public init() {}

    /// The value of a key, as written.
    public func text(_ key: String) -> String? { values[key]?.text }

    /// The value of a key that is on or off; off when it is not set.
    public func isOn(_ key: String) -> Bool { text(key) == "true" }

    /// The value of a key that is a whole number.
    public func integer(_ key: String) -> Int? { text(key).flatMap { Int($0) } }

    /// The hosts of a key; none when it is not set.
    public func hosts(_ key: String) -> [String] { text(key).map { Self.hosts($0) } ?? [] }

    private static func hosts(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "," }.map(String.init)
    }

    /// Reads a file; all problems at once, "LINE: KEY: what is wrong".
    public static func parse(_ text: String, source: String) throws(SettingsError) -> Settings {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw SettingsError(source: source, problems: ["\(error.mark.line): \(error.reason)"])
        }
        if node.json.isNull { return Settings() }
        guard case .mapping(let members, _) = node else {
            throw SettingsError(source: source, problems: ["\(node.mark.line): lines must be KEY: VALUE"])
        }
        var settings = Settings()
        var problems: [String] = []
        for member in members {
            let line = member.node.mark.line
            guard case .scalar(let text, _, _) = member.node else {
                problems.append("\(line): \(member.key): must be one value on the line of its key")
                continue
            }
            if let problem = check(member.key, text) { problems.append("\(line): \(problem)") }
            settings.values[member.key] = Value(text: text, line: line)
        }
        guard problems.isEmpty else { throw SettingsError(source: source, problems: problems) }
        return settings
    }

    /// What is wrong with a key or its value; nil when nothing is.
    public static func check(_ name: String, _ text: String) -> String? {
        guard let key = keys.first(where: { $0.name == name }) else { return "\(name): there is no such key" }
        switch key.kind {
        case .text: return text.isEmpty ? "\(name): must not be empty" : nil
        case .hosts:
            let wrong = hosts(text).first { HostPattern($0) == nil }
            return wrong.map {
                "\(name): \($0) is no host; write example.org, *.example.org or example.org:8443"
            }
        case .boolean:
            return ["true", "false"].contains(text) ? nil : "\(name): \(text) is neither true nor false"
        case .integer(let range):
            guard let number = Int(text), range.contains(number) else {
                return "\(name): \(text) is no whole number from \(range.lowerBound) to \(range.upperBound)"
            }
            return nil
        case .words(let words):
            return words.contains(text) ? nil : "\(name): \(text) is none of \(words.joined(separator: ", "))"
        case .url:
            let isURL = ["http://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count }
            return isURL && !text.contains { $0.isWhitespace }
                ? nil : "\(name): \(text) is no http(s) address"
        case .money:
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            let isMoney =
                (1...2).contains(parts.count)
                && parts.allSatisfy { !$0.isEmpty && $0.count <= 6 && $0.allSatisfy { "0"..."9" ~= $0 } }
            return isMoney ? nil : "\(name): \(text) is no amount of US dollars, such as 2.50"
        }
    }

    /// The text of the file with a key set, or removed by nil; other lines and their comments stay.
    public func rewriting(_ text: String, _ name: String, to value: String?) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        let line = value.map { "\(name): \(Self.quoted($0))" }
        if let old = values[name]?.line, lines.indices.contains(old - 1) {
            // A value is on the line of its key, except when it was folded; `check` after writing tells.
            if let line { lines[old - 1] = line } else { lines.remove(at: old - 1) }
        } else if let line {
            lines.append(line)
        }
        return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
    }

    /// In double quotes, which say the same whatever is inside (YAML 1.2, section 7.3.1), unless it is plain.
    private static func quoted(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isASCII && ($0.isLetter || $0.isNumber) } ?? false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._/-".contains($0)) }
        return isPlain ? text : JSON.string(text).text
    }
}

/// Everything that is wrong with a settings file.
public struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    public let source: String
    /// "LINE: KEY: what is wrong".
    public let problems: [String]

    public var description: String { problems.map { "\(source):\($0)" }.joined(separator: "\n") }
}
