import Kit

/// A patch without line numbers: files by name, hunks by what stands around them. Some models write it better
/// than they write exact replacements.
///
/// ```
/// *** Begin Patch
/// *** Update File: src/a.py          *** Add File: src/b.py      *** Delete File: src/c.py
/// *** Move to: src/d.py              +every line
/// @@ def f():
///  what stays
/// -what goes
/// +what comes
/// *** End of File
/// *** End Patch
/// ```
struct Patch: Equatable {
    /// Some lines of a file and what they become.
    struct Hunk: Equatable {
        /// A line that stands before it, to find the right place.
        var anchor: String?
        var old: [String] = []
        var new: [String] = []
        /// It ends with the file.
        var isAtEnd = false
    }

    enum Change: Equatable {
        case add(path: String, lines: [String])
        case delete(path: String)
        case update(path: String, moveTo: String?, hunks: [Hunk])

        var path: String {
            switch self {
            case .add(let path, _), .delete(let path), .update(let path, _, _): path
            }
        }
    }

    /// What is wrong with a patch, and on which of its lines.
    struct Problem: Error, Equatable, CustomStringConvertible {
        var line: Int
        var reason: String

        var description: String { "line \(line) of the patch: \(reason)" }
    }

    var changes: [Change]

    /// Files and hunks of one patch.
    static let changeLimit = 200
    static let hunkLimit = 2000

    static func parse(_ text: String) throws(Problem) -> Patch {
        var reader = Reader(text)
        return try reader.read()
    }

    private struct Reader {
        private var lines: [Substring]
        private var index = 0
        private var hunkCount = 0

        init(_ text: String) {
            lines = text.byteLines
            // Empty lines around the patch are nobody's fault.
            while lines.last.map(Self.isBlank) == true { lines.removeLast() }
            index = lines.firstIndex { !Self.isBlank($0) } ?? 0
        }

        private static func isBlank(_ line: Substring) -> Bool {
            line.allSatisfy { $0 == " " || $0 == "\t" || $0 == "\r" }
        }

        private func problem(_ reason: String) -> Problem { Problem(line: index + 1, reason: reason) }

        private var line: Substring? { index < lines.count ? lines[index] : nil }

        /// The rest of the line when it begins so.
        private func rest(after prefix: String) -> String? {
            guard let line, line.hasPrefix(prefix) else { return nil }
            var rest = line.dropFirst(prefix.count)
            while let last = rest.last, last == " " || last == "\r" { rest.removeLast() }
            return String(rest.drop { $0 == " " })
        }

        mutating func read() throws(Problem) -> Patch {
            guard rest(after: "*** Begin Patch") == "" else {
                throw problem("a patch begins with *** Begin Patch")
            }
            index += 1
            var changes: [Change] = []
            while rest(after: "*** End Patch") != "" {
                guard line != nil else { throw problem("a patch ends with *** End Patch") }
                guard changes.count < Patch.changeLimit else { throw problem("too many files in one patch") }
                changes.append(try change())
            }
            index += 1
            guard line == nil else { throw problem("something follows *** End Patch") }
            guard !changes.isEmpty else { throw problem("the patch changes nothing") }
            return Patch(changes: changes)
        }

        private mutating func change() throws(Problem) -> Change {
            if let path = rest(after: "*** Add File:") {
                try check(path)
                index += 1
                var added: [String] = []
                while let line, line.first == "+" {
                    added.append(String(line.dropFirst()))
                    index += 1
                }
                return .add(path: path, lines: added)
            }
            if let path = rest(after: "*** Delete File:") {
                try check(path)
                index += 1
                return .delete(path: path)
            }
            guard let path = rest(after: "*** Update File:") else {
                throw problem("*** Add File:, *** Delete File: or *** Update File: is expected here")
            }
            try check(path)
            index += 1
            var target: String?
            if let move = rest(after: "*** Move to:") {
                try check(move)
                target = move
                index += 1
            }
            var hunks: [Hunk] = []
            while let line, !line.hasPrefix("***") { hunks.append(try hunk(isFirst: hunks.isEmpty)) }
            guard !hunks.isEmpty || target != nil else { throw problem("\(path) has no hunk") }
            return .update(path: path, moveTo: target, hunks: hunks)
        }

        private func check(_ path: String) throws(Problem) {
            guard !path.isEmpty, !path.utf8.contains(0) else { throw problem("a path is missing here") }
        }

        private mutating func hunk(isFirst: Bool) throws(Problem) -> Hunk {
            var hunk = Hunk()
            hunkCount += 1
            guard hunkCount <= Patch.hunkLimit else { throw problem("too many hunks in one patch") }
            if let anchor = rest(after: "@@") {
                hunk.anchor = anchor.isEmpty ? nil : anchor
                index += 1
            } else if !isFirst {
                throw problem("a hunk begins with @@")
            }
            let start = index
            while let line, !line.hasPrefix("@@"), !line.hasPrefix("***") {
                let text = String(line.dropFirst())
                switch line.first {
                case " ":
                    hunk.old.append(text)
                    hunk.new.append(text)
                case "-": hunk.old.append(text)
                case "+": hunk.new.append(text)
                case nil, "\r":
                    // Editors strip the blank of an empty line.
                    hunk.old.append("")
                    hunk.new.append("")
                default: throw problem("a line of a hunk begins with a blank, + or -")
                }
                index += 1
            }
            guard index > start else { throw problem("the hunk is empty") }
            if rest(after: "*** End of File") == "" {
                hunk.isAtEnd = true
                index += 1
            }
            return hunk
        }
    }
}
