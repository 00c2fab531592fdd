import Kit
import System

/// The last lines of a guest, for whoever follows them; what does not fit is dropped from the front and
/// counted.
final class GuestLog: Sendable {
    struct State {
        var lines: [LogLine] = []
        var next: Int64 = 1
        var isClosed = false
    }

    private static let lineLimit = 10_000
    private let state = Condition(State())

    func add(stream: String, source: String, line: String, dropped: Int? = nil) {
        state.withLock { state in
            state.lines.append(
                LogLine(
                    seq: state.next, at: Clock.wallMilliseconds(), stream: stream, source: source, line: line,
                    dropped: dropped))
            state.next += 1
            if state.lines.count > Self.lineLimit { state.lines.removeFirst(Self.lineLimit / 10) }
        }
    }

    func close() { state.withLock { $0.isClosed = true } }

    /// Lines after a number; waits for some when following. Nil when there will be none.
    func read(after: Int64, waitMilliseconds: Int) -> [LogLine]? {
        state.wait(timeoutMilliseconds: waitMilliseconds) { state -> [LogLine]?? in
            let lines = state.lines.filter { $0.seq > after }
            if !lines.isEmpty { return .some(lines) }
            return state.isClosed ? .some(nil) : nil
        } ?? []
    }
}
