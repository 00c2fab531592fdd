// Requests of OpenAI's Responses API: from guests, and to servers that speak it.
import Kit

enum ResponsesRequest {
    // MARK: From a guest

    private static let knownFields: Set<String> = [
        "model", "input", "instructions", "stream", "max_output_tokens", "temperature", "top_p", "tools",
        "tool_choice", "parallel_tool_calls", "reasoning", "text",
    ]

    /// A guest's request in the form of the Messages API. Nothing is stored here, so what refers to something
    /// stored is refused.
    static func messages(
        from json: JSON, defaultOutputTokens: Int
    ) throws(GuestFailure) -> GuestRequest {
        var fields = try GuestFields(
            json, known: knownFields, refusal: "is not translated; send the whole conversation as input")
        guard let input = fields["input"], input.stringValue != nil || input.arrayValue?.isEmpty == false
        else {
            throw .invalid("input: a text or a list of items is required")
        }
        var tools = GuestTools()
        try tools.add(fields["tools"], at: "tools", nested: false)
        // A list of more tools may stand in the input; calls of any of them follow.
        for (index, item) in (input.arrayValue ?? []).enumerated() where item["type"] == "additional_tools" {
            try tools.add(item["tools"], at: "input/\(index)/tools", nested: false)
        }
        var notes: [String] = []
        var request = try Turns.read(
            input: input, instructions: fields["instructions"]?.stringValue, tools, notes: &notes)
        fields.addBasics(
            to: &request, outputTokens: fields["max_output_tokens"]?.intValue ?? defaultOutputTokens)
        fields.addTools(&tools, to: &request)
        let format = fields["text"]?["format"]
        try fields.addOutput(
            to: &request, effort: fields["reasoning"]?["effort"]?.stringValue, format: format,
            schema: format?["schema"], field: "text")
        return GuestRequest(json: request, tools: tools, notes: fields.notes + tools.notes + notes)
    }

    // MARK: To a server

    /// What a server gets for a request in the form of the Messages API.
    static func responses(
        from request: MessagesRequest, model: String, effort: String?, isOpenAI: Bool
    ) -> JSON {
        let json = request.json
        var result: JSON = [
            "model": .string(model), "stream": true, "store": false,
            "input": .array(PlainMessages.of(request.messages).flatMap(items)),
            "max_output_tokens": JSON(request.outputTokens),
        ]
        let system = ChatRequest.text(of: json["system"])
        if !system.isEmpty { result["instructions"] = .string(system) }
        // Its thoughts come back sealed, and go out again with the next turn.
        if isOpenAI { result["include"] = ["reasoning.encrypted_content"] }
        for name in ["temperature", "top_p"] where json[name] != nil { result[name] = json[name] }
        if let tools = json["tools"]?.arrayValue, !tools.isEmpty {
            result["tools"] = .array(
                tools.map { tool in
                    [
                        "type": "function", "name": tool["name"] ?? "",
                        "description": tool["description"] ?? "", "strict": false,
                        "parameters": tool["input_schema"] ?? ["type": "object", "properties": [:]],
                    ]
                })
            switch json["tool_choice"]?["type"]?.stringValue {
            case "any": result["tool_choice"] = "required"
            case "none": result["tool_choice"] = "none"
            case "tool":
                result["tool_choice"] = ["type": "function", "name": json["tool_choice"]?["name"] ?? ""]
            default: break
            }
            if json["tool_choice"]?["disable_parallel_tool_use"] == true {
                result["parallel_tool_calls"] = false
            }
        }
        if let effort = json["output_config"]?["effort"]?.stringValue ?? effort {
            result["reasoning"] = ["effort": .string(effort == "max" ? "xhigh" : effort)]
        }
        if let schema = json["output_config"]?["format"]?["schema"] {
            result["text"] = [
                "format": ["type": "json_schema", "name": "answer", "strict": false, "schema": schema]
            ]
        }
        return result
    }

    /// Marks a thought of OpenAI's inside a block of the Messages API.
    static let sealed = "openai-reasoning:"

    private static func items(of message: JSON) -> [JSON] {
        var items: [JSON] = []
        let isAnswer = message["role"] == "assistant"
        var parts: [JSON] = []
        func flush() {
            guard !parts.isEmpty else { return }
            items.append(["type": "message", "role": message["role"] ?? "user", "content": .array(parts)])
            parts = []
        }
        for block in RequestShape.blocks(of: message) {
            switch block["type"]?.stringValue {
            case "text":
                parts.append([
                    "type": isAnswer ? "output_text" : "input_text", "text": block["text"] ?? "",
                ])
            case "image":
                if let image = ChatRequest.chatImage(block) {
                    parts.append(["type": "input_image", "image_url": image["image_url"]?["url"] ?? ""])
                }
            case "tool_use":
                flush()
                items.append([
                    "type": "function_call", "call_id": block["id"] ?? "", "name": block["name"] ?? "",
                    "arguments": .string((block["input"] ?? [:]).text),
                ])
            case "tool_result":
                flush()
                let text = ChatRequest.text(of: block["content"])
                items.append([
                    "type": "function_call_output", "call_id": block["tool_use_id"] ?? "",
                    "output": .string(block["is_error"] == true ? "Error: \(text)" : text),
                ])
                parts += (block["content"]?.arrayValue ?? []).compactMap(ChatRequest.chatImage).map {
                    ["type": "input_image", "image_url": $0["image_url"]?["url"] ?? ""]
                }
            case "redacted_thinking":
                guard let data = block["data"]?.stringValue, data.hasPrefix(sealed),
                    let item = try? JSON.parse(String(data.dropFirst(sealed.count)))
                else { continue }
                flush()
                items.append(item)
            default: continue
            }
        }
        flush()
        return items
    }
}
