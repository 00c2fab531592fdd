// The text after `--model`, as a value.

/// Which model answers, and where it lives.
public enum ModelSpec: Sendable, Hashable, CustomStringConvertible {
    /// A scripted model: the file with its turns.
    case script(file: String)
    /// Anthropic's API; without a model each role has its own.
    case anthropic(model: String?)
    /// Anything that speaks OpenAI's chat completions; without a URL the one of the environment.
    case openAI(model: String, url: String?)

    /// For messages.
    public static let allowed =
        "script:FILE, anthropic, anthropic:MODEL, claude-… (a model's own name) and openai:MODEL@URL "
        + "(a server that speaks chat completions, for example openai:qwen3@http://127.0.0.1:11434/v1)"

    /// Reads what a person gave.
    public static func parse(_ text: String) throws(GatewayError) -> ModelSpec {
        func refuse(_ reason: String) -> GatewayError { .badSpec(given: text, reason: reason) }
        if text == "anthropic" { return .anthropic(model: nil) }
        if text.hasPrefix("claude-") { return .anthropic(model: try model(text, of: text)) }
        guard let colon = text.firstIndex(of: ":") else {
            throw refuse(text.isEmpty ? "is empty" : "names no provider")
        }
        let rest = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "script":
            guard !rest.isEmpty else { throw refuse("names no file") }
            return .script(file: rest)
        case "anthropic": return .anthropic(model: try model(rest, of: text))
        case "openai":
            let parts = rest.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try model(String(parts[0]), of: text)
            guard parts.count == 2 else { return .openAI(model: name, url: nil) }
            let url = String(parts[1])
            guard ProviderURL(url) != nil else {
                throw refuse("\"\(url)\" is not an http:// or https:// URL")
            }
            return .openAI(model: name, url: url)
        case "replay": throw .notBuilt("replaying recorded sessions (\(text))")
        default: throw refuse("there is no provider \"\(text[..<colon])\"")
        }
    }

    private static func model(_ name: String, of text: String) throws(GatewayError) -> String {
        let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        guard !name.isEmpty, name.utf8.count <= 200, isName else {
            throw .badSpec(
                given: text, reason: name.isEmpty ? "names no model" : "\"\(name)\" is no model's name")
        }
        return name
    }

    public var description: String {
        switch self {
        case .script(let file): "script:\(file)"
        case .anthropic(let model): model.map { "anthropic:\($0)" } ?? "anthropic"
        case .openAI(let model, let url): url.map { "openai:\(model)@\($0)" } ?? "openai:\(model)"
        }
    }
}

/// A provider's address, as much of it as decisions need.
struct ProviderURL: Sendable, Hashable {
    /// As given, without slashes at its end.
    let text: String
    /// In lower case, without port.
    let host: String
    let path: String
    let isEncrypted: Bool

    init?(_ given: String) {
        var text = given
        while text.hasSuffix("/") { text.removeLast() }
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        // What could hide another address, or a secret, from whoever reads the text.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains("@"), !text.contains("#"),
            !text.contains("?")
        else { return nil }
        let rest = text[colon.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            authority = authority[authority.index(after: authority.startIndex)..<end]
        } else if let port = authority.firstIndex(of: ":") {
            guard UInt16(authority[authority.index(after: port)...]) != nil else { return nil }
            authority = authority[..<port]
        }
        guard !authority.isEmpty else { return nil }
        (self.text, host, path) = (text, authority.lowercased(), String(rest[slash...]))
        isEncrypted = scheme == "https"
    }

    /// True for this machine and private networks, where nobody sends a bill.
    var isLocal: Bool {
        if ["localhost", "::1"].contains(host) || host.hasSuffix(".localhost") || host.hasSuffix(".local") {
            return true
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt8($0) }
        guard numbers.count == 4, parts.count == 4 else { return !host.contains(".") && !host.contains(":") }
        return numbers[0] == 127 || numbers[0] == 10 || (numbers[0] == 192 && numbers[1] == 168)
            || (numbers[0] == 172 && (16...31).contains(numbers[1]))
    }
}
