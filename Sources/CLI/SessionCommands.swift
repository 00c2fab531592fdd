// openclaw sessions, openclaw session ID --…, and the same as subcommands.
import Kit
import Service
import System

extension Command {
    static let session = Command(
        name: "session", operands: "ID [--status|--logs|…]",
        summary: "look at a session or steer it", operandKinds: [.session], operandLimit: 2,
        options: [
            OptionSpec("status", "agents, tasks, cost and what it waits for (the default)"),
            OptionSpec("logs", value: "?AGENT", kind: .agent, "what happened, or one agent's output"),
            OptionSpec("follow", short: "f", "with --logs: go on as it happens"),
            OptionSpec("diff", "the change as it stands"),
            OptionSpec("approve", "merge the result; bound to the tree that you saw"),
            OptionSpec(
                "tree", value: "TREE",
                "with --approve: the tree you mean; by default the one that --diff showed you"),
            OptionSpec("deny", value: "?REASON", "refuse the result; the work is kept"),
            OptionSpec("pause", "hold all agents"), OptionSpec("resume", "let them go on"),
            OptionSpec("cancel", "stop the session; the work is kept"),
            OptionSpec(
                "take-over", value: "AGENT", kind: .agent,
                "a shell in the agent's place; it waits, and is told what you changed"),
            OptionSpec("verify", "check the journal's chain of hashes"),
            OptionSpec("export-html", value: "FILE", "write the session as one page that needs no server"),
            OptionSpec("export-ag-ui", value: "?FILE", "write the session as AG-UI events, one a line"),
            OptionSpec("canvas", "open the session's canvas in a browser; prints the address"),
            OptionSpec("read-only", "with --canvas: an address for looking, which cannot approve"),
        ] + ArtifactSteps.session + DeliverySteps.session
    ) { (arguments) throws(CLIError) in
        let verbs =
            [
                "status", "logs", "diff", "approve", "deny", "pause", "resume", "cancel", "verify", "canvas",
                "take-over",
                "export-html", "export-ag-ui",
            ] + ArtifactSteps.verbs + DeliverySteps.verbs
        let given = verbs.filter { arguments.has($0) }
        guard given.count <= 1 else {
            throw CLIError(.usage, "--\(given[0]) and --\(given[1]) cannot go together")
        }
        return try SessionCommand(arguments).perform(given.first ?? "status")
    }

    static let approve = alias(
        "approve", "merge the result of a session",
        [
            OptionSpec("tree", value: "TREE", "the tree you mean; by default the one that diff showed you")
        ])
    static let deny = alias(
        "deny", "refuse the result, or ask for changes; the work is kept",
        DeliverySteps.session.filter { $0.name == "comment" })
    static let pause = alias("pause", "hold all agents of a session", [])
    static let resume = alias("resume", "let a paused session go on", [])
    static let cancel = alias("cancel", "stop a session; the work is kept", [])
    static let diff = alias("diff", "the change of a session as it stands", [])
    static let status = alias("status", "agents, tasks, cost of a session", [])
    static let logs = alias(
        "logs", "what happened in a session, or one agent's output",
        [
            OptionSpec("follow", short: "f", "go on as it happens")
        ])

    private static func alias(_ name: String, _ summary: String, _ options: [OptionSpec]) -> Command {
        let operands = name == "logs" ? "ID [AGENT]" : name == "deny" ? "ID [REASON…]" : "ID"
        let isLook = ["diff", "status", "logs"].contains(name)
        return Command(
            name: name, operands: operands, summary: summary, group: isLook ? .look : .steer,
            operandKinds: name == "logs" ? [.session, .agent] : [.session],
            operandLimit: name == "deny" ? nil : name == "logs" ? 2 : 1, options: options
        ) { (arguments) throws(CLIError) in try SessionCommand(arguments).perform(name) }
    }
}

/// One look at, or one step of, a session.
struct SessionCommand {
    private let arguments: Arguments
    private let terminal: Terminal
    private let client = CoordinatorClient(home: Home())

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    /// `session --logs ID` means the session, although --logs may have a value of its own.
    private var id: String? {
        arguments.positional.first ?? ["logs", "deny"].compactMap(arguments.value).first { !$0.isEmpty }
    }

    /// The value of an option, unless it was the session's id.
    private func detail(_ option: String) -> String? {
        guard !arguments.positional.isEmpty else { return nil }
        return arguments.value(option).flatMap { $0.isEmpty ? nil : $0 }
    }

    func perform(_ verb: String) throws(CLIError) -> ExitCode {
        guard let id else {
            throw CLIError(.usage, "which session?", hint: "openclaw sessions lists them")
        }
        try client.start()
        let path = "/v1/sessions/\(SessionCommand.segment(id))"
        let steps = DeliverySteps(arguments: arguments, client: client, path: path)
        if let (words, answer) = try steps.perform(verb) {
            terminal.done("\(id): \(words)", answer)
            return .done
        }
        let files = ArtifactSteps(arguments: arguments, client: client, terminal: terminal, path: path)
        if let code = try files.perform(verb) { return code }
        switch verb {
        case "status": return try status(path)
        case "logs": return try logs(id, path)
        case "take-over":
            return try TakeOverStep(client: client, terminal: terminal, id: id, path: path).run(
                arguments.value("take-over") ?? "")
        case "diff": return try diff(id, path)
        case "canvas": return try canvas(path)
        case "export-html", "export-ag-ui": return try export(verb, id, path)
        case "approve": return try approve(id, path)
        case "deny":
            let reason =
                detail("deny") ?? arguments.positional.dropFirst().joined(separator: " ")
            return try steer(path + "/deny", ["reason": .string(reason)], "denied; the work is kept", id)
        case "verify":
            let result = try client.call("GET", path + "/verify")
            if terminal.wantsJSON {
                terminal.json(result)
            } else {
                terminal.line(result["summary"]?.stringValue ?? "")
            }
            return result["ok"]?.boolValue == true ? .done : .failed
        default:
            let words = ["pause": "paused", "resume": "goes on", "cancel": "cancelled; the work is kept"]
            return try steer(
                path + "/\(verb)", [:], words[verb] ?? verb, id, wanted: verb == "cancel" ? "cancelled" : nil)
        }
    }

    /// - Parameter wanted: The state in which the session shall be; a step that comes too late is no error.
    private func steer(
        _ path: String, _ body: JSON, _ words: String, _ id: String, wanted: String? = nil
    ) throws(CLIError) -> ExitCode {
        let answer = try client.call("POST", path, body)
        let state = answer["state"]?.stringValue
        let isLate = wanted != nil && state != nil && state != wanted
        terminal.done(
            "\(id): \(isLate ? "is \(state ?? "over") already; nothing was changed" : words)", answer)
        return .done
    }

    private func export(_ verb: String, _ id: String, _ path: String) throws(CLIError) -> ExitCode {
        let export = SessionExport(client: client, id: id, path: path)
        let file = arguments.value(verb).flatMap { $0.isEmpty ? nil : $0 }
        if verb == "export-html", let file { try export.html(to: file) } else { try export.agui(to: file) }
        if let file { Terminal.note("openclaw: wrote \(file)") }
        return .done
    }

    /// Prints the address, and opens it where there is a desktop to open it on.
    private func canvas(_ path: String) throws(CLIError) -> ExitCode {
        let answer = try client.call("GET", "\(path)/canvas?read_only=\(arguments.has("read-only"))")
        guard !terminal.wantsJSON, let url = answer["url"]?.stringValue else {
            terminal.json(answer)
            return .done
        }
        terminal.line(url)
        let hasDesktop = Environment.get("DISPLAY") != nil || Environment.get("WAYLAND_DISPLAY") != nil
        if terminal.isInteractive, hasDesktop { open(url) }
        return .done
    }

    /// By way of a page that only this user can read: other users see the arguments of a browser.
    private func open(_ url: String) {
        let page = "\(client.home.path)/canvas.html"
        let text =
            "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=\(url)\"><title>OpenClaw</title>"
        do {
            try Files.writeAtomically(page, Array(text.utf8), mode: 0o600)
            _ = try Spawn.run(Spawn.Command(["xdg-open", page]))
        } catch {
            Terminal.note("openclaw: no browser was opened (\(error)); open the address yourself")
        }
    }

    private func status(_ path: String) throws(CLIError) -> ExitCode {
        let summary = try client.call("GET", path)
        if terminal.wantsJSON {
            terminal.json(summary)
        } else {
            var totals = SessionTotals()
            try client.follow("\(path)/events?after=0") { event in
                totals.add(event)
                return true
            }
            let lines = SessionView(summary, terminal).lines(
                totals: totals, disk: DiskUse.of(id ?? "", client.home))
            for line in lines {
                terminal.line(terminal.isInteractive ? Terminal.fitted(line, to: terminal.columns) : line)
            }
        }
        return SessionView(summary, terminal).exitCode
    }

    private func diff(_ id: String, _ path: String) throws(CLIError) -> ExitCode {
        let answer = try client.call("GET", path + "/diff")
        let view = ChangeView(answer, terminal)
        if terminal.wantsJSON {
            terminal.json(answer)
        } else {
            for line in view.attention + view.patchLines { terminal.line(line) }
            for line in view.cutLines { Terminal.note(line) }
            if let tree = view.tree { terminal.remark("tree \(Terminal.harmless(tree))") }
        }
        if let tree = view.tree, let commit = answer["head"]?.stringValue {
            SeenChange(client.home, session: Self.segment(id)).remember(tree, commit: commit)
        }
        return .done
    }

    /// Without a tree it is of what `diff` showed last, or refused.
    private func approve(_ id: String, _ path: String) throws(CLIError) -> ExitCode {
        let waiting = try client.call("GET", path)["approval"] ?? .null
        guard !waiting.isNull else {
            throw CLIError(
                .failed, "\(id) does not wait for approval", hint: "openclaw session \(id) shows where it is")
        }
        let seen = SeenChange(client.home, session: Self.segment(id))
        let tree: String
        if let named = arguments.value("tree") { tree = named } else { tree = try seen.approved(id, waiting) }
        return try steer(path + "/approve", ["tree": .string(tree)], "approved", id)
    }

    private func logs(_ id: String, _ path: String) throws(CLIError) -> ExitCode {
        let agent = detail("logs") ?? arguments.positional.dropFirst().first
        let follows = arguments.has("follow")
        if let agent {
            // An agent that waits for a person says nothing for as long as that takes.
            let quiet = 86_400_000
            try client.follow(
                "\(path)/logs?agent=\(Self.segment(agent))&follow=\(follows)", idleMilliseconds: quiet
            ) { line in
                if terminal.wantsJSON {
                    terminal.json(line)
                } else {
                    terminal.line(Terminal.harmless(line["line"]?.stringValue ?? line.text))
                }
                return true
            }
            return .done
        }
        let follower = SessionFollower(client: client, terminal: terminal, id: id, isInteractive: false)
        return follows ? try follower.follow() : try follower.replay()
    }

    /// An id as part of a path; what is no id is refused by the coordinator in clear words.
    static func segment(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar in
                let isPlain =
                    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                return isPlain || "-_.".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
            })
    }
}
