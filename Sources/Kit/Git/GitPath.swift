/// A name of a file in a repository. To git it is bytes: not every name is UTF-8, and some hold line feeds.
///
/// Commands are given names and give them as bytes (`-z`). Where a name has to be text, in the journal, for a
/// model, for a person, `text` is used; no two names have the same one.
public struct GitPath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let bytes: [UInt8]

    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The name that `text` stands for; nil for a text in quotes that no name has.
    public init?(text: String) {
        guard text.utf8.first == Self.quote else {
            bytes = Array(text.utf8)
            return
        }
        guard let bytes = Self.unquoted(Array(text.utf8)) else { return nil }
        self.bytes = bytes
    }

    /// The name itself, or in git's own quotes what is not UTF-8, has control characters, or begins with a
    /// quote.
    public var text: String {
        let isPlain = bytes.first != Self.quote && !bytes.contains { $0 < 0x20 || $0 == 0x7F }
        if isPlain, let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(decoding: quoted, as: UTF8.self)
    }

    public var description: String { text }

    /// In quotes, as git's files of attributes and git's output have names: quote.c, quote_c_style.
    public var quoted: [UInt8] {
        var output = [Self.quote]
        for byte in bytes {
            if let short = Self.escapes.first(where: { $0.byte == byte }) {
                output += [Self.backslash, short.letter]
            } else if byte < 0x20 || byte >= 0x7F {
                output += [Self.backslash, 0x30 + (byte >> 6), 0x30 + (byte >> 3 & 7), 0x30 + (byte & 7)]
            } else {
                output.append(byte)
            }
        }
        return output + [Self.quote]
    }

    private static func unquoted(_ text: [UInt8]) -> [UInt8]? {
        guard text.count >= 2, text.last == quote else { return nil }
        var output: [UInt8] = []
        var rest = text[1..<(text.count - 1)]
        while let byte = rest.popFirst() {
            guard byte != quote else { return nil }
            guard byte == backslash else {
                output.append(byte)
                continue
            }
            guard let letter = rest.popFirst() else { return nil }
            if let short = escapes.first(where: { $0.letter == letter }) {
                output.append(short.byte)
                continue
            }
            let digits = [letter] + rest.prefix(2)
            rest = rest.dropFirst(2)
            guard digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }), letter <= 0x33 else {
                return nil
            }
            output.append(digits.reduce(0) { $0 << 3 | ($1 - 0x30) })
        }
        return output
    }

    private static let quote: UInt8 = 0x22
    private static let backslash: UInt8 = 0x5C
    private static let escapes: [(byte: UInt8, letter: UInt8)] = [
        (0x07, 0x61), (0x08, 0x62), (0x09, 0x74), (0x0A, 0x6E), (0x0B, 0x76), (0x0C, 0x66), (0x0D, 0x72),
        (quote, quote), (backslash, backslash),
    ]

    public static func < (one: GitPath, other: GitPath) -> Bool {
        one.bytes.lexicographicallyPrecedes(other.bytes)
    }

    /// The directories above it, the top one (empty) first.
    public var directories: [GitPath] {
        [GitPath([])] + bytes.indices.filter { bytes[$0] == 0x2F }.map { GitPath(bytes[..<$0]) }
    }

    /// A name below this directory.
    public func appending(_ name: String) -> GitPath {
        GitPath(bytes.isEmpty ? Array(name.utf8) : bytes + [0x2F] + Array(name.utf8))
    }

    /// Names for a sentence; of many only the first.
    public static func list(_ paths: some Sequence<GitPath>, limit: Int = 20) -> String {
        let sorted = paths.sorted()
        let more = sorted.count > limit ? " and \(sorted.count - limit) more" : ""
        return sorted.prefix(limit).map(\.text).joined(separator: ", ") + more
    }
}

/// What stands in a tree or an index under a name.
public struct GitEntry: Sendable, Hashable {
    /// Six octal digits.
    public let mode: String
    public let object: String

    public init(mode: String, object: String) { (self.mode, self.object) = (mode, object) }

    public var isFile: Bool { mode.hasPrefix("100") }
    public var isLink: Bool { mode == "120000" }
    /// A commit of another repository.
    public var isSubmodule: Bool { mode == "160000" }
}

/// A difference between two trees.
public struct GitChange: Sendable, Hashable {
    public let path: GitPath
    /// Nil for what was not there.
    public let old: GitEntry?
    /// Nil for what is there no more.
    public let new: GitEntry?

    public init(path: GitPath, old: GitEntry?, new: GitEntry?) {
        (self.path, self.old, self.new) = (path, old, new)
    }

    /// Reads `--raw -z --no-abbrev --no-renames` of diff-tree and diff-index; nil when it is none.
    public static func read(_ bytes: [UInt8]) -> [GitChange]? {
        // :MODE MODE OBJECT OBJECT STATUS NUL NAME NUL
        var fields = bytes.split(separator: 0, omittingEmptySubsequences: false)[...]
        guard fields.last?.isEmpty == true, fields.count % 2 == 1 else { return nil }
        fields.removeLast()
        var changes: [GitChange] = []
        while let head = fields.popFirst(), let name = fields.popFirst() {
            let words = String(decoding: head, as: UTF8.self).split(separator: " ").map(String.init)
            guard words.count == 5, words[0].hasPrefix(":"), !name.isEmpty else { return nil }
            let entry = { (mode: Substring, object: String) in
                mode == "000000" ? nil : GitEntry(mode: String(mode), object: object)
            }
            changes.append(
                GitChange(
                    path: GitPath(name), old: entry(words[0].dropFirst(), words[2]),
                    new: entry(words[1][...], words[3])))
        }
        return changes
    }
}
