// The openclaw command: finds the subcommand, runs it, and turns its error into words and an exit code.
import Glibc
import Kit
import Service
import System

/// One subcommand.
struct Command: Sendable {
    /// Where the overview shows it.
    enum Group: String, Sendable, CaseIterable {
        case work = "Work"
        case look = "Look"
        case steer = "Steer"
        case setup = "Set up"
        /// For programs; shown nowhere.
        case hidden
    }

    let name: String
    /// What follows the name in the usage line.
    let operands: String
    /// One line for the list.
    let summary: String
    var group = Group.look
    /// What its operands stand for, in order; the last one repeats when `operandLimit` allows more.
    var operandKinds: [ValueKind] = []
    /// At most so many operands; nil for any number.
    var operandLimit: Int?
    let options: [OptionSpec]
    /// What more there is to say in its own help.
    var notes = ""
    var examples: [String] = []
    let run: @Sendable (Arguments) throws(CLIError) -> ExitCode
}

/// The program.
public enum Program {
    static let version = "0.1.0"

    static let commands: [Command] = [
        .run, .plan, .templates, .roles, .agents, .sessions, .session, .logs, .diff, .status, .cost, .search,
        .replay,
        .approve, .deny, .pause, .resume, .cancel, .doctor, .models, .gateway, .config, .gc, .coordinator,
        .platform, .kit, .sandbox, .completion, .help, .version, .complete,
    ]

    /// What every command takes.
    static let common = [
        OptionSpec("json", "print JSON instead of text"),
        OptionSpec("quiet", short: "q", "print results only"),
        OptionSpec("verbose", short: "v", "say more"),
        OptionSpec(
            "color", value: "WHEN", kind: .words(["auto", "always", "never"]),
            "colours: auto, always or never; auto by default, and NO_COLOR is respected"),
        OptionSpec("help", short: "h", "show this help"),
    ]

    /// Runs the command line; the result is the exit code.
    public static func main(_ words: [String]) -> Int32 {
        Signals.ignoreSIGPIPE()
        do throws(CLIError) {
            return try dispatch(words).rawValue
        } catch {
            report(error, json: words.contains("--json"))
            return error.code.rawValue
        }
    }

    private static func dispatch(_ words: [String]) throws(CLIError) -> ExitCode {
        let (leading, rest) = split(words)
        guard let name = rest.first else {
            if leading.contains("--version") {
                return try run(.version, leading.filter { $0 != "--version" })
            }
            let isAsked = leading.contains("--help") || leading.contains("-h")
            let arguments = try Arguments(leading, specs: common)
            let terminal = Terminal(arguments)
            for line in Help.overview(columns: terminal.columns) { terminal.line(line) }
            return isAsked ? .done : .usage
        }
        guard let command = commands.first(where: { $0.name == name }) else {
            let near = nearest(name, of: commands.filter { $0.group != .hidden }.map(\.name))
            throw CLIError(
                .usage, "there is no command \(name)",
                hint: near.map { "did you mean openclaw \($0)?" } ?? "openclaw --help lists them")
        }
        return try run(command, leading + rest.dropFirst())
    }

    /// Options may stand before the command too; the rest starts with its name.
    private static func split(_ words: [String]) -> (leading: [String], rest: [String]) {
        var count = 0
        while count < words.count, words[count].hasPrefix("-"), words[count] != "-" {
            count += words[count] == "--color" ? 2 : 1
        }
        return (Array(words.prefix(count)), Array(words.dropFirst(count)))
    }

    private static func run(_ command: Command, _ words: [String]) throws(CLIError) -> ExitCode {
        if command.group == .hidden { return try command.run(try Arguments(["--"] + words, specs: [])) }
        var arguments = try Arguments(words, specs: command.options + common)
        if arguments.has("help") {
            let terminal = Terminal(arguments)
            for line in Help.usage(of: command, columns: terminal.columns) { terminal.line(line) }
            return .done
        }
        if let color = arguments.value("color"), !["auto", "always", "never"].contains(color) {
            throw CLIError(.usage, "--color \(color): expected auto, always or never")
        }
        if let limit = command.operandLimit, arguments.positional.count > limit {
            let extra = arguments.positional[limit]
            throw CLIError(
                .usage, "openclaw \(command.name) does not know what to do with \(extra)",
                hint: "usage: openclaw \(command.name) \(command.operands)")
        }
        try applyDefaults(to: &arguments, of: command)
        return try command.run(arguments)
    }

    /// What is not on the command line comes from the environment, then from config.yaml. A file that is
    /// wrong keeps nobody from looking at it, mending it, or reading the help.
    private static func applyDefaults(to arguments: inout Arguments, of command: Command) throws(CLIError) {
        let isMending = ["config", "doctor", "help", "completion", "version"].contains(command.name)
        let names = Set((command.options + common).map(\.name))
        for key in Settings.keys where names.contains(key.name) {
            guard let variable = key.variable, let value = Environment.get(variable), !value.isEmpty else {
                continue
            }
            arguments.setDefault(key.name, value, origin: variable)
        }
        let settings: Settings
        do throws(CLIError) {
            settings = try SettingsFile(home: Home()).read()
        } catch {
            if isMending { return }
            throw error
        }
        let file = SettingsFile(home: Home()).path
        for (name, value) in settings.values where names.contains(name) {
            let isSwitch = (command.options + common).first { $0.name == name }?.value == nil
            if isSwitch, value.text != "true" { continue }
            arguments.setDefault(name, isSwitch ? "" : value.text, origin: "\(file):\(value.line)")
        }
    }

    private static func report(_ error: CLIError, json: Bool) {
        if json {
            var body: JSON = ["code": JSON(Int(error.code.rawValue)), "message": .string(error.message)]
            if let hint = error.hint, !hint.isEmpty { body["hint"] = .string(hint) }
            Terminal.note((["error": body] as JSON).text)
            return
        }
        let hasColors = Terminal.wantsColors(nil, isTerminal: isatty(2) == 1, Environment.get)
        let name = hasColors ? "\u{1B}[31mopenclaw:\u{1B}[0m " : "openclaw: "
        Terminal.note(name + Terminal.harmless(error.message, keepsLines: true))
        if let hint = error.hint, !hint.isEmpty {
            Terminal.note("  " + Terminal.harmless(hint, keepsLines: true))
        }
    }
}
