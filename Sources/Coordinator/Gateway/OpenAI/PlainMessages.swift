// Parts of the Messages API that OpenAI's languages have no words for, said in words that they have.
import Kit

enum PlainMessages {
    /// Messages of users and of the assistant alone. Many servers take a system message only at the start and
    /// no two messages of a user in a row, so one in the middle becomes a part of what the user says.
    static func of(_ messages: [JSON]) -> [JSON] {
        var plain: [JSON] = []
        for message in messages {
            guard message["role"] == "system" else {
                plain.append(plainer(message))
                continue
            }
            let text = ChatRequest.text(of: message["content"])
            guard !text.isEmpty else { continue }
            let block: JSON = [
                "type": "text", "text": .string("<system-message>\n\(text)\n</system-message>"),
            ]
            if let last = plain.last, last["role"] == "user" {
                plain[plain.count - 1]["content"] = .array(RequestShape.blocks(of: last) + [block])
            } else {
                plain.append(["role": "user", "content": [block]])
            }
        }
        return plain
    }

    /// References to tools and documents, also inside of results, as words.
    private static func plainer(_ message: JSON) -> JSON {
        guard let blocks = message["content"]?.arrayValue else { return message }
        var message = message
        message["content"] = .array(blocks.flatMap(words))
        return message
    }

    private static func words(_ block: JSON) -> [JSON] {
        switch block["type"]?.stringValue {
        case "tool_result": return [plainer(block)]
        case "tool_reference":
            // Tools that were found are among the request's tools already; the result only names them.
            return text("The tool \(block["tool_name"]?.stringValue ?? "") can be called now.")
        case "document":
            switch block["source"]?["type"]?.stringValue {
            case "text": return text(block["source"]?["data"]?.stringValue ?? "")
            case "content":
                let content = block["source"]?["content"]
                return content?.arrayValue?.flatMap(words) ?? text(content?.stringValue ?? "")
            default: return text(noDocument)
            }
        default: return [block]
        }
    }

    /// Stands where a document of pages stood.
    static let noDocument =
        "[A document stood here. The model's server does not take it, so it was left out.]"

    private static func text(_ text: String) -> [JSON] {
        text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
    }
}
