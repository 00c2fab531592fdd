// openclaw roles: what agents may be, beyond those of the kit.
import Glibc
import Kit
import Service
import System

extension Command {
    static let roles = Command(
        name: "roles", operands: "list | show NAME | new NAME | check [FILE] | trust NAME | untrust NAME",
        summary: "what agents are told and allowed; roles of your own", group: .work,
        operandKinds: [.words(["list", "show", "new", "check", "trust", "untrust"]), .role], operandLimit: 2,
        options: [
            OptionSpec(
                "repo", value: "PATH", kind: .directory,
                "the repository whose .openclaw/roles count too; . by default"),
            OptionSpec(
                "extends", value: "ROLE", kind: .role, "with new: the role to build on; coder by default"),
            OptionSpec("yes", short: "y", "with trust: do not ask"),
        ],
        notes: """
            A repository's roles are used only after you trust them with openclaw roles trust. It is the
            content of the file that is trusted: when it changes, it has to be trusted again. See openclaw
            help roles.
            """,
        examples: [
            "openclaw roles new docs-writer", "openclaw roles check", "openclaw roles trust fuzzer --repo .",
        ]
    ) { (arguments) throws(CLIError) in
        let command = RolesCommand(
            home: Home(), repository: arguments.value("repo") ?? ".", terminal: Terminal(arguments))
        let words = arguments.positional
        switch (words.first ?? "list", words.count) {
        case ("list", ...1): return try command.list()
        case ("show", 2): return try command.show(words[1])
        case ("new", 2): return try command.new(words[1], extends: arguments.value("extends") ?? "coder")
        case ("check", ...2): return try command.check(words.dropFirst().first)
        case ("trust", 2): return try command.trust(words[1], isSure: arguments.has("yes"))
        case ("untrust", 2): return try command.untrust(words[1])
        default:
            throw CLIError(
                .usage,
                "openclaw roles needs one of: list, show NAME, new NAME, check [FILE], trust NAME, "
                    + "untrust NAME"
            )
        }
    }
}

struct RolesCommand {
    let home: Home
    let terminal: Terminal
    let library: Library
    let trusted: RoleTrust
    /// The repository's .mcp.json is trusted and checked like a role.
    let repository: String

    init(home: Home, repository: String, terminal: Terminal) {
        (self.home, self.terminal, self.repository) = (home, terminal, repository)
        library = Library("roles", home: home, repository: repository)
        trusted = RoleTrust(home: home)
    }

    func file(_ entry: Library.Entry) -> Roles.File {
        Roles.File(name: entry.name, path: entry.path, text: entry.text)
    }

    /// The role, checked; roles of a repository may build on each other.
    func read(_ entry: Library.Entry, _ all: [Library.Entry]) throws(CLIError) -> Role {
        var roles = Roles(home: home)
        if entry.origin == .repository {
            for other in all where other.origin == .repository && other.name != entry.name {
                roles.add(file(other))
            }
        }
        do throws(RoleError) {
            return try roles.check(file(entry))
        } catch {
            throw CLIError(.usage, error.description, hint: "correct the lines named above")
        }
    }

    private func standing(_ entry: Library.Entry, isHidden: Bool) -> String {
        if isHidden { return "its name is taken" }
        guard entry.origin == .repository else { return "" }
        return trusted.trusts(entry.text) ? "trusted" : "not trusted"
    }

    func list() throws(CLIError) -> ExitCode {
        let all = try library.all()
        var seen: Set<String> = []
        var rows: [[String]] = []
        for entry in all {
            let isHidden = !seen.insert(entry.name).inserted
            let standing = standing(entry, isHidden: isHidden)
            var about: String
            var isSound = true
            do throws(CLIError) {
                about = Terminal.harmless(try read(entry, all).description)
            } catch {
                about = terminal.bad("broken: openclaw roles check")
                isSound = false
            }
            if terminal.wantsJSON {
                terminal.json([
                    "name": .string(entry.name), "from": .string(entry.origin.rawValue),
                    "path": .string(entry.path),
                    "ok": JSON(isSound), "hidden": JSON(isHidden), "trusted": JSON(standing != "not trusted"),
                ])
            }
            rows.append([entry.name, entry.origin.rawValue, standing, about])
        }
        if let row = try serversRow() { rows.append(row) }
        guard !terminal.wantsJSON else { return .done }
        guard !rows.isEmpty else {
            throw CLIError(
                .notFound, "there are no roles", hint: "install the kit: openclaw kit install dist/kit")
        }
        let titles = ["ROLE", "FROM", "", "WHAT IT DOES"].map(terminal.dim)
        for line in Show.table([titles] + rows, limit: terminal.isInteractive ? terminal.columns : nil) {
            terminal.line(line)
        }
        return .done
    }

    func show(_ name: String) throws(CLIError) -> ExitCode {
        if name == RepositoryServers.fileName { return try showServers() }
        let entry = try library.find(name)
        let role = try read(entry, try library.all())
        let json: JSON = [
            "name": .string(role.name), "description": .string(role.description), "path": .string(entry.path),
            "workspace": .string(role.workspace.rawValue), "tools": JSON(role.tools),
            "egress": JSON(role.egress),
            "model": role.model.map { .string($0) } ?? .null, "turns": JSON(role.turns),
            "max_tokens": JSON(role.maxTokens), "context_tokens": JSON(role.contextTokens),
            "seccomp": .string(role.filter.rawValue), "require": JSON(role.require),
            "command": role.command.map { JSON($0) } ?? .null,
            "agent": role.agent.map { .string($0) } ?? .null, "mcp": .array(role.mcp.map(\.json)),
            "language_servers": .object(role.languageServers.mapValues { JSON($0) }),
            "does_planned_work": JSON(role.doesPlannedWork),
            "digest": .string(RoleTrust.digest(entry.text)), "prompt": .string(role.prompt),
        ]
        guard !terminal.wantsJSON else {
            terminal.json(json)
            return .done
        }
        terminal.line("\(terminal.bold(role.name))  \(Terminal.harmless(role.description))")
        var rows = [
            ["from", entry.path], ["workspace", role.workspace.rawValue],
            ["tools", role.tools.joined(separator: ", ")],
            ["egress", role.egress.isEmpty ? "none" : role.egress.joined(separator: ", ")],
            ["model", role.model ?? "the session's"],
            [
                "limits",
                "\(role.turns) turns, \(role.maxTokens) tokens an answer, \(role.contextTokens) in all",
            ],
            ["sandbox", "\(role.filter.rawValue); demands \(role.require.joined(separator: ", "))"],
            [
                "plans",
                role.doesPlannedWork ? "can do their tasks" : "cannot do their tasks: it has no clone",
            ],
            ["digest", RoleTrust.digest(entry.text)],
        ]
        if !role.mcp.isEmpty { rows.append(["servers", role.mcp.map(Self.line).joined(separator: "; ")]) }
        if let agent = role.agent { rows.append(["agent", agent]) }
        if let command = role.command { rows.append(["command", command.joined(separator: " ")]) }
        if !role.languageServers.isEmpty {
            rows.append(["language servers", Language.choice(role.languageServers)])
        }
        if entry.origin == .repository { rows.append(["trust", standing(entry, isHidden: false)]) }
        for line in Show.table(rows.map { $0.map { Terminal.harmless($0) } }) { terminal.line("  " + line) }
        terminal.line("\nPrompt")
        for line in role.prompt.byteLines {
            terminal.line("  " + Terminal.harmless(String(line)))
        }
        return .done
    }

    func new(_ name: String, extends base: String) throws(CLIError) -> ExitCode {
        guard Role.isName(name) else {
            throw CLIError(
                .usage, "\(name) is no role's name: small letters, digits and dashes, a letter first")
        }
        _ = try library.find(base)
        guard !Role.builtIn.contains(name) else {
            throw CLIError(
                .usage, "\(name) is a role of the kit",
                hint: "take another name and build on it with --extends")
        }
        let text = """
            # A role of yours. What it does not say, it takes from the role that it extends.
            name: \(name)
            extends: \(base)
            description: Say in one line what it does.
            # Comes after the prompt of \(base).
            prompt: |
              Say what is special about this role.
            # tools: [bash, read, write, edit, glob, grep, git, notes]
            # egress: [docs.example.org]
            # model: claude-sonnet-5-5
            # limits: {turns: 100}
            # mcp: {docs: {command: [python3, /workspace/integration/tools/docs.py]}}

            """
        let path = try library.create(name, text)
        terminal.done("made \(path); edit it, then: openclaw roles check", ["path": .string(path)])
        return .done
    }

    /// All files, or one.
    func check(_ path: String?) throws(CLIError) -> ExitCode {
        var entries = try library.all()
        if let path, path != RepositoryServers.fileName {
            let isFile = path.contains("/") || path.hasSuffix(".yaml")
            entries = isFile ? [try entry(at: path)] : [try library.find(path)]
        }
        let all = try library.all()
        if path == nil || path == RepositoryServers.fileName, let file = try serversFile() {
            entries = path == nil ? entries + [file] : [file]
        }
        var broken = 0
        for entry in entries {
            do throws(CLIError) {
                try verify(entry, all)
                if terminal.wantsJSON {
                    terminal.json(["path": .string(entry.path), "ok": true])
                } else if terminal.verbosity != .quiet {
                    terminal.line("\(terminal.good("ok"))  \(entry.path)")
                }
            } catch {
                broken += 1
                if terminal.wantsJSON {
                    terminal.json([
                        "path": .string(entry.path), "ok": false, "problems": .string(error.message),
                    ])
                } else {
                    terminal.line(Terminal.harmless(error.message, keepsLines: true))
                }
            }
        }
        return broken == 0 ? .done : .usage
    }

    private func entry(at path: String) throws(CLIError) -> Library.Entry {
        do throws(SystemError) {
            let text = try Files.readText(path, limit: Roles.fileLimit)
            let name = Files.name(of: path)
            return Library.Entry(
                name: name.hasSuffix(".yaml") ? String(name.dropLast(5)) : name, path: path,
                origin: .repository,
                text: text)
        } catch {
            throw CLIError(.notFound, "read the role \(path): \(error)")
        }
    }

    private func ofRepository(_ name: String) throws(CLIError) -> Library.Entry {
        if name == RepositoryServers.fileName { return try neededServersFile() }
        let all = try library.all()
        if let entry = all.first(where: { $0.name == name && $0.origin == .repository }) {
            if let other = all.first(where: { $0.name == name && $0.origin != .repository }) {
                throw CLIError(
                    .usage, "\(entry.path) has a name that is taken by \(other.path)",
                    hint: "a repository cannot replace a role; give it another name")
            }
            return entry
        }
        throw CLIError(
            .notFound, "the repository has no role \(name)",
            hint: "it would be .openclaw/roles/\(name).yaml; roles of the kit and your own need no trust")
    }

    func trust(_ name: String, isSure: Bool) throws(CLIError) -> ExitCode {
        let entry = try ofRepository(name)
        try verify(entry, try library.all())
        if !isSure {
            guard terminal.isInteractive, isatty(0) == 1 else {
                throw CLIError(
                    .usage, "trusting \(entry.path) needs a yes",
                    hint: "look at it with openclaw roles show \(name), then add --yes")
            }
            for line in entry.text.byteLines {
                terminal.line("  " + Terminal.harmless(String(line)))
            }
            Terminal.write("Trust exactly this text? [y/N] ", to: 1)
            let key = Terminal.readKey()
            terminal.line(key.map { "\($0)" } ?? "")
            guard key == "y" || key == "Y" else {
                throw CLIError(.failed, "\(name) is not trusted", hint: "nothing was changed")
            }
        }
        do throws(SystemError) {
            try trusted.add(file(entry), at: Clock.wallMilliseconds())
        } catch {
            throw CLIError(.failed, "write down that \(name) is trusted: \(error)")
        }
        terminal.done(
            "\(name) is trusted as it is now; commit it, since a session takes it from the commit that it "
                + "starts from",
            ["name": .string(name), "digest": .string(RoleTrust.digest(entry.text))])
        return .done
    }

    func untrust(_ name: String) throws(CLIError) -> ExitCode {
        let entry = try ofRepository(name)
        let wasTrusted: Bool
        do throws(SystemError) {
            wasTrusted = try trusted.remove(entry.text)
        } catch {
            throw CLIError(.failed, "write down that \(name) is not trusted: \(error)")
        }
        guard wasTrusted else { throw CLIError(.notFound, "\(name) was not trusted") }
        terminal.done("\(name) is not trusted any more", ["name": .string(name)])
        return .done
    }
}

extension HelpTopic {
    static let roles = HelpTopic(
        name: "roles", summary: "what an agent is told and what the kernel lets it do, in files",
        rows: [
            ("name", "small letters, digits and dashes; also the name of the file, NAME.yaml"),
            (
                "extends",
                "a role whose fields count where this one says nothing; its prompt comes before this one's"
            ),
            ("description", "one line for openclaw roles list"), ("prompt", "what the agent is told"),
            ("tools", "of: \(Role.knownTools.joined(separator: ", "))"),
            (
                "workspace",
                "of: \(Role.Workspace.allCases.map(\.rawValue).joined(separator: ", ")); "
                    + "a plan's tasks need clone"
            ),
            ("egress", "hosts that it may reach; none more than the kit's manifest allows"),
            ("model", "a model of its own"), ("limits", "turns, max_tokens, context_tokens"),
            ("sandbox", "seccomp: shell or strict; require: layers without which nothing runs"),
            ("agent", "an agent program that plays it, such as claude or codex; openclaw help agents"),
            (
                "command",
                "a program of yours that takes its task from the harness's socket, as a list of words; "
                    + "started for each task in the role's own sandbox, with a relay to the gateway"
            ),
            ("mcp", "servers of tools by name, spoken to by the Model Context Protocol; see below"),
            (
                "language_servers",
                "what the lsp tool asks, by language: {python: [ty, server]}; otherwise the first that the "
                    + "guest has. Languages: \(Language.all.map(\.id).joined(separator: ", "))"
            ),
        ],
        text: """
            Files are looked up in this order: roles in AEGIS_OPENCLAW_HOME, the kit's, and .openclaw/roles
            of the repository. A repository cannot take a name that is there, and its roles count only after
            openclaw roles trust NAME, for exactly that content. A plan names a task's role with role: NAME.

            A server is a program of the guest, {command: [WORD, …], env: {…}, secrets: [NAME, …]}, or a
            streamable HTTP address on the role's egress list, {url: …, headers: {…}, bearer: NAME}; both take
            tools: [NAME, …] and timeout_ms. It runs under the role's own sandbox, beside the shell's. Secrets
            come from secrets.yaml in AEGIS_OPENCLAW_HOME (chmod 600), by name. Agents see the tools as
            mcp__SERVER__TOOL. A repository's .mcp.json counts for roles with bash after openclaw roles trust
            .mcp.json; it gets no secret.
            """)
}
