import Glibc
import Kit
import System

/// Keeps time and output, answers what the filter refuses, carries what may leave, and says in the end what
/// held.
struct Parent {
    let call: Call
    private let report: ReportFile
    private var layers: [String: JSON] = [:]
    private var failure: String?
    private var status: Spawn.ExitStatus?

    private var policy: SandboxPolicy { call.policy }

    init(_ call: Call, _ report: ReportFile) { (self.call, self.report) = (call, report) }

    /// What came of it.
    struct Outcome {
        var exitCode: Int32
        var report: JSON
    }

    mutating func run() throws(SandboxError) -> Outcome {
        let began = Clock.monotonicNanoseconds()
        try checkInput()
        let signals = try attempt("hear signals") { () throws(SystemError) in
            try Signals([SIGTERM, SIGINT, SIGHUP])
        }
        let (group, groupReport) = ControlGroup.make(policy.limits)
        defer { group?.remove() }
        layers["cgroup"] = .string(groupReport)
        try becomeRoot()
        var pump = try launch(group, signals)
        try pump.run(policy)
        _ = try attempt("wait") { () throws(SystemError) in try Processes.waitPID(pump.pid) }
        (layers, failure, status) = (pump.layers ?? layers, pump.failure, pump.status)
        if let kills = group?.memoryKills, kills > 0 {
            pump.denials.note(
                "cgroup", "memory", "the command needed more than \(policy.limits.memoryMB) MB of memory")
        }
        pump.output.finish(1, copy: call.options.outputFile)
        pump.errors.finish(2, copy: nil)
        return outcome(began, &pump)
    }

    /// A directory on standard input would be a way around every mount.
    private func checkInput() throws(SandboxError) {
        if let status = try? Files.status(of: 0), status.isDirectory {
            throw SandboxError("standard input is a directory, which a tool is not given")
        }
    }

    private mutating func launch(_ group: ControlGroup?, _ signals: Signals) throws(SandboxError) -> Pump {
        let filter = call.has("seccomp") ? try FilterStore.programs(policy.seccomp) : nil
        let output = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let errors = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let side = try attempt("make a socket") { () throws(SystemError) in
            try Sockets.socketPair(messages: true).split()
        }
        // Everything at once, and only for the child: our own network stays, because the relay needs it.
        var kinds: NamespaceKinds = [.mount, .pid, .ipc, .uts]
        if call.hasNetwork { kinds.insert(.net) }
        if group == nil { kinds.insert(.cgroup) }
        for name in ["mount_ns", "pid_ns", "ipc_ns", "uts_ns", "cgroup_ns"] { layers[name] = true }
        layers["net_ns"] = JSON(call.hasNetwork)
        let hasTerminal = call.options.terminal != nil
        let pid = try attempt("make namespaces") { () throws(SystemError) in
            if let group { return try group.fork(into: kinds) }
            return try Processes.fork(into: kinds)
        }
        if pid == 0 {
            side.first.close()
            let ends = Ends(
                output: hasTerminal ? nil : output.writer.raw, errors: hasTerminal ? nil : errors.writer.raw,
                side: Side(raw: side.second.raw))
            Init(
                call: call, ends: ends, group: group, filter: filter, layers: layers
            ).run()
        }
        for end in [output.writer, errors.writer, side.second] { end.close() }
        return Pump(
            pid: pid, call: call, outputs: (output.reader, errors.reader), side: side.first,
            signals: signals, report: report)
    }

    private func outcome(_ start: Int64, _ pump: inout Pump) -> Outcome {
        let code: Int32 =
            failure != nil
            ? Sandbox.Exit.failed
            : pump.timedOut ? Sandbox.Exit.timeout : status?.shellCode ?? Sandbox.Exit.failed
        if case .signalled(let signal) = status {
            switch signal {
            case SIGSYS:
                pump.denials.note(
                    "seccomp", "architecture",
                    "a system call of another architecture, or of x32, ended the command")
            case SIGXCPU: pump.denials.note("rlimits", "cpu", "the CPU time of this call is used up")
            case SIGXFSZ:
                pump.denials.note("rlimits", "file", "a file grew beyond \(policy.limits.fileMB) MB")
            default: break
            }
        }
        var report: JSON = [
            "exit_code": JSON(Int(code)), "timed_out": JSON(pump.timedOut),
            "duration_ms": JSON((Clock.monotonicNanoseconds() - start) / 1_000_000),
            "stdout_bytes": JSON(pump.output.total), "stderr_bytes": JSON(pump.errors.total),
            "elided_bytes": JSON(pump.output.elided + pump.errors.elided), "layers": .object(layers),
            "denials": .array(pump.denials.json),
        ]
        if case .signalled(let signal) = status { report["signal"] = JSON(Int(signal)) }
        if let failure { report["error"] = .string(failure) }
        if pump.isCancelled { report["cancelled"] = true }
        if failure == nil, status == nil, !pump.timedOut, !pump.isCancelled {
            report["error"] = "the sandbox ended without a status"
        }
        if !call.options.without.isEmpty { report["switched_off"] = JSON(call.options.without.sorted()) }
        return Outcome(exitCode: code, report: report)
    }

    /// An ordinary user needs a user namespace for all the others, and is root in it, with one id.
    private mutating func becomeRoot() throws(SandboxError) {
        let (user, group) = (Credentials.effectiveUser(), Credentials.effectiveGroup())
        layers["user_ns"] = JSON(user != 0)
        guard user != 0 else { return }
        try attempt("make a user namespace") { () throws(SystemError) in
            try Namespaces.unshare(.user)
            try Namespaces.writeIDMaps(
                Processes.current(), users: [.init(inside: 0, outside: user, count: 1)],
                groups: [.init(inside: 0, outside: group, count: 1)], denySetGroups: true)
        }
    }
}
