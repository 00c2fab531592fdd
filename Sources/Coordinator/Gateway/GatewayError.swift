// What can be wrong with a session's model before any guest asks for anything.

/// Why a model cannot be used: what was asked for, and what to do.
public enum GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text that was given as a model says nothing.
    case badSpec(given: String, reason: String)
    /// The provider needs a key that the coordinator does not have; CLIs exit with 4.
    case credentials(provider: String, variable: String)
    /// The model has no list price, so its cost cannot be bounded.
    case unpriced(model: String, provider: String)
    /// A script cannot be read or has mistakes; each with its place.
    case script(file: String, problems: [String])
    /// A price list cannot be read.
    case prices(file: String, reason: String)
    /// Something named by the specification of models is not part of this version.
    case notBuilt(String)
    /// The session was never opened, or is closed.
    case unknownSession(String)
    /// The transcripts of a session cannot be read or written.
    case conversations(directory: String, reason: String)

    public var description: String {
        switch self {
        case .badSpec(let given, let reason): "the model \"\(given)\": \(reason)"
        case .credentials(let provider, let variable):
            "\(provider) needs a key and \(variable) is not set"
        case .unpriced(let model, let provider):
            "\(model) of \(provider) has no price, so its cost cannot be kept within a budget"
        case .script(let file, let problems): "the script \(file): " + problems.joined(separator: "; ")
        case .prices(let file, let reason): "the prices in \(file): \(reason)"
        case .notBuilt(let what): "\(what) is not built in this version"
        case .unknownSession(let session): "the gateway has no session \(session)"
        case .conversations(let directory, let reason): "the transcripts in \(directory): \(reason)"
        }
    }

    /// What to do next.
    public var hint: String {
        switch self {
        case .badSpec: "Allowed are \(ModelSpec.allowed)."
        case .credentials(_, let variable):
            "Set \(variable) where the coordinator starts, or use a local server (openai:MODEL@URL) or a "
                + "scripted model (script:FILE)."
        case .unpriced(let model, _):
            "Put its list prices, in US dollars for a million tokens, for the words in capitals, and this "
                + "line into ~/.aegis/openclaw/prices.json (openclaw models shows those that are known): "
                + PriceList.line(for: model)
        case .script: "Correct the file and start again."
        case .prices: "Compare it with kit/prices.json."
        case .notBuilt: "Allowed are \(ModelSpec.allowed)."
        case .unknownSession: "Open the session first."
        case .conversations: "See that the directory is there and writable, and that the disk is not full."
        }
    }

    /// True when the cure is a key: exit code 4.
    public var isCredentials: Bool {
        if case .credentials = self { true } else { false }
    }
}

/// Why a call may not be made: it could cost more than is left.
public struct BudgetRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// In a sentence, for the guest and the journal.
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
