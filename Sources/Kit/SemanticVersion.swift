/// A version by Semantic Versioning 2.0.0 (semver.org).
public struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public let patch: Int
    /// The identifiers after `-`.
    public let prerelease: [String]
    /// The identifiers after `+`; they do not take part in ordering.
    public let build: [String]

    /// Nil when the text is no semantic version.
    public init?(_ text: String) {
        let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let head = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = head[0].split(separator: ".", omittingEmptySubsequences: false)
            .compactMap { Self.number($0) }
        guard numbers.count == 3, head[0].utf8.count(where: { $0 == 0x2E }) == 2 else { return nil }
        guard let prerelease = Self.identifiers(head.dropFirst().first, isNumberStrict: true),
            let build = Self.identifiers(parts.dropFirst().first, isNumberStrict: false)
        else { return nil }
        (major, minor, patch) = (numbers[0], numbers[1], numbers[2])
        (self.prerelease, self.build) = (prerelease, build)
    }

    public var description: String {
        let tail = prerelease.isEmpty ? "" : "-" + prerelease.joined(separator: ".")
        return "\(major).\(minor).\(patch)\(tail)" + (build.isEmpty ? "" : "+" + build.joined(separator: "."))
    }

    /// Section 11: a prerelease comes before its release, numbers before words.
    public static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        let (a, b) = ([left.major, left.minor, left.patch], [right.major, right.minor, right.patch])
        if a != b { return a.lexicographicallyPrecedes(b) }
        if left.prerelease.isEmpty || right.prerelease.isEmpty {
            return !left.prerelease.isEmpty && right.prerelease.isEmpty
        }
        for (one, other) in zip(left.prerelease, right.prerelease) where one != other {
            switch (Int(one), Int(other)) {
            case (let first?, let second?): return first < second
            case (nil, nil): return one.utf8.lexicographicallyPrecedes(other.utf8)
            case (let first, _): return first != nil
            }
        }
        return left.prerelease.count < right.prerelease.count
    }

    private static func number(_ text: Substring) -> Int? {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isPlain && (text == "0" || !text.hasPrefix("0")) ? Int(text) : nil
    }

    private static func identifiers(_ text: Substring?, isNumberStrict: Bool) -> [String]? {
        guard let text else { return [] }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let areValid = parts.allSatisfy { part in
            let isNumeric = part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            if part.isEmpty || isNumberStrict && isNumeric && part.count > 1 && part.hasPrefix("0") {
                return false
            }
            return part.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D
            }
        }
        return areValid ? parts.map(String.init) : nil
    }
}
