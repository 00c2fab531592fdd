// The openclaw command: finds the subcommand, runs it, and turns its error into words and an exit code.
import Glibc
import Kit
import System

/// One subcommand.
struct Command: Sendable {
    let name: String
    /// What follows the name in the usage line.
    let operands: String
    /// One line for the list.
    let summary: String
    let options: [OptionSpec]
    /// What more there is to say in its own help.
    var notes = ""
    let run: @Sendable (Arguments) throws(CLIError) -> ExitCode
}

/// The program.
public enum Program {
    static let version = "0.1.0"

    static let commands: [Command] = [
        .run, .sessions, .session, .approve, .deny, .pause, .resume, .cancel, .diff, .logs, .status,
        .doctor, .coordinator, .platform, .kit,
    ]

    static let json = OptionSpec("json", "print JSON instead of text")
    static let help = OptionSpec("help", short: "h", "show this help")

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
        guard let name = words.first, !["--help", "-h", "help"].contains(name) else {
            if words.count > 1, words[0] == "help",
                let command = commands.first(where: { $0.name == words[1] })
            {
                Terminal().line(usage(of: command))
            } else {
                Terminal().line(overview())
            }
            return words.isEmpty ? .usage : .done
        }
        if name == "--version" || name == "version" {
            Terminal().line("openclaw \(version)")
            return .done
        }
        guard let command = commands.first(where: { $0.name == name }) else {
            let near = commands.map(\.name).min { distance($0, name) < distance($1, name) } ?? ""
            throw CLIError(
                .usage, "there is no command \(name)",
                hint: distance(near, name) <= 2
                    ? "did you mean openclaw \(near)?" : "openclaw --help lists them")
        }
        let arguments = try Arguments(Array(words.dropFirst()), specs: command.options + [json, help])
        if arguments.has("help") {
            Terminal().line(usage(of: command))
            return .done
        }
        return try command.run(arguments)
    }

    private static func report(_ error: CLIError, json: Bool) {
        if json {
            var body: JSON = ["code": JSON(Int(error.code.rawValue)), "message": .string(error.message)]
            if let hint = error.hint { body["hint"] = .string(hint) }
            Terminal.note((["error": body] as JSON).text)
            return
        }
        Terminal.note("openclaw: " + Terminal.harmless(error.message, keepsLines: true))
        if let hint = error.hint, !hint.isEmpty {
            Terminal.note("  " + Terminal.harmless(hint, keepsLines: true))
        }
    }

    // MARK: Help

    private static func overview() -> String {
        let list = Show.table(commands.map { ["  openclaw \($0.name) \($0.operands)", $0.summary] })
        let codes = Show.table(ExitCode.allCases.map { ["  \($0.rawValue)", $0.meaning] })
        return """
            openclaw: a team of agents works on your repository, each alone in an isolated guest.

              openclaw run "Fix the auth bug" --repo .

            Commands
            \(list.joined(separator: "\n"))

            Every command takes --help and --json.

            Exit codes
            \(codes.joined(separator: "\n"))
            """
    }

    private static func usage(of command: Command) -> String {
        var text = "usage: openclaw \(command.name) \(command.operands)\n\n\(command.summary)\n"
        let options = (command.options + [json, help]).map { option in
            let short = option.short.map { "-\($0), " } ?? ""
            let value = option.value.map { $0.hasPrefix("?") ? " [\($0.dropFirst())]" : " \($0)" } ?? ""
            return ["  \(short)--\(option.name)\(value)", option.help]
        }
        text += "\nOptions\n" + Show.table(options).joined(separator: "\n")
        if !command.notes.isEmpty { text += "\n\n" + command.notes }
        return text
    }
}
