// Parts of the Messages API that OpenAI's languages have no words for, said in words that they have.
import Kit

enum PlainMessages {
    /// Messages of users and of the assistant alone. Many servers take a system message only at the start and
    /// no two messages of a user in a row, so one in the middle becomes a part of what the user says.
    static func of(_ messages: [JSON]) -> [JSON] {
        var plain: [JSON] = []
        for message in messages {
            guard message["role"] == "system" else {
                plain.append(withoutReferences(message))
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

    /// Tools that were found are among the request's tools already; the result only names them.
    private static func withoutReferences(_ message: JSON) -> JSON {
        guard let blocks = message["content"]?.arrayValue,
            blocks.contains(where: { $0["content"]?.arrayValue?.contains(where: isReference) == true })
        else { return message }
        var message = message
        message["content"] = .array(
            blocks.map { block in
                guard let content = block["content"]?.arrayValue else { return block }
                var block = block
                block["content"] = .array(
                    content.map { part in
                        guard isReference(part) else { return part }
                        let name = part["tool_name"]?.stringValue ?? ""
                        return ["type": "text", "text": .string("The tool \(name) can be called now.")]
                    })
                return block
            })
        return message
    }

    private static func isReference(_ block: JSON) -> Bool { block["type"] == "tool_reference" }
}
