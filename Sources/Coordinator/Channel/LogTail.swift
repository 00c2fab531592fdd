import Kit
import Synchronization
import System

/// Follows the output of one agent for one viewer, from guest to guest.
final class LogTail: Sendable {
    private let session: any ChannelSession
    private let agent: String
    private let after: Int64
    private let deliver: @Sendable (Viewer.LogBatch) -> Bool
    private let isStopped = Condition(false)

    init(
        _ session: any ChannelSession, agent: String, after: Int64,
        deliver: @escaping @Sendable (Viewer.LogBatch) -> Bool
    ) {
        (self.session, self.agent, self.after, self.deliver) = (session, agent, after, deliver)
    }

    func start() { Worker.start("log-tail") { [self] in run() } }

    /// Ends it soon: with the next line, or the next look.
    func stop() { isStopped.withLock { $0 = true } }

    private func run() {
        var current: String?
        let last = Mutex(after)
        while !isStopped.withLock({ $0 }) {
            if let instance = session.instance(of: agent) {
                if let current, current != instance { last.withLock { $0 = 0 } }
                current = instance
                session.follow(instance: instance, after: last.withLock { $0 }) { [self] entry in
                    guard !isStopped.withLock({ $0 }) else { return false }
                    var entry = entry
                    if entry.line.utf8.count > Limits.logLineBytes {
                        let head = Array(entry.line.utf8.prefix(Limits.logLineBytes))
                        entry.line = String(decoding: head, as: UTF8.self) + "…"
                    }
                    last.withLock { $0 = entry.seq }
                    return deliver(Viewer.LogBatch(agent: agent, instance: instance, entries: [entry]))
                }
            }
            _ = isStopped.wait(timeoutMilliseconds: Limits.logRetryMilliseconds) { $0 ? true : nil }
        }
    }
}
