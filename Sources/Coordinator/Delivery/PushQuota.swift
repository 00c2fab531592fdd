// How much the agents of one session may push. What was pushed stays in the session repository, also when no
// reference leads to it any more.
import Kit
import Synchronization
import System

/// Counts the bytes of pushes, by agent, in a file beside the repository, so that a coordinator that is
/// started again goes on counting.
final class PushQuota: Sendable {
    /// Of one agent, and of all of a session together.
    static let agentBytes: Int64 = 2 << 30
    static let sessionBytes: Int64 = 8 << 30

    private let path: String
    private let pushed: Mutex<[String: Int64]>

    init(directory: String) {
        path = "\(directory)/pushed.json"
        let kept = (try? Files.read(path, limit: 1 << 20)).flatMap { try? JSON.parse($0) }
        pushed = Mutex(
            (kept?.objectValue ?? [:]).compactMapValues { $0.clamped(to: 0...Int.max).map(Int64.init) })
    }

    /// Adds a push.
    /// - Returns: Why it is too much; it is not added then.
    func take(_ agent: String, _ bytes: Int64) -> String? {
        pushed.withLock { pushed in
            let own = pushed[agent, default: 0].addingClamped(bytes)
            let all = pushed.values.reduce(bytes) { $0.addingClamped($1) }
            let reason: String
            if own > Self.agentBytes {
                reason = "an agent may push \(Self.agentBytes >> 30) GiB in a session"
            } else if all > Self.sessionBytes {
                reason = "the agents of a session may push \(Self.sessionBytes >> 30) GiB"
            } else {
                pushed[agent] = own
                let json = JSON.object(pushed.mapValues { JSON($0) })
                // A count that cannot be kept is begun again with the next coordinator; the push is not lost
                // for it.
                try? Files.writeAtomically(path, json.serialized(), mode: 0o600)
                return nil
            }
            return
                "\(reason), and \(agent) has pushed \(pushed[agent, default: 0] >> 20) MiB, with this push "
                + "\(own >> 20) MiB"
        }
    }
}
