import Kit
import System

/// Sends what agents say about their progress, one after the other and behind their backs: an agent does not
/// wait for the journal of the host at every step. The end of a task waits for what was said before it.
final class ProgressReporter: Sendable {
    private struct State {
        var waiting: [JSON] = []
        var isRunning = false
        var isSending = false
    }

    private let state = Condition(State())

    /// Reports of an agent that is faster than its coordinator; the oldest go, the newest says how it stands.
    private static let limit = 64

    func add(_ report: JSON, session: Session) {
        let starts = state.withLock { state in
            if state.waiting.count >= Self.limit { state.waiting.removeFirst() }
            state.waiting.append(report)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard starts else { return }
        Worker.start("progress", stackBytes: 256 * 1024) { [self] in run(session) }
    }

    private func run(_ session: Session) {
        while true {
            // A thread that has had nothing to do for a while goes; the next report starts another.
            let next = state.wait(timeoutMilliseconds: 10_000) { state -> JSON? in
                guard !state.waiting.isEmpty else { return nil }
                state.isSending = true
                return state.waiting.removeFirst()
            }
            guard let next else {
                let isOver = state.withLock { state in
                    guard state.waiting.isEmpty else { return false }
                    state.isRunning = false
                    return true
                }
                if isOver { return }
                continue
            }
            do throws(HarnessError) {
                let answer = try session.courier?.post(
                    "/coordinator/tasks/progress", next, .milliseconds(30_000))
                if let answer, !answer.isSuccess { session.mailbox.log("progress: \(answer.problem)") }
            } catch {
                session.mailbox.log("progress: \(error)")
            }
            state.withLock { $0.isSending = false }
        }
    }

    /// Waits until everything has been said, for a while.
    func flush(milliseconds: Int) {
        _ = state.wait(timeoutMilliseconds: milliseconds) { state in
            state.waiting.isEmpty && !state.isSending ? true : nil
        }
    }
}
