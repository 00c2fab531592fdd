import Kit

/// The part of a unified diff that is about one file.
struct FilePatch {
    /// As the patch names it, without `a/` or `b/`.
    var path: String
    var added = 0
    var removed = 0
    /// The lines after `diff --git`, as they are.
    var lines: [Substring] = []

    var json: JSON { ["path": .string(path), "added": JSON(added), "removed": JSON(removed)] }

    /// Reads what `git diff` writes. Counts follow the lengths in the hunk headers, so that a removed line
    /// that looks like a header ("--- x") is still a removed line.
    static func parse(_ text: String) -> [FilePatch] {
        var files: [FilePatch] = []
        var (oldLeft, newLeft) = (0, 0)
        for line in text.byteLines {
            if oldLeft <= 0, newLeft <= 0, line.hasPrefix("diff --git ") {
                files.append(FilePatch(path: name(ofHeader: line)))
                continue
            }
            guard !files.isEmpty else { continue }
            let index = files.count - 1
            files[index].lines.append(line)
            if oldLeft <= 0, newLeft <= 0 {
                if let lengths = hunkLengths(line) { (oldLeft, newLeft) = lengths }
                if line.hasPrefix("+++ b/") { files[index].path = String(line.dropFirst(6)) }
                continue
            }
            switch line.utf8.first {
            case UInt8(ascii: "+"):
                files[index].added += 1
                newLeft -= 1
            case UInt8(ascii: "-"):
                files[index].removed += 1
                oldLeft -= 1
            case UInt8(ascii: "\\"): break
            default: (oldLeft, newLeft) = (oldLeft - 1, newLeft - 1)
            }
        }
        return files
    }

    /// `diff --git a/PATH b/PATH`: both halves are the same when nothing was renamed.
    private static func name(ofHeader line: Substring) -> String {
        let rest = line.dropFirst("diff --git ".count)
        let half = rest.index(rest.startIndex, offsetBy: rest.count / 2)
        let (left, right) = (rest[..<half], rest[half...].dropFirst())
        if left.dropFirst(2) == right.dropFirst(2) { return String(right.dropFirst(2)) }
        return rest.ranges(of: " b/").last.map { String(rest[$0.upperBound...]) } ?? String(rest)
    }

    /// `@@ -1,2 +3,4 @@`; a length that is left out is 1.
    private static func hunkLengths(_ line: Substring) -> (old: Int, new: Int)? {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count >= 4, words[0] == "@@", words[1].hasPrefix("-"), words[2].hasPrefix("+") else {
            return nil
        }
        let lengths = words[1...2].map { word in
            word.split(separator: ",").dropFirst().first.map { Int($0) ?? 0 } ?? 1
        }
        return (lengths[0], lengths[1])
    }
}
