import Kit

/// One object of a hook's input. Every reader reports what is wrong and returns nil then; `finish` reports
/// the keys that nobody asked for. Values are never quoted in messages: any of them may be a secret in the
/// wrong place.
struct InputFields {
    private let members: [String: JSON]
    let path: String
    private let problems: Problems
    /// A wrong shape rejects (it is the thing to be judged) instead of being malformed.
    private let isJudged: Bool
    private var known: Set<String> = []

    init(_ members: [String: JSON], path: String, _ problems: Problems, isJudged: Bool = false) {
        (self.members, self.path, self.problems, self.isJudged) = (members, path, problems, isJudged)
    }

    /// The JSON pointer of a member. Names that are long or strange are cut: they come from outside.
    func pointer(_ key: String) -> String {
        let safe = key.unicodeScalars.prefix(64).map {
            $0.isASCII && $0.value >= 0x20 && $0.value != 0x7F ? $0 : "?"
        }
        let escaped = safe.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
        return "\(path)/\(escaped)"
    }

    func report(_ pointer: String, _ code: String, _ message: String) {
        if isJudged {
            problems.rejected(pointer, code, message)
        } else {
            problems.malformed(pointer, code, message)
        }
    }

    mutating func value(_ key: String, isRequired: Bool = false) -> JSON? {
        known.insert(key)
        if let value = members[key], !value.isNull { return value }
        if isRequired { report(pointer(key), "missing", "is missing") }
        return nil
    }

    private mutating func typed<Value>(
        _ key: String, _ isRequired: Bool, _ expected: String, _ read: (JSON) -> Value?
    ) -> Value? {
        guard let value = value(key, isRequired: isRequired) else { return nil }
        if let typed = read(value) { return typed }
        report(pointer(key), "wrong_type", "is \(value.kindName); expected \(expected)")
        return nil
    }

    /// A string that passes the check.
    mutating func string(
        _ key: String, isRequired: Bool = false, _ expected: String = "a string",
        _ isValid: (String) -> Bool = { _ in true }
    ) -> String? {
        guard let text = typed(key, isRequired, "a string", \.stringValue) else { return nil }
        if isValid(text) { return text }
        report(pointer(key), "bad_value", "expected \(expected)")
        return nil
    }

    mutating func integer(_ key: String) -> Int? { typed(key, false, "a whole number", \.intValue) }

    mutating func object(_ key: String, isRequired: Bool = false, isJudged: Bool = false) -> InputFields? {
        typed(key, isRequired, "an object", \.objectValue).map {
            InputFields($0, path: pointer(key), problems, isJudged: isJudged || self.isJudged)
        }
    }

    mutating func objects(_ key: String, isRequired: Bool = false) -> [InputFields] {
        let elements = typed(key, isRequired, "an array", \.arrayValue) ?? []
        return elements.enumerated().compactMap { index, element in
            let path = "\(pointer(key))/\(index)"
            if let members = element.objectValue {
                return InputFields(members, path: path, problems, isJudged: isJudged)
            }
            report(path, "wrong_type", "is \(element.kindName); expected an object")
            return nil
        }
    }

    mutating func strings(_ key: String, _ expected: String, _ isValid: (String) -> Bool) -> [String] {
        let elements = typed(key, false, "an array", \.arrayValue) ?? []
        return elements.enumerated().compactMap { index, element in
            if let text = element.stringValue, isValid(text) { return text }
            report("\(pointer(key))/\(index)", "bad_value", "expected \(expected)")
            return nil
        }
    }

    /// All members whose values are strings; others are reported.
    func stringMembers(_ isName: (String) -> Bool) -> [String: String] {
        var found: [String: String] = [:]
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            if !isName(key) {
                report(path, "bad_name", "has a name that cannot be an environment variable")
            } else if let text = value.stringValue {
                if text.utf8.contains(0) {
                    report(pointer(key), "bad_value", "holds a zero byte")
                } else {
                    found[key] = text
                }
            } else {
                report(pointer(key), "wrong_type", "is \(value.kindName); expected a string")
            }
        }
        return found
    }

    /// Reports keys that no reader asked for.
    func finish(alsoKnown: Set<String> = []) {
        for key in members.keys.sorted() where !known.contains(key) && !alsoKnown.contains(key) {
            let names = known.union(alsoKnown).sorted().joined(separator: ", ")
            report(pointer(key), "unknown_key", "is unknown; expected one of \(names)")
        }
    }
}

/// The grammar of names that hooks meet.
enum Names {
    /// A label of a host name (RFC 1123) that starts with a letter: agents, sessions, roles.
    static func isLabel(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 63,
            text.utf8.last != 0x2D
        else { return false }
        return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    /// The name of an environment variable.
    static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first), text.utf8.count <= 128 else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x5F
        }
    }

    /// `http://host[:port][/path]` without user, query or fragment.
    static func isPlainURL(_ text: String) -> Bool { host(ofURL: text) != nil }

    /// The host of such a URL.
    static func host(ofURL text: String) -> String? {
        let scheme = ["http://", "https://"].first { text.hasPrefix($0) }
        guard let scheme, text.utf8.count <= 2048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"@?#\\\"<>".utf8.contains($0) })
        else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return nil }
        if parts.count == 2 { guard let port = Int(parts[1]), (1...65535).contains(port) else { return nil } }
        return String(host)
    }
}
