// Pictures that a model refused, so that they are not sent again and again: each is replaced by a sentence.
import Kit

enum Pictures {
    static let sentence = "[A picture stood here. The model's server does not take it, so it was left out.]"

    /// The digests of the pictures of a message, or of all.
    static func digests(in messages: [JSON], of index: Int?) -> Set<[UInt8]> {
        let chosen = index.flatMap { messages.indices.contains($0) ? [messages[$0]] : nil } ?? messages
        var found: Set<[UInt8]> = []
        for message in chosen {
            _ = replacing(in: message) { digest in
                found.insert(digest)
                return false
            }
        }
        return found
    }

    static func removing(_ refused: Set<[UInt8]>, from messages: [JSON]) -> [JSON] {
        guard !refused.isEmpty else { return messages }
        return messages.map { replacing(in: $0) { refused.contains($0) } }
    }

    /// - Parameter isRefused: Asked for every picture with the digest of its data.
    private static func replacing(in message: JSON, _ isRefused: ([UInt8]) -> Bool) -> JSON {
        guard let blocks = message["content"]?.arrayValue else { return message }
        var message = message
        message["content"] = .array(
            blocks.map { block in
                switch block["type"]?.stringValue {
                case "image":
                    let data = Array((block["source"]?["data"]?.stringValue ?? "").utf8)
                    return isRefused(Digest.blake2b(data))
                        ? ["type": "text", "text": .string(sentence)] : block
                case "tool_result": return replacing(in: block, isRefused)
                default: return block
                }
            })
        return message
    }
}
