import Kit

/// A result as a model is shown it: texts fenced and cut, images checked, the rest named.
enum MCPResult {
    /// - Returns: A text, or blocks when there are images.
    static func content(_ result: JSON, source: String) -> JSON {
        var texts: [String] = []
        var images: [JSON] = []
        var skipped = 0
        let parts = result["content"]?.arrayValue ?? []
        for part in parts.prefix(MCPLimits.resultParts) {
            switch part["type"]?.stringValue {
            case "text": texts.append(part["text"]?.stringValue ?? "")
            case "image":
                if images.count < MCPLimits.images, let image = image(part) {
                    images.append(image)
                } else {
                    skipped += 1
                }
            case "resource": texts.append(resource(part["resource"] ?? [:]))
            case "resource_link":
                texts.append(
                    "[a resource: \(brief(part["uri"])) \(brief(part["name"])) \(brief(part["description"]))]"
                )
            default: texts.append("[a part of the type \(brief(part["type"])), which is not shown]")
            }
        }
        // Often the same once more, for programs; shown when it is not what a text says already.
        if let structured = result["structuredContent"], !structured.isNull,
            !texts.contains(where: { says($0, structured) })
        {
            texts.append(parts.isEmpty ? structured.text : "[structured content]\n\(structured.text)")
        }
        if parts.count > MCPLimits.resultParts {
            texts.append("[\(parts.count - MCPLimits.resultParts) more parts left out]")
        }
        if skipped > 0 {
            texts.append("[\(skipped) images left out: none of a known kind, too large, or too many]")
        }
        let text = Shown.shorten(
            Shown.plain(texts.joined(separator: "\n")), limit: MCPLimits.resultCharacters)
        let shown: JSON = .string(text.isEmpty ? "[no output]" : Fence.wrap(text, source: source))
        guard !images.isEmpty else { return shown }
        return .array((text.isEmpty ? [] : [["type": "text", "text": shown]]) + images)
    }

    /// A text that is the JSON of a structure, or of its only member, as servers put a plain result.
    private static func says(_ text: String, _ structured: JSON) -> Bool {
        let only = structured.objectValue.flatMap { $0.count == 1 ? $0.first?.value : nil }
        if let words = only?.stringValue, words == text { return true }
        guard let parsed = try? JSON.parse(Array(text.utf8)) else { return false }
        return parsed == structured || parsed == only
    }

    private static func brief(_ json: JSON?) -> String {
        String((json?.stringValue ?? "").prefix(MCPLimits.briefCharacters))
    }

    private static func resource(_ resource: JSON) -> String {
        let head = "[resource \(brief(resource["uri"])) \(brief(resource["mimeType"]))]"
        if let text = resource["text"]?.stringValue { return "\(head)\n\(text)" }
        let bytes = (resource["blob"]?.stringValue?.utf8.count ?? 0) / 4 * 3
        return "\(head) [about \(bytes) bytes that are no text]"
    }

    /// An image of a kind that its own first bytes show, whatever it is said to be.
    private static func image(_ part: JSON) -> JSON? {
        guard let data = part["data"]?.stringValue, !data.isEmpty,
            data.utf8.count / 4 * 3 <= MCPLimits.imageBytes,
            let bytes = Base64.decode(data), let kind = ImageKind.of(bytes)
        else { return nil }
        return [
            "type": "image",
            "source": ["type": "base64", "media_type": .string(kind), "data": .string(data)],
        ]
    }
}
