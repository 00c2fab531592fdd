import Kit
import System

/// A place in a text as language servers count: lines from 0, and from 0 in the line, in the server's unit.
struct TextPosition: Equatable, Comparable {
    var line: Int
    var character: Int

    init(line: Int, character: Int) { (self.line, self.character) = (line, character) }

    init(_ json: JSON?) {
        line = min(max(0, json?["line"]?.intValue ?? 0), 1 << 30)
        character = min(max(0, json?["character"]?.intValue ?? 0), 1 << 30)
    }

    /// The place of an index of a line's text.
    init(line: Int, _ index: Substring.Index, in content: Substring, _ unit: PositionUnit) {
        let before = content[..<index]
        self.init(line: line, character: unit == .utf16 ? before.utf16.count : before.unicodeScalars.count)
    }

    /// Where it is in its line's text; nil behind the end.
    func index(in content: Substring, _ unit: PositionUnit) -> Substring.Index? {
        switch unit {
        case .utf16:
            content.utf16.index(content.startIndex, offsetBy: character, limitedBy: content.endIndex)
        case .codePoints:
            content.unicodeScalars.index(content.startIndex, offsetBy: character, limitedBy: content.endIndex)
        }
    }

    /// The column in a line's text as people count: characters from 1.
    func column(in content: Substring, _ unit: PositionUnit) -> Int {
        content[..<(index(in: content, unit) ?? content.endIndex)].count + 1
    }

    var json: JSON { ["line": JSON(line), "character": JSON(character)] }

    static func < (left: TextPosition, right: TextPosition) -> Bool {
        (left.line, left.character) < (right.line, right.character)
    }
}

/// The changes that a server proposes, for many files at once.
struct WorkspaceEdit {
    struct Edit: Equatable {
        var start: TextPosition
        var end: TextPosition
        var text: String
    }

    /// By path.
    private(set) var files: [String: [Edit]] = [:]
    /// Of the texts that the places are in, as far as the server says; by path.
    private(set) var versions: [String: Int] = [:]
    /// It would make, move or delete files, which is not done.
    private(set) var hasFileOperations = false

    init(_ json: JSON) {
        for (uri, edits) in json["changes"]?.objectValue ?? [:] { add(uri, edits) }
        for change in json["documentChanges"]?.arrayValue ?? [] {
            if change["kind"] != nil {
                hasFileOperations = true
            } else {
                let uri = change["textDocument"]?["uri"]?.stringValue ?? ""
                add(uri, change["edits"] ?? .null)
                if let path = FileURI.path(uri) {
                    versions[path] = change["textDocument"]?["version"]?.intValue
                }
            }
        }
    }

    private mutating func add(_ uri: String, _ edits: JSON) {
        guard let path = FileURI.path(uri) else { return }
        files[path, default: []] += (edits.arrayValue ?? []).map { edit in
            Edit(
                start: TextPosition(edit["range"]?["start"]), end: TextPosition(edit["range"]?["end"]),
                text: edit["newText"]?.stringValue ?? "")
        }
    }

    /// Writes all of it or nothing.
    /// - Parameter shown: A file's text as the server has it. Its places are places in that text and in no
    ///   other: a file that is another one by now is not written.
    func apply(below root: String, _ unit: PositionUnit, shown: (String) -> (text: String, version: Int)?)
        throws(ToolProgram.Problem) -> String
    {
        guard !hasFileOperations else {
            throw ToolProgram.Problem(
                "Nothing was changed: the server wants to move or make files. Do it by hand.")
        }
        guard !files.isEmpty else {
            throw ToolProgram.Problem("Nothing was changed: the server proposes nothing.")
        }
        var contents: [(path: String, text: String)] = []
        for (path, edits) in files.sorted(by: { $0.key < $1.key }) {
            guard path.hasPrefix(root + "/"), !path.split(separator: "/").contains("..") else {
                throw ToolProgram.Problem("Nothing was changed: \(path) is outside of the working directory.")
            }
            let current = try FileTools.content(path)
            guard let known = shown(path), known.text == current,
                versions[path].map({ $0 == known.version }) ?? true
            else {
                throw ToolProgram.Problem(
                    "Nothing was changed: \(path) is not the file that the server has seen; ask again.")
            }
            guard let text = Self.apply(edits, to: current, unit) else {
                throw ToolProgram.Problem("Nothing was changed: the server's changes of \(path) overlap.")
            }
            contents.append((path, text))
        }
        for (path, text) in contents { try FileTools.store(Array(text.utf8), at: path) }
        let names = contents.map { path, _ in
            "\(path.dropFirst(root.count + 1)) (\(files[path]?.count ?? 0))"
        }
        // A server knows the files that it has read; only a build or a search knows all.
        return "Renamed in \(names.joined(separator: ", ")). Look with grep for what the server has not read."
    }

    /// Nil when two edits overlap or one is outside of the text.
    static func apply(_ edits: [Edit], to text: String, _ unit: PositionUnit = .utf16) -> String? {
        let lines = text.byteLines
        var starts: [Int] = []
        var offset = 0
        for line in lines {
            starts.append(offset)
            offset += line.utf8.count + 1
        }
        func place(_ position: TextPosition) -> Int? {
            guard lines.indices.contains(position.line) else { return nil }
            let line = lines[position.line]
            guard let index = position.index(in: line, unit) else { return nil }
            return starts[position.line] + line.utf8.distance(from: line.utf8.startIndex, to: index)
        }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var next = 0
        for edit in edits.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            guard let start = place(edit.start), let end = place(edit.end), start >= next, end >= start else {
                return nil
            }
            result += bytes[next..<start] + Array(edit.text.utf8)
            next = end
        }
        return String(decoding: result + bytes[next...], as: UTF8.self)
    }
}
