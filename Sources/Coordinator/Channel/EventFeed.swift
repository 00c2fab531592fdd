import Journal
import Kit
import Synchronization
import System

/// The end of a session's journal in memory, for all who watch it: read once, sent to many. Bounded: who
/// falls behind it reads the journal instead, so a slow viewer costs nothing.
final class EventFeed: Sendable {
    private struct State {
        /// Consecutive, oldest first.
        var ring: ArraySlice<JournalLine> = []
        var bytes = 0
        var head: Int64
        var listeners: [ObjectIdentifier: any Listener] = [:]
        var isRunning = false
    }

    /// Is told that there are new events; must not block.
    protocol Listener: AnyObject, Sendable {
        func advanced(to head: Int64)
    }

    /// What a viewer gets next.
    enum Batch: Sendable {
        case events([JournalLine])
        case nothing
        /// The ring begins later; the journal has them.
        case behind
    }

    private static let waitMilliseconds = 1000

    private let session: any ChannelSession
    private let state: Mutex<State>

    init(_ session: any ChannelSession) {
        self.session = session
        state = Mutex(State(head: session.head))
    }

    /// The last event that viewers can have.
    var head: Int64 { state.withLock { $0.head } }

    /// From now on the listener hears of events. What came before is in the journal, so nothing can fall
    /// between.
    func join(_ listener: any Listener) {
        let mustStart = state.withLock { state in
            state.listeners[ObjectIdentifier(listener)] = listener
            defer { state.isRunning = true }
            if !state.isRunning {
                // Nobody kept the ring while nobody watched.
                (state.ring, state.bytes) = ([], 0)
                state.head = session.head
            }
            return !state.isRunning
        }
        if mustStart { Worker.start("event-feed") { [self] in run() } }
    }

    func leave(_ listener: any Listener) {
        state.withLock { _ = $0.listeners.removeValue(forKey: ObjectIdentifier(listener)) }
    }

    /// The events after one, as many as fit a frame.
    func take(after cursor: Int64) -> Batch {
        state.withLock { state in
            guard cursor < state.head else { return .nothing }
            guard let first = state.ring.first?.seq, first <= cursor + 1 else { return .behind }
            let start = state.ring.startIndex + Int(cursor + 1 - first)
            return .events(EventFeed.fitting(state.ring[start...]))
        }
    }

    /// The first events of these that fit one frame; at least one.
    static func fitting(_ lines: ArraySlice<JournalLine>) -> [JournalLine] {
        var bytes = 0
        let count = lines.prefix { line in
            bytes += line.bytes.count + 1
            return bytes <= Limits.frameBytes
        }.count
        return Array(lines.prefix(max(1, count)))
    }

    /// Reads what the journal got, as long as somebody watches.
    private func run() {
        while true {
            let mark = session.changes.withLock { $0 }
            let head = head
            let lines = (try? session.lines(after: head, limit: Limits.readEvents)) ?? []
            if !lines.isEmpty {
                publish(lines)
                continue
            }
            let isOver = state.withLock { state in
                if state.listeners.isEmpty { state.isRunning = false }
                return !state.isRunning
            }
            if isOver { return }
            _ = session.changes.wait(timeoutMilliseconds: Self.waitMilliseconds) { $0 > mark ? true : nil }
        }
    }

    private func publish(_ lines: [JournalLine]) {
        let (listeners, head) = state.withLock { state in
            for line in lines {
                state.ring.append(line)
                state.bytes += line.bytes.count
                state.head = line.seq
            }
            while state.ring.count > 1,
                state.ring.count > Limits.ringEvents || state.bytes > Limits.ringBytes
            {
                state.bytes -= state.ring.removeFirst().bytes.count
            }
            return (Array(state.listeners.values), state.head)
        }
        for listener in listeners { listener.advanced(to: head) }
    }
}
