// What the gateway adds to a request on its way to the provider. Everything here is a function of the request
// alone or stays as it was put: a prompt that changes in the middle is paid for again.
import Kit

enum RequestShape {
    /// Breakpoints of a request; the API takes no more.
    private static let breakpointLimit = 4
    /// The provider looks for an earlier breakpoint this many blocks back.
    private static let lookback = 15

    /// Adds notes to the messages that they belong to.
    static func adding(_ notes: [(index: Int, text: String)], to messages: [JSON]) -> [JSON] {
        guard !notes.isEmpty else { return messages }
        var messages = messages
        for (index, text) in notes where messages.indices.contains(index) {
            guard messages[index]["role"] == "user" else { continue }
            let block: JSON = ["type": "text", "text": .string(text)]
            messages[index]["content"] = .array(blocks(of: messages[index]) + [block])
        }
        return messages
    }

    /// The same tools in the same order make the same prefix, whatever order a guest lists them in. Marks of
    /// a guest that manages the cache itself stay where they are.
    static func sortingTools(_ request: JSON) -> JSON {
        guard let tools = request["tools"]?.arrayValue, !tools.contains(where: isMarked) else {
            return request
        }
        var request = request
        let sorted = tools.enumerated().sorted { left, right in
            let (a, b) = (left.element["name"]?.stringValue ?? "", right.element["name"]?.stringValue ?? "")
            return a == b ? left.offset < right.offset : a < b
        }
        request["tools"] = .array(sorted.map(\.element))
        return request
    }

    /// Marks what the next call will begin with: tools and system, the last answer's question, and the end;
    /// in a long turn one more on the way. A request that has marks is left as it is.
    static func markingCache(_ request: JSON) -> JSON {
        guard !hasMarks(request), var messages = request["messages"]?.arrayValue else { return request }
        var request = request
        var left = breakpointLimit
        if markPrefix(&request) { left -= 1 }
        for place in places(messages).prefix(left) {
            var blocks = blocks(of: messages[place.message])
            blocks[place.block]["cache_control"] = mark
            messages[place.message]["content"] = .array(blocks)
        }
        request["messages"] = .array(messages)
        return request
    }

    private static let mark: JSON = ["type": "ephemeral"]

    private static func isMarked(_ block: JSON) -> Bool { block["cache_control"] != nil }

    private static func hasMarks(_ request: JSON) -> Bool {
        if isMarked(request) { return true }
        let parts = (request["tools"]?.arrayValue ?? []) + (request["system"]?.arrayValue ?? [])
        if parts.contains(where: isMarked) { return true }
        return (request["messages"]?.arrayValue ?? []).contains { message in
            (message["content"]?.arrayValue ?? []).contains { block in
                isMarked(block) || (block["content"]?.arrayValue ?? []).contains(where: isMarked)
            }
        }
    }

    /// The end of the system prompt, which follows the tools; without one the last tool.
    private static func markPrefix(_ request: inout JSON) -> Bool {
        switch request["system"] {
        case .string(let text) where !text.isEmpty:
            request["system"] = [["type": "text", "text": .string(text), "cache_control": mark]]
            return true
        case .array(var blocks):
            guard let last = blocks.lastIndex(where: canCarry) else { break }
            blocks[last]["cache_control"] = mark
            request["system"] = .array(blocks)
            return true
        default: break
        }
        guard var tools = request["tools"]?.arrayValue, !tools.isEmpty else { return false }
        tools[tools.count - 1]["cache_control"] = mark
        request["tools"] = .array(tools)
        return true
    }

    private struct Place {
        var message: Int
        var block: Int
        /// Counted over all messages.
        var position: Int
    }

    /// Where marks go, the most useful first.
    private static func places(_ messages: [JSON]) -> [Place] {
        var all: [Place] = []
        var position = 0
        for (message, content) in messages.enumerated() {
            for (block, json) in blocks(of: content).enumerated() {
                position += 1
                if canCarry(json) { all.append(Place(message: message, block: block, position: position)) }
            }
        }
        guard let last = all.last else { return [] }
        // Where the call before this one ended: its mark is in the cache.
        let answer = messages.lastIndex { $0["role"] == "assistant" }
        let before = answer.flatMap { answer in all.last { $0.message < answer } }
        guard let before, before.position < last.position else { return [last] }
        var chosen = [last, before]
        if last.position - before.position > lookback,
            let middle = all.last(where: {
                $0.position <= before.position + lookback && $0.position > before.position
            })
        {
            chosen.append(middle)
        }
        return chosen
    }

    /// Thinking and empty texts take no mark.
    private static func canCarry(_ block: JSON) -> Bool {
        switch block["type"]?.stringValue {
        case "text": block["text"]?.stringValue?.isEmpty == false
        case "image", "document", "tool_use", "tool_result": true
        default: false
        }
    }

    static func blocks(of message: JSON) -> [JSON] {
        switch message["content"] {
        case .array(let blocks): blocks
        case .string(let text) where !text.isEmpty: [["type": "text", "text": .string(text)]]
        default: []
        }
    }
}
