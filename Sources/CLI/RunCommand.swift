// openclaw run: starts a session and stays with it.
import Delivery
import Glibc
import Kit
import Service
import System

extension Command {
    static let run = Command(
        name: "run", operands: "TASK [--repo PATH|URL]",
        summary: "work on a task until a change waits for approval", group: .work,
        options: [
            OptionSpec(
                "repo", value: "PATH|URL", kind: .directory,
                "the repository, also with #REF:DIR; the current directory when not given"),
            OptionSpec(
                "ref", value: "REF", "branch, tag or commit to start from; what is checked out by default"),
            OptionSpec("subdir", value: "DIR", "the directory of the repository that it is about"),
            OptionSpec(
                "depth", value: "N",
                "only the last N commits of the history: less to fetch, less to look back on"),
            OptionSpec(
                "agents", value: "N|auto", kind: .words(SessionConfiguration.agentWords),
                "how many agents at most, 1 to 8; auto by default"),
            OptionSpec(
                "plan", value: "FILE", kind: .file, "a plan in YAML or JSON instead of the architect's"),
            OptionSpec(
                "model", value: "[ROLE=]SPEC", "the model, of all or of a role; see openclaw help model-names"
            ),
            OptionSpec(
                "agent", value: "[ROLE=]PROGRAM",
                "the agent program, of all roles or of one: claude, codex, …; see openclaw help agents"),
            OptionSpec(
                "budget", value: "[NAME=]USD",
                "never spend more than this, or on a role or an agent; may be given several times"),
            OptionSpec("test", value: "COMMAND", "how the repository is tested; found out when not given"),
            OptionSpec(
                "isolation", value: "KIND", kind: .words(SessionConfiguration.isolationWords),
                "what guests are: namespace, microvm, microvm-emulated; or auto, which is microvm where KVM "
                    + "works, else namespace"),
            OptionSpec("deadline", value: "MINUTES", "give up after this time"),
            OptionSpec("allow-dirty", "start although there are uncommitted changes; they stay out of it"),
            OptionSpec(
                "merge",
                "fast-forward the checked-out branch when approved, besides making "
                    + "openclaw/SESSION"),
            OptionSpec(
                "yes", short: "y",
                "approve the result when everything that is required is green and nothing in it "
                    + "needs a person"
            ),
            OptionSpec(
                "allow", value: "KIND[:GLOB]",
                "with --yes: what needs a person and may pass all the same; may be repeated; see "
                    + "openclaw help consent"),
            OptionSpec("detach", short: "d", "start the session and return"),
            OptionSpec(
                "dry-run", short: "n", "say what would happen and what it may cost, and start nothing"),
        ] + RunCommand.templateOptions + DeliveryOptions.run,
        notes: """
            The first Ctrl-C lets go of the session, which goes on; a second one within three seconds cancels
            it; a third one ends this program at once. Ctrl-Z stops this program and not the session.
            """,
        examples: [
            "openclaw run \"Fix the auth bug\" --repo .",
            "openclaw run \"Fix the auth bug\" --agents 1 --budget 2.50",
            "openclaw run \"Fix the auth bug\" --model reviewer=claude-opus-5-5 --budget coder=1.00",
            "openclaw run \"Fix the auth bug\" --agent claude --agent reviewer=codex",
            "openclaw run \"Fix the auth bug\" --repo github.com/org/repo --detach",
            "openclaw run --plan ../plan.yaml --dry-run",
            "openclaw run --template fix-bug -p bug=\"5 - 3 is -2\"",
        ]
    ) { (arguments) throws(CLIError) in try RunCommand(arguments).run() }
}

/// One `openclaw run`.
struct RunCommand {
    private let arguments: Arguments
    private let terminal: Terminal
    private let client = CoordinatorClient(home: Home())
    private let template: Template.Filled?
    private let plan: PlanFile?

    init(_ given: Arguments) throws(CLIError) {
        var arguments = given
        template = try Self.template(&arguments, home: client.home)
        if let path = arguments.value("plan") {
            if template?.plan != nil {
                throw CLIError(.usage, "--plan and a template with a plan of its own cannot go together")
            }
            let file = try PlanFile(path: path)
            for (name, values) in file.options { arguments.setDefaults(name, values, origin: path) }
            plan = file
        } else {
            plan = nil
        }
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        var body = try request()
        try client.start()
        guard !arguments.has("dry-run") else {
            body["dry_run"] = true
            let preview = try client.call("POST", "/v1/sessions", body)
            if terminal.wantsJSON { terminal.json(preview) }
            for line in terminal.wantsJSON ? [] : DryRun(preview, terminal).lines { terminal.line(line) }
            return .done
        }
        terminal.remark("openclaw: preparing the session…")
        let answer = try client.call("POST", "/v1/sessions", body)
        guard let id = answer["id"]?.stringValue else {
            throw CLIError(.failed, "the coordinator answered without a session")
        }
        if arguments.has("detach") {
            if terminal.wantsJSON {
                terminal.json(answer)
            } else {
                terminal.line(id)
                terminal.remark("  watch it with: openclaw session \(id) --logs -f")
            }
            return .done
        }
        return try SessionFollower(client: client, terminal: terminal, id: id, isInteractive: true).follow()
    }

    /// The session as the coordinator takes it. Paths become absolute here, because the coordinator has
    /// another working directory.
    func request() throws(CLIError) -> JSON {
        let words = template?.task ?? arguments.positional.joined(separator: " ")
        let task = words.isEmpty ? plan?.task ?? "" : words
        guard !task.isEmpty || arguments.has("issue") else {
            throw CLIError(.usage, "what is to be done?", hint: "openclaw run \"Fix the auth bug\" --repo .")
        }
        let address = RepositoryAddress(arguments.value("repo") ?? ".", exists: Files.exists)
        var body: JSON = [
            "task": .string(task), "repo": .string(try absolute(address.place)),
            "auto_approve": JSON(arguments.has("yes")), "merge": JSON(arguments.has("merge")),
            "allow_dirty": JSON(arguments.has("allow-dirty")),
            "isolation": .string(arguments.value("isolation") ?? "namespace"),
        ]
        try addModels(&body)
        addPrograms(&body)
        if let agents = arguments.value("agents"), agents != "auto" {
            let count = try arguments.integer("agents", in: 1...SessionConfiguration.agentLimit)
            body["agents"] = JSON(count ?? 1)
        }
        try addBudgets(&body)
        if let minutes = try arguments.integer("deadline", in: 1...10_080) {
            body["deadline_ms"] = JSON(Int64(minutes) * 60_000)
        }
        if let depth = try arguments.integer("depth", in: 1...1_000_000) { body["depth"] = JSON(depth) }
        for (name, part) in [("ref", address.ref), ("subdir", address.subdirectory), ("test", nil)] {
            let value = arguments.value(name)
            if let value, let part, value != part {
                throw CLIError(.usage, "--repo says \(part) and --\(name) says \(value)")
            }
            guard let value = value ?? part else { continue }
            body[name == "test" ? "test_command" : name] = .string(value)
        }
        let rules = arguments.values("allow").flatMap { $0.split { $0 == "," || $0 == " " }.map(String.init) }
        for rule in rules where AllowRule(rule) == nil {
            throw CLIError(
                .usage, "--allow \(rule): expected KIND or KIND:GLOB",
                hint: "the kinds are \(AllowRule.kinds.joined(separator: ", "))")
        }
        if !rules.isEmpty { body["allow"] = JSON(rules) }
        if let plan { body["plan"] = plan.json }
        if let plan = template?.plan { body["plan"] = plan }
        try DeliveryOptions(arguments: arguments).add(to: &body)
        // The daemon that is already running may have been started without the key.
        for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"] {
            if let value = Environment.get(name), !value.isEmpty {
                var credentials = body["credentials"] ?? [:]
                credentials[name] = .string(value)
                body["credentials"] = credentials
            }
        }
        return body
    }

    private func addModels(_ body: inout JSON) throws(CLIError) {
        var general: String?
        var models: JSON = [:]
        for given in arguments.values("model") {
            let (name, spec) = Arguments.named(given)
            if let name { models[name] = .string(try absolute(model: spec)) } else { general = spec }
        }
        if let general { body["model"] = .string(try absolute(model: general)) }
        if models != [:] { body["models"] = models }
    }

    /// Where this shell finds programs goes along: the daemon may have been started by another one.
    private func addPrograms(_ body: inout JSON) {
        var programs: JSON = [:]
        for given in arguments.values("agent") {
            let (role, program) = Arguments.named(given)
            if let role { programs[role] = .string(program) } else { body["program"] = .string(program) }
        }
        if programs != [:] { body["programs"] = programs }
        body["program_places"] = ProgramPlaces.current.json
    }

    private func addBudgets(_ body: inout JSON) throws(CLIError) {
        var limits: JSON = [:]
        for given in arguments.values("budget") {
            let (name, amount) = Arguments.named(given)
            guard let micro = microDollars(amount), micro > 0 else {
                throw CLIError(
                    .usage, "--budget \(given): expected US dollars, for example 2.50 or coder=1.00")
            }
            if let name { limits[name] = JSON(micro) } else { body["budget_microusd"] = JSON(micro) }
        }
        if limits != [:] { body["limits_microusd"] = limits }
    }

    /// A path as seen from everywhere; what looks like a URL stays as it is.
    private func absolute(_ path: String) throws(CLIError) -> String {
        if path.contains("://") || path.hasPrefix("git@") || path.hasPrefix("github.com/") { return path }
        do throws(SystemError) {
            return try Files.realPath(path)
        } catch {
            throw CLIError(
                .notFound, "there is no repository at \(path)",
                hint: "give a directory or a URL: openclaw run TASK --repo PATH|URL")
        }
    }

    private func absolute(model: String) throws(CLIError) -> String {
        guard model.hasPrefix("script:") else { return model }
        // What follows a question mark says how the model is used.
        let mark = model.firstIndex(of: "?") ?? model.endIndex
        let path = String(model[..<mark].dropFirst(7))
        do throws(SystemError) {
            return "script:" + (try Files.realPath(path)) + model[mark...]
        } catch {
            throw CLIError(
                .notFound, "there is no scripted model at \(path)", hint: "give a file: --model script:FILE")
        }
    }
}
