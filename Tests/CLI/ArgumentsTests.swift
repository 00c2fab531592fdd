import Testing

@testable import CLI

@Suite struct ArgumentsTests {
    static let specs = [
        OptionSpec("repo", value: "PATH", ""), OptionSpec("follow", short: "f", ""),
        OptionSpec("yes", short: "y", ""), OptionSpec("param", short: "p", value: "KEY=VALUE", ""),
        OptionSpec("logs", value: "?AGENT", ""), OptionSpec("agents", value: "N", ""),
        OptionSpec("budget", value: "USD", ""),
    ]

    static func parse(_ line: String) throws(CLIError) -> Arguments {
        try Arguments(line.split(separator: " ").map(String.init), specs: specs)
    }

    @Test(arguments: [
        ("--repo=. task", ".", ["task"]), ("task --repo .", ".", ["task"]),
        ("--repo . -- --repo x", ".", ["--repo", "x"]),
        ("--repo=a=b", "a=b", []), ("--repo= x", "", ["x"]), ("- --repo y", "y", ["-"]),
        ("--repo one --repo two", "two", []),
    ])
    func `options and operands come apart`(line: String, repo: String, operands: [String]) throws {
        let arguments = try Self.parse(line)
        #expect(arguments.value("repo") == repo)
        #expect(arguments.positional == operands)
    }

    @Test func `short options join, and take their value with or without a space`() throws {
        let arguments = try Self.parse("-yf -p a=1 -pb=2 -p=c=3")
        #expect(arguments.has("yes") && arguments.has("follow"))
        #expect(arguments.values("param") == ["a=1", "b=2", "c=3"])
    }

    @Test func `an optional value does not swallow the next option`() throws {
        let arguments = try Self.parse("id --logs -f")
        #expect(arguments.value("logs") == "" && arguments.has("follow"))
        #expect(try Self.parse("id --logs coder-1").value("logs") == "coder-1")
    }

    @Test(arguments: [
        ("--repp .", "unknown option --repp", "did you mean --repo?"),
        ("-repo .", "unknown option -repo", "did you mean --repo?"),
        ("-x", "unknown option -x", "see --help for the options of this command"),
        ("--repo", "--repo needs a value: --repo PATH", nil), ("--yes=1", "--yes takes no value", nil),
        ("--fo", "unknown option --fo", "did you mean --follow?"),
    ])
    func `a slip is named, with what was probably meant`(line: String, message: String, hint: String?) {
        let error = #expect(throws: CLIError.self) { try Self.parse(line) }
        #expect(error?.message == message)
        #expect(error?.hint == hint)
        #expect(error?.code == .usage)
    }

    @Test func `numbers and money are checked, and say where they come from`() throws {
        #expect(try Self.parse("--agents 3").integer("agents", in: 1...8) == 3)
        #expect(try Self.parse("--budget 2.5").microDollars("budget") == 2_500_000)
        let error = #expect(throws: CLIError.self) {
            try Self.parse("--agents 9").integer("agents", in: 1...8)
        }
        #expect(error?.message == "--agents 9: expected a whole number from 1 to 8")
        var arguments = try Self.parse("")
        arguments.setDefault("budget", "much", origin: "config.yaml:2")
        let other = #expect(throws: CLIError.self) { try arguments.microDollars("budget") }
        #expect(other?.message == "config.yaml:2: budget much: expected US dollars, for example 2.50")
    }

    @Test func `a default does not replace what was typed`() throws {
        var arguments = try Self.parse("--agents 3")
        arguments.setDefault("agents", "5", origin: "config.yaml:1")
        #expect(arguments.value("agents") == "3")
    }

    @Test(
        arguments: [
            ("0.000001", 1), ("2", 2_000_000), ("$2.50", 2_500_000), ("0", 0), ("-1", nil),
            ("1.0000001", nil), ("1.", nil),
            ("1e3", nil), ("", nil), ("٣", nil), ("9999999", nil), ("1.2.3", nil),
        ] as [(String, Int64?)])
    func `dollars are exact`(text: String, micro: Int64?) {
        #expect(microDollars(text) == micro)
    }

    @Test(
        arguments: [
            ("stauts", "status"), ("aprove", "approve"), ("sess", nil), ("logz", "logs"), ("xyzzy", nil),
            ("doc", "doctor"),
        ]
            as [(String, String?)])
    func `the nearest command is found, and only a near one`(word: String, found: String?) {
        #expect(nearest(word, of: Program.commands.filter { $0.group != .hidden }.map(\.name)) == found)
    }

    @Test func `the distance counts neighbours exchanged as one edit`() {
        #expect(distance("ab", "ba") == 1)
        #expect(distance("", "abc") == 3)
        #expect(distance("kitten", "sitting") == 3)
    }
}
