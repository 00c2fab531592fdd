// What servers of chat completions do in ways of their own: thoughts, calls in pieces, and what they counted.
import Kit
import System

/// Thoughts that a server shows, and wants back in the same field beside the call that they led to.
enum ChatThoughts {
    /// DeepSeek, llama.cpp, vLLM; then OpenRouter, Ollama and newer vLLM.
    static let fields = ["reasoning_content", "reasoning"]
    /// Stands in the signature of a block that came from such a field.
    static let mark = "chat:"

    /// The field and the text of a message's thoughts; nil when it has none of a chat server.
    static func of(_ blocks: [JSON]) -> (field: String, text: String)? {
        let own = blocks.filter { $0["signature"]?.stringValue?.hasPrefix(mark) == true }
        guard let field = own.first?["signature"]?.stringValue?.dropFirst(mark.count),
            fields.contains(String(field))
        else { return nil }
        return (String(field), own.compactMap { $0["thinking"]?.stringValue }.joined(separator: "\n"))
    }
}

/// The calls of an answer, from pieces that servers number as they like. A value.
struct ChatCalls: Sendable {
    struct Call: Sendable {
        var id = ""
        var name = ""
        var arguments = ""

        /// Nothing is missing of it.
        var isWhole: Bool { (try? JSON.parse(arguments))?.objectValue != nil }
    }

    private var calls: [Call] = []
    /// The call that pieces of an index go on with.
    private var current: [Int: Int] = [:]
    private static let limit = 1000

    /// - Returns: False when there are too many.
    mutating func add(_ piece: JSON) -> Bool {
        let index = piece["index"]?.intValue ?? 0
        let id = piece["id"]?.stringValue ?? ""
        let name = piece["function"]?["name"]?.stringValue ?? ""
        let place = current[index]
        let isNew = place.map { begins(id, name, after: calls[$0]) } ?? true
        if isNew {
            guard calls.count < Self.limit else { return false }
            calls.append(Call())
            current[index] = calls.count - 1
        }
        let at = current[index] ?? 0
        if !id.isEmpty { calls[at].id = id }
        if !name.isEmpty { calls[at].name = name }
        // Some servers give the arguments as an object.
        switch piece["function"]?["arguments"] {
        case .string(let text): calls[at].arguments += text
        case .object(let object): calls[at].arguments = JSON.object(object).text
        default: break
        }
        return true
    }

    /// Several calls under one index, or under none, are told apart by their ids, or by a name after a whole
    /// call.
    private func begins(_ id: String, _ name: String, after call: Call) -> Bool {
        if !id.isEmpty, !call.id.isEmpty { return id != call.id }
        return !name.isEmpty && !call.name.isEmpty && call.isWhole
    }

    /// In their order, each with an id of its own.
    var whole: [Call] {
        var seen: Set<String> = []
        return calls.map { call in
            var call = call
            if !seen.insert(call.id).inserted { call.id = "" }
            return call
        }
    }
}

/// What a server of OpenAI's forms says that it counted. Nothing of it is trusted to be a number, and what
/// was not counted is counted here.
enum ChatUsage {
    /// - Parameters:
    ///   - promptTokens: Our own count of what was sent.
    ///   - outputTokens: And of what came.
    static func read(_ json: JSON?, promptTokens: Int, outputTokens: Int) -> TokenUsage {
        let details = json?["prompt_tokens_details"]
        let prompt = UsageCount.read(json?["prompt_tokens"]).flatMap { $0 > 0 ? $0 : nil } ?? promptTokens
        let read = UsageCount.read(details?["cached_tokens"] ?? json?["prompt_cache_hit_tokens"]) ?? 0
        let cacheRead = min(read, prompt)
        let written = min(UsageCount.read(details?["cache_write_tokens"]) ?? 0, prompt - cacheRead)
        let long = UsageCount.read(details?["cache_write_tokens_details"]?["ttl_12h_tokens"]) ?? 0
        // Some bill thoughts beside the answer and tell only the total.
        let beside = UsageCount.read(json?["total_tokens"]).map { max(0, $0 - prompt) } ?? 0
        let completion = max(UsageCount.read(json?["completion_tokens"]) ?? 0, beside)
        return TokenUsage(
            input: prompt - cacheRead - written, cacheWrite5m: written - min(long, written),
            cacheWrite1h: min(long, written), cacheRead: cacheRead,
            output: completion > 0 ? completion : outputTokens)
    }

    /// The names of the Responses API as those of chat completions.
    static func renamed(_ json: JSON?) -> JSON? {
        guard var fields = json?.objectValue else { return nil }
        fields["prompt_tokens"] = fields["input_tokens"]
        fields["prompt_tokens_details"] = fields["input_tokens_details"]
        fields["completion_tokens"] = fields["output_tokens"]
        return .object(fields)
    }
}

/// A number of tokens as a server gives it.
enum UsageCount {
    private static let most = 1 << 32

    /// Nil when it is no whole number, or a negative one.
    static func read(_ json: JSON?) -> Int? {
        guard let number = json?.intValue, number >= 0 else { return nil }
        return min(number, most)
    }
}
