// openclaw sandbox: what a role may do on this machine, in words and in fact.
import Egress
import Glibc
import Kit
import Service
import System

extension Command {
    static let sandbox = Command(
        name: "sandbox", operands: "explain ROLE | run ROLE -- COMMAND…",
        summary: "say what a role's tools may do, or run a command as one",
        options: [
            OptionSpec(
                "dir", value: "DIR", "the directory that stands for the agent's clone; here by default"),
            OptionSpec("report", value: "FILE", "write the layers that held and what was refused, as JSON"),
            OptionSpec("without", value: "LAYER", "switch a layer off, to see what the others hold"),
        ],
        notes:
            "ROLE is a role of the installed kit, or a file. run exits with the command's code, 124 "
            + "after the "
            + "time limit, 125 when no sandbox could be made. What was refused is said on standard error."
    ) { (arguments) throws(CLIError) in
        guard arguments.positional.count >= 2 else {
            throw CLIError(.usage, "explain or run, and a role", hint: "openclaw sandbox explain coder")
        }
        let role = try SandboxCommand.role(arguments.positional[1])
        let command = SandboxCommand(role: role, arguments: arguments)
        switch arguments.positional[0] {
        case "explain": return try command.explain(Terminal(json: arguments.has("json")))
        case "run": return try command.run(Array(arguments.positional.dropFirst(2)))
        default:
            throw CLIError(
                .usage, "there is no openclaw sandbox \(arguments.positional[0])", hint: "explain, or run")
        }
    }
}

struct SandboxCommand {
    let role: Role
    let arguments: Arguments

    static func role(_ name: String) throws(CLIError) -> Role {
        let roles = Roles(home: Home())
        do {
            if name.contains("/") || name.hasSuffix(".yaml") {
                let text = try Files.readText(name, limit: Roles.fileLimit)
                let stem = String(Files.name(of: name).prefix { $0 != "." })
                return try roles.check(Roles.File(name: stem, path: name, text: text))
            }
            if let role = try roles.role(name) { return role }
        } catch {
            throw CLIError(.usage, "read the role \(name): \(error)")
        }
        throw CLIError(
            .usage, "there is no role \(name)",
            hint: roles.names.isEmpty
                ? "install the kit: openclaw kit install dist/kit"
                : "known: \(roles.names.joined(separator: ", "))")
    }

    private var directory: String {
        get throws(CLIError) {
            do throws(SystemError) {
                return try Files.realPath(arguments.value("dir") ?? ".")
            } catch {
                throw CLIError(.usage, "\(error)")
            }
        }
    }

    func explain(_ terminal: Terminal) throws(CLIError) -> ExitCode {
        let policy = GuestDocument.policy(of: role, agent: "\(role.name)-1")
        if terminal.wantsJSON {
            terminal.json(policy.json)
            return .done
        }
        terminal.line(terminal.bold("\(role.name)") + ": \(role.description)")
        for (name, text) in policy.explanation where !text.isEmpty {
            let pad = String(repeating: " ", count: max(1, 14 - name.count))
            terminal.line("  \(name)\(pad)\(text)")
        }
        return .done
    }

    func run(_ command: [String]) throws(CLIError) -> ExitCode {
        guard !command.isEmpty else {
            throw CLIError(.usage, "no command", hint: "openclaw sandbox run \(role.name) -- make test")
        }
        var policy = SandboxPolicy.local(role, directory: try directory)
        adoptOwner(&policy, of: try directory)
        let code: Int32
        do throws(SystemError) {
            let proxy = try openProxy(&policy)
            defer { proxy?.stop() }
            code = try spawn(policy, command)
        } catch {
            throw CLIError(.noPlatform, "run \(command[0]) in the sandbox: \(error)")
        }
        // The command's own code, whatever it is.
        guard let known = ExitCode(rawValue: code) else { exit(code) }
        return known
    }

    /// A tool is never root; run by root, it is the directory's owner, so that it can work there.
    private func adoptOwner(_ policy: inout SandboxPolicy, of directory: String) {
        guard Credentials.effectiveUser() == 0, let status = try? Files.status(directory) else { return }
        if status.user != 0, status.group != 0 {
            (policy.uid, policy.gid) = (status.user, status.group)
        } else if role.workspace == .clone {
            Terminal.note(
                "openclaw: \(directory) belongs to root; the command is user \(policy.uid) and cannot "
                    + "write there"
            )
        }
    }

    /// The egress proxy of a session, for one command: on this machine's loopback, with a token of its own.
    private func openProxy(_ policy: inout SandboxPolicy) throws(SystemError) -> EgressProxy? {
        guard policy.network == .proxy else { return nil }
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        policy.proxy = "127.0.0.1:\(try Sockets.localPort(listener.raw))"
        let token = Random.hex(16)
        policy.proxyToken = token
        let caller = EgressCaller(agent: "local", role: role.name, hosts: role.egress)
        let proxy = EgressProxy(
            listener: listener, caller: { $0 == token ? caller : nil }, record: { _ in },
            log: { Terminal.note("openclaw: \($0)") })
        proxy.start()
        return proxy
    }

    private func spawn(_ policy: SandboxPolicy, _ command: [String]) throws(SystemError) -> Int32 {
        let program = "\(Home().kit)/guest/openclaw-sandbox"
        let directory = try Files.temporaryDirectory(prefix: "openclaw-sandbox")
        defer { try? Files.removeTree(directory) }
        let report = try Files.open("\(directory)/report", O_RDWR | O_CREAT, mode: 0o600).shared()
        try Files.write("\(directory)/policy", policy.json.serialized())
        let document = try Files.open("\(directory)/policy").shared()
        var words = [program, "--live"]
        for layer in arguments.options["without"] ?? [] { words += ["--without", layer] }
        let child = try Spawn.start(
            Spawn.Command(
                words + ["--"] + command, stdin: .inherit, stdout: .inherit, stderr: .inherit,
                descriptors: [(document.raw, 3), (report.raw, 4)], newSession: false))
        let status = try child.wait()
        let text = (try? Files.readText("\(directory)/report", limit: 1 << 20)) ?? ""
        if let path = arguments.value("report") { try Files.write(path, Array(text.utf8)) }
        let outcome = try? JSON.parse(text)
        if let error = outcome?["error"]?.stringValue {
            Terminal.note("openclaw: no sandbox: " + Terminal.harmless(error))
        }
        for denial in outcome?["denials"]?.arrayValue ?? [] {
            let count = denial["count"]?.intValue ?? 1
            let what = Terminal.harmless(denial["what"]?.stringValue ?? "")
            Terminal.note("openclaw: denied\(count > 1 ? " \(count) times" : ""): \(what)")
        }
        return status.shellCode
    }
}
