// The one loop of the harness.
import Glibc
import Kit
import System
import Wire

/// PID 1, or an ordinary child with the same duties: one epoll set, one reaper, one line to the host.
///
/// Everything here runs on the main thread. Other threads (agent socket, HTTP face, heartbeat) talk to it
/// through the mailbox.
final class Supervisor {
    private enum Token {
        static let channel: UInt64 = 1
        static let signals: UInt64 = 2
        static let firstStream: UInt64 = 16
    }

    let poller: Poller
    let mailbox: Mailbox
    let channel: ControlChannel
    let session: Session
    let guest: GuestFacts
    private let signals: Signals
    var children: [Int32: Supervised] = [:]
    var shutdown = Shutdown()
    var secrets: [String: String] = [:]
    private var streams: [UInt64: ChildStream] = [:]
    private var nextToken = Token.firstStream
    private var watchedMask = Poller.Mask.read
    private var isChannelOpen = true
    private var exitCode: Int32?
    /// Lines of our own from before the host's first request. The real platform's first generation takes
    /// the very next line after its request for the answer, so nothing may stand before that; nil when the
    /// host is one of ours, or has been answered.
    private var early: [String]?
    /// Orphans reaped since the start.
    private(set) var orphans = 0

    init(guest: GuestFacts, signals: Signals, channel: ControlChannel) throws(SystemError) {
        self.guest = guest
        self.signals = signals
        self.channel = channel
        early = Harness.isOwnHost ? nil : []
        poller = try Poller()
        mailbox = Mailbox(poller: poller)
        session = Session(mailbox: mailbox, guest: guest)
        try poller.add(channel.descriptor.raw, .read, token: Token.channel)
        try poller.add(signals.raw, .read, token: Token.signals)
    }

    static var now: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }

    var pids: [Int32] { Array(children.keys) }
    var hasPrimary: Bool {
        children.values.contains { child in
            if case .primary = child.kind { return true }
            return false
        }
    }

    func log(_ text: String) {
        if early != nil, early?.count ?? 0 < Limits.waitingMessages {
            early?.append(text)
        } else {
            channel.log(.init(stream: "stderr", line: text, source: "harness"))
        }
    }

    /// The host has been answered once: what waited for that may follow.
    private func releaseEarly() {
        let lines = early ?? []
        early = nil
        for line in lines { log(line) }
    }

    /// Runs until the guest is to end.
    func run() throws(SystemError) -> Int32 {
        while true {
            if let exitCode { return exitCode }
            flush()
            for event in try poller.wait(timeoutMilliseconds: timeout()) { try handle(event) }
            for message in mailbox.drain() { receive(message) }
            expire()
            if shutdown.stage != .running { step() }
        }
    }

    private func timeout() -> Int {
        var due = children.values.compactMap(\.deadline).min()
        if let next = shutdown.nextDeadline { due = min(due ?? next, next) }
        // While ending, orphans that are nobody's child yet are looked for now and then.
        let longest = shutdown.stage == .running ? Int64.max : 50
        guard let due else { return longest == .max ? -1 : Int(longest) }
        return Int(min(max(0, due - Self.now), longest))
    }

    private func handle(_ event: Poller.Event) throws(SystemError) {
        switch event.token {
        case Poller.wakeToken: break
        case Token.channel: readChannel()
        case Token.signals:
            while let signal = try signals.next(timeoutMilliseconds: 0) { receive(signal: signal) }
        default:
            guard let stream = streams[event.token] else { return }
            let (lines, hasEnded, _) = stream.receive(channel.redactor)
            if !lines.isEmpty, case .primary? = children[stream.pid]?.kind { session.progress() }
            for line in lines { channel.log(line) }
            if hasEnded { forget(event.token) }
        }
    }

    // MARK: The host

    private func flush() {
        guard isChannelOpen else { return }
        if !channel.flush() { return loseChannel() }
        let wanted: Poller.Mask = channel.hasOutput ? [.read, .write] : .read
        guard wanted != watchedMask else { return }
        watchedMask = wanted
        // Fails only for a descriptor that is not watched, and this one is until the channel is lost.
        try? poller.modify(channel.descriptor.raw, wanted, token: Token.channel)
    }

    private func readChannel() {
        do throws(HarnessError) {
            guard let lines = try channel.receive() else { return loseChannel() }
            for line in lines where !line.isEmpty {
                answer(line)
                releaseEarly()
            }
        } catch {
            loseChannel()
        }
    }

    private func loseChannel() {
        guard isChannelOpen else { return }
        isChannelOpen = false
        try? poller.remove(channel.descriptor.raw)
        // Nobody is left to work for. The launcher allows three seconds.
        begin(graceMilliseconds: 1000)
    }

    // MARK: Signals

    private func receive(signal: Int32) {
        switch signal {
        case SIGCHLD: reap()
        case SIGTERM, SIGINT: begin(graceMilliseconds: Limits.graceMilliseconds)
        default:
            for child in children.values {
                // Best effort: a process that has just ended needs no signal.
                if case .primary = child.kind { try? child.child.kill(signal) }
            }
        }
    }

    private func reap() {
        while let ended = (try? Processes.reapAny()) ?? nil {
            guard let child = children.removeValue(forKey: ended.pid) else {
                orphans += 1
                continue
            }
            for (token, stream) in streams where stream.pid == ended.pid {
                let (lines, hasEnded) = stream.close(channel.redactor)
                for line in lines { channel.log(line) }
                if hasEnded { forget(token) }
            }
            finish(child, ended.status)
        }
    }

    private func forget(_ token: UInt64) {
        guard let stream = streams.removeValue(forKey: token) else { return }
        try? poller.remove(stream.descriptor.raw)
        stream.descriptor.close()
    }

    /// Watches one pipe of a child.
    func watch(
        _ descriptor: SharedDescriptor?, of pid: Int32, name: String, source: String, execID: String? = nil
    ) {
        guard let descriptor else { return }
        do throws(SystemError) {
            try IO.setNonBlocking(descriptor.raw)
            try poller.add(descriptor.raw, .read, token: nextToken)
            streams[nextToken] = ChildStream(descriptor, pid: pid, name: name, source: source, execID: execID)
            nextToken += 1
        } catch {
            log("the \(name) of process \(pid) is lost: \(error)")
        }
    }

    // MARK: Time

    private func expire() {
        let now = Self.now
        for (pid, child) in children {
            guard let due = child.deadline, now >= due else { continue }
            // A process that has just ended is reaped next.
            if child.timedOut {
                try? Processes.signalTree(pid, SIGKILL)
            } else {
                try? child.child.killGroup(SIGTERM)
            }
            children[pid]?.timedOut = true
            children[pid]?.deadline = child.timedOut ? nil : now + child.graceMilliseconds
        }
    }

    // MARK: The end

    func begin(graceMilliseconds: Int64) {
        for action in shutdown.begin(now: Self.now, graceMilliseconds: graceMilliseconds) { perform(action) }
    }

    private func step() {
        let hasOutput = isChannelOpen && channel.hasOutput
        for action in shutdown.step(now: Self.now, hasChildren: hasAnyChild, hasOutput: hasOutput) {
            perform(action)
        }
    }

    private var hasAnyChild: Bool {
        if !children.isEmpty { return true }
        guard shutdown.stage == .terminating || shutdown.stage == .killing else { return false }
        return !((try? Processes.descendants(of: Processes.current())) ?? []).isEmpty
    }

    private func perform(_ action: Shutdown.Action) {
        switch action {
        case .stopIntake:
            session.stop()
            mailbox.close()
        case .signalAll(let signal): signalAll(signal)
        case .drain:
            for (token, stream) in streams where !stream.isOver {
                for line in stream.close(channel.redactor).lines { channel.log(line) }
                forget(token)
            }
        case .sync: sync()
        case .exit(let stages):
            var params: JSON = ["orphans": JSON(orphans), "dropped": JSON(channel.dropped)]
            for (stage, milliseconds) in stages { params[stage] = JSON(milliseconds) }
            channel.notify("stopped", params)
            // One try: the host may have stopped reading, and nothing comes after this.
            if isChannelOpen { _ = channel.flush() }
            exitCode = 0
        }
    }

    private func signalAll(_ signal: Int32) {
        if guest.isPID1 {
            // All but ourselves; with nobody there it is ESRCH.
            _ = kill(-1, signal)
            return
        }
        for pid in (try? Processes.descendants(of: Processes.current())) ?? [] {
            try? Processes.kill(pid, signal)
        }
    }
}
