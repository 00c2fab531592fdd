// What providers say when a request does not fit. Each says it in words of its own; what is meant decides
// what helps: a shorter answer, a shorter history, or no pictures.
import Kit

/// The reason of a refusal that a smaller request would not meet.
enum Complaint: Sendable, Hashable {
    /// Prompt and answer together do not fit; as far as it was said, in tokens.
    case window(Int?, prompt: Int?)
    /// No answer may be so long; the longest there is.
    case output(Int)
    /// It takes no pictures, or not this one: the place of the message, when it was said.
    case picture(message: Int?)

    /// - Parameter hasPictures: Of the request; without any, nothing is said of them.
    init?(_ failure: ProviderFailure, hasPictures: Bool) {
        guard case .status(let status) = failure.kind, status >= 400,
            ![401, 402, 403, 429, 529].contains(status)
        else { return nil }
        let text = failure.message.lowercased()
        let code = (failure.details?["code"]?.stringValue ?? "") + " " + (failure.type ?? "")
        let window =
            failure.details?["n_ctx"]?.count ?? Self.number(in: text, after: Self.windows)
            ?? (text.contains("prompt is too long") || text.contains("context limit")
                ? Self.number(in: text, after: ["> "]) : nil)
        let prompt =
            failure.details?["n_prompt_tokens"]?.count ?? Self.number(in: text, after: Self.prompts)
        let isLength = text.contains("max_tokens") || text.contains("max_completion_tokens")
        if isLength, window == nil,
            let most = Self.number(in: text, after: ["at most ", "less than or equal to ", "> "]), most > 0
        {
            self = .output(most)
        } else if status == 413 || Self.signs.contains(where: { text.contains($0) || code.contains($0) }) {
            self = .window(window, prompt: prompt)
        } else if hasPictures, Self.pictures.contains(where: { text.contains($0) }) {
            self = .picture(message: Self.number(in: text, after: ["messages.", "messages["]))
        } else {
            return nil
        }
    }

    /// OpenAI, vLLM, llama.cpp, Ollama, LM Studio, Anthropic.
    private static let signs = [
        "context_length_exceeded", "exceed_context_size", "maximum context length", "context length",
        "context size", "context window", "context limit", "prompt is too long", "input is too long",
        "request_too_large",
    ]
    private static let windows = [
        "maximum context length is ", "maximum context length of ", "context length of only ",
        "available context size (", "context length of ", "context window of ", "context size of ",
    ]
    private static let prompts = [
        "your request has ", "tokens (", "prompt is too long: ", "request (", "context limit: ",
        "prompt contains at least ", "prompt contains ", "keep the first ",
    ]
    private static let pictures = ["image", "vision", "multimodal", "mmproj", "picture"]

    /// The first whole number that stands right after one of the phrases.
    private static func number(in text: String, after phrases: [String]) -> Int? {
        for phrase in phrases {
            var rest = text[...]
            while let found = rest.firstRange(of: phrase) {
                rest = rest[found.upperBound...]
                let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "," }.filter { $0 != "," }
                if let number = ForeignNumber.decimal(digits, in: 0...ForeignNumber.most) { return number }
            }
        }
        return nil
    }
}

/// What was learnt of a model's limits, or told by its name.
struct LearntLimits: Sendable, Hashable {
    var window: Int?
    var output: Int?
    /// The server was asked for its window.
    var isAsked = false
}
