import Kit
import System

/// Replaces a text that occurs exactly once. Bytes, not characters: what is there must be exactly this.
enum EditTool {
    static func edit(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let path = try ToolProgram.path(input)
        var (old, new) = (
            try ToolProgram.text(input, "old_string"), try ToolProgram.text(input, "new_string")
        )
        guard !old.isEmpty else {
            throw ToolProgram.Problem("`old_string` is empty; use write for a new file.")
        }
        guard old != new else { throw ToolProgram.Problem("`old_string` and `new_string` are the same.") }
        let text = try FileTools.content(path)
        let bytes = Array(text.utf8)
        var places = EditMiss.places(of: Array(old.utf8), in: bytes, limit: .max)
        if places.isEmpty, let (crOld, crNew) = withCarriageReturns(old, new, in: bytes) {
            // A file of another system's line ends; models write only line feeds.
            (old, new) = (crOld, crNew)
            places = EditMiss.places(of: Array(old.utf8), in: bytes, limit: .max)
        }
        guard let first = places.first else {
            throw ToolProgram.Problem(EditMiss.explain(old, in: text, path: path))
        }
        guard places.count == 1 || input["replace_all"]?.boolValue == true else {
            let lines = places.prefix(10).map(String.init).joined(separator: ", ")
            throw ToolProgram.Problem(
                "`old_string` occurs \(places.count) times in \(path), at lines \(lines)"
                    + "\(places.count > 10 ? " and more" : ""). "
                    + "Give more of the lines around it, or set replace_all.")
        }
        try FileTools.store(replace(Array(old.utf8), with: Array(new.utf8), in: bytes), at: path)
        return places.count == 1
            ? "Replaced 1 occurrence in \(path), at line \(first)."
            : "Replaced \(places.count) occurrences in \(path)."
    }

    /// Both texts with CR LF, when the file has no other line end.
    private static func withCarriageReturns(
        _ old: String, _ new: String, in bytes: [UInt8]
    ) -> (String, String)? {
        let lineFeeds = bytes.count { $0 == 0x0A }
        let pairs = zip(bytes, bytes.dropFirst()).count { $0 == 0x0D && $1 == 0x0A }
        guard lineFeeds > 0, lineFeeds == pairs, !old.utf8.contains(0x0D), old.utf8.contains(0x0A) else {
            return nil
        }
        func converted(_ text: String) -> String {
            text.byteLines.joined(separator: "\r\n")
        }
        return (converted(old), new.utf8.contains(0x0D) ? new : converted(new))
    }

    private static func replace(_ needle: [UInt8], with new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let end = index + needle.count
            if end <= bytes.count, bytes[index] == needle[0], bytes[index..<end].elementsEqual(needle) {
                result += new
                index = end
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }
}
