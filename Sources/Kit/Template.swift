// A template: a task that people give again and again, with typed parameters.

/// One file of `kit/templates/`.
public struct Template: Sendable, Hashable {
    /// What can be put in.
    public struct Parameter: Sendable, Hashable {
        public enum Kind: Sendable, Hashable {
            case text, boolean
            case integer(ClosedRange<Int>)
            case choice([String])
        }

        public var name: String
        public var kind: Kind
        public var help: String
        public var isRequired: Bool
        /// Empty when it is not given.
        public var standard: String
    }

    /// What it becomes with values put in.
    public struct Filled: Sendable, Hashable {
        public var task: String
        /// As `Plan.parse` reads it.
        public var plan: JSON?
        /// Options of `openclaw run` that were not given there, each with its values.
        public var options: [String: [String]]
    }

    public var name: String
    public var description: String
    public var parameters: [Parameter]
    public var task: String
    public var plan: JSON?
    public var options: [String: [String]]

    /// Options that may differ from role to role: `{all: VALUE, ROLE: VALUE}` instead of a value.
    public static let optionsByRole: Set<String> = ["budget", "model"]
    /// The options of `openclaw run` that a template may set.
    public static let optionNames = ["agents", "allow", "budget", "deadline", "model", "test"]
    /// In bytes, of one value.
    public static let valueLimit = 32 << 10
}

/// Everything that is wrong with a template, or with the values given to it.
public struct TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    public let source: String
    /// "LINE: FIELD: what is wrong" of a file; "NAME: what is wrong" of values.
    public let problems: [String]

    public var description: String { problems.map { "\(source):\($0)" }.joined(separator: "\n") }
}

extension Template {
    /// Puts values in.
    ///
    /// `${name}` becomes the value; a line that begins with `${?name}` stays only when the value is neither
    /// empty nor false. Values go into texts after they were read as YAML, so that no value can change the
    /// shape of a plan.
    public func fill(_ values: [String: String]) throws(TemplateError) -> Filled {
        var problems: [String] = []
        var all: [String: String] = [:]
        for name in values.keys.sorted() where !parameters.contains(where: { $0.name == name }) {
            let known = parameters.map(\.name).joined(separator: ", ")
            problems.append(
                "\(name): is no parameter; " + (known.isEmpty ? "there are none" : "there are \(known)"))
        }
        for parameter in parameters {
            guard let value = values[parameter.name] else {
                if parameter.isRequired {
                    problems.append("\(parameter.name): is required: \(parameter.help)")
                }
                all[parameter.name] = parameter.standard
                continue
            }
            if let problem = parameter.check(value) { problems.append("\(parameter.name): \(problem)") }
            all[parameter.name] = value
        }
        guard problems.isEmpty else { throw TemplateError(source: name, problems: problems) }
        return Filled(
            task: Self.put(all, into: task).trimmed, plan: plan.map { Self.put(all, into: $0) },
            options: filled(all))
    }

    /// Values that came to nothing are left out: `ROLE=` of an option by role too.
    private func filled(_ values: [String: String]) -> [String: [String]] {
        var filled: [String: [String]] = [:]
        for (option, texts) in options {
            let isByRole = Self.optionsByRole.contains(option)
            let kept = texts.map { Self.put(values, into: $0) }
                .filter { !$0.isEmpty && !(isByRole && $0.hasSuffix("=")) }
            if !kept.isEmpty { filled[option] = kept }
        }
        return filled
    }

    private static func put(_ values: [String: String], into json: JSON) -> JSON {
        switch json {
        case .string(let text): .string(put(values, into: text))
        case .array(let items): .array(items.map { put(values, into: $0) }.filter { $0 != "" })
        case .object(let members): .object(members.mapValues { put(values, into: $0) })
        default: json
        }
    }

    static func put(_ values: [String: String], into text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let kept = lines.compactMap { line -> String? in
            var line = line
            while line.hasPrefix("${?"), let end = line.firstIndex(of: "}") {
                let name = String(line[line.index(line.startIndex, offsetBy: 3)..<end])
                if ["", "false"].contains(values[name] ?? "") { return nil }
                line = line[line.index(after: end)...]
            }
            return pieces(of: line).map { $0.isName ? values[$0.text] ?? "" : $0.text }.joined()
        }
        return kept.joined(separator: "\n")
    }

    /// The text between and in `${…}`.
    static func pieces(of text: some StringProtocol) -> [(text: String, isName: Bool)] {
        var pieces: [(String, Bool)] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            pieces.append((String(rest[..<start.lowerBound]), false))
            pieces.append((String(rest[start.upperBound..<end]), true))
            rest = rest[rest.index(after: end)...]
        }
        return pieces + [(String(rest), false)]
    }
}

extension Template.Parameter {
    /// What is wrong with a value; nil when nothing is.
    public func check(_ value: String) -> String? {
        if value.utf8.count > Template.valueLimit { return "is longer than \(Template.valueLimit) bytes" }
        switch kind {
        case .text: return isRequired && value.trimmed.isEmpty ? "is empty" : nil
        case .boolean: return ["true", "false"].contains(value) ? nil : "\(value) is neither true nor false"
        case .integer(let range):
            guard let number = Int(value), range.contains(number) else {
                return "\(value) is no whole number from \(range.lowerBound) to \(range.upperBound)"
            }
            return nil
        case .choice(let choices):
            return choices.contains(value) ? nil : "\(value) is none of \(choices.joined(separator: ", "))"
        }
    }

    /// For a list: what it takes.
    public var kindName: String {
        switch kind {
        case .text: "text"
        case .boolean: "true or false"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .choice(let choices): choices.joined(separator: " or ")
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
