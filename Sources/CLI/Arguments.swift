/// What a value or an operand stands for, so that a shell can complete it.
enum ValueKind: Sendable, Hashable {
    case text, file, directory, session, agent, template, role, topic, setting
    case words([String])
}

/// One option of a command, as its help shows it.
struct OptionSpec: Sendable {
    /// The long name, without dashes.
    let name: String
    /// The one-letter name, if it has one.
    let short: Character?
    /// What the help calls the value; nil for a switch; a leading "?" makes the value optional.
    let value: String?
    /// What the value stands for.
    let kind: ValueKind
    /// One line of help.
    let help: String

    init(
        _ name: String, short: Character? = nil, value: String? = nil, kind: ValueKind = .text, _ help: String
    ) {
        self.name = name
        self.short = short
        self.value = value
        self.kind = kind
        self.help = help
    }

    var isValueOptional: Bool { value?.first == "?" }

    /// `-n, --name VALUE`.
    var usage: String {
        let start = short.map { "-\($0), " } ?? ""
        let end = value.map { $0.hasPrefix("?") ? " [\($0.dropFirst())]" : " \($0)" } ?? ""
        return "\(start)--\(name)\(end)"
    }
}

/// A command line taken apart: options by long name, and what stands outside options.
struct Arguments: Sendable {
    private(set) var positional: [String] = []
    private(set) var options: [String: [String]] = [:]
    /// Where values come from that were not on the command line, for messages.
    private(set) var origins: [String: String] = [:]

    /// Parses `words` against `specs`.
    ///
    /// `--name=value`, `--name value`, `-n value`, `-nvalue`, `-ab` for two switches, and `--` work as
    /// everywhere. An optional value is taken from the next word when that does not start with a dash.
    init(_ words: [String], specs: [OptionSpec]) throws(CLIError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                positional += rest
                return
            }
            guard word.count > 1, word.first == "-" else {
                positional.append(word)
                continue
            }
            if word.hasPrefix("--") {
                try takeLong(word, specs, &rest)
            } else {
                try takeShort(word, specs, &rest)
            }
        }
    }

    private mutating func takeLong(_ word: String, _ specs: [OptionSpec], _ rest: inout ArraySlice<String>)
        throws(CLIError)
    {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "")
        guard let spec = specs.first(where: { $0.name == name }) else {
            throw Self.unknown("--\(name)", name: name, specs: specs)
        }
        let inline = parts.count == 2 ? String(parts[1]) : nil
        options[name, default: []].append(try Self.value(of: spec, inline: inline, rest: &rest))
    }

    private mutating func takeShort(_ word: String, _ specs: [OptionSpec], _ rest: inout ArraySlice<String>)
        throws(CLIError)
    {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let spec = specs.first(where: { $0.short == letter }) else {
                // A long name with one dash is the likelier slip when the word is long.
                let name = String(word.dropFirst().prefix { $0 != "=" })
                throw Self.unknown(name.count > 2 ? word : "-\(letter)", name: name, specs: specs)
            }
            var inline: String?
            if spec.value != nil, !letters.isEmpty {
                inline = String(letters.first == "=" ? letters.dropFirst() : letters)
                letters = ""
            }
            options[spec.name, default: []].append(try Self.value(of: spec, inline: inline, rest: &rest))
        }
    }

    private static func value(of spec: OptionSpec, inline: String?, rest: inout ArraySlice<String>)
        throws(CLIError) -> String
    {
        guard spec.value != nil else {
            if inline != nil { throw CLIError(.usage, "--\(spec.name) takes no value") }
            return ""
        }
        if let inline { return inline }
        if let next = rest.first, !(spec.isValueOptional && next.hasPrefix("-")) {
            rest.removeFirst()
            return next
        }
        if spec.isValueOptional { return "" }
        throw CLIError(.usage, "--\(spec.name) needs a value: --\(spec.name) \(spec.value ?? "")")
    }

    private static func unknown(_ word: String, name: String, specs: [OptionSpec]) -> CLIError {
        let near = nearest(name, of: specs.map(\.name))
        return CLIError(
            .usage, "unknown option \(word)",
            hint: near.map { "did you mean --\($0)?" } ?? "see --help for the options of this command")
    }

    /// Gives an option a value unless it has one.
    /// - Parameters:
    ///   - origin: Where it is written, for messages.
    ///   - replacesDefaults: Also when it has one that was not typed.
    mutating func setDefault(
        _ name: String, _ value: String, origin: String, replacesDefaults: Bool = false
    ) {
        // What is said for a single role leaves open what holds for the others.
        let given = options[name] ?? []
        let isTyped = given.contains { Self.named($0).name == nil }
        guard !isTyped || (replacesDefaults && origins[name] != nil) else { return }
        options[name] = [value] + given.filter { Self.named($0).name != nil }
        origins[name] = origin
    }

    /// Gives an option the values of a file: what was typed wins, role by role.
    mutating func setDefaults(_ name: String, _ values: [String], origin: String) {
        for value in values where Self.named(value).name == nil {
            setDefault(name, value, origin: origin, replacesDefaults: true)
        }
        for value in values {
            guard let role = Self.named(value).name else { continue }
            let given = options[name] ?? []
            guard !given.contains(where: { Self.named($0).name == role }) else { continue }
            options[name] = given + [value]
        }
    }

    /// `coder=claude-…` names a role; an equals sign behind anything but a plain name is part of the value.
    static func named(_ text: String) -> (name: String?, value: String) {
        guard let equals = text.firstIndex(of: "=") else { return (nil, text) }
        let name = text[..<equals]
        let isName =
            !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        return isName ? (String(name), String(text[text.index(after: equals)...])) : (nil, text)
    }

    /// Whether the option was given.
    func has(_ name: String) -> Bool { options[name] != nil }

    /// The last value given for the option.
    func value(_ name: String) -> String? { options[name]?.last }

    /// Every value given for the option.
    func values(_ name: String) -> [String] { options[name] ?? [] }

    /// The option's value as a whole number within `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(CLIError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let place = origins[name].map { "\($0): \(name)" } ?? "--\(name)"
            throw CLIError(
                .usage,
                "\(place) \(text): expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The option's value as US dollars, in millionths.
    func microDollars(_ name: String) throws(CLIError) -> Int64? {
        guard let text = value(name) else { return nil }
        guard let micro = CLI.microDollars(text), micro > 0 else {
            let place = origins[name].map { "\($0): \(name)" } ?? "--\(name)"
            throw CLIError(.usage, "\(place) \(text): expected US dollars, for example 2.50")
        }
        return micro
    }
}

/// The word that was probably meant; nil when none is near.
func nearest(_ word: String, of known: [String]) -> String? {
    let near = known.min { (distance($0, word), $0) < (distance($1, word), $1) }
    guard let near, distance(near, word) <= (word.count <= 3 ? 1 : 2) else {
        // The beginning of exactly one.
        let starts = known.filter { word.count >= 2 && $0.hasPrefix(word) }
        return starts.count == 1 ? starts[0] : nil
    }
    return near
}

/// The number of single-character edits between two words, neighbours exchanged counted as one (optimal
/// string alignment), for "did you mean".
func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var before: [Int] = []
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var next = [i + 1]
        for (j, b) in right.enumerated() {
            var best = min(row[j] + (a == b ? 0 : 1), row[j + 1] + 1, next[j] + 1)
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { best = min(best, before[j - 1] + 1) }
            next.append(best)
        }
        (before, row) = (row, next)
    }
    return row[right.count]
}

/// US dollars as whole micro-dollars: money is never a floating-point number here.
func microDollars(_ text: String) -> Int64? {
    let parts = text.drop { $0 == "$" }.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = Int64(parts.first ?? ""), whole >= 0, whole <= 1_000_000 else {
        return nil
    }
    guard parts.count == 2 else { return whole * 1_000_000 }
    let digits = parts[1]
    guard !digits.isEmpty, digits.count <= 6, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else {
        return nil
    }
    let padded = digits + String(repeating: "0", count: 6 - digits.count)
    return whole * 1_000_000 + (Int64(padded) ?? 0)
}
