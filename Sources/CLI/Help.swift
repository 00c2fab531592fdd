// openclaw help: the overview, each command, the topics, and the man page, all from the same descriptions.
import Kit
import System

extension Command {
    static let help = Command(
        name: "help", operands: "[COMMAND|TOPIC]", summary: "help on a command or a topic", group: .setup,
        operandKinds: [.topic], operandLimit: 1,
        options: [OptionSpec("man", "print the manual page; read it with: openclaw help --man | man -l -")],
        examples: ["openclaw help run", "openclaw help exit-codes"]
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        guard !arguments.has("man") else {
            for line in ManPage.lines { terminal.line(line) }
            return .done
        }
        guard let name = arguments.positional.first else {
            for line in Help.overview(columns: terminal.columns) { terminal.line(line) }
            return .done
        }
        let lines = Help.lines(on: name, columns: terminal.columns)
        guard !lines.isEmpty else {
            let commands = Program.commands.filter { $0.group != .hidden }
            let near = nearest(name, of: commands.map(\.name) + HelpTopic.all.map(\.name))
            throw CLIError(
                .notFound, "there is no help on \(name)",
                hint: near.map { "did you mean openclaw help \($0)?" }
                    ?? "topics: \(HelpTopic.all.map(\.name).joined(separator: ", "))")
        }
        for line in lines { terminal.line(line) }
        return .done
    }

    static let version = Command(
        name: "version", operands: "", summary: "the version of openclaw", group: .setup, operandLimit: 0,
        options: []
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        terminal.wantsJSON
            ? terminal.json(["version": .string(Program.version)])
            : terminal.line("openclaw \(Program.version)")
        return .done
    }
}

/// Texts of help, fitted to a terminal.
enum Help {
    /// What `openclaw` alone says.
    static func overview(columns: Int) -> [String] {
        var lines = wrap(
            "openclaw: a team of agents works on your repository, each alone in an isolated guest.", columns)
        lines += ["", "  openclaw run \"Fix the auth bug\" --repo ."]
        for group in Command.Group.allCases where group != .hidden {
            let members = Program.commands.filter { $0.group == group }
            lines += ["", group.rawValue]
            lines += definitions(members.map { (title($0), $0.summary) }, columns)
        }
        lines += ["", "Topics (openclaw help TOPIC)"]
        lines += definitions(HelpTopic.all.map { ($0.name, $0.summary) }, columns)
        return lines + [""]
            + wrap(
                "Every command takes --help, --json, --quiet, --verbose and --color. "
                    + "openclaw help exit-codes says what the numbers mean.", columns)
    }

    /// Help on a command, a topic, or both when they share a name; empty when there is neither.
    static func lines(on name: String, columns: Int) -> [String] {
        let command = Program.commands.first { $0.name == name && $0.group != .hidden }
        let topic = HelpTopic.all.first { $0.name == name }
        let about: [String] = command.map { Self.usage(of: $0, columns: columns) } ?? []
        let words: [String] = topic.map { $0.lines(columns: columns) } ?? []
        let gap: [String] = about.isEmpty || words.isEmpty ? [] : [""]
        return about + gap + words
    }

    /// What `openclaw COMMAND --help` says.
    static func usage(of command: Command, columns: Int) -> [String] {
        var lines = hang("usage: ", "openclaw \(title(command))", columns)
        lines +=
            [""] + wrap(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".", columns)
        if !command.examples.isEmpty { lines += ["", "Examples"] + command.examples.map { "  " + $0 } }
        if !command.options.isEmpty {
            lines += ["", "Options"] + definitions(command.options.map { ($0.usage, $0.help) }, columns)
        }
        lines += ["", "Options of every command"]
        lines += definitions(Program.common.map { ($0.usage, $0.help) }, columns)
        if !command.notes.isEmpty { lines += [""] + paragraphs(command.notes, columns) }
        return lines
    }

    private static func title(_ command: Command) -> String {
        command.operands.isEmpty ? command.name : "\(command.name) \(command.operands)"
    }

    private static func wrap(_ text: String, _ columns: Int) -> [String] {
        Terminal.wrap(text, to: columns)
    }

    private static func hang(_ start: String, _ text: String, _ columns: Int) -> [String] {
        let lines = Terminal.wrap(text, to: columns - start.count)
        let indent = String(repeating: " ", count: start.count)
        return lines.enumerated().map { ($0.offset == 0 ? start : indent) + $0.element }
    }

    static func definitions(_ rows: [(name: String, meaning: String)], _ columns: Int) -> [String] {
        Show.definitions(rows, columns: columns - 2).map { "  " + $0 }
    }

    /// Lines that belong together are filled; what is indented is to be copied and keeps its shape.
    static func paragraphs(_ text: String, _ columns: Int) -> [String] {
        var lines: [String] = []
        var open: [Substring] = []
        func close() {
            if !open.isEmpty { lines += Terminal.wrap(open.joined(separator: " "), to: columns) }
            open = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.isEmpty || line.first == " " else {
                open.append(line)
                continue
            }
            close()
            lines.append(String(line))
        }
        close()
        return lines
    }
}
