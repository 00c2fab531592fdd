import Kit
import Wire

/// Puts the pieces of a streamed answer together. Whatever is missing at the end is no answer.
struct AnswerAssembler {
    private var blocks: [Int: JSON] = [:]
    private var texts: [Int: String] = [:]
    private var closed: Set<Int> = []
    private var stopReason: String?
    private var isStopped = false
    private var prompt: [String: Int] = [:]
    private var output = 0
    private(set) var failure: String?
    /// The gateway says whether another try can help after a failure; a stream that is broken says nothing.
    private(set) var isWorthRetrying = true

    /// Content blocks of one answer.
    private static let blockLimit = 1000

    mutating func take(_ event: ServerSentEvent) {
        guard let data = try? JSON.parse(event.data) else {
            if event.event != "ping" { failure = "the answer has an event that is no JSON" }
            return
        }
        switch data["type"]?.stringValue ?? event.event {
        case "message_start": use(data["message"]?["usage"])
        case "content_block_start": start(data)
        case "content_block_delta": extend(data)
        case "content_block_stop": if let index = data["index"]?.intValue { closed.insert(index) }
        case "message_delta":
            stopReason = data["delta"]?["stop_reason"]?.stringValue ?? stopReason
            use(data["usage"])
        case "message_stop": isStopped = true
        case "error":
            failure = data["error"]?["message"]?.stringValue ?? "the answer ended with an error"
            isWorthRetrying = data["should_retry"]?.boolValue ?? true
        default: break
        }
    }

    /// Counts are cumulative: a later one replaces an earlier one. What was read from the cache or written to
    /// it is part of the prompt, too.
    private mutating func use(_ counts: JSON?) {
        for name in ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"] {
            if let count = counts?[name]?.intValue { prompt[name] = min(max(0, count), 1 << 40) }
        }
        output = counts?["output_tokens"]?.intValue ?? output
    }

    private mutating func start(_ data: JSON) {
        guard let index = data["index"]?.intValue, blocks.count < Self.blockLimit else {
            failure = "the answer has too many parts"
            return
        }
        blocks[index] = data["content_block"]
        texts[index] =
            data["content_block"]?["text"]?.stringValue ?? data["content_block"]?["thinking"]?.stringValue
            ?? ""
    }

    private mutating func extend(_ data: JSON) {
        guard let index = data["index"]?.intValue, let delta = data["delta"] else { return }
        switch delta["type"]?.stringValue {
        case "text_delta": texts[index, default: ""] += delta["text"]?.stringValue ?? ""
        case "input_json_delta": texts[index, default: ""] += delta["partial_json"]?.stringValue ?? ""
        case "thinking_delta": texts[index, default: ""] += delta["thinking"]?.stringValue ?? ""
        case "signature_delta": blocks[index]?["signature"] = delta["signature"]
        default: break
        }
    }

    /// The answer, when it is whole.
    var answer: ModelClient.Answer? {
        guard isStopped, failure == nil, closed.isSuperset(of: blocks.keys) else { return nil }
        var content: [JSON] = []
        for index in blocks.keys.sorted() {
            guard var block = blocks[index] else { continue }
            let text = texts[index] ?? ""
            switch block["type"]?.stringValue {
            case "tool_use", "server_tool_use":
                // Input that is no JSON stays visible as such; the tool's answer will say so.
                // What is JSON but no object the provider would refuse in every later request.
                let given = text.isEmpty ? block["input"] ?? [:] : (try? JSON.parse(text)) ?? .null
                block["input"] =
                    given.objectValue == nil
                    ? ["invalid_json": .string(text.isEmpty ? given.text : text)] : given
            case "thinking": block["thinking"] = .string(text)
            case "text":
                if text.isEmpty { continue }
                block["text"] = .string(text)
            // Whatever else there may be goes back as it came.
            default: break
            }
            content.append(block)
        }
        return ModelClient.Answer(
            content: content, stopReason: stopReason ?? "end_turn",
            inputTokens: prompt.values.reduce(0, +),
            outputTokens: output)
    }
}
