import Glibc
import Kit
import System

/// The parent's one loop: output, time, refused calls, the relay, and the terminal.
struct Pump {
    let pid: Int32
    var output: Capture
    var errors: Capture
    var denials = Denials()
    /// What holds, in the tool's own words; nil when it did not get that far.
    private(set) var layers: [String: JSON]?
    private(set) var failure: String?
    private(set) var status: Spawn.ExitStatus?
    private(set) var timedOut = false
    private(set) var isCancelled = false

    private let policy: SandboxPolicy
    private let outputs: [SharedDescriptor]
    private let side: SharedDescriptor
    private let signals: Signals
    /// Of `outputs` and `side`, what has not ended.
    private var open: [Int32]
    private let ready = PollSet()
    private var refused: RefusedCalls?
    private var relays: [Relay] = []
    private var terminal: SharedDescriptor?
    /// Keystrokes on their way.
    private var isTyping = false
    private let endsWithInput: Bool
    private let report: ReportFile
    /// How many refusals the report holds, and since when.
    private var reported = 0
    private var reportedAt: Int64 = 0

    init(
        pid: Int32, call: Call, outputs: (SharedDescriptor, SharedDescriptor), side: SharedDescriptor,
        signals: Signals, report: ReportFile
    ) {
        (self.pid, self.side, self.signals) = (pid, side, signals)
        self.report = report
        policy = call.policy
        output = Capture(call.policy, live: call.options.isLive ? 1 : nil)
        errors = Capture(call.policy, live: call.options.isLive ? 2 : nil)
        self.outputs = [outputs.0, outputs.1]
        open = [outputs.0.raw, outputs.1.raw, side.raw]
        isTyping = call.options.terminal != nil
        endsWithInput = call.options.endsWithInput
    }

    /// Serves until the tool and all pipes have ended, or time is over.
    mutating func run(_ policy: SandboxPolicy) throws(SandboxError) {
        let deadline = Clock.monotonicNanoseconds() + Int64(policy.timeoutMilliseconds) * 1_000_000
        var killAt: Int64?
        while !open.isEmpty || terminal != nil {
            let now = Clock.monotonicNanoseconds()
            let next = killAt ?? (isCancelled ? now : deadline)
            if now >= next {
                // First init tells everybody; then it dies, and everybody with it.
                _ = Glibc.kill(pid, killAt == nil ? SIGTERM : SIGKILL)
                if !isCancelled { timedOut = true }
                if killAt != nil { return }
                killAt = now + Int64(policy.graceMilliseconds) * 1_000_000
                continue
            }
            keepReport(now)
            let isBehind = reported != denials.total
            let wait = isBehind ? min(next - now, Self.reportNanoseconds) : next - now
            try serve(waiting: Int(wait / 1_000_000) + 1)
        }
    }

    /// A loop of refused calls is written now and then; the first ones at once.
    private static let reportNanoseconds: Int64 = 20_000_000
    private static let promptReports = 64

    private mutating func keepReport(_ now: Int64) {
        guard reported != denials.total else { return }
        guard reported < Self.promptReports || now - reportedAt >= Self.reportNanoseconds else { return }
        report.keep(layers, denials)
        (reported, reportedAt) = (denials.total, now)
    }

    private mutating func serve(waiting milliseconds: Int) throws(SandboxError) {
        ready.clear()
        for descriptor in open { ready.add(descriptor) }
        ready.add(signals.raw)
        if let refused { ready.add(refused.listener.raw) }
        if let terminal { ready.add(terminal.raw) }
        if isTyping, terminal != nil { ready.add(0) }
        // Asked for nothing, a socket still tells that its other end is gone.
        if endsWithInput, !isCancelled { ready.add(0, 0) }
        for relay in relays { relay.watch(ready) }
        try attempt("poll") { () throws(SystemError) in try ready.wait(milliseconds: milliseconds) }
        for output in outputs where ready[output.raw] != nil { try take(output.raw) }
        if ready[side.raw] != nil { hear() }
        if ready[signals.raw] != nil, (try? signals.next(timeoutMilliseconds: 0)) != nil {
            isCancelled = true
        }
        if endsWithInput, let events = ready[0], events & POLLHUP != 0 { isCancelled = true }
        if let refused, let events = ready[refused.listener.raw] {
            let isAlive = events & POLLIN != 0 && refused.answer(&denials)
            if !isAlive { self.refused = nil }
        }
        if let terminal, ready[terminal.raw] != nil { show(terminal) }
        if isTyping, ready[0] != nil { type() }
        for index in relays.indices { relays[index].serve(ready, &denials) }
    }

    private mutating func take(_ end: Int32) throws(SandboxError) {
        let bytes = try attempt("read") { () throws(SystemError) in try IO.read(end) }
        if bytes.isEmpty { open.removeAll { $0 == end } }
        if end == outputs[0].raw { output.add(bytes) } else { errors.add(bytes) }
    }

    /// A fact from init or the tool, and the descriptor that goes with it.
    private mutating func hear() {
        guard let (bytes, descriptor) = try? Sockets.receive(side.raw, Side.limit).split(),
            let first = bytes.first
        else {
            open.removeAll { $0 == side.raw }
            return
        }
        let words = Array(bytes.dropFirst())
        switch Told(rawValue: first) {
        case .layers:
            layers = (try? JSON.parse(words))?.objectValue
            refused = descriptor.map { RefusedCalls(listener: $0, kind: policy.seccomp) }
            report.keep(layers, denials)
        case .relay:
            guard let descriptor else { break }
            relays.append(
                Relay(listener: descriptor, to: policy.proxy, token: policy.proxyToken, isProxy: true))
        case .models:
            guard let descriptor else { break }
            relays.append(
                Relay(listener: descriptor, to: policy.models, token: policy.proxyToken, isProxy: false))
        case .terminal: terminal = descriptor
        case .status:
            status = Int32(String(decoding: words, as: UTF8.self)).map { .init(waitStatus: $0) }
        case .failure: failure = failure ?? String(decoding: words, as: UTF8.self)
        case nil: break
        }
    }

    // MARK: The terminal

    private mutating func show(_ leader: SharedDescriptor) {
        // EIO is how a terminal says that its last user is gone. Linux: pty(7)
        guard let bytes = try? IO.read(leader.raw), !bytes.isEmpty else {
            terminal = nil
            return
        }
        output.add(bytes)
    }

    private mutating func type() {
        guard let terminal else { return }
        guard let bytes = try? IO.read(0, 4096), !bytes.isEmpty else {
            // What a terminal sends for the end of the input.
            try? IO.writeAll(terminal.raw, [4])
            isTyping = false
            // A socket that ends is a person who has gone: what still runs is told, as by any terminal.
            if (try? Files.status(of: 0))?.isSocket == true { isCancelled = true }
            return
        }
        try? IO.writeAll(terminal.raw, bytes)
    }
}
