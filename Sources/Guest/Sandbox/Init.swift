import Glibc
import Kit
import System

/// What a call consists of, as all three processes know it.
struct Call {
    let policy: SandboxPolicy
    let command: [String]
    let options: CallOptions

    /// The caller has not switched this layer off.
    func has(_ layer: String) -> Bool { !options.without.contains(layer) }
    /// Whether the network is the tool's own.
    var hasNetwork: Bool { policy.network != .guest && has("net_ns") }
}

/// The ends of the parent's pipes, in init and tool.
struct Ends {
    /// Nil with a terminal.
    var output: Int32?
    var errors: Int32?
    var side: Side
}

/// The first process of the pid namespace: makes the file system, starts the tool, reaps, and takes everybody
/// along when it ends. It was born in its namespaces.
struct Init {
    let call: Call
    let ends: Ends
    let group: ControlGroup?
    let filter: SystemCallFilter.Programs?
    var layers: [String: JSON]

    private var policy: SandboxPolicy { call.policy }

    func run() -> Never {
        var layers = layers
        do throws(SandboxError) {
            try attempt("die with the parent") { () throws(SystemError) in
                try Processes.setParentDeathSignal(SIGKILL)
            }
            // A parent that died before that sends no signal any more, but its end is closed.
            guard ends.side.isOpen else { _exit(Sandbox.Exit.failed) }
            // Blocked, so that init hears TERM at all: an init without a handler is not told.
            let signals = try attempt("hear signals") { () throws(SystemError) in
                try Signals([SIGTERM, SIGCHLD])
            }
            if group != nil {
                // From inside the group, so that it is the root of what is seen.
                try attempt("make a cgroup namespace") { () throws(SystemError) in
                    try Namespaces.unshare(.cgroup)
                }
            }
            try network(&layers)
            try Root(policy: policy, isLoose: !call.has("mounts")).make(&layers)
            let terminal = try terminal()
            let tool = try start(terminal, layers)
            // The outputs end when the tool and its children end them, not when we do.
            for end in [ends.output, ends.errors] { if let end { close(end) } }
            terminal?.leader.close()
            terminal?.follower.close()
            try reap(tool, signals)
        } catch {
            ends.side.fail(error)
        }
        _exit(Sandbox.Exit.failed)
    }

    /// The tool borrows our memory until its exec, which saves copying it.
    private func start(_ terminal: Terminal?, _ layers: [String: JSON]) throws(SandboxError) -> Int32 {
        let isMapped = Privileges(policy).isMapped
        let isRenumbered = !isMapped && call.has("uid")
        // The tool's user must not read us, not even as the same user of an outer namespace. A tool that
        // writes its own user map must be readable for that; it ends this itself before its exec.
        try attempt("become unreadable") { () throws(SystemError) in
            try Processes.setDumpable(isRenumbered)
        }
        let tool = Tool(
            call: call, ends: ends, terminal: terminal, hasGroup: group?.holdsMemory ?? false,
            isMapped: isMapped, filter: filter, layers: layers)
        return try attempt("start the tool") { () throws(SystemError) in
            try Processes.lend(into: isRenumbered ? .user : []) { tool.run() }
        }
    }

    /// A loopback, and the listeners of the relays on it.
    private func network(_ layers: inout [String: JSON]) throws(SandboxError) {
        guard call.hasNetwork else { return }
        do throws(SystemError) {
            try Sockets.bringLoopbackUp()
        } catch {
            layers["loopback"] = .string("down: \(error)")
        }
        if policy.network == .proxy {
            try listen(GuestDocument.proxyPort, .relay)
            layers["egress"] = "proxy"
        }
        if !policy.models.isEmpty {
            try listen(GuestDocument.modelPort, .models)
            layers["models"] = "relay"
        }
    }

    private func listen(_ port: UInt16, _ what: Told) throws(SandboxError) {
        try attempt("listen for the tool's connections") { () throws(SystemError) in
            let listener = try Sockets.listenTCP("127.0.0.1", port: port)
            try ends.side.tell(what, passing: listener.raw)
        }
    }

    private func terminal() throws(SandboxError) -> Terminal? {
        guard let size = call.options.terminal else { return nil }
        let terminal = try Terminal(columns: size.columns, rows: size.rows)
        try attempt("hand the terminal over") { () throws(SystemError) in
            try ends.side.tell(.terminal, passing: terminal.leader.raw)
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
                    try attempt("tell the end") { () throws(SystemError) in
                        try ends.side.tell(.status, Array("\(status)".utf8))
                    }
                    // Leaving ends whoever is left.
                    _exit(0)
                }
            }
        }
    }
}
