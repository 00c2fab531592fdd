import Kit

/// Says why a text was not found in a file, and where something like it is.
enum EditMiss {
    /// Lines of a file, and of a text, that are compared at most: a miss must not cost seconds.
    private static let fileLines = 20_000
    private static let textLines = 200
    private static let shownLines = 12
    private static let shownColumns = 200
    /// How alike two lines must be to be worth showing, from 0 to 1.
    private static let likeness = 0.6

    static func explain(_ old: String, in text: String, path: String) -> String {
        let start = "`old_string` does not occur in \(path)."
        if let bare = withoutLineNumbers(old), text.contains(bare) {
            return "\(start) It does without the line numbers that read shows: leave them out."
        }
        let lines = text.byteLines.prefix(fileLines)
        let wanted = old.byteLines.prefix(textLines)
        let trimmedLines = lines.map(trimmed)
        let trimmedWanted = strip(wanted.map(trimmed))
        guard !trimmedWanted.isEmpty else {
            return "\(start) It is only white space; give a line with words in it."
        }
        if let index = place(of: trimmedWanted, in: trimmedLines) {
            return "\(start) Only white space differs from lines \(index + 1) to "
                + "\(index + trimmedWanted.count), which are:\n"
                + shown(lines, from: index, count: trimmedWanted.count)
        }
        if let index = closest(trimmedWanted, in: trimmedLines) {
            return "\(start) The nearest is at line \(index + 1):\n"
                + shown(lines, from: index, count: trimmedWanted.count)
                + "\nRead the file and copy what is there exactly."
        }
        return "\(start) Nothing like it does, either. Read the file and copy what is there exactly."
    }

    /// The lines on which a text that occurs too often begins.
    static func places(of needle: [UInt8], in bytes: [UInt8], limit: Int = 10) -> [Int] {
        var found: [Int] = []
        var line = 1
        var index = 0
        while index + needle.count <= bytes.count, found.count < limit {
            if bytes[index] == needle[0], bytes[index..<(index + needle.count)].elementsEqual(needle) {
                found.append(line)
                line += needle.count { $0 == 0x0A }
                index += needle.count
            } else {
                if bytes[index] == 0x0A { line += 1 }
                index += 1
            }
        }
        return found
    }

    /// Nil when not every line begins with a number and a tab, as in read's answers.
    private static func withoutLineNumbers(_ text: String) -> String? {
        var lines: [Substring] = []
        for line in text.byteLines {
            guard let tab = line.firstIndex(of: "\t") else {
                if line.isEmpty {
                    lines.append(line)
                    continue
                }
                return nil
            }
            let number = line[..<tab].drop { $0 == " " }
            guard !number.isEmpty, number.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
            lines.append(line[line.index(after: tab)...])
        }
        return lines.joined(separator: "\n")
    }

    private static func trimmed(_ line: Substring) -> Substring {
        var line = line.drop { $0 == " " || $0 == "\t" }
        while let last = line.last, last == " " || last == "\t" || last == "\r" || last == "\r\n" {
            line.removeLast()
        }
        return line
    }

    private static func strip(_ lines: [Substring]) -> [Substring] {
        Array(lines.drop { $0.isEmpty }.reversed().drop { $0.isEmpty }.reversed())
    }

    private static func place(of wanted: [Substring], in lines: [Substring]) -> Int? {
        guard wanted.count <= lines.count else { return nil }
        return (0...(lines.count - wanted.count)).first { index in
            lines[index] == wanted[0] && lines[index..<(index + wanted.count)].elementsEqual(wanted)
        }
    }

    /// Where the most lines are the same; for want of that, where the first line is most alike.
    private static func closest(_ wanted: [Substring], in lines: [Substring]) -> Int? {
        var best: (index: Int, count: Int)?
        if wanted.count > 2 {
            let known = Set(wanted.filter { $0.count > 3 })
            for (index, line) in lines.enumerated() where known.contains(line) {
                // The place where the text would begin if this line were its own.
                guard let offset = wanted.firstIndex(of: line), index >= offset else { continue }
                let start = index - offset
                let count = zip(wanted, lines[start...]).count { $0 == $1 && !$0.isEmpty }
                if count > best?.count ?? 1 { best = (start, count) }
            }
        }
        if let best { return best.index }
        let first = pairs(wanted[0])
        guard !first.isEmpty else { return nil }
        var alike: (index: Int, score: Double)?
        for (index, line) in lines.enumerated() where !line.isEmpty {
            let other = pairs(line)
            guard !other.isEmpty else { continue }
            let score = 2 * Double(first.intersection(other).count) / Double(first.count + other.count)
            if score > alike?.score ?? likeness { alike = (index, score) }
        }
        return alike?.index
    }

    /// The pairs of neighbouring bytes of a line.
    private static func pairs(_ line: Substring) -> Set<UInt16> {
        let bytes = Array(line.utf8.prefix(400))
        return Set(zip(bytes, bytes.dropFirst()).map { UInt16($0) << 8 | UInt16($1) })
    }

    private static func shown(_ lines: ArraySlice<Substring>, from index: Int, count: Int) -> String {
        lines[index...].prefix(min(count, shownLines)).map { "\($0.prefix(shownColumns))" }
            .joined(separator: "\n")
    }
}
