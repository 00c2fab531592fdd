// What can stand at the cursor. The shells ask `openclaw __complete -- WORD…`, so that all three know the
// same, with the sessions and agents of this moment.
import Kit
import Service
import System

/// Something that can be typed next.
struct Candidate: Hashable {
    let word: String
    var about = ""
}

/// What the shell shall offer.
struct Completion: Equatable {
    var candidates: [Candidate] = []
    /// Names of files, which the shell knows best.
    var offersFiles = false
    var offersDirectories = false

    /// One a line, the description after a tab; a line that starts with a colon asks for files.
    var lines: [String] {
        candidates.map { $0.about.isEmpty ? $0.word : "\($0.word)\t\($0.about)" }
            + (offersFiles ? [":files"] : []) + (offersDirectories ? [":directories"] : [])
    }

    /// - Parameters:
    ///   - words: What is typed after `openclaw`; the last one is at the cursor and may be empty.
    ///   - live: What a kind of value can be at this moment. It gets the operands before the cursor.
    init(_ words: [String], live: (ValueKind, [String]) -> [Candidate]) {
        let current = words.last ?? ""
        let before = Array(words.dropLast())
        guard let name = before.first(where: { !$0.hasPrefix("-") }),
            let command = Program.commands.first(where: { $0.name == name })
        else {
            let isFirst = before.allSatisfy { $0.hasPrefix("-") }
            candidates =
                !isFirst ? [] : current.hasPrefix("-") ? Self.options(Program.common) : Self.commands
            keep(current)
            return
        }
        let specs = command.options + Program.common
        let parts = current.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if current.hasPrefix("--"), parts.count == 2,
            let spec = specs.first(where: { "--\($0.name)" == parts[0] })
        {
            fill(spec.kind, [], live)
            candidates = candidates.map { Candidate(word: "\(parts[0])=\($0.word)", about: $0.about) }
            keep(current)
            return
        }
        if let previous = before.last, previous.hasPrefix("-"), !previous.contains("="),
            let spec = specs.first(where: {
                "--\($0.name)" == previous || $0.short.map { "-\($0)" } == previous
            }),
            spec.value != nil, !(spec.isValueOptional && current.hasPrefix("-"))
        {
            fill(spec.kind, Array(Self.operands(before, specs).dropFirst()), live)
            keep(current)
            return
        }
        if current.hasPrefix("-") {
            candidates = Self.options(specs)
        } else {
            let operands = Array(Self.operands(before, specs).dropFirst())
            let isRoom = command.operandLimit.map { operands.count < $0 } ?? true
            if isRoom, let kind = command.operandKinds.dropFirst(operands.count).first {
                fill(kind, operands, live)
            }
        }
        keep(current)
    }

    private mutating func fill(
        _ kind: ValueKind, _ operands: [String], _ live: (ValueKind, [String]) -> [Candidate]
    ) {
        switch kind {
        case .text: break
        case .file: offersFiles = true
        case .directory: offersDirectories = true
        case .words(let words): candidates = words.map { Candidate(word: $0) }
        case .setting: candidates = Settings.keys.map { Candidate(word: $0.name, about: $0.help) }
        case .topic:
            candidates =
                HelpTopic.all.map { Candidate(word: $0.name, about: $0.summary) } + Self.commands
        case .session, .agent, .template, .role: candidates = live(kind, operands)
        }
    }

    private mutating func keep(_ start: String) {
        candidates = candidates.filter { $0.word.hasPrefix(start) }
    }

    private static var commands: [Candidate] {
        Program.commands.filter { $0.group != .hidden }.map { Candidate(word: $0.name, about: $0.summary) }
    }

    private static func options(_ specs: [OptionSpec]) -> [Candidate] {
        specs.map { Candidate(word: "--\($0.name)", about: $0.help) }
    }

    /// What stands outside options, the command's name first.
    private static func operands(_ words: [String], _ specs: [OptionSpec]) -> [String] {
        var result: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else {
                result.append(word)
                continue
            }
            let spec = specs.first { "--\($0.name)" == word || $0.short.map { "-\($0)" } == word }
            if let spec, spec.value != nil, !spec.isValueOptional { _ = rest.popFirst() }
        }
        return result
    }
}
