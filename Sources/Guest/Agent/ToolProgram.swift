import Glibc
import Kit
import System

/// One call of a file tool, inside the sandbox: JSON on stdin, JSON on stdout. What it may touch, the
/// kernel says.
enum ToolProgram {
    /// What a tool says to the model when it cannot do what was asked.
    struct Problem: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    static func main(_ name: String) -> Int32 {
        var answer: JSON
        do throws(Problem) {
            let bytes = try system("read the input") { () throws(SystemError) in
                try IO.readAll(0, limit: 16 << 20)
            }
            guard let input = try? JSON.parse(bytes), input.objectValue != nil else {
                throw Problem("The input is no JSON object.")
            }
            answer = ["content": .string(try run(name, input)), "is_error": false]
        } catch {
            answer = ["content": .string(error.text), "is_error": true]
        }
        try? IO.writeAll(1, answer.serialized())
        return 0
    }

    static func run(_ name: String, _ input: JSON) throws(Problem) -> String {
        switch name {
        case "read": return try FileTools.read(input)
        case "write": return try FileTools.write(input)
        case "edit": return try FileTools.edit(input)
        case "glob": return try SearchTools.glob(input)
        case "grep": return try SearchTools.grep(input)
        default: throw Problem("There is no tool \(name).")
        }
    }

    static func text(_ input: JSON, _ field: String) throws(Problem) -> String {
        guard let text = input[field]?.stringValue else {
            throw Problem("`\(field)` is missing; it is a text.")
        }
        return text
    }

    static func path(_ input: JSON, _ field: String = "file_path") throws(Problem) -> String {
        let path = try text(input, field)
        guard !path.isEmpty, !path.utf8.contains(0) else { throw Problem("`\(field)` is no path.") }
        return path
    }

    static func system<Value>(_ what: String, _ body: () throws(SystemError) -> Value) throws(Problem)
        -> Value
    {
        do throws(SystemError) {
            return try body()
        } catch {
            throw Problem("Cannot \(what): \(error)")
        }
    }
}

/// read, write, edit.
enum FileTools {
    private static let fileBytes = 8 << 20
    private static let shownLines = 2000
    private static let shownColumns = 2000
    private static let shownBytes = 200_000

    private static func content(_ path: String) throws(ToolProgram.Problem) -> String {
        guard !Files.isDirectory(path) else { throw ToolProgram.Problem("\(path) is a directory; use glob.") }
        let size = try ToolProgram.system("read \(path)") { () throws(SystemError) in try Files.size(path) }
        guard size <= Int64(fileBytes) else {
            throw ToolProgram.Problem("\(path) has \(size) bytes, more than \(fileBytes); use grep.")
        }
        let bytes = try ToolProgram.system("read \(path)") { () throws(SystemError) in
            try Files.read(path, limit: fileBytes)
        }
        guard !bytes.prefix(8192).contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw ToolProgram.Problem("\(path) is no text (\(bytes.count) bytes).")
        }
        return text
    }

    static func read(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let path = try ToolProgram.path(input)
        var lines = try content(path).split(separator: "\n", omittingEmptySubsequences: false)
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
        try store(text, at: path)
        return "Wrote \(text.utf8.count) bytes to \(path)."
    }

    private static func store(_ text: String, at path: String) throws(ToolProgram.Problem) {
        try ToolProgram.system("write \(path)") { () throws(SystemError) in
            let parent = Files.parent(of: path)
            if !parent.isEmpty, parent != ".", !Files.exists(parent) { try Files.makeDirectories(parent) }
            // In place: the file's mode stays, and links lead where they lead.
            try Files.write(path, Array(text.utf8))
        }
    }

    static func edit(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let path = try ToolProgram.path(input)
        let (old, new) = (
            try ToolProgram.text(input, "old_string"), try ToolProgram.text(input, "new_string")
        )
        guard !old.isEmpty else {
            throw ToolProgram.Problem("`old_string` is empty; use write for a new file.")
        }
        guard old != new else { throw ToolProgram.Problem("`old_string` and `new_string` are the same.") }
        let text = try content(path)
        // Bytes, not characters: what is there must be exactly this.
        let count = occurrences(of: Array(old.utf8), in: Array(text.utf8))
        let isAll = input["replace_all"]?.boolValue == true
        guard count > 0 else {
            throw ToolProgram.Problem(
                "`old_string` does not occur in \(path). Read the file and copy it exactly.")
        }
        guard count == 1 || isAll else {
            throw ToolProgram.Problem(
                "`old_string` occurs \(count) times in \(path). Give more of the lines around it, "
                    + "or set replace_all."
            )
        }
        try store(replace(Array(old.utf8), with: Array(new.utf8), in: Array(text.utf8)), at: path)
        return "Replaced \(count == 1 ? "1 occurrence" : "\(count) occurrences") in \(path)."
    }

    private static func occurrences(of needle: [UInt8], in bytes: [UInt8]) -> Int {
        var count = 0
        var index = 0
        while index + needle.count <= bytes.count {
            if bytes[index] == needle[0], bytes[index..<(index + needle.count)].elementsEqual(needle) {
                count += 1
                index += needle.count
            } else {
                index += 1
            }
        }
        return count
    }

    private static func replace(_ needle: [UInt8], with new: [UInt8], in bytes: [UInt8]) -> String {
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
        return String(decoding: result, as: UTF8.self)
    }
}
