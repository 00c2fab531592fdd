// Whether two tasks may write at the same time.

/// Globs of files. `*` stays within a directory, `**` does not, `?` is one character, as in gitignore(5).
public enum WriteSet {
    /// True unless it is certain that no path is in both sets. An empty set may write anything.
    public static func meet(_ one: [String], _ other: [String]) -> Bool {
        if one.isEmpty || other.isEmpty { return true }
        return one.contains { left in other.contains { meet(left, $0) } }
    }

    /// Two patterns meet when one path could match both.
    static func meet(_ one: String, _ other: String) -> Bool {
        // Each wildcard doubles the ways to match; nobody needs this many, and models may write anything.
        if [one, other].contains(where: { pattern in pattern.count { $0 == "*" } > 8 }) { return true }
        let (left, right) = (segments(one), segments(other))
        return meet(left[...], right[...])
    }

    private static func segments(_ pattern: String) -> [String] {
        var parts = pattern.split(separator: "/").map(String.init).filter { $0 != "." }
        // A directory stands for what is in it.
        if pattern.hasSuffix("/") { parts.append("**") }
        return parts
    }

    private static func meet(_ one: ArraySlice<String>, _ other: ArraySlice<String>) -> Bool {
        switch (one.first, other.first) {
        case (nil, nil): return true
        case ("**", _):
            return meet(one.dropFirst(), other) || (!other.isEmpty && meet(one, other.dropFirst()))
        case (_, "**"):
            return meet(one, other.dropFirst()) || (!one.isEmpty && meet(one.dropFirst(), other))
        // A pattern that names a directory covers the files in it.
        case (nil, _), (_, nil): return true
        case (let left?, let right?):
            return meet(Array(left)[...], Array(right)[...]) && meet(one.dropFirst(), other.dropFirst())
        }
    }

    /// Names within one directory.
    private static func meet(_ one: ArraySlice<Character>, _ other: ArraySlice<Character>) -> Bool {
        switch (one.first, other.first) {
        case (nil, nil): return true
        case ("*", _):
            return meet(one.dropFirst(), other) || (!other.isEmpty && meet(one, other.dropFirst()))
        case (_, "*"):
            return meet(one, other.dropFirst()) || (!one.isEmpty && meet(one.dropFirst(), other))
        // Classes are not taken apart: what is in brackets may be anything.
        case ("[", _), (_, "["): return true
        case (nil, _), (_, nil): return false
        case (let left?, let right?):
            return (left == right || left == "?" || right == "?") && meet(one.dropFirst(), other.dropFirst())
        }
    }
}
