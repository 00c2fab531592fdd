/// Globs of paths as in gitignore(5): `*` and `?` stay within a directory, `**` does not. Byte for byte, and
/// without classes, so that no name of a file can be read as a pattern.
public enum PathGlob {
    public static func matches(_ pattern: String, _ path: String) -> Bool {
        matches(Array(pattern.utf8), Array(path.utf8))
    }

    public static func matches(_ pattern: [UInt8], _ path: [UInt8]) -> Bool {
        let parts = pattern.split(separator: slash).map(Array.init)
        return match(parts[...], path.split(separator: slash).map(Array.init)[...])
    }

    private static let (slash, star, question) = (UInt8(0x2F), UInt8(0x2A), UInt8(0x3F))

    private static func match(_ pattern: ArraySlice<[UInt8]>, _ path: ArraySlice<[UInt8]>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == [star, star] {
            let rest = pattern.dropFirst()
            // What ends with ** is all that is below.
            if rest.isEmpty { return !path.isEmpty }
            return path.indices.contains { match(rest, path[$0...]) }
        }
        guard let name = path.first, matchName(first, name) else { return false }
        return match(pattern.dropFirst(), path.dropFirst())
    }

    /// Goes back to the last star only: linear in the product of both lengths.
    private static func matchName(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var (at, index) = (0, 0)
        var last: (star: Int, name: Int)?
        while index < name.count {
            if at < pattern.count, pattern[at] == star {
                last = (at, index)
                at += 1
            } else if at < pattern.count, pattern[at] == question || pattern[at] == name[index] {
                at += 1
                index += 1
            } else if let back = last {
                (at, index) = (back.star + 1, back.name + 1)
                last = (back.star, index)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == star }
    }
}
