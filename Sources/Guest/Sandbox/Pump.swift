import Glibc
import Kit
import System

/// The parent's one loop: output, time, refused calls, the relay, and the terminal.
struct Pump {
    let pid: Int32
    var output: Capture
    var errors: Capture
    var denials = Denials()
    private(set) var said: [UInt8] = []
    private(set) var timedOut = false
    private(set) var isCancelled = false

    private let policy: SandboxPolicy
    private let ends: [Int32]
    private let facts: SharedDescriptor
    private let side: SharedDescriptor
    private let signals: Signals
    /// Open ones of `ends` and `side`.
    private var open: Set<Int32>
    private var refused: RefusedCalls?
    private var relay: Relay?
    private var terminal: SharedDescriptor?
    /// Keystrokes on their way.
    private var isTyping = false
    private let owners: [SharedDescriptor]
    private let report: ReportFile
    /// How many refusals the report holds, and since when.
    private var reported = 0
    private var reportedAt: Int64 = 0

    /// The most that init and tool may say about themselves, in bytes.
    private static let saidLimit = 1 << 20

    init(
        pid: Int32, call: Call, outputs: (SharedDescriptor, SharedDescriptor), facts: SharedDescriptor,
        side: SharedDescriptor, signals: Signals, report: ReportFile
    ) {
        (self.pid, self.facts, self.side, self.signals) = (pid, facts, side, signals)
        self.report = report
        policy = call.policy
        output = Capture(call.policy, live: call.options.isLive ? 1 : nil)
        errors = Capture(call.policy, live: call.options.isLive ? 2 : nil)
        owners = [outputs.0, outputs.1]
        ends = [outputs.0.raw, outputs.1.raw, facts.raw]
        open = Set(ends + [side.raw])
        isTyping = call.options.terminal != nil
    }

    /// Serves until the tool and all pipes have ended, or time is over.
    mutating func run(_ policy: SandboxPolicy) throws(SandboxError) {
        let deadline = Clock.monotonicNanoseconds() + Int64(policy.timeoutMilliseconds) * 1_000_000
        var killAt: Int64?
        while !open.isDisjoint(with: ends) || terminal != nil {
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
        report.keep(denials)
        (reported, reportedAt) = (denials.total, now)
    }

    private mutating func serve(waiting milliseconds: Int) throws(SandboxError) {
        var entries = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        entries.append(pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0))
        if let refused { entries.append(pollfd(fd: refused.listener.raw, events: Int16(POLLIN), revents: 0)) }
        if let terminal { entries.append(pollfd(fd: terminal.raw, events: Int16(POLLIN), revents: 0)) }
        if isTyping, terminal != nil { entries.append(pollfd(fd: 0, events: Int16(POLLIN), revents: 0)) }
        if let relay { entries += relay.entries }
        try attempt("poll") { () throws(SystemError) in
            try IO.poll(&entries, timeoutMilliseconds: milliseconds)
        }
        var ready: [Int32: Int16] = [:]
        for entry in entries where entry.revents != 0 { ready[entry.fd] = entry.revents }
        for end in ends where ready[end] != nil { try take(end) }
        if ready[side.raw] != nil { hear() }
        if ready[signals.raw] != nil, (try? signals.next(timeoutMilliseconds: 0)) != nil {
            isCancelled = true
        }
        if let refused, let events = ready[refused.listener.raw] {
            let isAlive = Int32(events) & POLLIN != 0 && refused.answer(&denials)
            if !isAlive { self.refused = nil }
        }
        if let terminal, ready[terminal.raw] != nil { show(terminal) }
        if isTyping, ready[0] != nil { type() }
        relay?.serve(ready, &denials)
    }

    private mutating func take(_ end: Int32) throws(SandboxError) {
        let bytes = try attempt("read") { () throws(SystemError) in try IO.read(end) }
        if bytes.isEmpty { open.remove(end) }
        switch end {
        case ends[0]: output.add(bytes)
        case ends[1]: errors.add(bytes)
        default: if said.count < Self.saidLimit { said += bytes }
        }
    }

    /// A descriptor from init or the tool.
    private mutating func hear() {
        guard let (bytes, descriptor) = try? Sockets.receive(side.raw, 1).split(), let first = bytes.first
        else {
            open.remove(side.raw)
            return
        }
        guard let descriptor else { return }
        switch Handed(rawValue: first) {
        case .filterListener: refused = RefusedCalls(listener: descriptor, kind: policy.seccomp)
        case .relayListener:
            relay = Relay(listener: descriptor, proxy: policy.proxy, token: policy.proxyToken)
        case .terminal: terminal = descriptor
        case .hello, nil: break
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
