// One bucket for each provider and model class, shared by all agents of all sessions: when one is told to
// wait, the others need not be told each.
import Kit
import Synchronization
import System
import Wire

/// Admits calls, in turn and as fast as the provider allows. Used from any thread.
final class RateLimiter: Sendable {
    /// A call that was admitted.
    struct Permit: Sendable, Hashable {
        let key: String
        let number: Int
    }

    private let buckets = Condition<[String: RateBucket]>([:])
    private let limits: GatewayLimits

    init(limits: GatewayLimits) { self.limits = limits }

    /// Waits until the call may go.
    /// - Parameters:
    ///   - key: Provider and model class.
    ///   - agent: Agents get equal shares; sessions' agents have different names here.
    ///   - isCancelled: Asked all the time while waiting.
    ///   - onWait: Told when the wait begins and when its reason changes, with its expected length.
    /// - Returns: Nil when the wait was cancelled.
    func admit(
        _ key: String, agent: String, need: RateBucket.Need, isCancelled: () -> Bool,
        onWait: (Int, String) -> Void
    ) -> Permit? {
        let ticket = withBucket(key) { $0.enqueue(agent, need) }
        var told = ""
        var slice = 0
        while true {
            var pause = 0
            var reason = ""
            // Tried again whenever a bucket changes, and when the slice is over.
            let number = buckets.wait(timeoutMilliseconds: slice) { buckets -> Int? in
                switch buckets[key]?.attempt(ticket, now: RateLimiter.now) {
                case .go(let number): return number
                case .wait(let milliseconds, let why): (pause, reason) = (milliseconds, why)
                case nil: break
                }
                return nil
            }
            if let number { return Permit(key: key, number: number) }
            if isCancelled() {
                withBucket(key) { $0.leave(ticket) }
                return nil
            }
            if reason != told {
                told = reason
                onWait(pause, "\(reason) (\(key))")
            }
            slice = min(limits.sliceMilliseconds, max(1, pause))
        }
    }

    func accepted(_ permit: Permit, _ headers: HTTPHeaders) {
        let report = RateReport(headers, atMilliseconds: Clock.wallMilliseconds())
        withBucket(permit.key) { $0.accepted(permit.number, report, now: RateLimiter.now) }
    }

    /// - Parameter pauseMilliseconds: What the provider asked for, or what the policy says.
    func refused(_ permit: Permit, _ headers: HTTPHeaders, pauseMilliseconds: Int) {
        let report = RateReport(headers, atMilliseconds: Clock.wallMilliseconds())
        withBucket(permit.key) {
            $0.refused(permit.number, report, pauseMilliseconds: pauseMilliseconds, now: RateLimiter.now)
        }
    }

    func finish(_ permit: Permit, used: RateBucket.Need?) {
        withBucket(permit.key) { $0.finish(permit.number, used: used, now: RateLimiter.now) }
    }

    /// The narrowest of all providers and models in use.
    var feeds: (agents: Int, reason: String)? {
        buckets.withLock { buckets in
            buckets.sorted { $0.key < $1.key }.compactMap { key, bucket in
                bucket.feeds(now: RateLimiter.now).map { ($0.agents, "\($0.reason) (\(key))") }
            }.min { $0.0 < $1.0 }
        }
    }

    private func withBucket<Result>(_ key: String, _ body: (inout RateBucket) -> Result) -> Result {
        buckets.withLock { buckets in
            var bucket =
                buckets[key]
                ?? RateBucket(first: limits.firstParallelCalls, widest: limits.parallelCalls)
            defer { buckets[key] = bucket }
            return body(&bucket)
        }
    }

    private static var now: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }
}
