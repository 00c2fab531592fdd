import Kit
import System

/// Applies patches: all of one or nothing of it.
enum PatchTool {
    static func patch(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let text = try ToolProgram.text(input, "patch")
        let patch: Patch
        do throws(Patch.Problem) {
            patch = try Patch.parse(text)
        } catch {
            throw ToolProgram.Problem("Nothing was changed: \(error).")
        }
        // Every file's new content first, so that a hunk that does not fit leaves no half of a patch.
        var contents: [String: String?] = [:]
        var words: [String] = []
        for change in patch.changes {
            func current(_ path: String) throws(ToolProgram.Problem) -> String {
                if let known = contents[path] {
                    guard let known else { throw ToolProgram.Problem("\(path) was deleted before.") }
                    return known
                }
                return try FileTools.content(path)
            }
            switch change {
            case .add(let path, let lines):
                guard contents[path] != nil || !Files.exists(path) else {
                    throw ToolProgram.Problem("Nothing was changed: \(path) is there already; update it.")
                }
                contents[path] = .some(lines.map { $0 + "\n" }.joined())
                words.append("added \(path)")
            case .delete(let path):
                _ = try current(path)
                contents[path] = .some(nil)
                words.append("deleted \(path)")
            case .update(let path, let target, let hunks):
                let new = try apply(hunks, to: try current(path), path: path)
                if let target {
                    contents[path] = .some(nil)
                    contents[target] = .some(new)
                    words.append("moved \(path) to \(target)")
                } else {
                    contents[path] = .some(new)
                    words.append("updated \(path)")
                }
            }
        }
        for (path, content) in contents.sorted(by: { $0.key < $1.key }) {
            if let content {
                try FileTools.store(Array(content.utf8), at: path)
            } else {
                try ToolRoots.perform("delete \(path)") { () throws(SystemError) in
                    try ToolRoots.writable.remove(path)
                }
            }
        }
        return "Done: \(words.joined(separator: ", "))."
    }

    /// Each hunk after the one before it.
    static func apply(_ hunks: [Patch.Hunk], to text: String, path: String) throws(ToolProgram.Problem)
        -> String
    {
        var lines = text.byteLines.map(String.init)
        let endsWithLineFeed = lines.last == ""
        if endsWithLineFeed { lines.removeLast() }
        var from = 0
        for hunk in hunks {
            if let anchor = hunk.anchor {
                guard let place = find([anchor], in: lines, from: from, isAtEnd: false) else {
                    throw miss(path, [anchor], "the line after @@", lines)
                }
                from = place + 1
            }
            guard !hunk.old.isEmpty else {
                // Only new lines: after the anchor, or at the end.
                let place = hunk.anchor == nil || hunk.isAtEnd ? lines.count : from
                lines.insert(contentsOf: hunk.new, at: place)
                from = place + hunk.new.count
                continue
            }
            guard let place = find(hunk.old, in: lines, from: from, isAtEnd: hunk.isAtEnd) else {
                throw miss(path, hunk.old, "the hunk", lines)
            }
            lines.replaceSubrange(place..<(place + hunk.old.count), with: hunk.new)
            from = place + hunk.new.count
        }
        return lines.joined(separator: "\n") + (endsWithLineFeed || !text.isEmpty ? "\n" : "")
    }

    private static func miss(_ path: String, _ wanted: [String], _ what: String, _ lines: [String])
        -> ToolProgram.Problem
    {
        let text = wanted.joined(separator: "\n")
        let why = EditMiss.explain(text, in: lines.joined(separator: "\n"), path: path)
        return ToolProgram.Problem("Nothing was changed: \(what) was not found in \(path). \(why)")
    }

    /// Exactly, then without white space at the ends of lines, then without any around them.
    private static func find(_ wanted: [String], in lines: [String], from: Int, isAtEnd: Bool) -> Int? {
        guard wanted.count <= lines.count, from <= lines.count - wanted.count else { return nil }
        let places =
            isAtEnd
            ? (lines.count - wanted.count)..<(lines.count - wanted.count + 1)
            : from..<(lines.count - wanted.count + 1)
        let levels: [(String) -> Substring] = [{ $0[...] }, { trimEnd($0[...]) }, { trim($0[...]) }]
        for level in levels {
            let shapes = wanted.map(level)
            for place in places where level(lines[place]) == shapes[0] {
                if zip(lines[place...], shapes).allSatisfy({ level($0) == $1 }) { return place }
            }
        }
        return nil
    }

    private static func trimEnd(_ line: Substring) -> Substring {
        var line = line
        while let last = line.last, last == " " || last == "\t" || last == "\r" { line.removeLast() }
        return line
    }

    private static func trim(_ line: Substring) -> Substring {
        trimEnd(line.drop { $0 == " " || $0 == "\t" })
    }
}
