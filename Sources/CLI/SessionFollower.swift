import Glibc
import Kit
import Synchronization
import System

/// Stays with a session: shows what happens, asks for approval, lets go on Ctrl-C.
final class SessionFollower: Sendable {
    private struct State {
        var after: Int64 = 0
        var startedAt: Int64 = 0
        /// It waits for approval and nobody here can give it.
        var isLeft = false
        var hasStatusLine = false
        /// Somebody pressed Ctrl-C.
        var isMute = false
        var spent: Int64 = 0
        var busy: [String: String] = [:]
        /// What is being asked at the terminal.
        var question = ""
    }

    let client: CoordinatorClient
    let terminal: Terminal
    let id: String
    private let isInteractive: Bool
    /// It started the session, so that Ctrl-C may also cancel it.
    let isOwner: Bool
    private let state = Mutex(State())

    /// - Parameter isInteractive: It may ask questions when there is a terminal.
    init(client: CoordinatorClient, terminal: Terminal, id: String, isInteractive: Bool) {
        (self.client, self.terminal, self.id) = (client, terminal, id)
        isOwner = isInteractive
        self.isInteractive = isInteractive && terminal.isInteractive && isatty(0) == 1
    }

    var path: String { "/v1/sessions/\(SessionCommand.segment(id))" }

    /// How long a coordinator that is away is waited for, in milliseconds.
    private static let absenceMilliseconds: Int64 = 60_000
    /// How much of an event --verbose shows.
    private static let detailCells = 400

    /// A wait longer than this is shortened when a session is shown again, in milliseconds.
    private static let longestWait: Int64 = 2000

    /// What happened, with the pauses that there were.
    /// - Parameter speed: How much faster; nil does not wait at all.
    func replay(speed: Int?) throws(CLIError) -> ExitCode {
        let last = Mutex<Int64?>(nil)
        try client.follow("\(path)/events?after=0") { event in
            let at = event["at"]?.int64Value ?? 0
            let before = last.withLock { last in
                defer { last = at }
                return last
            }
            if let speed, let before {
                let wait = min(max(0, at - before), Self.longestWait * Int64(speed)) / Int64(speed)
                usleep(UInt32(wait * 1000))
            }
            self.show(event)
            return true
        }
        clearStatus()
        return .done
    }

    /// What happened so far.
    func replay() throws(CLIError) -> ExitCode {
        try client.follow("\(path)/events?after=0") { event in
            self.show(event)
            return true
        }
        return .done
    }

    /// Until the session is over, or waits for somebody who is not here.
    func follow() throws(CLIError) -> ExitCode {
        watchSignals()
        var lastSeen = Clock.monotonicNanoseconds()
        while true {
            do throws(CLIError) {
                let after = state.withLock { $0.after }
                try client.follow("\(path)/events?after=\(after)&follow=true") { event in
                    self.take(event)
                }
                lastSeen = Clock.monotonicNanoseconds()
            } catch {
                // The coordinator may be restarting, and the session goes on with it.
                guard Clock.monotonicNanoseconds() - lastSeen < Self.absenceMilliseconds * 1_000_000 else {
                    throw error
                }
                usleep(200_000)
                _ = try? client.start()
            }
            clearStatus()
            let summary = try client.call("GET", path)
            let isOver = ["completed", "failed", "cancelled"].contains(summary["state"]?.stringValue ?? "")
            let isLeft = state.withLock { $0.isLeft }
            guard isOver || isLeft else { continue }
            return finish(summary)
        }
    }

    private func finish(_ summary: JSON) -> ExitCode {
        let view = SessionView(summary, terminal)
        if terminal.wantsJSON { return view.exitCode }
        for line in view.ending { terminal.line(line) }
        let start = summary["started_at"]?.int64Value ?? 0
        let end = summary["ended_at"]?.int64Value ?? Clock.wallMilliseconds()
        terminal.line(
            "  cost:    \(Show.money(summary["spent_microusd"]?.int64Value ?? 0)), "
                + "time \(Show.duration(milliseconds: end - start))")
        return view.exitCode
    }

    // MARK: Events

    /// False ends the stream.
    private func take(_ event: JSON) -> Bool {
        guard let seq = event["seq"]?.int64Value else { return true }
        state.withLock { state in
            state.after = max(state.after, seq)
        }
        show(event)
        if event["type"]?.stringValue == "permission.requested" {
            let permission = event["data"]?["permission"] ?? [:]
            guard isStillAsking(permission["id"]) else { return true }
            guard isInteractive else {
                state.withLock { $0.isLeft = true }
                return false
            }
            return ask(permission)
        }
        let type = event["type"]?.stringValue ?? ""
        guard ["approval.requested", "approval.held"].contains(type),
            let waiting = stillAsked(about: event["data"]?["tree"])
        else { return true }
        // Why --yes does not pass it is told next, and then is asked.
        if type == "approval.requested", waiting["held"]?.arrayValue?.isEmpty == false { return true }
        guard isInteractive else {
            state.withLock { $0.isLeft = true }
            return false
        }
        return ask(waiting["tree"]?.stringValue ?? "", waiting["commit"]?.stringValue ?? "")
    }

    /// Who follows from the beginning also sees the questions that were answered long ago.
    private func stillAsked(about tree: JSON?) -> JSON? {
        guard let waiting = (try? client.call("GET", path))?["approval"], waiting["tree"] == tree else {
            return nil
        }
        return waiting
    }

    private func isStillAsking(_ id: JSON?) -> Bool {
        guard let open = (try? client.call("GET", path))?["permissions"]?.arrayValue else { return true }
        return open.contains { $0["id"] == id }
    }

    /// Shows nothing from now on.
    func mute() {
        state.withLock { $0.isMute = true }
        clearStatus()
    }

    private func show(_ event: JSON) {
        guard !state.withLock({ $0.isMute }) else { return }
        if terminal.wantsJSON { return terminal.json(event) }
        let type = event["type"]?.stringValue ?? ""
        let data = event["data"] ?? [:]
        let at = event["at"]?.int64Value ?? 0
        let start = state.withLock { state -> Int64 in
            if type == "session.started" { state.startedAt = at }
            if type == "model.settled" { state.spent += data["microusd"]?.int64Value ?? 0 }
            if let agent = data["agent"]?.stringValue, let task = data["task"]?.stringValue {
                if type == "task.assigned" { state.busy[agent] = task }
                if ["task.completed", "task.failed"].contains(type) { state.busy[agent] = nil }
            }
            return state.startedAt
        }
        clearStatus()
        let text = EventText.line(type, data, terminal) ?? detail(type, data)
        if let text, terminal.verbosity != .quiet {
            let seconds = max(0, at - start) / 1000
            let clock = "\(seconds / 60):" + (seconds % 60 < 10 ? "0" : "") + "\(seconds % 60)"
            let pad = String(repeating: " ", count: max(0, 6 - clock.count))
            let line = "\(pad)\(terminal.dim(clock))  \(text)"
            let isOneLine = terminal.isInteractive && !text.contains("\n")
            terminal.line(isOneLine ? Terminal.fitted(line, to: terminal.columns - 1) : line)
        }
        showStatus()
    }

    /// With --verbose also what only programs care about.
    private func detail(_ type: String, _ data: JSON) -> String? {
        guard terminal.verbosity == .verbose else { return nil }
        return terminal.dim(Terminal.cut(Terminal.harmless("\(type) \(data.text)"), to: Self.detailCells))
    }

    private func showStatus() {
        guard terminal.isInteractive, terminal.verbosity != .quiet else { return }
        let text = state.withLock { state -> String in
            state.hasStatusLine = true
            let busy = state.busy.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(
                separator: "  ")
            return "  \(busy.isEmpty ? "…" : busy)   \(Show.money(state.spent))"
        }
        Terminal.write(terminal.dim(Terminal.cut(text, to: terminal.columns - 1)), to: 1)
    }

    func clearStatus() {
        let hadOne = state.withLock { state in
            defer { state.hasStatusLine = false }
            return state.hasStatusLine
        }
        if hadOne { Terminal.write("\r\u{1B}[K", to: 1) }
    }

    // MARK: Approval

    private static let approval = "  [a]pprove  [d]eny  [v]iew the diff  [l]eave it waiting: "
    private static let permission = "  [y]es  [n]o  [l]eave it waiting: "

    /// What is asked at this moment; empty when nothing is.
    var question: String { state.withLock { $0.question } }

    /// Puts a question, and waits for a key; nil when there is nobody any more.
    private func key(_ question: String) -> Character? {
        state.withLock { $0.question = question }
        defer { state.withLock { $0.question = "" } }
        Terminal.write(question, to: 1)
        let key = Terminal.readKey()
        terminal.line(key.map { "\($0)" } ?? "")
        return key
    }

    /// A question about the plan, what leaves the machine, money, or a task that goes nowhere.
    private func ask(_ permission: JSON) -> Bool {
        clearStatus()
        let id = permission["id"] ?? ""
        while true {
            switch key(Self.permission) {
            case "y": return steer("permit", ["id": id])
            case "n":
                Terminal.write("  why (empty for no reason): ", to: 1)
                let reason = Terminal.readLine() ?? ""
                return steer("refuse", ["id": id, "reason": .string(reason)])
            case "l", nil:
                state.withLock { $0.isLeft = true }
                return false
            default: continue
            }
        }
    }

    /// Everything that is shown is of the event's commit, whatever came after it.
    /// - Returns: False ends the stream.
    private func ask(_ tree: String, _ commit: String) -> Bool {
        clearStatus()
        let change: JSON
        do throws(CLIError) {
            change = try client.call("GET", "\(path)/diff?commit=\(SessionCommand.segment(commit))")
        } catch {
            Terminal.note("openclaw: the change cannot be shown: \(error.message)")
            change = .null
        }
        let view = ChangeView(change, terminal)
        for line in view.attention + view.fileLines { terminal.line(line) }
        while true {
            switch key(Self.approval) {
            case "a": return steer("approve", ["tree": .string(tree)])
            case "d": return steer("deny", ["reason": "denied at the terminal"])
            case "v":
                for line in view.attention + view.patchLines + view.cutLines { terminal.line(line) }
            case "l", nil:
                state.withLock { $0.isLeft = true }
                return false
            default: continue
            }
        }
    }

    private func steer(_ verb: String, _ body: JSON) -> Bool {
        do throws(CLIError) {
            try client.call("POST", "\(path)/\(verb)", body)
        } catch {
            Terminal.note("openclaw: \(error.message)")
        }
        return true
    }
}
