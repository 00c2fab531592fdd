/// One entry of `git diff --raw -z`, in bytes.
struct RawChange: Sendable, Hashable {
    /// 0 where there is nothing on this side.
    var oldMode: UInt32
    var newMode: UInt32
    var oldID: String
    var newID: String
    var path: [UInt8]

    static let (file, executable, link, submodule) =
        (0o100644, 0o100755, 0o120000, 0o160000) as (UInt32, UInt32, UInt32, UInt32)

    var isAdded: Bool { oldMode == 0 }
    var isDeleted: Bool { newMode == 0 }
    /// A regular file on the new side.
    var isFile: Bool { newMode & 0o170000 == 0o100000 }
    var wasFile: Bool { oldMode & 0o170000 == 0o100000 }
    var isLink: Bool { newMode == Self.link }
    var isSubmodule: Bool { newMode == Self.submodule || oldMode == Self.submodule }

    var name: ArraySlice<UInt8> {
        path.lastIndex(of: 0x2F).map { path[($0 + 1)...] } ?? path[...]
    }

    /// The name in lower case ASCII, for rules about well-known files.
    var lowerName: String {
        String(decoding: name.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Reads the output of `git diff-tree -r --raw -z --no-renames --full-index`; nil when it is not that.
    static func parse(_ bytes: [UInt8]) -> [RawChange]? {
        var changes: [RawChange] = []
        var at = bytes.startIndex
        while at < bytes.endIndex {
            guard let end = bytes[at...].firstIndex(of: 0),
                let stop = bytes[(end + 1)...].firstIndex(of: 0), end + 1 < stop
            else { return nil }
            let words = bytes[at..<end].split(separator: 0x20)
            guard words.count == 5, words[0].first == 0x3A, let old = mode(words[0].dropFirst()),
                let new = mode(words[1])
            else { return nil }
            changes.append(
                RawChange(
                    oldMode: old, newMode: new, oldID: String(decoding: words[2], as: UTF8.self),
                    newID: String(decoding: words[3], as: UTF8.self), path: Array(bytes[(end + 1)..<stop])))
            at = stop + 1
        }
        return changes
    }

    private static func mode(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard digits.count == 6 else { return nil }
        var mode: UInt32 = 0
        for digit in digits {
            guard 0x30...0x37 ~= digit else { return nil }
            mode = mode << 3 | UInt32(digit - 0x30)
        }
        return mode
    }
}
