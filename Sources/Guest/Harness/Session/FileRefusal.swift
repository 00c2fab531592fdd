// What a file tool was refused. It comes from inside the sandbox, so it is a claim, and bounded.
import Kit

/// A refusal by the file system, as the tool server tells it.
enum FileRefusal {
    /// Longest path that is told, in bytes.
    static let pathBytes = 512

    /// The denial that it makes; nil for anything that is none.
    static func denial(_ refused: JSON?) -> JSON? {
        guard let path = refused?["path"]?.stringValue, let code = refused?["errno"]?.stringValue,
            let call = refused?["call"]?.stringValue, !path.isEmpty, isName(code), isName(call)
        else { return nil }
        let shown = String(
            decoding: path.utf8.prefix(pathBytes).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 },
            as: UTF8.self)
        return [
            "layer": "files", "object": .string(shown), "errno": .string(code), "count": 1,
            "what": .string("\(call) of \(shown) was refused (\(code))"),
        ]
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 20
            && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) }
    }
}
