import Glibc
import Kit
import System

/// Keeps time and output, and says in the end what held.
struct Parent {
    let policy: SandboxPolicy
    let command: [String]
    let outputFile: String?
    private var layers: [String: JSON] = [:]
    private var failure: String?
    private var status: Spawn.ExitStatus?

    init(policy: SandboxPolicy, command: [String], outputFile: String?) {
        (self.policy, self.command, self.outputFile) = (policy, command, outputFile)
    }

    /// What came of it.
    struct Outcome {
        var exitCode: Int32
        var report: JSON
    }

    mutating func run() throws(SandboxError) -> Outcome {
        let start = Clock.monotonicNanoseconds()
        try enterNamespaces()
        let output = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let errors = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let facts = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let initial = layers
        let pid = try attempt("fork") { () throws(SystemError) in try Processes.fork() }
        if pid == 0 {
            let ends = Init.Ends(
                output: output.writer.raw, errors: errors.writer.raw, facts: facts.writer.raw)
            Init(policy: policy, command: command, ends: ends, layers: initial).run()
        }
        for end in [output.writer, errors.writer, facts.writer] { end.close() }
        var standardOutput = Capture(policy)
        var standardError = Capture(policy)
        var said: [UInt8] = []
        let timedOut = try pump(
            pid, [output.reader.raw, errors.reader.raw, facts.reader.raw], &standardOutput, &standardError,
            &said)
        _ = try attempt("wait") { () throws(SystemError) in try Processes.waitPID(pid) }
        hear(said)
        standardOutput.finish(1, copy: outputFile)
        standardError.finish(2, copy: nil)
        return outcome(start, timedOut, standardOutput, standardError)
    }

    private func outcome(_ start: Int64, _ timedOut: Bool, _ output: Capture, _ errors: Capture) -> Outcome {
        let code: Int32 =
            failure != nil
            ? Sandbox.Exit.failed : timedOut ? Sandbox.Exit.timeout : status?.shellCode ?? Sandbox.Exit.failed
        var denials: [JSON] = []
        if case .signalled(let signal) = status, signal == SIGSYS {
            denials.append(["layer": "seccomp", "what": "a system call that no tool needs ended the command"])
        }
        if case .signalled(let signal) = status, signal == SIGXCPU || signal == SIGXFSZ {
            denials.append([
                "layer": "rlimits",
                "what": signal == SIGXCPU ? "CPU time is used up" : "a file grew too large",
            ])
        }
        var report: JSON = [
            "exit_code": JSON(Int(code)), "timed_out": JSON(timedOut),
            "duration_ms": JSON((Clock.monotonicNanoseconds() - start) / 1_000_000),
            "stdout_bytes": JSON(output.total), "stderr_bytes": JSON(errors.total),
            "elided_bytes": JSON(output.elided + errors.elided), "layers": .object(layers),
            "denials": .array(denials),
        ]
        if case .signalled(let signal) = status { report["signal"] = JSON(Int(signal)) }
        if let failure { report["error"] = .string(failure) }
        if failure == nil, status == nil, !timedOut { report["error"] = "the sandbox ended without a status" }
        return Outcome(exitCode: code, report: report)
    }

    // MARK: Namespaces

    /// An ordinary user needs a user namespace for all the others, and is root in it, with one id.
    private mutating func enterNamespaces() throws(SandboxError) {
        var kinds: NamespaceKinds = [.mount, .pid, .ipc, .uts, .cgroup]
        let isRoot = Credentials.effectiveUser() == 0
        if !isRoot {
            let (user, group) = (Credentials.effectiveUser(), Credentials.effectiveGroup())
            try attempt("make a user namespace") { () throws(SystemError) in
                try Namespaces.unshare(.user)
                try Namespaces.writeIDMaps(
                    Processes.current(), users: [.init(inside: 0, outside: user, count: 1)],
                    groups: [.init(inside: 0, outside: group, count: 1)], denySetGroups: true)
            }
        }
        if policy.network == .none { kinds.insert(.net) }
        try attempt("make namespaces") { () throws(SystemError) in try Namespaces.unshare(kinds) }
        layers["user_ns"] = JSON(!isRoot)
        for name in ["mount_ns", "pid_ns", "ipc_ns", "uts_ns", "cgroup_ns"] { layers[name] = true }
        layers["net_ns"] = JSON(policy.network == .none)
        guard policy.network == .none else { return }
        do throws(SystemError) {
            try Netlink().linkUp("lo")
        } catch {
            layers["loopback"] = .string("down: \(error)")
        }
    }

    // MARK: Output and time

    /// Reads until all three pipes have ended or time is over; true for the latter.
    private func pump(
        _ pid: Int32, _ ends: [Int32], _ output: inout Capture, _ errors: inout Capture, _ said: inout [UInt8]
    ) throws(SandboxError) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + Int64(policy.timeoutMilliseconds) * 1_000_000
        var killAt: Int64?
        var open = ends
        while !open.isEmpty {
            let now = Clock.monotonicNanoseconds()
            let next = killAt ?? deadline
            if now >= next {
                // First the init tells everybody; then it dies, and everybody with it.
                _ = Glibc.kill(pid, killAt == nil ? SIGTERM : SIGKILL)
                if killAt != nil { return true }
                killAt = now + Int64(policy.graceMilliseconds) * 1_000_000
                continue
            }
            var entries = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let wait = Int((next - now) / 1_000_000) + 1
            try attempt("poll") { () throws(SystemError) in try IO.poll(&entries, timeoutMilliseconds: wait) }
            for entry in entries where entry.revents != 0 {
                let bytes = try attempt("read") { () throws(SystemError) in try IO.read(entry.fd) }
                if bytes.isEmpty { open.removeAll { $0 == entry.fd } }
                switch entry.fd {
                case ends[0]: output.add(bytes)
                case ends[1]: errors.add(bytes)
                default: if said.count < 1 << 20 { said += bytes }
                }
            }
        }
        return killAt != nil
    }

    /// What init and tool said about themselves, a JSON object a line.
    private mutating func hear(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 0x0A) {
            guard let fact = try? JSON.parse(Array(line)) else { continue }
            for (name, value) in fact["layers"]?.objectValue ?? [:] { layers[name] = value }
            if let text = fact["error"]?.stringValue { failure = failure ?? text }
            if let value = fact["status"]?.intValue {
                status = Spawn.ExitStatus(waitStatus: Int32(truncatingIfNeeded: value))
            }
        }
    }
}

/// One output: its start, its end, and how much there was between.
struct Capture {
    private let headLimit: Int
    private let tailLimit: Int
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private(set) var total = 0

    init(_ policy: SandboxPolicy) {
        headLimit = policy.outputHeadBytes
        tailLimit = policy.outputTailBytes
    }

    var elided: Int { total - head.count - min(tail.count, tailLimit) }

    mutating func add(_ bytes: [UInt8]) {
        total += bytes.count
        let room = min(headLimit - head.count, bytes.count)
        head += bytes.prefix(room)
        tail += bytes.dropFirst(room)
        // Cut rarely: each cut moves what is kept.
        if tail.count > 4 * tailLimit + 65536 { tail.removeFirst(tail.count - tailLimit) }
    }

    /// Writes it out.
    func finish(_ descriptor: Int32, copy: String?) {
        var bytes = head
        if elided > 0 { bytes += Array("\n… \(elided) bytes elided …\n".utf8) }
        bytes += tail.suffix(tailLimit)
        // A reader that has left wants nothing more.
        try? IO.writeAll(descriptor, bytes)
        if let copy { try? Files.write(copy, bytes) }
    }
}
