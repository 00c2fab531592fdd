// Answers for guests with an OpenAI SDK.
import Kit
import Wire

/// A message of the Messages API as a chat completion, whole or in chunks.
struct ChatAnswer: Sendable {
    let id: String
    let created: Int64
    /// As the guest asked with `stream_options.include_usage`.
    let includesUsage: Bool
    private var model: JSON = ""
    /// Content blocks that are calls, by their index, numbered as calls.
    private var calls: [Int: Int] = [:]
    /// Calls of free-text tools by the index of their block, until they are whole.
    private var texts: [Int: (block: JSON, arguments: String)] = [:]
    private let tools: GuestTools

    init(id: String, createdMilliseconds: Int64, includesUsage: Bool, tools: GuestTools = GuestTools()) {
        (self.id, created, self.includesUsage) = ("chatcmpl-" + id, createdMilliseconds / 1000, includesUsage)
        self.tools = tools
    }

    /// A whole completion.
    func completion(_ message: JSON, _ usage: TokenUsage) -> JSON {
        let blocks = message["content"]?.arrayValue ?? []
        let text = blocks.compactMap { $0["text"]?.stringValue }.joined()
        var answer: JSON = [
            "role": "assistant", "content": text.isEmpty ? nil : .string(text), "refusal": nil,
        ]
        let calls = blocks.filter { $0["type"] == "tool_use" }.map { block -> JSON in
            let arguments = (block["input"] ?? [:]).text
            let tool = tools[block["name"]]
            if tool.isCustom { return custom(block, arguments) }
            return [
                "id": block["id"] ?? "", "type": "function",
                "function": ["name": .string(tool.name), "arguments": .string(arguments)],
            ]
        }
        if !calls.isEmpty { answer["tool_calls"] = .array(calls) }
        return [
            "id": .string(id), "object": "chat.completion", "created": JSON(created),
            "model": message["model"] ?? "", "usage": ChatAnswer.json(usage),
            "choices": [
                [
                    "index": 0, "message": answer, "logprobs": nil,
                    "finish_reason": ChatAnswer.finish(message["stop_reason"]),
                ]
            ],
        ]
    }

    /// The chunks for one event; empty for events that chunks cannot say.
    mutating func chunks(_ event: MessageEvent) -> [JSON] {
        let index = event.data["index"]?.intValue ?? 0
        switch event.type {
        case "message_start":
            model = event.data["message"]?["model"] ?? ""
            return [chunk(["role": "assistant", "content": ""])]
        case "content_block_start":
            guard let block = event.data["content_block"], block["type"] == "tool_use" else { return [] }
            calls[index] = calls.count
            let tool = tools[block["name"]]
            if tool.isCustom {
                texts[index] = (block, "")
                return []
            }
            return [
                call(index, ["name": .string(tool.name), "arguments": ""], id: block["id"] ?? "")
            ]
        case "content_block_stop":
            guard let text = texts.removeValue(forKey: index) else { return [] }
            var whole = custom(text.block, text.arguments)
            whole["index"] = JSON(calls[index] ?? 0)
            return [chunk(["tool_calls": [whole]])]
        case "content_block_delta":
            let delta = event.data["delta"]
            if let text = delta?["text"], delta?["type"] == "text_delta" { return [chunk(["content": text])] }
            if let text = delta?["partial_json"]?.stringValue, texts[index] != nil {
                texts[index]?.arguments += text
                return []
            }
            if let text = delta?["partial_json"] { return [call(index, ["arguments": text], id: nil)] }
            return []
        case "message_delta":
            guard let reason = event.data["delta"]?["stop_reason"], !reason.isNull else { return [] }
            return [chunk([:], finish: ChatAnswer.finish(reason))]
        default: return []
        }
    }

    /// What ends a stream.
    func tail(_ usage: TokenUsage) -> [UInt8] {
        var bytes: [UInt8] = []
        if includesUsage {
            var last = chunk([:])
            last["choices"] = []
            last["usage"] = ChatAnswer.json(usage)
            bytes += ServerSentEvent(data: last.text).serialized()
        }
        return bytes + ServerSentEvent(data: "[DONE]").serialized()
    }

    private func custom(_ block: JSON, _ arguments: String) -> JSON {
        [
            "id": block["id"] ?? "", "type": "custom",
            "custom": [
                "name": .string(tools[block["name"]].name),
                "input": .string(GuestTools.text(ofArguments: arguments)),
            ],
        ]
    }

    private func call(_ index: Int, _ function: JSON, id: JSON?) -> JSON {
        var call: JSON = ["index": JSON(calls[index] ?? 0), "function": function]
        if let id {
            call["id"] = id
            call["type"] = "function"
        }
        return chunk(["tool_calls": [call]])
    }

    private func chunk(_ delta: JSON, finish: JSON = nil) -> JSON {
        [
            "id": .string(id), "object": "chat.completion.chunk", "created": JSON(created), "model": model,
            "choices": [["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish]],
        ]
    }

    private static func finish(_ reason: JSON?) -> JSON {
        switch reason?.stringValue {
        case "tool_use": "tool_calls"
        case "max_tokens", "model_context_window_exceeded": "length"
        case "refusal": "content_filter"
        default: "stop"
        }
    }

    private static func json(_ usage: TokenUsage) -> JSON {
        [
            "prompt_tokens": JSON(usage.prompt), "completion_tokens": JSON(usage.output),
            "total_tokens": JSON(usage.prompt + usage.output),
            "prompt_tokens_details": ["cached_tokens": JSON(usage.cacheRead)],
        ]
    }
}
