// Lines of .gitattributes, and what they make git write.
import Kit

enum AttributeRules {
    /// Attributes by which git writes other bytes than it stores, runs a program, or leaves out or hides
    /// content.
    private static let driving: Set<String> = [
        "working-tree-encoding", "ident", "eol", "text", "crlf", "filter", "diff", "merge", "binary",
        "export-ignore", "export-subst", "linguist-generated", "linguist-vendored", "gitlab-generated",
    ]

    /// The lines of a file that set one of these, without what is around them.
    static func lines(_ bytes: ArraySlice<UInt8>?) -> [String] {
        guard let bytes else { return [] }
        return String(decoding: bytes, as: UTF8.self).byteLines.compactMap { line in
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard let first = words.first, !first.hasPrefix("#") else { return nil }
            let drives = words.dropFirst().contains { word in
                let name = word.drop { "-!".contains($0) }.prefix { $0 != "=" }
                return driving.contains(name.lowercased())
            }
            // A macro may be used by any line, under any name.
            return drives || first.hasPrefix("[attr]") ? words.joined(separator: " ") : nil
        }
    }

    /// What two versions of a file differ in, one item a line.
    static func items(_ path: String, _ old: ArraySlice<UInt8>?, _ new: ArraySlice<UInt8>?) -> [ChangeItem] {
        let (before, now) = (lines(old), lines(new))
        let items =
            now.filter { !before.contains($0) }.map { "new: \(ShownText.line($0))" }
            + before.filter { !now.contains($0) }.map { "removed: \(ShownText.line($0))" }
        if items.isEmpty {
            // The order counts as well: what comes last wins.
            return [ChangeItem(.attributes, path: path, "changed; git writes files by it")]
        }
        return items.map { ChangeItem(.attributes, path: path, $0) }
    }

    /// Of a path: what of its attributes makes the written bytes differ from the stored ones.
    struct Values: Sendable {
        var encoding: String?
        var filter: String?
        var eol: String?
        var isIdent = false

        /// Encodings that give back every text as it was.
        private static let lossless = ["utf-16", "utf-32", "utf16", "utf32"]

        func items(_ path: String, head content: ArraySlice<UInt8>?) -> [ChangeItem] {
            var items: [ChangeItem] = []
            if let encoding, !["utf-8", "utf8"].contains(encoding.lowercased()) {
                let words = "it is shown as stored; git writes it as \(ShownText.line(encoding, limit: 60))"
                let isKnown = Self.lossless.contains { encoding.lowercased().hasPrefix($0) }
                items.append(ChangeItem(isKnown ? .conversion : .attributes, path: path, words))
            }
            if filter == "lfs" {
                let isPointer = content?.starts(with: Array("version https://git-lfs.github.com/spec/".utf8))
                if isPointer == false {
                    items.append(
                        ChangeItem(.lfs, path: path, "the content itself, where Git LFS keeps a pointer"))
                }
            } else if let filter {
                let words = "the filter \(ShownText.line(filter, limit: 60)) of each person's git rewrites it"
                items.append(ChangeItem(.conversion, path: path, words))
            }
            if eol == "crlf" {
                items.append(ChangeItem(.conversion, path: path, "git writes its lines with CR LF"))
            }
            if isIdent {
                items.append(
                    ChangeItem(.conversion, path: path, "git writes $Id$ in it as the id of its content"))
            }
            return items
        }
    }

    static let asked = ["working-tree-encoding", "filter", "eol", "ident"]

    /// Reads `git check-attr -z`: path, attribute and value, each ended by a NUL.
    static func parse(_ bytes: [UInt8]) -> [[UInt8]: Values] {
        let fields = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        var values: [[UInt8]: Values] = [:]
        for index in stride(from: 0, to: fields.count - 2, by: 3) {
            let value = String(decoding: fields[index + 2], as: UTF8.self)
            guard !["unspecified", "unset"].contains(value) else { continue }
            let path = fields[index]
            switch String(decoding: fields[index + 1], as: UTF8.self) {
            case "working-tree-encoding": values[path, default: Values()].encoding = value
            case "filter": values[path, default: Values()].filter = value
            case "eol": values[path, default: Values()].eol = value
            case "ident": values[path, default: Values()].isIdent = true
            default: break
            }
        }
        return values
    }
}
