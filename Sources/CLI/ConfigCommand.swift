// openclaw config: the settings of this user, strict and in one file.
import Glibc
import Kit
import Service
import System

extension Command {
    static let config = Command(
        name: "config", operands: "list | get KEY | set KEY VALUE | unset KEY | path",
        summary: "settings that every command uses", group: .setup,
        operandKinds: [.words(["list", "get", "set", "unset", "path"]), .setting, .text], operandLimit: 3,
        options: [],
        notes: """
            What is on the command line wins, then the environment, then the file. The file is checked as a
            whole: an unknown key or a wrong value is an error that names its line. The keys are in
            openclaw help configuration.
            """,
        examples: ["openclaw config set budget 5", "openclaw config get model", "openclaw config list"]
    ) { (arguments) throws(CLIError) in
        try ConfigCommand(file: SettingsFile(home: Home()), terminal: Terminal(arguments)).run(
            arguments.positional)
    }
}

/// Where the settings are.
struct SettingsFile {
    let path: String

    init(home: Home) { path = "\(home.path)/config.yaml" }

    /// The text of the file; empty when there is none.
    func text() throws(CLIError) -> String {
        do throws(SystemError) {
            return try Files.readText(path, limit: YAML.sizeLimit)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return "" }
            throw CLIError(.failed, "read the settings: \(error)")
        }
    }

    func read() throws(CLIError) -> Settings { try parse(text()) }

    func parse(_ text: String) throws(CLIError) -> Settings {
        do throws(SettingsError) {
            return try Settings.parse(text, source: path)
        } catch {
            throw CLIError(.usage, error.description, hint: "correct the lines named above")
        }
    }

    /// Replaces the file: complete or not at all, for this user only.
    func write(_ text: String) throws(CLIError) {
        do throws(SystemError) {
            try Files.makeDirectories(Files.parent(of: path), mode: 0o700)
            try Files.writeAtomically(path, Array(text.utf8), mode: 0o600)
        } catch {
            throw CLIError(.failed, "write the settings: \(error)")
        }
    }
}

struct ConfigCommand {
    let file: SettingsFile
    let terminal: Terminal

    func run(_ words: [String]) throws(CLIError) -> ExitCode {
        switch (words.first ?? "list", words.count) {
        case ("list", ...1): return try list()
        case ("path", 1):
            terminal.wantsJSON ? terminal.json(["path": .string(file.path)]) : terminal.line(file.path)
            return .done
        case ("get", 2): return try get(try known(words[1]))
        case ("set", 3): return try set(try known(words[1]), words[2])
        case ("unset", 2): return try unset(try known(words[1]))
        default:
            throw CLIError(
                .usage, "openclaw config needs one of: list, get KEY, set KEY VALUE, unset KEY, path",
                hint: "openclaw config list shows the keys")
        }
    }

    private func known(_ name: String) throws(CLIError) -> Settings.Key {
        if let key = Settings.keys.first(where: { $0.name == name }) { return key }
        let near = nearest(name, of: Settings.keys.map(\.name))
        throw CLIError(
            .usage, "there is no setting \(name)",
            hint: near.map { "did you mean \($0)?" } ?? "openclaw config list shows them")
    }

    private func list() throws(CLIError) -> ExitCode {
        let settings = try file.read()
        if terminal.wantsJSON {
            let values = settings.values.mapValues { JSON.string($0.text) }
            terminal.json(.object(values))
            return .done
        }
        let rows = Settings.keys.map { key -> (name: String, meaning: String) in
            let value = settings.text(key.name)
            let shown = value.map { terminal.bold(Terminal.harmless($0)) } ?? terminal.dim("not set")
            return (key.name, "\(shown)  \(terminal.dim(key.help))")
        }
        for line in Show.definitions(rows, columns: terminal.columns) { terminal.line(line) }
        return .done
    }

    private func get(_ key: Settings.Key) throws(CLIError) -> ExitCode {
        guard let value = try file.read().text(key.name) else {
            throw CLIError(
                .notFound, "\(key.name) is not set",
                hint: "openclaw config set \(key.name) VALUE; \(key.help)")
        }
        if terminal.wantsJSON { terminal.json([key.name: .string(value)]) } else { terminal.line(value) }
        return .done
    }

    private func set(_ key: Settings.Key, _ value: String) throws(CLIError) -> ExitCode {
        if let problem = Settings.check(key.name, value) {
            throw CLIError(.usage, problem, hint: key.help)
        }
        try change(key, to: value)
        terminal.done("\(key.name): \(value)", [key.name: .string(value)])
        return .done
    }

    private func unset(_ key: Settings.Key) throws(CLIError) -> ExitCode {
        try change(key, to: nil)
        terminal.done("\(key.name): not set", [key.name: nil])
        return .done
    }

    /// What is written is read again before it takes the place of the old file.
    private func change(_ key: Settings.Key, to value: String?) throws(CLIError) {
        let text = try file.text()
        let changed = try file.parse(text).rewriting(text, key.name, to: value)
        guard try file.parse(changed).text(key.name) == value else {
            throw CLIError(
                .failed, "\(key.name) is written over several lines in \(file.path)",
                hint: "change it there with an editor")
        }
        try file.write(changed)
    }
}
