// openclaw agents: which agent programs are known and installed here, and whether they work.
import Glibc
import Kit
import Service
import System

extension Command {
    static let agents = Command(
        name: "agents", operands: "list | show NAME | check [NAME…]",
        summary: "agent programs such as Claude Code and Codex: which are here, and do they work",
        group: .look,
        operandKinds: [.words(["list", "show", "check"])],
        options: [],
        notes: """
            check runs each program that is installed through a whole session, with a model that answers
            from a script, in a repository of its own below a temporary directory: no provider is asked.
            """,
        examples: ["openclaw agents", "openclaw agents check claude", "openclaw run \"…\" --agent claude"]
    ) { (arguments) throws(CLIError) in
        let command = AgentsCommand(home: Home(), terminal: Terminal(arguments))
        let words = arguments.positional
        switch (words.first ?? "list", words.count) {
        case ("list", ...1): return try command.list()
        case ("show", 2): return try command.show(words[1])
        case ("check", _): return try command.check(Array(words.dropFirst()))
        default: throw CLIError(.usage, "openclaw agents needs one of: list, show NAME, check [NAME…]")
        }
    }
}

struct AgentsCommand {
    let home: Home
    let terminal: Terminal

    /// One that is asked for its version may hang.
    private static let versionMilliseconds = 10_000
    private static let trialMilliseconds: Int64 = 90_000

    private func read(_ name: String) throws(CLIError) -> AgentProgram {
        do throws(ProgramProblem) {
            return try Programs(home: home).program(name)
        } catch {
            throw CLIError(.notFound, error.message, hint: error.hint)
        }
    }

    private func find(_ program: AgentProgram) -> Result<FoundProgram, ProgramProblem> {
        do throws(ProgramProblem) {
            return .success(try ProgramFinder(.current, home: home).find(program))
        } catch {
            return .failure(error)
        }
    }

    /// What it says of its version, as a person's own shell would hear it.
    private func version(_ program: AgentProgram, _ found: FoundProgram) -> String {
        let outcome = try? Spawn.run(
            Spawn.Command([found.path] + program.version, timeoutMilliseconds: Self.versionMilliseconds))
        let text = (outcome?.stdoutText ?? "").split(separator: "\n").first.map(String.init) ?? ""
        return outcome?.status.isSuccess == true && !text.isEmpty ? Terminal.harmless(text) : "unknown"
    }

    func list() throws(CLIError) -> ExitCode {
        var rows: [[String]] = []
        for name in Programs(home: home).names {
            let program = try read(name)
            let found = find(program)
            var json: JSON = [
                "name": .string(name), "roles": program.hasTools ? "all" : "coder",
                "tried": .string(program.tried),
            ]
            var words = [name]
            switch found {
            case .success(let place):
                let version = version(program, place)
                json["path"] = .string(place.path)
                json["version"] = .string(version)
                json["shown"] = JSON(place.shown)
                words += [version, place.path]
            case .failure(let problem):
                json["problem"] = .string(problem.description)
                words += [terminal.dim("not installed"), ""]
            }
            if terminal.wantsJSON { terminal.json(json) }
            words += [program.hasTools ? "all" : "coder", program.tried.isEmpty ? "no" : program.tried]
            rows.append(words)
        }
        guard !terminal.wantsJSON else { return .done }
        let titles = ["PROGRAM", "VERSION HERE", "WHERE", "ROLES", "TRIED WITH"].map(terminal.dim)
        for line in Show.table([titles] + rows, limit: terminal.isInteractive ? terminal.columns : nil) {
            terminal.line(line)
        }
        return .done
    }

    func show(_ name: String) throws(CLIError) -> ExitCode {
        let program = try read(name)
        var json = program.json
        var rows = [
            ["about", program.description], ["from", Programs(home: home).path(name) ?? ""],
            ["start", program.start.joined(separator: " ")],
            ["stream", program.stream.rawValue],
            ["roles", program.hasTools ? "all" : "coder and those like it"],
        ]
        switch find(program) {
        case .success(let found):
            json["path"] = .string(found.path)
            json["shown"] = JSON(found.shown)
            rows.append(["path", found.path])
            rows.append([
                "shown to guests", found.shown.isEmpty ? "nothing more" : found.shown.joined(separator: ", "),
            ])
        case .failure(let problem): rows.append(["problem", problem.description])
        }
        guard !terminal.wantsJSON else {
            terminal.json(json)
            return .done
        }
        for line in Show.table(rows.map { $0.map { Terminal.harmless($0) } }) { terminal.line(line) }
        return .done
    }

    // MARK: The trial

    func check(_ names: [String]) throws(CLIError) -> ExitCode {
        let programs = Programs(home: home)
        var failures = 0
        for name in names.isEmpty ? programs.names : names {
            let program = try read(name)
            let problem: String?
            switch find(program) {
            case .failure(let missing):
                // What is not asked for by name need not be here.
                if names.isEmpty { continue }
                problem = missing.description
            case .success: problem = try trial(program)
            }
            if problem != nil { failures += 1 }
            if terminal.wantsJSON {
                terminal.json([
                    "name": .string(name), "ok": JSON(problem == nil),
                    "problem": problem.map { .string($0) } ?? .null,
                ])
            } else {
                let words = problem.map { terminal.bad("no") + "  \(name): \(Terminal.harmless($0))" }
                terminal.line(words ?? "\(terminal.good("ok"))  \(name): found, started, edited, merged")
            }
        }
        return failures == 0 ? .done : .failed
    }

    /// A whole session in which the program has to write one file.
    /// - Returns: Why it did not; nil when it did.
    private func trial(_ program: AgentProgram) throws(CLIError) -> String? {
        guard let trial = program.trial else { return "its file names no trial" }
        do {
            let directory = try Files.temporaryDirectory(prefix: "openclaw-agents-check-")
            defer { try? Files.removeTree(directory) }
            let repository = "\(directory)/repository"
            try Files.makeDirectories(repository)
            try Files.write("\(repository)/README.md", Array("# A trial of \(program.name)\n".utf8))
            let identity = ["-c", "user.name=openclaw", "-c", "user.email=openclaw@openclaw.invalid"]
            for words in [
                ["init", "-q", "-b", "main"], ["add", "-A"],
                ["commit", "-q", "--no-gpg-sign", "-m", "Begin"],
            ] {
                let outcome = try Spawn.run(Spawn.Command(["git", "-C", repository] + identity + words))
                guard outcome.status.isSuccess else { return "make a repository: \(outcome.stderrText)" }
            }
            let answer: JSON =
                trial.tool.isEmpty
                ? ["text": .string(trial.text)]
                : ["tools": [["name": .string(trial.tool), "input": trial.input]]]
            // Those that edit by text begin with examples, which a script takes for turns that were had.
            let turns: [JSON] =
                trial.tool.isEmpty
                ? Array(repeating: answer, count: 12) : [answer, ["text": "TRIAL is written."]]
            let script: JSON = [
                "conversations": [["match": ["role": "coder"], "turns": .array(turns)]]
            ]
            try Files.write("\(directory)/model.yaml", Array(script.text.utf8))
            return try run(program.name, directory)
        } catch let error as CLIError {
            throw error
        } catch {
            return "\(error)"
        }
    }

    private func run(_ name: String, _ directory: String) throws(CLIError) -> String? {
        let client = CoordinatorClient(home: home)
        try client.start()
        let answer = try client.call(
            "POST", "/v1/sessions",
            [
                "task": "Write a file named TRIAL", "repo": .string("\(directory)/repository"), "agents": 1,
                "auto_approve": true, "allow": ["gate:TRIAL"], "merge": true,
                "model": .string("script:\(directory)/model.yaml"),
                "test_command": "test -s TRIAL", "program": .string(name),
                "program_places": ProgramPlaces.current.json, "deadline_ms": JSON(Self.trialMilliseconds),
            ])
        guard let id = answer["id"]?.stringValue else { return "the coordinator answered without a session" }
        let deadline = Clock.monotonicNanoseconds() / 1_000_000 + Self.trialMilliseconds + 30_000
        while Clock.monotonicNanoseconds() / 1_000_000 < deadline {
            let state = try client.call("GET", "/v1/sessions/\(id)")
            switch state["state"]?.stringValue {
            case "completed":
                return Files.exists("\(directory)/repository/TRIAL") ? nil : "the file was not merged"
            case "failed", "cancelled":
                let reason = state["failure"]?["reason"]?.stringValue ?? "it failed"
                return "\(reason); openclaw logs \(id) shows what it did"
            default: usleep(100_000)
            }
        }
        return "it was not finished within \(Self.trialMilliseconds / 1000) s; openclaw logs \(id)"
    }
}

extension HelpTopic {
    static let agents = HelpTopic(
        name: "agents",
        summary: "agent programs of somebody else's as members of the team, and how one is described",
        rows: AgentProgram.fields.map { ($0.name, $0.text) },
        text: """
            openclaw run --agent claude has Claude Code do every role's work, --agent reviewer=codex one
            role's; a role file says agent: claude. openclaw is the agent that comes with the kit. A program
            without has_tools does what coders do, and the other roles stay with our own agent.

            The program runs unchanged in the sandbox of its role: the role's files, no network but a relay
            to the model gateway, a home in memory. It edits the clone in place; when it ends with 0, what
            lies there is handed over like any work, and anything else is one failed attempt. It gets one
            task a run. By MCP it has complete_task and those of verdict, comment, plan, assign, message,
            notes, tasks and run_tests that its role has.

            It is found in PATH, ~/.local/bin, pipx, uv tools, npm, nvm and Python packages, and its own
            files are shown to guests, read-only. Its settings and logins in your home are not: the
            session's model and key are used. What is described in agents/NAME.yaml in AEGIS_OPENCLAW_HOME
            adds to the kit's or takes its place.
            """)
}
