// What stands behind a model's name after a question mark:
// `claude-opus-5-5?effort=high&fallback=claude-opus-5`.

/// A model, and how it is to be used.
public struct ModelRoute: Sendable, Hashable, CustomStringConvertible {
    /// Which of OpenAI's two ways of asking a server gets.
    public enum API: String, Sendable, Hashable { case chat, responses }

    public var spec: ModelSpec
    /// How hard the model thinks; passed on when the request says nothing.
    public var effort: String?
    /// Models of the same provider, in order, for a conversation whose first call finds the model away.
    public var fallback: [String] = []
    /// The model from the second attempt at a task on.
    public var escalate: String?
    /// Whether marks for the provider's cache are set where the guest set none.
    public var caches = true
    public var api = API.chat
    /// The window that the server gives the model, in tokens; nil is what it says itself.
    public var context: Int?

    public static let efforts = ["low", "medium", "high", "xhigh", "max"]

    /// Reads what a person gave.
    public static func parse(_ text: String) throws(GatewayError) -> ModelRoute {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var route = ModelRoute(spec: try ModelSpec.parse(String(parts.first ?? "")))
        guard parts.count == 2 else { return route }
        for pair in parts[1].split(separator: "&", omittingEmptySubsequences: false) {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try route.set(String(words[0]), words.count == 2 ? String(words[1]) : "", of: text)
        }
        return route
    }

    private mutating func set(_ name: String, _ value: String, of text: String) throws(GatewayError) {
        func refuse(_ reason: String) -> GatewayError { .badSpec(given: text, reason: reason) }
        switch (name, value) {
        case ("effort", _):
            guard ModelRoute.efforts.contains(value) else {
                throw refuse("effort is one of \(ModelRoute.efforts.joined(separator: ", "))")
            }
            effort = value
        case ("fallback", _):
            fallback = value.split(separator: ",").map(String.init)
            guard (1...3).contains(fallback.count) else { throw refuse("fallback names one to three models") }
            for model in fallback { _ = try ModelSpec.parse("anthropic:\(model)") }
        case ("escalate", _):
            _ = try ModelSpec.parse("anthropic:\(value)")
            escalate = value
        case ("cache", "off"): caches = false
        case ("cache", "on"): caches = true
        case ("api", _):
            guard let api = API(rawValue: value) else { throw refuse("api is chat or responses") }
            self.api = api
        case ("context", _):
            guard let tokens = Int(value), (1024...100_000_000).contains(tokens) else {
                throw refuse("context is the model's window, a number of tokens from 1024")
            }
            context = tokens
        default:
            throw refuse("\(name) is none of effort, fallback, escalate, cache (on, off), api and context")
        }
    }

    public var description: String {
        var pairs: [String] = []
        if let effort { pairs.append("effort=\(effort)") }
        if !fallback.isEmpty { pairs.append("fallback=\(fallback.joined(separator: ","))") }
        if let escalate { pairs.append("escalate=\(escalate)") }
        if !caches { pairs.append("cache=off") }
        if api != .chat { pairs.append("api=\(api.rawValue)") }
        if let context { pairs.append("context=\(context)") }
        return "\(spec)" + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    /// The model that begins a conversation.
    /// - Parameters:
    ///   - primary: The provider's own choice for the role.
    ///   - attempt: At the task, from 1.
    func models(primary: String, attempt: Int?) -> [String] {
        let first = (attempt ?? 1) >= 2 ? escalate ?? primary : primary
        return [first] + fallback.filter { $0 != first }
    }
}
