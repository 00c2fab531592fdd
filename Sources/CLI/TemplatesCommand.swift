// openclaw templates, and run --template.
import Kit
import Service
import System

extension Command {
    static let templates = Command(
        name: "templates", operands: "list | show NAME | new NAME",
        summary: "tasks that are given again and again",
        group: .work, operandKinds: [.words(["list", "show", "new"]), .template], operandLimit: 2,
        options: [
            OptionSpec(
                "repo", value: "PATH", kind: .directory,
                "the repository whose .openclaw/templates count too; . by default")
        ],
        notes:
            "A template is used with: openclaw run --template NAME -p KEY=VALUE. See openclaw help "
            + "templates.",
        examples: [
            "openclaw templates show fix-bug", "openclaw run --template fix-bug -p bug=\"5 - 3 is -2\"",
        ]
    ) { (arguments) throws(CLIError) in
        let library = Library("templates", home: Home(), repository: arguments.value("repo") ?? ".")
        let command = TemplatesCommand(library: library, terminal: Terminal(arguments))
        switch (arguments.positional.first ?? "list", arguments.positional.count) {
        case ("list", ...1): return try command.list()
        case ("show", 2): return try command.show(arguments.positional[1])
        case ("new", 2): return try command.new(arguments.positional[1])
        default: throw CLIError(.usage, "openclaw templates needs one of: list, show NAME, new NAME")
        }
    }
}

struct TemplatesCommand {
    let library: Library
    let terminal: Terminal

    /// Reads a file of the library.
    static func read(_ entry: Library.Entry) throws(CLIError) -> Template {
        let template: Template
        do throws(TemplateError) {
            template = try Template.parse(entry.text, source: entry.path)
        } catch {
            throw CLIError(.usage, error.description, hint: "correct the lines named above")
        }
        guard template.name == entry.name else {
            throw CLIError(
                .usage, "\(entry.path): its name is \(template.name); file and name must be the same")
        }
        // Where the work is sent, and what it costs, is not a repository's to say.
        if entry.origin == .repository,
            let option = ["model", "budget"].first(where: { template.options[$0] != nil })
        {
            throw CLIError(
                .usage, "\(entry.path): a repository's template does not set \(option)",
                hint: "a template of yours may: openclaw templates new \(entry.name)-mine"
            )
        }
        return template
    }

    func list() throws(CLIError) -> ExitCode {
        var seen: Set<String> = []
        var rows: [[String]] = []
        for entry in try library.all() where seen.insert(entry.name).inserted {
            let template: Template
            do throws(CLIError) {
                template = try Self.read(entry)
            } catch {
                // One broken file does not hide the others.
                Terminal.note("openclaw: \(Terminal.harmless(error.message, keepsLines: true))")
                continue
            }
            if terminal.wantsJSON { terminal.json(Self.json(template, entry)) }
            rows.append([template.name, entry.origin.rawValue, Terminal.harmless(template.description)])
        }
        guard !terminal.wantsJSON else { return .done }
        if rows.isEmpty {
            terminal.line("no templates; the kit has some: openclaw kit install dist/kit")
            return .done
        }
        let titles = ["TEMPLATE", "FROM", "WHAT IT DOES"].map(terminal.dim)
        for line in Show.table([titles] + rows, limit: terminal.isInteractive ? terminal.columns : nil) {
            terminal.line(line)
        }
        return .done
    }

    func show(_ name: String) throws(CLIError) -> ExitCode {
        let entry = try library.find(name)
        let template = try Self.read(entry)
        guard !terminal.wantsJSON else {
            terminal.json(Self.json(template, entry))
            return .done
        }
        terminal.line("\(terminal.bold(template.name))  \(Terminal.harmless(template.description))")
        terminal.line("  from \(entry.path)")
        if !template.parameters.isEmpty { terminal.line("\nParameters") }
        let rows = template.parameters.map { parameter -> (name: String, meaning: String) in
            let need =
                parameter.isRequired
                ? "required" : parameter.standard.isEmpty ? "" : "\(parameter.standard) by default"
            let kind = parameter.kind == .text ? "" : parameter.kindName
            let notes = [kind, need].filter { !$0.isEmpty }.joined(separator: "; ")
            return (
                "-p \(parameter.name)=…",
                Terminal.harmless(parameter.help) + (notes.isEmpty ? "" : " (\(notes))")
            )
        }
        for line in Help.definitions(rows, terminal.columns) { terminal.line(line) }
        if !template.options.isEmpty {
            let options = template.options.sorted { $0.key < $1.key }.flatMap { option in
                option.value.map { "--\(option.key) \($0)" }
            }
            terminal.line("\nOptions  \(Terminal.harmless(options.joined(separator: " ")))")
        }
        terminal.line("\nTask")
        for line in template.task.byteLines {
            terminal.line("  " + Terminal.harmless(String(line)))
        }
        let first = template.parameters.first { $0.isRequired }
        terminal.line(
            "Use it  openclaw run --template \(name)" + (first.map { " -p \($0.name)=\"…\"" } ?? ""))
        return .done
    }

    func new(_ name: String) throws(CLIError) -> ExitCode {
        let path = try library.create(name, Self.skeleton(name))
        terminal.done("made \(path); edit it, then: openclaw templates show \(name)", ["path": .string(path)])
        return .done
    }

    private static func json(_ template: Template, _ entry: Library.Entry) -> JSON {
        [
            "name": .string(template.name), "description": .string(template.description),
            "from": .string(entry.origin.rawValue), "path": .string(entry.path),
            "parameters": .array(
                template.parameters.map {
                    [
                        "name": .string($0.name), "takes": .string($0.kindName), "help": .string($0.help),
                        "required": JSON($0.isRequired), "default": .string($0.standard),
                    ]
                }),
            "options": .object(
                template.options.mapValues { $0.count == 1 ? .string($0[0]) : JSON($0) }),
            "task": .string(template.task),
        ]
    }

    private static func skeleton(_ name: String) -> String {
        """
        # A template of yours. openclaw help templates says what can be in it.
        name: \(name)
        description: Say in one line what it does.
        parameters:
          what: {required: true, help: "what it is about"}
          depth: {type: choice, choices: [quick, thorough], default: quick, help: "how much is done"}
          extra: {help: "a parameter that may be left out"}
        # options: {agents: "1", budget: "2.50", test: make test}
        task: |
          Do this: ${what}
          ${?extra}This line is there only when extra is given: ${extra}

          Say what must hold when it is done. How much: ${depth}.

        """
    }
}

extension HelpTopic {
    static let templates = HelpTopic(
        name: "templates", summary: "tasks with parameters, in files",
        rows: [
            ("name", "small letters, digits and dashes; also the name of the file, NAME.yaml"),
            ("description", "one line for openclaw templates list"),
            (
                "parameters",
                "NAME: {type, help, required, default, choices, minimum, maximum}; type is text, "
                    + "boolean, integer or choice"
            ),
            (
                "task",
                "what is to be done; ${NAME} becomes the value, and a line that begins with "
                    + "${?NAME} stays only when the value is neither empty nor false"
            ),
            ("plan", "tasks instead of the architect's; see openclaw help plans"),
            (
                "options",
                "agents, budget, deadline, model, test as for openclaw run; what is typed there wins; "
                    + "model and budget also by role: {all: VALUE, ROLE: VALUE}"
            ),
        ],
        text: """
            Files are looked up in this order: templates in AEGIS_OPENCLAW_HOME, the kit's, and
            .openclaw/templates of the repository, which cannot take a name of the kit's and cannot set the
            model or the budget.

              openclaw run --template fix-bug -p bug="5 - 3 is -2" -p place=calculator.py
              openclaw run --template fix-bug "5 - 3 is -2"

            Words without an option are the first required parameter.
            """)
}
