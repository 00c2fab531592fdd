import Kit
import System

/// read and write.
enum FileTools {
    static let fileBytes = 8 << 20
    private static let shownLines = 2000
    private static let shownColumns = 2000
    private static let shownBytes = 200_000
    /// The provider's limit for one image, in bytes before it is encoded.
    private static let imageBytes = 3_750_000

    static func content(_ path: String) throws(ToolProgram.Problem) -> String {
        let bytes = try bytes(path)
        guard !bytes.prefix(8192).contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw ToolProgram.Problem("\(path) is no text (\(bytes.count) bytes).")
        }
        return text
    }

    private static func bytes(_ path: String) throws(ToolProgram.Problem) -> [UInt8] {
        let roots = ToolRoots.readable
        let status = try ToolRoots.perform("read \(path)") { () throws(SystemError) in try roots.status(path)
        }
        guard !status.isDirectory else { throw ToolProgram.Problem("\(path) is a directory; use glob.") }
        guard status.size <= Int64(fileBytes) else {
            throw ToolProgram.Problem("\(path) has \(status.size) bytes, more than \(fileBytes); use grep.")
        }
        return try ToolRoots.perform("read \(path)") { () throws(SystemError) in
            try roots.read(path, limit: fileBytes)
        }
    }

    static func read(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        let path = try ToolProgram.path(input)
        let bytes = try bytes(path)
        if let kind = ImageKind.of(bytes) {
            guard bytes.count <= imageBytes else {
                throw ToolProgram.Problem("\(path) is an image of \(bytes.count) bytes, which is too large.")
            }
            return [
                [
                    "type": "image",
                    "source": [
                        "type": "base64", "media_type": .string(kind), "data": .string(Base64.encode(bytes)),
                    ],
                ]
            ]
        }
        return .string(try lines(of: try content(path), path, input))
    }

    private static func lines(of text: String, _ path: String, _ input: JSON) throws(ToolProgram.Problem)
        -> String
    {
        var lines = text.byteLines
        if lines.last == "" { lines.removeLast() }
        let first = max(1, input["offset"]?.intValue ?? 1)
        let count = min(max(1, input["limit"]?.intValue ?? shownLines), shownLines)
        guard !lines.isEmpty else { return "[\(path) is empty]" }
        guard first <= lines.count else {
            throw ToolProgram.Problem("\(path) has only \(lines.count) lines.")
        }
        var text = ""
        var next = first
        for line in lines[(first - 1)...].prefix(count) {
            let line = line.last == "\r" ? line.dropLast() : line
            let shown = line.count > shownColumns ? line.prefix(shownColumns) + "… [line cut]" : line
            let number = String(next)
            text += String(repeating: " ", count: max(0, 6 - number.count)) + number + "\t" + shown + "\n"
            next += 1
            if text.utf8.count > shownBytes { break }
        }
        if next <= lines.count {
            text += "[\(lines.count - next + 1) more lines; go on with offset \(next)]\n"
        }
        return text
    }

    static func write(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let path = try ToolProgram.path(input)
        let text = try ToolProgram.text(input, "content")
        let isNew = !Files.exists(path)
        try store(Array(text.utf8), at: path)
        return "\(isNew ? "Created" : "Replaced") \(path), \(text.utf8.count) bytes."
    }

    static func store(_ bytes: [UInt8], at path: String) throws(ToolProgram.Problem) {
        try ToolRoots.perform("write \(path)") { () throws(SystemError) in
            // In place: the file's mode stays, and a link that stays below the roots leads where it leads.
            try ToolRoots.writable.write(path, bytes)
        }
    }
}

/// Images that the provider takes, by their first bytes.
enum ImageKind {
    static func of(_ bytes: [UInt8]) -> String? {
        func begins(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            bytes.dropFirst(offset).starts(with: prefix)
        }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if begins([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if begins(Array("GIF87a".utf8)) || begins(Array("GIF89a".utf8)) { return "image/gif" }
        if begins(Array("RIFF".utf8)), begins(Array("WEBP".utf8), at: 8) { return "image/webp" }
        return nil
    }
}
