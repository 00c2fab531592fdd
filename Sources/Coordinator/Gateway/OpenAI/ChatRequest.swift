// Requests between the two languages: to OpenAI-compatible servers, and from guests that use OpenAI's SDKs.
import Kit

enum ChatRequest {
    // MARK: To a server of chat completions

    /// What a server gets for a request in the form of the Messages API.
    /// - Parameter isOpenAI: OpenAI's own API has another name for `max_tokens`.
    static func chat(
        from request: MessagesRequest, model: String, effort: String? = nil, isOpenAI: Bool
    ) -> JSON {
        let json = request.json
        var messages: [JSON] = []
        let system = text(of: json["system"])
        if !system.isEmpty { messages.append(["role": "system", "content": .string(system)]) }
        for message in PlainMessages.of(request.messages) { messages += chatMessages(from: message) }
        var chat: JSON = [
            "model": .string(model), "messages": .array(messages), "stream": true,
            "stream_options": ["include_usage": true],
        ]
        chat[isOpenAI ? "max_completion_tokens" : "max_tokens"] = JSON(request.outputTokens)
        for name in ["temperature", "top_p"] where json[name] != nil { chat[name] = json[name] }
        if let stop = json["stop_sequences"], stop.arrayValue?.isEmpty == false { chat["stop"] = stop }
        if let tools = json["tools"]?.arrayValue, !tools.isEmpty {
            chat["tools"] = .array(tools.map(chatTool))
            if let choice = chatToolChoice(json["tool_choice"]) { chat["tool_choice"] = choice }
            if json["tool_choice"]?["disable_parallel_tool_use"] == true {
                chat["parallel_tool_calls"] = false
            }
        }
        // Servers that know no effort refuse the field, so it is sent where it is known or was asked for.
        let asked = isOpenAI ? json["output_config"]?["effort"]?.stringValue ?? effort : effort
        if let effort = asked {
            chat["reasoning_effort"] = .string(["xhigh", "max"].contains(effort) ? "high" : effort)
        }
        return chat
    }

    private static func chatTool(_ tool: JSON) -> JSON {
        [
            "type": "function",
            "function": [
                "name": tool["name"] ?? "", "description": tool["description"] ?? "",
                "parameters": tool["input_schema"] ?? ["type": "object", "properties": [:]],
            ],
        ]
    }

    private static func chatToolChoice(_ choice: JSON?) -> JSON? {
        switch choice?["type"]?.stringValue {
        case "auto": "auto"
        case "any": "required"
        case "none": "none"
        case "tool": ["type": "function", "function": ["name": choice?["name"] ?? ""]]
        default: nil
        }
    }

    private static func chatMessages(from message: JSON) -> [JSON] {
        guard let blocks = message["content"]?.arrayValue else {
            return [["role": message["role"] ?? "user", "content": message["content"] ?? ""]]
        }
        return message["role"] == "assistant" ? [chatAnswer(blocks)] : chatQuestions(blocks)
    }

    /// Thinking belongs to the model that thought it, and is left out; but a chat server that showed its
    /// thoughts before a call wants them back with it.
    private static func chatAnswer(_ blocks: [JSON]) -> JSON {
        let text = text(of: .array(blocks))
        var answer: JSON = ["role": "assistant", "content": text.isEmpty ? nil : .string(text)]
        let calls = blocks.filter { $0["type"] == "tool_use" }.map { block -> JSON in
            [
                "id": block["id"] ?? "", "type": "function",
                "function": [
                    "name": block["name"] ?? "", "arguments": .string((block["input"] ?? [:]).text),
                ],
            ]
        }
        if !calls.isEmpty {
            answer["tool_calls"] = .array(calls)
            if let thoughts = ChatThoughts.of(blocks) { answer[thoughts.field] = .string(thoughts.text) }
        }
        return answer
    }

    /// Results of tools are messages of their own there; what the user said follows them.
    private static func chatQuestions(_ blocks: [JSON]) -> [JSON] {
        var messages: [JSON] = []
        var parts: [JSON] = []
        for block in blocks {
            switch block["type"]?.stringValue {
            case "tool_result":
                var content = text(of: block["content"])
                if block["is_error"] == true { content = "Error: \(content)" }
                messages.append([
                    "role": "tool", "tool_call_id": block["tool_use_id"] ?? "", "content": .string(content),
                ])
                parts += (block["content"]?.arrayValue ?? []).compactMap(chatImage)
            case "text": parts.append(["type": "text", "text": block["text"] ?? ""])
            default: if let image = chatImage(block) { parts.append(image) }
            }
        }
        guard !parts.isEmpty else { return messages }
        // Many local servers take only plain text.
        let isText = parts.allSatisfy { $0["type"] == "text" }
        let content: JSON = isText ? .string(text(of: .array(parts))) : .array(parts)
        return messages + [["role": "user", "content": content]]
    }

    static func chatImage(_ block: JSON) -> JSON? {
        guard block["type"] == "image", let type = block["source"]?["media_type"]?.stringValue,
            let data = block["source"]?["data"]?.stringValue
        else { return nil }
        return ["type": "image_url", "image_url": ["url": .string("data:\(type);base64,\(data)")]]
    }

    /// The text of a string or of text blocks.
    static func text(of content: JSON?) -> String {
        switch content {
        case .string(let text): text
        case .array(let blocks):
            blocks.filter { $0["type"] == "text" }.compactMap { $0["text"]?.stringValue }.joined(
                separator: "\n")
        default: ""
        }
    }

    // MARK: From a guest with an OpenAI SDK

    private static let knownFields: Set<String> = [
        "model", "messages", "stream", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
        "tools", "tool_choice", "parallel_tool_calls", "n", "reasoning_effort", "response_format",
    ]

    /// A guest's request in the form of the Messages API. Fields that only shade sampling are dropped; those
    /// that change what comes back are refused.
    static func messages(
        from chat: JSON, defaultOutputTokens: Int
    ) throws(GuestFailure) -> GuestRequest {
        var fields = try GuestFields(
            chat, known: knownFields, refusal: "this gateway does not know the field")
        guard (fields["n"]?.intValue ?? 1) == 1 else { throw .invalid("n: only one answer is given") }
        guard let messages = fields["messages"]?.arrayValue else { throw .invalid("messages: is required") }
        var tools = GuestTools()
        try tools.add(fields["tools"], at: "tools", nested: true)
        var request = try Turns.read(messages, tools)
        let limit = [fields["max_completion_tokens"], fields["max_tokens"]].compactMap { $0?.intValue }.first
        fields.addBasics(to: &request, outputTokens: limit ?? defaultOutputTokens)
        switch fields["stop"] {
        case .string(let text): request["stop_sequences"] = [.string(text)]
        case .array(let texts): request["stop_sequences"] = .array(texts)
        default: break
        }
        fields.addTools(&tools, to: &request)
        let format = fields["response_format"]
        try fields.addOutput(
            to: &request, effort: fields["reasoning_effort"]?.stringValue, format: format,
            schema: format?["json_schema"]?["schema"], field: "response_format")
        return GuestRequest(json: request, tools: tools, notes: fields.notes + tools.notes)
    }
}
