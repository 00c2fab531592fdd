/// One option of a command, as its help shows it.
struct OptionSpec: Sendable {
    /// The long name, without dashes.
    let name: String
    /// The one-letter name, if it has one.
    let short: Character?
    /// What the help calls the value; nil for a switch; a leading "?" makes the value optional.
    let value: String?
    /// One line of help.
    let help: String

    init(_ name: String, short: Character? = nil, value: String? = nil, _ help: String) {
        self.name = name
        self.short = short
        self.value = value
        self.help = help
    }

    var isValueOptional: Bool { value?.first == "?" }
}

/// A command line taken apart: options by long name, and what stands outside options.
struct Arguments: Sendable {
    private(set) var positional: [String] = []
    private(set) var options: [String: [String]] = [:]

    /// Parses `words` against `specs`.
    ///
    /// `--name=value`, `--name value`, `-n value` and `--` work as everywhere. An optional value is taken
    /// from the next word when that does not start with a dash.
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
            var name = word.drop { $0 == "-" }
            var inline: String?
            if let equals = name.firstIndex(of: "=") {
                inline = String(name[name.index(after: equals)...])
                name = name[..<equals]
            }
            let isLong = word.hasPrefix("--")
            guard
                let spec = specs.first(where: {
                    isLong ? $0.name == name : $0.short.map(String.init) == String(name)
                })
            else {
                throw Self.unknown(word, name: String(name), specs: specs)
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
        let near = specs.map(\.name).min { distance($0, name) < distance($1, name) }
        let isNear = near.map { distance($0, name) <= 2 } ?? false
        return CLIError(
            .usage, "unknown option \(word)",
            hint: isNear ? "did you mean --\(near ?? "")?" : "see --help for the options of this command")
    }

    /// Whether the option was given.
    func has(_ name: String) -> Bool { options[name] != nil }

    /// The last value given for the option.
    func value(_ name: String) -> String? { options[name]?.last }

    /// The option's value as a whole number within `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(CLIError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw CLIError(
                .usage,
                "--\(name) \(text): expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// The number of single-character edits between two words (Levenshtein), for "did you mean".
func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let above = row[j + 1]
            row[j + 1] = a == b ? diagonal : 1 + min(diagonal, above, row[j])
            diagonal = above
        }
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
