import Channel
import Core
import Journal
import Kit
import Synchronization
import System

/// Follows the journal and keeps snapshots of long sessions, so that a page opens one at once whoever opens
/// it first. Beside the work, never in its way: a session that is short, as most are, costs a look at its
/// number.
final class Keyframes: Sendable {
    private let coordinator: Coordinator
    /// Between two looks; what is not kept yet is read from the journal.
    private static let lookMilliseconds = 1000

    init(_ coordinator: Coordinator) { self.coordinator = coordinator }

    /// Runs until the coordinator ends.
    func start() {
        Worker.start("keyframes", stackBytes: 1 << 20) { [self] in
            var kept: [String: Int64] = [:]
            while !isStopping {
                for (id, session) in coordinator.sessions.withLock({ $0 }) {
                    let channel = RunnerChannel(session: session)
                    guard channel.head - kept[id, default: 0] >= Snapshots.stride, !isStopping else {
                        continue
                    }
                    do throws(JournalError) {
                        kept[id] = try session.holding("a snapshot") { () throws(JournalError) in
                            try Snapshots(channel).keep { isStopping }
                        }
                    } catch {
                        kept[id] = channel.head
                        coordinator.world.log("\(id): keep a snapshot: \(error)")
                    }
                }
                _ = coordinator.isStopping.wait(timeoutMilliseconds: Self.lookMilliseconds) {
                    $0 ? true : nil
                }
            }
        }
    }

    private var isStopping: Bool { coordinator.isStopping.withLock { $0 } }
}
