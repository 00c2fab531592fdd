import Glibc
import Kit
import System

/// The first process of the pid namespace: makes the file system, starts the tool, reaps, and takes everybody
/// along when it ends.
struct Init {
    struct Ends {
        var output: Int32
        var errors: Int32
        var facts: Int32
    }

    let policy: SandboxPolicy
    let command: [String]
    let ends: Ends
    var layers: [String: JSON]

    init(policy: SandboxPolicy, command: [String], ends: Ends, layers: [String: JSON]) {
        (self.policy, self.command, self.ends, self.layers) = (policy, command, ends, layers)
    }

    func run() -> Never {
        var layers = layers
        do throws(SandboxError) {
            try attempt("die with the parent") { () throws(SystemError) in
                try Processes.setParentDeathSignal(SIGKILL)
            }
            // Blocked, so that init hears TERM at all: an init without a handler is not told.
            let signals = try attempt("hear signals") { () throws(SystemError) in
                try Signals([SIGTERM, SIGCHLD])
            }
            try FileView(policy: policy).make(&layers)
            let tool = try attempt("fork") { () throws(SystemError) in try Processes.fork() }
            if tool == 0 { Tool(policy: policy, command: command, ends: ends, layers: layers).run() }
            // The outputs end when the tool and its children end them, not when we do.
            for end in [ends.output, ends.errors] { close(end) }
            try reap(tool, signals)
        } catch {
            Self.say(["error": .string(error.description)], to: ends.facts)
        }
        exit(Sandbox.Exit.failed)
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
        try? IO.writeAll(descriptor, fact.serialized() + [0x0A])
    }
}

/// What the tool sees of the file system.
struct FileView {
    let policy: SandboxPolicy

    func make(_ layers: inout [String: JSON]) throws(SandboxError) {
        try attempt("part from the outer mounts") { () throws(SystemError) in try Mounts.makePrivate("/") }
        // Taken before everything becomes read-only: a copy of a mount keeps its own flags.
        var trees: [(target: String, tree: SharedDescriptor)] = []
        for view in policy.views where view.mode == .writable {
            let tree = try attempt("open \(view.source)") { () throws(SystemError) in
                SharedDescriptor(try Mounts.openTree(view.source))
            }
            trees.append((view.target, tree))
        }
        try attempt("make the system read-only") { () throws(SystemError) in
            try Mounts.restrict("/", [.readOnly, .noSetuid], recursive: true)
        }
        try memory()
        try process(&layers)
        for (target, tree) in trees {
            try attempt("show \(target)") { () throws(SystemError) in
                try Mounts.attach(tree: tree.raw, at: target)
                try Mounts.restrict(target, [.noSetuid, .noDevices], recursive: false)
            }
        }
        for view in policy.views where view.mode == .readOnly && view.source != view.target {
            try attempt("show \(view.source)") { () throws(SystemError) in
                try Mounts.bind(view.source, view.target, readOnly: true, recursive: true)
            }
        }
        for view in policy.views where view.mode == .copy { try copy(view) }
        try cover(&layers)
    }

    /// Private memory in the places that programs write to.
    private func memory() throws(SandboxError) {
        for (path, size, mode) in [
            ("/tmp", policy.tmpMB, "1777"), ("/var/tmp", policy.tmpMB, "1777"), ("/dev/shm", 64, "1777"),
            ("/run", 1, "755"),
        ] where Files.isDirectory(path) {
            try attempt("make \(path)") { () throws(SystemError) in
                try Mounts.mount(
                    "tmp", path, type: "tmpfs", flags: [.noSetuid, .noDevices],
                    data: "size=\(size)m,mode=\(mode)")
            }
        }
    }

    private func process(_ layers: inout [String: JSON]) throws(SandboxError) {
        do throws(SystemError) {
            try Mounts.mount("proc", "/proc", type: "proc", flags: [.noSetuid, .noDevices, .noExecute])
            layers["proc"] = "own"
        } catch {
            // An outer container shows only parts of its own; then ours may not be mounted either.
            layers["proc"] = .string("outer, read-only (\(error))")
        }
    }

    /// As the tool's user, so that everything in it is its own.
    private func copy(_ view: SandboxPolicy.View) throws(SandboxError) {
        try attempt("make room for \(view.target)") { () throws(SystemError) in
            try Mounts.mount(
                "copy", view.target, type: "tmpfs", flags: [.noSetuid, .noDevices],
                data:
                    "size=\(max(policy.tmpMB, 64))m,mode=755,\(owner)"
            )
        }
        let child = try attempt("fork") { () throws(SystemError) in try Processes.fork() }
        if child == 0 {
            _ = try? Tool.becomeUser(policy)
            let failure = Processes.execute(
                "/bin/cp", ["cp", "-R", "--preserve=mode,links", "--", "\(view.source)/.", view.target],
                environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"])
            _ = failure
            exit(127)
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw SandboxError(
                "copy \(view.source) to \(view.target): \(Spawn.ExitStatus(waitStatus: status))")
        }
    }

    private var owner: String { "uid=\(mapped(policy.uid)),gid=\(mapped(policy.gid))" }
    private func mapped(_ id: UInt32) -> UInt32 { Tool.isMapped(id) ? id : 0 }

    private func cover(_ layers: inout [String: JSON]) throws(SandboxError) {
        var missing: [String] = []
        for path in policy.protected {
            guard Files.exists(path) else {
                missing.append(path)
                continue
            }
            try attempt("protect \(path)") { () throws(SystemError) in
                try Mounts.bind(path, path, readOnly: true, recursive: Files.isDirectory(path))
            }
        }
        if !missing.isEmpty { layers["unprotected"] = JSON(missing) }
        for path in policy.hidden where Files.exists(path) {
            try attempt("hide \(path)") { () throws(SystemError) in
                if Files.isDirectory(path) {
                    try Mounts.mount(
                        "hidden", path, type: "tmpfs", flags: [.readOnly], data: "size=4k,mode=000")
                } else {
                    try Mounts.bind("/dev/null", path, readOnly: true)
                }
            }
        }
    }
}
