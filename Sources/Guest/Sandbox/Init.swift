import Glibc
import Kit
import System

/// What a call consists of, as all three processes know it.
struct Call {
    let policy: SandboxPolicy
    let command: [String]
    let options: CallOptions
}

/// The ends of the parent's pipes, in init and tool.
struct Ends {
    /// Nil with a terminal.
    var output: Int32?
    var errors: Int32?
    /// JSON lines about what held and how it ended.
    var facts: Int32
    /// Descriptors on their way to the parent, each with a letter that says what it is.
    var side: Int32
}

/// What is handed to the parent over the side channel.
enum Handed: UInt8 {
    case hello = 0x68
    case filterListener = 0x73
    case relayListener = 0x72
    case terminal = 0x74
}

/// The first process of the pid namespace: makes the file system and the network, starts the tool, reaps, and
/// takes everybody along when it ends.
struct Init {
    let call: Call
    let ends: Ends
    let group: ControlGroup?
    var layers: [String: JSON]

    private var policy: SandboxPolicy { call.policy }

    func run() -> Never {
        var layers = layers
        do throws(SandboxError) {
            try attempt("die with the parent") { () throws(SystemError) in
                try Processes.setParentDeathSignal(SIGKILL)
                // A parent that died before that call is noticed here: its end is closed.
                try hand(.hello, nil)
            }
            // Blocked, so that init hears TERM at all: an init without a handler is not told.
            let signals = try attempt("hear signals") { () throws(SystemError) in
                try Signals([SIGTERM, SIGCHLD])
            }
            try network(&layers)
            try Root(policy: policy, isLoose: call.options.without.contains("mounts")).make(&layers)
            let terminal = try terminal()
            // The tool's user must not read us, not even as the same user of an outer namespace.
            try attempt("become unreadable") { () throws(SystemError) in try Processes.setDumpable(false) }
            let tool = try attempt("fork") { () throws(SystemError) in try Processes.fork() }
            if tool == 0 {
                Tool(
                    call: call, ends: ends, terminal: terminal, hasGroup: group?.holdsMemory ?? false,
                    layers: layers
                )
                .run()
            }
            // The outputs end when the tool and its children end them, not when we do.
            for end in [ends.output, ends.errors, ends.side] { if let end { close(end) } }
            terminal?.leader.close()
            terminal?.follower.close()
            try reap(tool, signals)
        } catch {
            Self.say(["error": .string(error.description)], to: ends.facts)
        }
        exit(Sandbox.Exit.failed)
    }

    private func hand(_ what: Handed, _ descriptor: Int32?) throws(SystemError) {
        try Self.hand(what, descriptor, to: ends.side)
    }

    static func hand(_ what: Handed, _ descriptor: Int32?, to side: Int32) throws(SystemError) {
        try Sockets.send(side, [what.rawValue], passing: descriptor)
    }

    /// A network of the tool's own: a loopback, and for roles with hosts the relay's listener on it.
    private func network(_ layers: inout [String: JSON]) throws(SandboxError) {
        var kinds: NamespaceKinds = [.cgroup]
        let isOwn = policy.network != .guest && !call.options.without.contains("net_ns")
        if isOwn { kinds.insert(.net) }
        try attempt("make namespaces") { () throws(SystemError) in try Namespaces.unshare(kinds) }
        layers["cgroup_ns"] = true
        layers["net_ns"] = JSON(isOwn)
        guard isOwn else { return }
        do throws(SystemError) {
            try Netlink().linkUp("lo")
        } catch {
            layers["loopback"] = .string("down: \(error)")
        }
        guard policy.network == .proxy else { return }
        try attempt("listen for the tool's connections") { () throws(SystemError) in
            let listener = try Sockets.listenTCP("127.0.0.1", port: Relay.toolPort)
            try hand(.relayListener, listener.raw)
        }
        layers["egress"] = "proxy"
    }

    private func terminal() throws(SandboxError) -> Terminal? {
        guard let size = call.options.terminal else { return nil }
        let terminal = try Terminal(columns: size.columns, rows: size.rows)
        try attempt("hand the terminal over") { () throws(SystemError) in
            try hand(.terminal, terminal.leader.raw)
        }
        return terminal
    }

    private func reap(_ tool: Int32, _ signals: Signals) throws(SandboxError) {
        while true {
            let signal = try attempt("wait for a signal") { () throws(SystemError) in try signals.next() }
            if signal == SIGTERM {
                // Everybody in this namespace but us.
                _ = Glibc.kill(-1, SIGTERM)
                continue
            }
            var status: Int32 = 0
            while true {
                let pid = waitpid(-1, &status, WNOHANG)
                guard pid > 0 else { break }
                if pid == tool {
                    Self.say(["status": JSON(Int(status))], to: ends.facts)
                    // Leaving ends whoever is left.
                    exit(0)
                }
            }
        }
    }

    static func say(_ fact: JSON, to descriptor: Int32) {
        // The parent alone reads this; when it is gone, so are we.
        try? IO.writeAll(descriptor, fact.serialized() + [0x0A])
    }
}
