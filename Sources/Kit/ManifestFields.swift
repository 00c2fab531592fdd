// Reading typed fields out of a YAML mapping while collecting every problem instead of stopping at the first.

/// Where the readers of one manifest put what they find. Lives and dies inside one `Manifest.parse`.
final class ManifestProblems {
    private(set) var list: [ManifestError.Problem] = []

    func add(_ mark: YAMLMark, _ path: String, _ message: String) {
        list.append(ManifestError.Problem(line: mark.line, path: path, message: message))
    }
}

/// One mapping of the manifest. Every reader reports what is wrong and returns nil then; `finish` reports the
/// keys that nobody asked for.
struct ManifestFields {
    private let members: [(key: String, node: YAMLNode)]
    private let mark: YAMLMark
    private let path: String
    private let problems: ManifestProblems
    private var known: [String] = []

    /// Nil, and a problem, when the node is no mapping.
    init?(_ node: YAMLNode, path: String, _ problems: ManifestProblems) {
        guard case .mapping(let members, let mark) = node else {
            problems.add(node.mark, path, "\(node.json.kindName) where a mapping of fields is expected")
            return nil
        }
        (self.members, self.mark, self.path, self.problems) = (members, mark, path, problems)
    }

    private func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// For a check that spans fields.
    func report(_ key: String, _ message: String) {
        problems.add(members.first { $0.key == key }?.node.mark ?? mark, path(key), message)
    }

    private mutating func node(_ key: String, isRequired: Bool, _ expected: String) -> YAMLNode? {
        known.append(key)
        if let node = members.first(where: { $0.key == key })?.node { return node }
        if isRequired { problems.add(mark, path(key), "is missing; expected \(expected)") }
        return nil
    }

    private func wrong(_ node: YAMLNode, _ key: String, _ expected: String) {
        var found = node.json.kindName
        if case .scalar(let text, _, _) = node { found = text.isEmpty ? "nothing" : "\"\(text.prefix(80))\"" }
        problems.add(node.mark, path(key), "is \(found); expected \(expected)")
    }

    /// A string that passes the check. A number or a flag in its place is an error: YAML would change its
    /// text.
    mutating func string(
        _ key: String, isRequired: Bool = false, _ expected: String = "a text",
        _ isValid: (String) -> Bool = { _ in true }
    ) -> String? {
        guard let node = node(key, isRequired: isRequired, expected) else { return nil }
        guard let text = node.json.stringValue, isValid(text) else {
            wrong(node, key, expected)
            return nil
        }
        return text
    }

    mutating func bool(_ key: String) -> Bool? {
        guard let node = node(key, isRequired: false, "") else { return nil }
        if let flag = node.json.boolValue { return flag }
        wrong(node, key, "true or false")
        return nil
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>, isRequired: Bool = false) -> Int? {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let node = node(key, isRequired: isRequired, expected) else { return nil }
        if case .integer(let number) = node.json, let value = Int(exactly: number), range.contains(value) {
            return value
        }
        wrong(node, key, expected)
        return nil
    }

    /// A size such as `512mb` or `1gb`, in megabytes of 1024 × 1024 bytes.
    mutating func megabytes(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        let expected = "a size such as 512mb or 4gb, from \(range.lowerBound)mb to \(range.upperBound)mb"
        guard let node = node(key, isRequired: false, expected) else { return nil }
        if let size = node.json.stringValue.flatMap(Self.megabytes), range.contains(size) { return size }
        wrong(node, key, expected)
        return nil
    }

    private static func megabytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), !digits.isEmpty else { return nil }
        let factor =
            switch text[digits.endIndex...].lowercased() {
            case "mb", "mib", "m": 1
            case "gb", "gib", "g": 1024
            case "tb", "tib", "t": 1024 * 1024
            default: 0
            }
        let (product, hasOverflow) = number.multipliedReportingOverflow(by: factor)
        return factor == 0 || hasOverflow ? nil : product
    }

    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Value.Type, isRequired: Bool = false
    ) -> Value? where Value.RawValue == String {
        let expected = "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")
        guard let node = node(key, isRequired: isRequired, expected) else { return nil }
        if let value = node.json.stringValue.flatMap({ Value(rawValue: $0) }) { return value }
        wrong(node, key, expected)
        return nil
    }

    /// The fields of a member that is itself a mapping.
    mutating func section(_ key: String, isRequired: Bool = false) -> ManifestFields? {
        node(key, isRequired: isRequired, "a mapping of fields")
            .flatMap { ManifestFields($0, path: path(key), problems) }
    }

    /// The elements of a list of mappings.
    mutating func sections(_ key: String) -> [ManifestFields] {
        elements(key, "a list of mappings").enumerated().compactMap { index, node in
            ManifestFields(node, path: "\(path(key))[\(index)]", problems)
        }
    }

    /// The elements of a list of strings.
    mutating func strings(_ key: String, _ expected: String, _ isValid: (String) -> Bool) -> [String] {
        elements(key, "a list, each \(expected)").enumerated().compactMap { index, node in
            if let text = node.json.stringValue, isValid(text) { return text }
            wrong(node, "\(key)[\(index)]", expected)
            return nil
        }
    }

    private mutating func elements(_ key: String, _ expected: String) -> [YAMLNode] {
        guard let node = node(key, isRequired: false, expected) else { return [] }
        if case .sequence(let nodes, _) = node { return nodes }
        wrong(node, key, expected)
        return []
    }

    /// Whole numbers of all keys with this beginning: names that the kit makes up.
    mutating func integers(prefix: String, _ range: ClosedRange<Int>) -> [String: Int] {
        var found: [String: Int] = [:]
        for key in members.map(\.key) where key.hasPrefix(prefix) { found[key] = integer(key, range) }
        return found
    }

    /// Reports keys that no reader asked for.
    func finish() {
        for (key, node) in members where !known.contains(key) {
            problems.add(
                node.mark, path(key),
                "is unknown; expected one of \(Set(known).sorted().joined(separator: ", "))")
        }
    }
}
