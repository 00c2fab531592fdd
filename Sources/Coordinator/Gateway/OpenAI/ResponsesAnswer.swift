// Answers for guests that speak the Responses API.
import Kit
import Wire

/// A message of the Messages API as a response, whole or as a stream of events.
struct ResponsesAnswer: Sendable {
    let id: String
    let created: Int64
    private var model: JSON = ""
    private var sequence = 0
    private var reason: JSON = nil
    /// Blocks as they stand, by index, until they are whole.
    private var open: [Int: JSON] = [:]
    private var items: [JSON] = []
    private let tools: GuestTools

    init(id: String, createdMilliseconds: Int64, tools: GuestTools = GuestTools()) {
        (self.id, created, self.tools) = ("resp_" + id, createdMilliseconds / 1000, tools)
    }

    // MARK: Whole

    func response(_ message: JSON, _ usage: TokenUsage) -> JSON {
        let blocks = message["content"]?.arrayValue ?? []
        let items = blocks.enumerated().compactMap { item($0.offset, $0.element, isDone: true) }
        return response(items, model: message["model"] ?? "", reason: message["stop_reason"] ?? nil, usage)
    }

    private func response(_ items: [JSON], model: JSON, reason: JSON, _ usage: TokenUsage?) -> JSON {
        let gap: String? =
            switch reason.stringValue {
            case "max_tokens", "model_context_window_exceeded": "max_output_tokens"
            case "refusal": "content_filter"
            default: nil
            }
        var response: JSON = [
            "id": .string(id), "object": "response", "created_at": JSON(created), "model": model,
            "status": .string(usage == nil ? "in_progress" : gap == nil ? "completed" : "incomplete"),
            "output": .array(items), "error": nil, "store": false, "metadata": [:],
            "incomplete_details": gap.map { ["reason": .string($0)] } ?? nil, "instructions": nil,
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": nil,
            "top_p": nil, "previous_response_id": nil,
        ]
        if let usage {
            response["usage"] = [
                "input_tokens": JSON(usage.prompt), "output_tokens": JSON(usage.output),
                "total_tokens": JSON(usage.prompt + usage.output),
                "input_tokens_details": ["cached_tokens": JSON(usage.cacheRead)],
                "output_tokens_details": ["reasoning_tokens": 0],
            ]
        }
        return response
    }

    private func item(_ index: Int, _ block: JSON, isDone: Bool) -> JSON? {
        let status: JSON = isDone ? "completed" : "in_progress"
        switch block["type"]?.stringValue {
        case "text":
            return [
                "type": "message", "id": .string("msg_\(id)_\(index)"), "role": "assistant",
                "status": status, "content": isDone ? [part(block)] : [],
            ]
        case "tool_use":
            return call(index, block, status, isDone: isDone)
        case "thinking", "redacted_thinking":
            // The block itself is what the model wants back, so it is what the guest keeps.
            return [
                "type": "reasoning", "id": .string("rs_\(id)_\(index)"), "summary": [],
                "encrypted_content": .string(block.text),
            ]
        default: return nil
        }
    }

    private func call(_ index: Int, _ block: JSON, _ status: JSON, isDone: Bool) -> JSON {
        let tool = tools[block["name"]]
        let given = isDone ? arguments(block) : ""
        var item: JSON = [
            "status": status, "call_id": block["id"] ?? "", "name": .string(tool.name),
        ]
        if let namespace = tool.namespace { item["namespace"] = .string(namespace) }
        if tool.isCustom {
            item["type"] = "custom_tool_call"
            item["id"] = .string("ctc_\(id)_\(index)")
            item["input"] = .string(isDone ? GuestTools.text(ofArguments: given) : "")
        } else {
            item["type"] = "function_call"
            item["id"] = .string("fc_\(id)_\(index)")
            item["arguments"] = .string(given)
        }
        return item
    }

    private func part(_ block: JSON) -> JSON {
        ["type": "output_text", "text": block["text"] ?? "", "annotations": [], "logprobs": []]
    }

    private func arguments(_ block: JSON) -> String {
        // In a stream the pieces are kept as they came.
        block["pieces"]?.stringValue ?? (block["input"] ?? [:]).text
    }

    // MARK: As a stream

    /// The events for one event; empty for what this language cannot say.
    mutating func events(_ event: MessageEvent) -> [ServerSentEvent] {
        let index = event.data["index"]?.intValue ?? 0
        switch event.type {
        case "message_start":
            model = event.data["message"]?["model"] ?? ""
            let head = response([], model: model, reason: nil, nil)
            return [
                say("response.created", ["response": head]), say("response.in_progress", ["response": head]),
            ]
        case "content_block_start": return begin(index, event.data["content_block"] ?? [:])
        case "content_block_delta": return extend(index, event.data["delta"] ?? [:])
        case "content_block_stop": return close(index)
        case "message_delta":
            if let said = event.data["delta"]?["stop_reason"], !said.isNull { reason = said }
            return []
        default: return []
        }
    }

    /// What ends a stream.
    mutating func tail(_ usage: TokenUsage) -> ServerSentEvent {
        let whole = response(items, model: model, reason: reason, usage)
        let isWhole = whole["status"] == "completed"
        return say(isWhole ? "response.completed" : "response.incomplete", ["response": whole])
    }

    mutating func failure(_ failure: GuestFailure) -> ServerSentEvent {
        say("error", ["code": .string(failure.type), "message": .string(failure.message), "param": nil])
    }

    private mutating func say(_ type: String, _ data: JSON) -> ServerSentEvent {
        var data = data
        data["type"] = .string(type)
        data["sequence_number"] = JSON(sequence)
        sequence += 1
        return ServerSentEvent(event: type, data: data.text)
    }

    private func at(_ index: Int, _ more: JSON, inPart: Bool = false) -> JSON {
        var data = more
        let item = open[index].flatMap { self.item(index, $0, isDone: false) }
        data["item_id"] = item?["id"] ?? ""
        data["output_index"] = JSON(items.count)
        if inPart { data["content_index"] = 0 }
        return data
    }

    private mutating func begin(_ index: Int, _ block: JSON) -> [ServerSentEvent] {
        guard let first = item(index, block, isDone: false) else { return [] }
        open[index] = block
        if block["type"] == "tool_use" { open[index]?["pieces"] = "" }
        // Thinking is told when it is whole.
        guard first["type"] != "reasoning" else { return [] }
        var events = [
            say("response.output_item.added", ["output_index": JSON(items.count), "item": first])
        ]
        if first["type"] == "message" {
            events.append(
                say(
                    "response.content_part.added",
                    at(index, ["part": part(["text": ""])], inPart: true)))
        }
        return events
    }

    private mutating func extend(_ index: Int, _ delta: JSON) -> [ServerSentEvent] {
        func append(_ field: String, _ text: JSON?) {
            let before = open[index]?[field]?.stringValue ?? ""
            open[index]?[field] = .string(before + (text?.stringValue ?? ""))
        }
        guard open[index] != nil else { return [] }
        switch delta["type"]?.stringValue {
        case "text_delta":
            append("text", delta["text"])
            let data: JSON = ["delta": delta["text"] ?? "", "logprobs": []]
            return [say("response.output_text.delta", at(index, data, inPart: true))]
        case "input_json_delta":
            append("pieces", delta["partial_json"])
            // A text inside of JSON is told when it is whole.
            if tools[open[index]?["name"]].isCustom { return [] }
            return [
                say(
                    "response.function_call_arguments.delta",
                    at(index, ["delta": delta["partial_json"] ?? ""]))
            ]
        case "thinking_delta": append("thinking", delta["thinking"])
        case "signature_delta": open[index]?["signature"] = delta["signature"]
        default: break
        }
        return []
    }

    private mutating func close(_ index: Int) -> [ServerSentEvent] {
        guard var block = open[index] else { return [] }
        if block["pieces"] == "" { block["pieces"] = "{}" }
        guard let whole = item(index, block, isDone: true) else { return [] }
        var events: [ServerSentEvent] = []
        switch whole["type"]?.stringValue {
        case "message":
            let text: JSON = ["text": block["text"] ?? "", "logprobs": []]
            events.append(say("response.output_text.done", at(index, text, inPart: true)))
            events.append(
                say("response.content_part.done", at(index, ["part": part(block)], inPart: true)))
        case "function_call":
            let data: JSON = ["arguments": whole["arguments"] ?? "", "name": whole["name"] ?? ""]
            events.append(say("response.function_call_arguments.done", at(index, data)))
        case "custom_tool_call":
            let text = whole["input"] ?? ""
            events.append(say("response.custom_tool_call_input.delta", at(index, ["delta": text])))
            events.append(say("response.custom_tool_call_input.done", at(index, ["input": text])))
        default:
            events.append(
                say("response.output_item.added", ["output_index": JSON(items.count), "item": whole]))
        }
        events.append(say("response.output_item.done", ["output_index": JSON(items.count), "item": whole]))
        items.append(whole)
        open[index] = nil
        return events
    }
}
