// Messages and items of OpenAI's two languages, collected into the alternating turns of the Messages API.
import Kit

/// Collects messages of chat completions into turns.
struct Turns {
    private var system: [String] = []
    private var messages: [JSON] = []
    /// What calls in the history are called for the model.
    private let tools: GuestTools
    /// What was left out, in sentences.
    private var notes: [String] = []
    /// Calls of the oldest form, which have no ids.
    private var functions = 0

    private init(_ tools: GuestTools) { self.tools = tools }

    /// `messages` and `system` of the request.
    static func read(_ messages: [JSON], _ tools: GuestTools) throws(GuestFailure) -> JSON {
        var turns = Turns(tools)
        for (index, message) in messages.enumerated() { try turns.add(message, at: "messages/\(index)") }
        return turns.request
    }

    private var request: JSON {
        var request: JSON = ["messages": .array(messages)]
        if !system.isEmpty { request["system"] = .string(system.joined(separator: "\n\n")) }
        return request
    }

    private mutating func add(_ message: JSON, at place: String) throws(GuestFailure) {
        switch message["role"]?.stringValue {
        case "system", "developer":
            system.append(
                message["content"]?.stringValue ?? ChatRequest.text(of: Turns.plain(message["content"])))
        case "user": append("user", try blocks(message["content"], at: place))
        case "assistant": append("assistant", try answer(message, at: place))
        case "tool":
            append("user", [try result(of: message["tool_call_id"], message["content"], at: place)])
        case "function":
            append("user", [try result(of: .string("function_\(functions)"), message["content"], at: place)])
        default: throw .invalid("\(place)/role: must be system, developer, user, assistant or tool")
        }
    }

    /// Turns alternate: all results of one round go into one message.
    private mutating func append(_ role: String, _ blocks: [JSON]) {
        guard !blocks.isEmpty else { return }
        if let last = messages.last, last["role"] == .string(role) {
            messages[messages.count - 1]["content"] = .array((last["content"]?.arrayValue ?? []) + blocks)
        } else {
            messages.append(["role": .string(role), "content": .array(blocks)])
        }
    }

    private func blocks(_ content: JSON?, at place: String) throws(GuestFailure) -> [JSON] {
        guard let parts = content?.arrayValue else {
            let text = content?.stringValue ?? ""
            return text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
        }
        var blocks: [JSON] = []
        for (index, part) in parts.enumerated() {
            switch part["type"]?.stringValue {
            case "text", "input_text", "output_text":
                blocks.append(["type": "text", "text": part["text"] ?? ""])
            case "refusal": blocks.append(["type": "text", "text": part["refusal"] ?? ""])
            case "image_url", "input_image":
                let image = part["image_url"]
                let url = image?["url"]?.stringValue ?? image?.stringValue ?? ""
                guard url.hasPrefix("data:"), let mark = url.firstRange(of: ";base64,") else {
                    throw .invalid("\(place)/content/\(index): send the image itself, as a data: URL")
                }
                let type = url[url.index(url.startIndex, offsetBy: 5)..<mark.lowerBound]
                blocks.append([
                    "type": "image",
                    "source": [
                        "type": "base64", "media_type": JSON(type), "data": JSON(url[mark.upperBound...]),
                    ],
                ])
            default: throw .invalid("\(place)/content/\(index): only text and images are translated")
            }
        }
        return blocks
    }

    /// A result of a tool: a text, or parts with images among them.
    private func result(of call: JSON?, _ content: JSON?, at place: String) throws(GuestFailure) -> JSON {
        let parts = try blocks(content, at: place)
        let hasImages = parts.contains { $0["type"] == "image" }
        return [
            "type": "tool_result", "tool_use_id": call ?? "",
            "content": hasImages ? .array(parts) : .string(ChatRequest.text(of: .array(parts))),
        ]
    }

    private mutating func answer(_ message: JSON, at place: String) throws(GuestFailure) -> [JSON] {
        var blocks = try blocks(message["content"], at: place)
        if let function = message["function_call"], !function.isNull {
            functions += 1
            let id = JSON.string("function_\(functions)")
            blocks.append(try call(id, function, at: "\(place)/function_call/arguments"))
        }
        for (index, call) in (message["tool_calls"]?.arrayValue ?? []).enumerated() {
            if let custom = call["custom"], !custom.isNull {
                blocks.append(text(call["id"], custom))
                continue
            }
            let function = call["function"]
            blocks.append(
                try self.call(
                    call["id"], function ?? [:], at: "\(place)/tool_calls/\(index)/function/arguments"))
        }
        return blocks
    }

    private func call(_ id: JSON?, _ function: JSON, at place: String) throws(GuestFailure) -> JSON {
        let text = function["arguments"]?.stringValue ?? ""
        guard let input = text.isEmpty ? [:] : try? JSON.parse(text), input.objectValue != nil else {
            throw .invalid("\(place): is no JSON object")
        }
        let name = tools.name(function["name"], namespace: function["namespace"])
        return ["type": "tool_use", "id": id ?? "", "name": .string(name), "input": input]
    }

    /// A call whose input is a text.
    private func text(_ id: JSON?, _ call: JSON) -> JSON {
        let name = tools.name(call["name"], namespace: call["namespace"])
        return [
            "type": "tool_use", "id": id ?? "", "name": .string(name),
            "input": ["input": call["input"] ?? ""],
        ]
    }

    // MARK: Items of the Responses API

    /// `messages` and `system` for the `input` of a request.
    /// - Parameter notes: Gets a sentence for everything that was left out.
    static func read(
        input: JSON, instructions: String?, _ tools: GuestTools, notes: inout [String]
    ) throws(GuestFailure) -> JSON {
        var turns = Turns(tools)
        if let instructions, !instructions.isEmpty { turns.system.append(instructions) }
        if let text = input.stringValue { turns.append("user", [["type": "text", "text": .string(text)]]) }
        for (index, item) in (input.arrayValue ?? []).enumerated() {
            try turns.add(item: item, at: "input/\(index)")
        }
        notes += turns.notes
        return turns.request
    }

    /// Items that a conversation can do without.
    private static let passing: Set<String> = [
        "tool_search_call", "tool_search_output", "web_search_call", "file_search_call",
        "image_generation_call", "code_interpreter_call",
    ]

    private mutating func add(item: JSON, at place: String) throws(GuestFailure) {
        switch item["type"]?.stringValue ?? "message" {
        case "message": try add(item, at: place)
        case "function_call":
            append("assistant", [try call(item["call_id"], item, at: "\(place)/arguments")])
        case "custom_tool_call": append("assistant", [text(item["call_id"], item)])
        case "function_call_output", "custom_tool_call_output":
            append("user", [try result(of: item["call_id"], item["output"], at: place)])
        case "reasoning":
            // What this gateway gave as the content is the block that the model wants back.
            guard let text = item["encrypted_content"]?.stringValue, let block = try? JSON.parse(text),
                block["type"]?.stringValue?.hasSuffix("thinking") == true
            else { return }
            append("assistant", [block])
        // Read before the turns are.
        case "additional_tools": break
        case let other where Turns.passing.contains(other):
            notes.append("an item \(other) was dropped: what it tells of ran at another provider")
        case let other: throw .invalid("\(place)/type: items of type \(other) are not translated")
        }
    }

    /// Parts of a system message as blocks of text.
    private static func plain(_ parts: JSON?) -> JSON? {
        guard let parts = parts?.arrayValue else { return parts }
        return .array(parts.map { ["type": "text", "text": $0["text"] ?? ""] })
    }
}
