// How much one agent may write down. The journal is everybody's: what one agent fills it with, all sessions
// of this user pay for, and money does not bound it.
import Core
import Kit
import Synchronization
import System
import Wire

/// The account of one agent, as a value: the time is given.
struct AgentQuota: Sendable, Hashable {
    /// Requests that write, in a minute. An agent that works hard makes a few dozen.
    static let requests = 1200
    /// Their bytes in a minute, and in all.
    static let minuteBytes = 4 << 20
    static let bytes: Int64 = 32 << 20
    /// So many refusals in a minute, and it is no mistake any more.
    static let refusals = 200
    /// In milliseconds.
    private static let window: Int64 = 60_000

    enum Verdict: Sendable, Hashable {
        case granted
        /// In words for the agent.
        case refused(String)
        /// It was told, and goes on: why its guest is ended.
        case lost(String)
    }

    private var begin: Int64 = 0
    private var requestCount = 0
    private var byteCount = 0
    private var refusalCount = 0
    private var total: Int64

    /// - Parameter total: What it wrote so far, in bytes.
    init(total: Int64 = 0) { self.total = total }

    /// - Parameter now: Milliseconds of a clock that goes on.
    mutating func take(_ bytes: Int, now: Int64) -> Verdict {
        if now - begin >= Self.window || begin == 0 {
            (begin, requestCount, byteCount, refusalCount) = (now, 0, 0, 0)
        }
        let reason: String
        if total.addingClamped(Int64(bytes)) > Self.bytes {
            reason = "\(Self.bytes >> 20) MiB in all, which it has written"
        } else if byteCount + bytes > Self.minuteBytes {
            reason = "\(Self.minuteBytes >> 20) MiB in a minute"
        } else if requestCount >= Self.requests {
            reason = "\(Self.requests) entries in a minute"
        } else {
            (requestCount, byteCount, total) = (requestCount + 1, byteCount + bytes, total + Int64(bytes))
            return .granted
        }
        refusalCount += 1
        let words = "an agent may write \(reason) into the journal of its session"
        return refusalCount > Self.refusals
            ? .lost("\(words), and it went on after \(Self.refusals) refusals") : .refused(words)
    }
}

extension GuestAPI {
    /// What writes nothing down, or little and seldom.
    private static let free: Set<String> = ["heartbeat", "agents/ready", "artifacts/grant"]

    /// Whether an agent may write so much more.
    func charge(_ agent: String, _ request: HTTPRequest, _ path: String) throws(ServiceError) {
        guard request.method == "POST", !Self.free.contains(path) else { return }
        let now = Clock.bootNanoseconds() / 1_000_000
        let verdict = session.quotas.withLock {
            $0[agent, default: AgentQuota()].take(request.body.count, now: now)
        }
        switch verdict {
        case .granted: return
        case .refused(let words):
            throw ServiceError(words, hint: "wait a minute, and write less", code: "too_much", status: 429)
        case .lost(let words):
            if let known = session.state.agents[agent] { session.lose(agent, known, words) }
            throw ServiceError(words, code: "too_much", status: 429)
        }
    }
}
