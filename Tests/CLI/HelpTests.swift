import Kit
import Testing

@testable import CLI

@Suite struct HelpTests {
    static let commands = Program.commands.filter { $0.group != .hidden }

    @Test(arguments: [40, 60, 80, 200])
    func `help fits the terminal, apart from what is to be copied`(columns: Int) {
        let texts =
            [Help.overview(columns: columns)] + Self.commands.map { Help.usage(of: $0, columns: columns) }
            + HelpTopic.all.map { $0.lines(columns: columns) }
        for line in texts.joined() where Terminal.width(line) > columns {
            // A command to copy, or a single word, is not broken.
            let words = line.split(separator: " ")
            #expect(
                line.hasPrefix("  ")
                    && (line.contains("openclaw") || words.count <= 2 || line.contains("\"")),
                "\(columns): \(line)")
        }
    }

    @Test func `every command has a summary, its option names are unique and none hides a common one`() {
        for command in Self.commands {
            #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."))
            let names = (command.options + Program.common).map(\.name)
            #expect(Set(names).count == names.count, "\(command.name)")
            let shorts = (command.options + Program.common).compactMap(\.short)
            #expect(Set(shorts).count == shorts.count, "\(command.name)")
        }
        #expect(Set(Program.commands.map(\.name)).count == Program.commands.count)
    }

    @Test func `a name that is a command and a topic has the help of both`() {
        let lines = Help.lines(on: "roles", columns: 80)
        #expect(lines.contains { $0.hasPrefix("usage: openclaw roles") })
        #expect(lines.contains { $0.contains("extends") && !$0.contains("--extends") })
        #expect(Help.lines(on: "exit-codes", columns: 80).count > 8)
        #expect(Help.lines(on: "frobnicate", columns: 80).isEmpty)
    }

    @Test func `the manual page names every command, option and topic`() {
        let page = ManPage.lines.joined(separator: "\n")
        for command in Self.commands {
            #expect(page.contains(".SS \"openclaw \(ManPage.escaped(command.name))"))
            for option in command.options { #expect(page.contains("\\-\\-" + ManPage.escaped(option.name))) }
        }
        for topic in HelpTopic.all { #expect(page.contains(ManPage.escaped(topic.name.uppercased()))) }
        #expect(ManPage.escaped(".x") == "\\&.x" && ManPage.escaped("a\\b-c") == "a\\eb\\-c")
    }

    @Test func `exit codes are told apart`() {
        #expect(Set(ExitCode.allCases.map(\.meaning)).count == ExitCode.allCases.count)
    }
}

@Suite struct CompletionTests {
    static func complete(_ words: String...) -> Completion {
        Completion(words) { kind, operands in
            switch kind {
            case .session:
                [Candidate(word: "fix-auth-4k2p", about: "working"), Candidate(word: "add-docs-9bcd")]
            case .agent: operands == ["fix-auth-4k2p"] ? [Candidate(word: "coder-1")] : []
            default: []
            }
        }
    }

    @Test func `commands, options, values, sessions and agents`() {
        #expect(Self.complete("ses").candidates.map(\.word) == ["sessions", "session"])
        #expect(Self.complete("run", "--ag").candidates.map(\.word) == ["--agents", "--agent"])
        #expect(Self.complete("run", "--agents", "a").candidates.map(\.word) == ["auto"])
        #expect(Self.complete("run", "--color=al").candidates.map(\.word) == ["--color=always"])
        #expect(Self.complete("run", "--plan", "").offersFiles)
        #expect(Self.complete("run", "--repo", "").offersDirectories)
        #expect(Self.complete("approve", "fix").candidates.map(\.word) == ["fix-auth-4k2p"])
        #expect(Self.complete("logs", "fix-auth-4k2p", "").candidates.map(\.word) == ["coder-1"])
        #expect(Self.complete("logs", "-f", "fix-auth-4k2p", "c").candidates.map(\.word) == ["coder-1"])
        #expect(Self.complete("session", "fix-auth-4k2p", "--logs", "").candidates.map(\.word) == ["coder-1"])
        #expect(Self.complete("help", "exit").candidates.map(\.word) == ["exit-codes"])
        #expect(Self.complete("config", "set", "notify.w").candidates.map(\.word) == ["notify.webhook"])
    }

    @Test func `nothing is offered where nothing fits, and hidden commands never`() {
        #expect(Self.complete("approve", "fix-auth-4k2p", "").candidates.isEmpty)
        #expect(Self.complete("frobnicate", "").candidates.isEmpty)
        #expect(!Self.complete("").candidates.contains { $0.word.hasPrefix("_") })
        #expect(Self.complete("--js").candidates.map(\.word) == ["--json"])
    }
}
