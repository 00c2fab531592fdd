// What a guest may ask for. The gateway answers for two things that it cannot see later: that the cost of a
// call is bounded before it is made, and that a guest without a network does not get one through the provider
// (fetching of URLs, tools and servers of the provider's side). So fields are passed on only if they are
// known.
import Kit

/// A checked request in the form of the Messages API.
struct MessagesRequest: Sendable {
    /// The request as it goes to the provider, without `model` and `stream`.
    let json: JSON
    let messages: [JSON]
    /// What the guest asked for; the session's specification decides.
    let model: String?
    let isStreaming: Bool
    /// The most the answer can have, in tokens.
    let outputTokens: Int
    /// The most the prompt can have without its documents, in tokens; nil when only the model's context
    /// bounds it.
    let promptTokens: Int?
    /// Blocks whose pages only the provider can count.
    let documents: [JSON]
    let cache: CacheUse
    /// What was dropped of it, in sentences.
    var notes: [String] = []

    /// Every token stands for one byte at least; images are counted apart.
    private static let tokensOfImage = 5000
    /// For what the provider adds to a prompt with tools.
    private static let tokensOfOverhead = 2048
    private static let outputLimit = 10_000_000
    /// The smallest budget for thoughts that the API takes.
    private static let leastThinking = 1024

    private static let knownFields: Set<String> = [
        "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config",
        "metadata", "stop_sequences", "stream", "temperature", "top_p", "top_k", "cache_control",
        "context_management", "service_tier", "inference_geo", "output_format", "diagnostics", "speed",
    ]

    /// - Parameter isCount: For counting only, which has no answer to bound.
    init(_ json: JSON, isCount: Bool = false, notes: [String] = []) throws(GuestFailure) {
        self.notes = notes
        guard let fields = json.objectValue else {
            throw .invalid("the request is \(json.kindName) where an object should be")
        }
        for name in fields.keys.sorted()
        where !MessagesRequest.knownFields.contains(name) && fields[name] != .null {
            throw .invalid(
                "\(name): this gateway does not pass the field on, because its cost or its reach is "
                    + "not bounded"
            )
        }
        guard let messages = fields["messages"]?.arrayValue, !messages.isEmpty else {
            throw .invalid("messages: one message at least is required")
        }
        let maxTokens = fields["max_tokens"]?.intValue
        guard isCount || maxTokens != nil else { throw .invalid("max_tokens: is required, a whole number") }
        guard (0...MessagesRequest.outputLimit).contains(maxTokens ?? 0) else {
            throw .invalid("max_tokens: must be from 0 to \(MessagesRequest.outputLimit)")
        }
        var scan = ContentScan()
        try scan.check(messages: messages)
        if let system = fields["system"] { try scan.check(content: system, at: "system") }
        try MessagesRequest.check(tools: fields["tools"])
        try MessagesRequest.check(options: fields)
        var forwarded = fields.filter { MessagesRequest.knownFields.contains($0.key) }
        forwarded["model"] = nil
        forwarded["speed"] = nil
        forwarded["stream"] = nil
        self.json = .object(forwarded)
        self.messages = messages
        model = fields["model"]?.stringValue
        isStreaming = fields["stream"]?.boolValue ?? false
        let thinking = fields["thinking"]?["budget_tokens"]?.intValue ?? 0
        // With interleaved thinking the budget may be larger than max_tokens and counts besides it.
        let beyond = thinking > maxTokens ?? 0 ? min(thinking, MessagesRequest.outputLimit) : 0
        outputTokens = (maxTokens ?? 0) + beyond
        let bytes = self.json.serialized()
        promptTokens =
            scan.isUnbounded
            ? nil
            : max(0, bytes.count - scan.otherBytes) + scan.images * MessagesRequest.tokensOfImage
                + scan.referencedBytes(of: fields["tools"]) + MessagesRequest.tokensOfOverhead
        documents = scan.documents
        cache = MessagesRequest.cacheUse(bytes)
    }

    /// The request with what the gateway adds; checked already.
    func reshaped(_ json: JSON) -> MessagesRequest {
        let bytes = json.serialized()
        return MessagesRequest(
            json: json, messages: json["messages"]?.arrayValue ?? messages, model: model,
            isStreaming: isStreaming, outputTokens: outputTokens,
            promptTokens: promptTokens.map { $0 + max(0, bytes.count - self.json.serialized().count) },
            documents: documents, cache: MessagesRequest.cacheUse(bytes), notes: notes)
    }

    /// The request with a shorter longest answer.
    /// - Parameters:
    ///   - reason: Told in the transcript.
    ///   - isTold: With the number; without it for one that is another every time.
    func limited(to tokens: Int, because reason: String, isTold: Bool = true) -> MessagesRequest {
        guard let asked = json["max_tokens"]?.intValue, tokens < outputTokens else { return self }
        var json = json
        json["max_tokens"] = JSON(min(asked, tokens))
        if let budget = json["thinking"]?["budget_tokens"]?.intValue, budget >= min(asked, tokens) {
            // Thoughts are part of the answer, and no fewer are taken.
            let room = tokens / 2
            if room >= MessagesRequest.leastThinking {
                json["thinking"]?["budget_tokens"] = JSON(room)
                if budget > asked { json["max_tokens"] = JSON(max(min(asked, tokens - room), room + 1)) }
            } else {
                json["thinking"] = nil
            }
        }
        let number = isTold ? " to \(tokens)" : ""
        return MessagesRequest(
            json: json, messages: messages, model: model, isStreaming: isStreaming, outputTokens: tokens,
            promptTokens: promptTokens, documents: documents, cache: cache,
            notes: notes + ["max_tokens was lowered from \(asked)\(number): \(reason)"])
    }

    /// The request with other messages, checked already.
    func with(messages: [JSON], note: String) -> MessagesRequest {
        var json = json
        json["messages"] = .array(messages)
        var request = reshaped(json)
        request.notes.append(note)
        return request
    }

    var hasPictures: Bool { !Pictures.digests(in: messages, of: nil).isEmpty }

    private init(
        json: JSON, messages: [JSON], model: String?, isStreaming: Bool, outputTokens: Int,
        promptTokens: Int?, documents: [JSON], cache: CacheUse, notes: [String]
    ) {
        (self.json, self.messages, self.model, self.isStreaming) = (json, messages, model, isStreaming)
        (self.outputTokens, self.promptTokens, self.cache) = (outputTokens, promptTokens, cache)
        (self.documents, self.notes) = (documents, notes)
    }

    /// Also true when the words only stand in a text: then a little more is reserved than needed.
    private static func cacheUse(_ bytes: [UInt8]) -> CacheUse {
        guard bytes.contains(text: #"cache_control""#) else { return .none }
        return bytes.contains(text: #""1h""#) ? .long : .short
    }

    private static func check(tools json: JSON?) throws(GuestFailure) {
        guard let json, !json.isNull else { return }
        guard let tools = json.arrayValue else { throw .invalid("tools: must be an array") }
        for (index, tool) in tools.enumerated() { try check(tool: tool, at: "tools/\(index)") }
    }

    fileprivate static func check(tool: JSON, at place: String) throws(GuestFailure) {
        guard let type = tool["type"]?.stringValue, type != "custom" else { return }
        // Tools whose shape is the provider's and which run at the client's.
        let clientTools = ["bash_", "text_editor_", "memory_", "computer_"]
        guard clientTools.contains(where: { type.hasPrefix($0) }) else {
            throw .invalid(
                "\(place): \(type) runs at the provider's; this gateway passes on only tools that run in "
                    + "the guest")
        }
    }

    private static func check(options fields: [String: JSON]) throws(GuestFailure) {
        guard ["auto", "standard_only"].contains(fields["service_tier"]?.stringValue ?? "auto") else {
            throw .invalid("service_tier: only auto and standard_only have list prices")
        }
        guard ["standard", nil].contains(fields["speed"]?.stringValue) else {
            throw .invalid("speed: only standard has list prices")
        }
        guard fields["inference_geo"]?.stringValue ?? "global" == "global" else {
            throw .invalid("inference_geo: only global has list prices")
        }
        for edit in fields["context_management"]?["edits"]?.arrayValue ?? [] {
            guard edit["type"]?.stringValue?.hasPrefix("clear_") == true else {
                throw .invalid(
                    "context_management: only clear_… edits are passed on; others make calls of their own")
            }
        }
    }
}

/// Walks through content blocks: finds what is not text, and refuses what the provider would fetch.
private struct ContentScan {
    var images = 0
    /// Of images and documents, which are no text.
    var otherBytes = 0
    /// Their pages cannot be counted here.
    var documents: [JSON] = []
    /// A block is newer than this gateway.
    var isUnbounded = false
    /// The message is one that the provider wrote.
    private var isAnswer = false
    private var isSystem = false
    /// Names of tools whose definitions are put in once more where they are named.
    private var references: [String: Int] = [:]

    /// What the definitions add to the prompt, in bytes.
    func referencedBytes(of tools: JSON?) -> Int {
        guard !references.isEmpty else { return 0 }
        return (tools?.arrayValue ?? []).reduce(0) { sum, tool in
            let times = references[tool["name"]?.stringValue ?? ""] ?? 0
            return times == 0 ? sum : sum + times * tool.serialized().count
        }
    }

    mutating func check(messages: [JSON]) throws(GuestFailure) {
        for (index, message) in messages.enumerated() {
            guard let role = message["role"]?.stringValue, ["user", "assistant", "system"].contains(role)
            else {
                throw .invalid("messages/\(index)/role: must be user or assistant")
            }
            guard let content = message["content"] else {
                // Such a message may only set how the next answer is given.
                if role == "system", message["output_config"]?.objectValue != nil { continue }
                throw .invalid("messages/\(index)/content: is missing")
            }
            (isAnswer, isSystem) = (role == "assistant", role == "system")
            try check(content: content, at: "messages/\(index)/content")
        }
    }

    mutating func check(content: JSON, at place: String) throws(GuestFailure) {
        switch content {
        case .string, .null: return
        case .array(let blocks):
            for (index, block) in blocks.enumerated() { try check(block: block, at: "\(place)/\(index)") }
        default: throw .invalid("\(place): must be a string or an array of blocks")
        }
    }

    private mutating func check(block: JSON, at place: String) throws(GuestFailure) {
        guard let type = block["type"]?.stringValue else { throw .invalid("\(place)/type: is missing") }
        switch type {
        case "text", "thinking", "redacted_thinking", "tool_use", "search_result": return
        case "tool_result":
            if let content = block["content"] { try check(content: content, at: "\(place)/content") }
        case "tool_reference": references[block["tool_name"]?.stringValue ?? "", default: 0] += 1
        case "tool_addition", "tool_removal":
            guard isSystem else { throw .invalid("\(place)/type: \(type) stands only in system messages") }
            try check(change: block["tool"] ?? .null, at: "\(place)/tool")
        case "image":
            images += 1
            otherBytes += try data(of: block, at: place)
        case "document":
            let bytes = try data(of: block, at: place)
            if block["source"]?["type"] == "base64" {
                documents.append(block)
                otherBytes += bytes
            }
            if block["source"]?["type"] == "content", let content = block["source"]?["content"] {
                try check(content: content, at: "\(place)/source/content")
            }
        // A block that is newer than this gateway goes back to who made it, unchanged. What it counts for
        // nobody here knows.
        case _ where isAnswer && block["source"] == nil: isUnbounded = true
        default:
            throw .invalid("\(place)/type: this gateway does not pass on blocks of type \(type)")
        }
    }

    /// A change of the tools in the middle of a conversation.
    private mutating func check(change tool: JSON, at place: String) throws(GuestFailure) {
        switch tool["type"]?.stringValue {
        case "tool_reference": references[tool["name"]?.stringValue ?? "", default: 0] += 1
        case "tool_definition":
            try MessagesRequest.check(tool: tool["definition"] ?? .null, at: "\(place)/definition")
        case let other:
            throw .invalid(
                "\(place)/type: \(other ?? "nothing") names no tool that runs in the guest")
        }
    }

    private func data(of block: JSON, at place: String) throws(GuestFailure) -> Int {
        let type = block["source"]?["type"]?.stringValue ?? "nothing"
        guard ["base64", "text", "content"].contains(type) else {
            throw .invalid(
                "\(place)/source: \(type) would be fetched by the provider; send the data itself (base64)")
        }
        return block["source"]?["data"]?.stringValue?.utf8.count ?? 0
    }
}

extension [UInt8] {
    /// True when the bytes of a text occur. Only for needles that can start at their first byte alone.
    func contains(text: String) -> Bool {
        let needle = Array(text.utf8)
        guard let first = needle.first, count >= needle.count else { return false }
        var index = startIndex
        while let found = self[index...].firstIndex(of: first), found + needle.count <= endIndex {
            if self[found..<(found + needle.count)].elementsEqual(needle) { return true }
            index = found + 1
        }
        return false
    }
}
