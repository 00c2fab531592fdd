import Journal
import Kit
import Synchronization
import System
import Wire

/// One socket of one tab. Its own thread receives; a second one sends: events in order and without gaps, a
/// heartbeat, lines of logs. Nothing is kept for a slow viewer but one frame.
final class Viewer: EventFeed.Listener {
    private struct Signal {
        var head: Int64
        var logs: [LogBatch] = []
        var logLines = 0
        var followed: [String: LogTail] = [:]
        var isClosed = false
        var farewell: (code: String, message: String)?
    }

    struct LogBatch: Sendable {
        var agent: String
        var instance: String
        var entries: [LogEntry]
    }

    private let session: any ChannelSession
    private let feed: EventFeed
    private let snapshots: Snapshots
    private let socket: WebSocketConnection
    private let signal: Condition<Signal>

    init(
        _ session: any ChannelSession, feed: EventFeed, snapshots: Snapshots, socket: WebSocketConnection
    ) {
        (self.session, self.feed, self.snapshots, self.socket) = (session, feed, snapshots, socket)
        signal = Condition(Signal(head: 0))
    }

    // MARK: Receiving

    /// Serves until the client or the server ends it.
    func run() {
        let after: Int64
        let takesSnapshot: Bool
        do throws(ChannelError) {
            (after, takesSnapshot) = try greet()
        } catch {
            end(error.code, error.message)
            return
        }
        feed.join(self)
        advanced(to: feed.head)
        let sender = Worker.start("viewer") { [self] in
            send(after: after, takesSnapshot: takesSnapshot)
        }
        receive()
        let followed = signal.withLock { signal in
            signal.isClosed = true
            return Array(signal.followed.values)
        }
        for tail in followed { tail.stop() }
        feed.leave(self)
        socket.interrupt()
        sender.join()
    }

    private func greet() throws(ChannelError) -> (after: Int64, takesSnapshot: Bool) {
        let message: WebSocketMessage?
        do throws(HTTPError) {
            message = try socket.receive(timeoutMilliseconds: Limits.helloMilliseconds)
        } catch {
            throw ChannelError(408, "no_token", "no token came in time")
        }
        guard case .text(let text) = message,
            case .hello(let token, let after, let takesSnapshot) = try ClientFrame(hello: text)
        else {
            throw ChannelError(401, "unauthorized", "the first frame is {\"token\":…,\"after\":N}")
        }
        guard session.authority(of: token) != nil else {
            throw ChannelError(401, "unauthorized", "the token is not of this session")
        }
        let head = session.head
        guard after <= head else {
            throw ChannelError(
                409, "ahead", "event \(after) is not in the journal, which ends at \(head); begin again at 0")
        }
        return (after, takesSnapshot)
    }

    private func receive() {
        do {
            while let message = try socket.receive() {
                guard case .text(let text) = message else { continue }
                switch try ClientFrame(text) {
                case .logs(let agent, let isOn, let after): follow(agent, isOn: isOn, after: after)
                case .hello, .unknown: continue
                }
            }
        } catch let error as ChannelError {
            farewell(error.code, error.message)
        } catch {
            // The socket broke; the client resumes with a new one.
            return
        }
    }

    private func follow(_ agent: String, isOn: Bool, after: Int64) {
        let (old, new) = signal.withLock { signal -> (LogTail?, LogTail?) in
            let old = signal.followed.removeValue(forKey: agent)
            guard isOn, signal.followed.count < Limits.logsPerViewer else { return (old, nil) }
            let new = LogTail(session, agent: agent, after: after) { [weak self] in self?.deliver($0) ?? false
            }
            signal.followed[agent] = new
            return (old, new)
        }
        old?.stop()
        new?.start()
    }

    // MARK: What others tell

    func advanced(to head: Int64) { signal.withLock { $0.head = max($0.head, head) } }

    /// Takes lines of a log, when there is room; false when the viewer is gone.
    private func deliver(_ batch: LogBatch) -> Bool {
        signal.wait { signal in
            if signal.isClosed { return false }
            guard signal.logLines < Limits.logLines else { return nil }
            signal.logLines += batch.entries.count
            if let last = signal.logs.last, last.agent == batch.agent, last.instance == batch.instance {
                signal.logs[signal.logs.count - 1].entries += batch.entries
            } else {
                signal.logs.append(batch)
            }
            return true
        } ?? false
    }

    /// Ends it with a word.
    func farewell(_ code: String, _ message: String) {
        signal.withLock { signal in
            if signal.farewell == nil { signal.farewell = (code, message) }
        }
    }

    private func end(_ code: String, _ message: String) {
        // A client that left needs no farewell.
        try? socket.send(.text(ServerFrame.bye(code: code, message: message)))
        try? socket.close(code: code == "unauthorized" ? 4401 : 4000, reason: code)
        while (try? socket.receive(timeoutMilliseconds: 1000)) ?? nil != nil {}
        socket.interrupt()
    }

    // MARK: Sending

    private enum Work {
        case logs([LogBatch])
        case events
        case heartbeat
        case farewell(code: String, message: String)
        case over
    }

    private func send(after: Int64, takesSnapshot: Bool) {
        do {
            var cursor = after
            try socket.send(.text(ServerFrame.hello(session: session.id, head: feed.head, base: 1)))
            let head = feed.head
            if takesSnapshot, head - cursor > Limits.keyframeEvents {
                let snapshot = try snapshots.at(head)
                try socket.send(.text(String(decoding: snapshot.document, as: UTF8.self)))
                cursor = snapshot.seq
            }
            try stream(from: cursor)
        } catch {
            // A broken socket, or one that takes nothing: the client resumes where it was.
            socket.interrupt()
        }
    }

    private func stream(from start: Int64) throws {
        var cursor = start
        var isLive = false
        var pacer = FramePacer()
        var nextBeat = milliseconds + Limits.heartbeatMilliseconds
        while true {
            switch wait(cursor: cursor, pacer: &pacer, until: nextBeat) {
            case .over: return
            case .farewell(let code, let message):
                try socket.send(.text(ServerFrame.bye(code: code, message: message)))
                try socket.close(code: 4000, reason: code)
                return
            case .heartbeat:
                nextBeat = milliseconds + Limits.heartbeatMilliseconds
                try socket.send(
                    .text(ServerFrame.heartbeat(head: feed.head, at: Clock.wallMilliseconds())))
            case .logs(let batches):
                pacer.sent()
                for batch in batches {
                    try socket.send(
                        .text(
                            ServerFrame.log(agent: batch.agent, instance: batch.instance, batch.entries)))
                }
            case .events:
                let lines: [JournalLine]
                switch feed.take(after: cursor) {
                case .events(let found):
                    (lines, isLive) = (found, true)
                case .nothing: continue
                case .behind:
                    if isLive { try socket.send(.text(ServerFrame.lag(resume: cursor + 1))) }
                    isLive = false
                    lines = EventFeed.fitting(
                        try session.lines(after: cursor, limit: Limits.readEvents)[...])
                }
                guard let last = lines.last, lines.first?.seq == cursor + 1 else {
                    farewell("damaged", "event \(cursor + 1) cannot be read from the journal")
                    continue
                }
                try socket.send(.text(ServerFrame.events(lines)))
                cursor = last.seq
                // Who catches up is not held back.
                if isLive, cursor >= feed.head { pacer.sent() }
            }
        }
    }

    private var milliseconds: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }

    /// Waits for something to say. What comes while the pacer holds back is gathered for the next frame.
    private func wait(cursor: Int64, pacer: inout FramePacer, until beat: Int64) -> Work {
        while true {
            let now = milliseconds
            if now >= beat { return .heartbeat }
            let earliest = pacer.earliest(at: now)
            let isGathering = now < earliest
            let limit = isGathering ? min(beat, earliest) : beat
            let work = signal.wait(timeoutMilliseconds: Int(max(1, limit - now))) { signal -> Work? in
                if signal.isClosed { return .over }
                if let (code, message) = signal.farewell { return .farewell(code: code, message: message) }
                if !isGathering, signal.head > cursor { return .events }
                if !signal.logs.isEmpty, !isGathering {
                    defer { (signal.logs, signal.logLines) = ([], 0) }
                    return .logs(signal.logs)
                }
                return nil
            }
            if let work { return work }
        }
    }
}
