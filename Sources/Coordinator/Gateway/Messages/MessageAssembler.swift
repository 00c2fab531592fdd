import Kit

/// Puts a streamed message together: what non-streaming guests get, what transcripts keep, what is billed.
/// A value: no I/O. Events and deltas that it does not know are passed over, as the API asks of clients.
struct MessageAssembler: Sendable {
    private(set) var usage = TokenUsage()
    /// True once the provider said what the prompt counts; nothing is charged before.
    private(set) var hasUsage = false
    private(set) var isComplete = false
    /// Of text, thoughts and inputs that came, for providers that count nothing.
    private(set) var outputBytes = 0
    private var head: [String: JSON] = [:]
    private var usageObject: [String: JSON] = [:]
    private var blocks: [Int: JSON] = [:]
    private var inputs: [Int: String] = [:]

    /// The number of content blocks begun so far.
    var blockCount: Int { blocks.count }

    mutating func receive(_ event: MessageEvent) {
        switch event.type {
        case "message_start":
            head = event.data["message"]?.objectValue ?? [:]
            take(usage: head["usage"])
        case "content_block_start":
            guard let index = event.data["index"]?.intValue, let block = event.data["content_block"] else {
                return
            }
            blocks[index] = block
        case "content_block_delta":
            guard let index = event.data["index"]?.intValue, let delta = event.data["delta"] else { return }
            receive(delta, index)
        case "content_block_stop":
            if let index = event.data["index"]?.intValue { close(index) }
        case "message_delta":
            for (name, value) in event.data["delta"]?.objectValue ?? [:] { head[name] = value }
            // What the provider did to the context, and what else it may tell beside the delta.
            for (name, value) in event.data.objectValue ?? [:]
            where !["type", "delta", "usage"].contains(name) {
                head[name] = value
            }
            take(usage: event.data["usage"])
        case "message_stop":
            for index in Array(inputs.keys) { close(index) }
            isComplete = true
        default: break
        }
    }

    /// The assistant's message with everything the provider said about it.
    var message: JSON {
        var message = head
        message["content"] = .array(content)
        message["usage"] = .object(usageObject)
        return .object(message)
    }

    /// The assistant's message as it stands in the next request.
    var turn: JSON { ["role": "assistant", "content": .array(content)] }

    private var content: [JSON] { blocks.sorted { $0.key < $1.key }.map(\.value) }

    private mutating func take(usage json: JSON?) {
        guard let json, let fields = json.objectValue else { return }
        hasUsage = true
        usage.update(from: json)
        for (name, value) in fields { usageObject[name] = value }
    }

    private mutating func receive(_ delta: JSON, _ index: Int) {
        guard var block = blocks[index] else { return }
        func append(_ field: String, _ text: JSON?) {
            outputBytes += text?.stringValue?.utf8.count ?? 0
            block[field] = .string((block[field]?.stringValue ?? "") + (text?.stringValue ?? ""))
        }
        switch delta["type"]?.stringValue {
        case "text_delta": append("text", delta["text"])
        case "thinking_delta": append("thinking", delta["thinking"])
        // It comes whole: the last one holds, as in the official SDKs.
        case "signature_delta": block["signature"] = delta["signature"]
        case "input_json_delta":
            let piece = delta["partial_json"]?.stringValue ?? ""
            outputBytes += piece.utf8.count
            inputs[index, default: ""] += piece
            return
        case "citations_delta":
            var citations = block["citations"]?.arrayValue ?? []
            if let citation = delta["citation"] { citations.append(citation) }
            block["citations"] = .array(citations)
        default: return
        }
        blocks[index] = block
    }

    private mutating func close(_ index: Int) {
        guard let text = inputs.removeValue(forKey: index), var block = blocks[index] else { return }
        // An answer that ended at max_tokens may hold half an input. It stays an object, because the next
        // request is refused otherwise; its stop_reason tells the agent not to run it.
        block["input"] = text.isEmpty ? [:] : ((try? JSON.parse(text)) ?? [:])
        blocks[index] = block
    }
}
