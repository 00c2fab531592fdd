import Kit
import Synchronization
import System
import TestSupport
import Testing
import Wire

@testable import Gateway

private func report(
    requests: (limit: Int, rest: Int, reset: Int)? = nil, input: (limit: Int, rest: Int, reset: Int)? = nil
) -> RateReport {
    var report = RateReport([:], atMilliseconds: 0)
    if let (limit, rest, reset) = requests {
        report.lines[.requests] = .init(limit: limit, remaining: rest, resetMilliseconds: reset)
    }
    if let (limit, rest, reset) = input {
        report.lines[.inputTokens] = .init(limit: limit, remaining: rest, resetMilliseconds: reset)
    }
    return report
}

private let small = RateBucket.Need(input: 100, output: 10)

extension RateBucket {
    /// Lets a call go that must go.
    fileprivate mutating func start(_ agent: String, _ need: Need = small, now: Int64) -> Int? {
        let ticket = enqueue(agent, need)
        if case .go(let number) = attempt(ticket, now: now) { return number }
        leave(ticket)
        return nil
    }
}

@Suite struct RateReportTests {
    @Test func `Anthropic's headers`() {
        let report = RateReport(
            [
                "anthropic-ratelimit-requests-limit": "60",
                "anthropic-ratelimit-requests-remaining": "59",
                "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:11Z",
                "anthropic-ratelimit-input-tokens-limit": "40000",
                "anthropic-ratelimit-input-tokens-remaining": "50000",
                "anthropic-ratelimit-output-tokens-limit": "many",
            ], atMilliseconds: 10_000)
        #expect(report.lines[.requests] == .init(limit: 60, remaining: 59, resetMilliseconds: 1000))
        #expect(report.lines[.inputTokens] == .init(limit: 40_000, remaining: 40_000, resetMilliseconds: 0))
        #expect(report.lines[.outputTokens] == nil)
    }

    @Test func `OpenAI's headers`() {
        let report = RateReport(
            [
                "x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-reset-requests": "120ms", "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-remaining-tokens": "100", "x-ratelimit-reset-tokens": "6m0s",
            ], atMilliseconds: 0)
        #expect(report.lines[.requests] == .init(limit: 500, remaining: 499, resetMilliseconds: 120))
        #expect(report.lines[.tokens] == .init(limit: 30_000, remaining: 100, resetMilliseconds: 360_000))
    }

    @Test(arguments: [("1s", 1000), ("1h2m3.5s", 3_723_500), ("", nil), ("5", nil), ("1x", nil), ("s", nil)])
    func `durations`(text: String, milliseconds: Int?) { #expect(RateReport.duration(text) == milliseconds) }
}

@Suite struct RateBucketTests {
    @Test func `the number of calls under way grows with those that are accepted, and halves at a refusal`() {
        var bucket = RateBucket(first: 2, widest: 8)
        let first = bucket.start("a", now: 0)
        #expect(first != nil && bucket.start("a", now: 0) != nil)
        #expect(bucket.start("a", now: 0) == nil)
        bucket.accepted(first ?? 0, report(), now: 0)
        #expect(bucket.start("b", now: 0) != nil)
        for _ in 0..<20 { bucket.accepted(first ?? 0, report(), now: 0) }
        #expect(bucket.window == 8)
        for _ in 0..<5 { _ = bucket.start("a", now: 0) }
        #expect(bucket.openCount == 8)
        bucket.refused(first ?? 0, report(), pauseMilliseconds: 500, now: 0)
        #expect(bucket.window == 4)
        bucket.refused(first ?? 0, report(), pauseMilliseconds: 100, now: 0)
        // A shorter pause does not shorten a longer one.
        let ticket = bucket.enqueue("a", small)
        #expect(
            bucket.attempt(ticket, now: 100) == .wait(milliseconds: 400, reason: "the provider asked to wait")
        )
    }

    @Test func `a limit refills all the time, and a call waits for as long as it lacks`() {
        var bucket = RateBucket(first: 100, widest: 100)
        let first = bucket.start("a", now: 0) ?? 0
        bucket.accepted(first, report(requests: (60, 1, 59_000)), now: 0)
        #expect(bucket.start("a", now: 0) != nil)
        let ticket = bucket.enqueue("a", small)
        guard case .wait(let milliseconds, _) = bucket.attempt(ticket, now: 0) else {
            Issue.record("the call went without a request left")
            return
        }
        #expect((900...1100).contains(milliseconds))
        #expect(bucket.attempt(ticket, now: Int64(milliseconds)) == .go(ticket))
    }

    @Test func `a call that is larger than the limit goes when the limit is whole`() {
        var bucket = RateBucket(first: 100, widest: 100)
        let first = bucket.start("a", now: 0) ?? 0
        bucket.accepted(first, report(input: (1000, 0, 60_000)), now: 0)
        let ticket = bucket.enqueue("a", .init(input: 5000, output: 1))
        guard case .wait(let milliseconds, _) = bucket.attempt(ticket, now: 0) else {
            Issue.record("the call went without a token left")
            return
        }
        #expect((59_000...61_000).contains(milliseconds))
        #expect(bucket.attempt(ticket, now: Int64(milliseconds)) == .go(ticket))
    }

    @Test func `what a call did not use is given back`() {
        var bucket = RateBucket(first: 100, widest: 100)
        let first = bucket.start("a", now: 0) ?? 0
        bucket.accepted(first, report(input: (1000, 200, 60_000)), now: 0)
        let second = bucket.start("a", .init(input: 200, output: 0), now: 0) ?? 0
        #expect(bucket.start("a", .init(input: 150, output: 0), now: 0) == nil)
        // All of it came from the provider's cache, which is not counted.
        bucket.finish(second, used: .init(input: 0, output: 0), now: 0)
        #expect(bucket.start("a", .init(input: 150, output: 0), now: 0) != nil)
    }

    @Test func `who had least goes first, and who asks most does not starve the others`() {
        var bucket = RateBucket(first: 1, widest: 1)
        var turns: [String: Int] = [:]
        // One agent keeps five calls in line, three others one each.
        var line: [(agent: String, ticket: Int)] = []
        func join(_ agent: String) { line.append((agent, bucket.enqueue(agent, small))) }
        for agent in ["greedy", "greedy", "greedy", "greedy", "greedy", "b", "c", "d"] { join(agent) }
        for _ in 0..<400 {
            for (agent, ticket) in line {
                guard case .go(let number) = bucket.attempt(ticket, now: 0) else { continue }
                turns[agent, default: 0] += 1
                bucket.finish(number, used: small, now: 0)
                line.removeAll { $0.ticket == ticket }
                join(agent)
                break
            }
        }
        #expect(turns.values.reduce(0, +) == 400)
        for agent in ["greedy", "b", "c", "d"] { #expect((98...102).contains(turns[agent] ?? 0)) }
    }

    @Test func `in no order of calls is a provider asked for more than it said`() {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed)
            var bucket = RateBucket(first: 4, widest: 64)
            // The provider's own count: a bucket of 60 requests and 10,000 tokens a minute.
            var requests = 60.0
            var tokens = 10_000.0
            var open: [Int] = []
            var line: [(ticket: Int, need: RateBucket.Need)] = []
            var over = 0
            for step in 0..<3000 {
                let now = Int64(step) * 20
                requests = min(60, requests + 0.02)
                tokens = min(10_000, tokens + 10_000 / 3000)
                if line.count < 8 {
                    let need = RateBucket.Need(input: Int.random(in: 1...900, using: &random), output: 5)
                    line.append((bucket.enqueue("a\(Int.random(in: 0..<4, using: &random))", need), need))
                }
                for (index, entry) in line.enumerated() {
                    guard case .go(let number) = bucket.attempt(entry.ticket, now: now) else { continue }
                    line.remove(at: index)
                    requests -= 1
                    tokens -= Double(entry.need.input)
                    // The first calls cannot know the limit.
                    if step > 10, requests < -1 || tokens < -900 { over += 1 }
                    bucket.accepted(
                        number,
                        report(
                            requests: (60, max(0, Int(requests)), Int((60 - requests) * 1000)),
                            input: (10_000, max(0, Int(tokens)), Int((10_000 - tokens) * 6))), now: now)
                    open.append(number)
                    break
                }
                if !open.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
                    bucket.finish(open.removeFirst(), used: nil, now: now)
                }
            }
            #expect(over == 0, "seed \(seed)")
        }
    }
}

@Suite struct RateLimiterTests {
    @Test func `threads are admitted as the limit allows, and a wait can be cancelled`() {
        var limits = GatewayLimits()
        (limits.firstParallelCalls, limits.sliceMilliseconds) = (1, 5)
        let limiter = RateLimiter(limits: limits)
        let first = limiter.admit("k", agent: "a", need: small, isCancelled: { false }, onWait: { _, _ in })
        let told = Mutex<[String]>([])
        let gone = limiter.admit(
            "k", agent: "b", need: small, isCancelled: { told.withLock { !$0.isEmpty } },
            onWait: { _, reason in told.withLock { $0.append(reason) } })
        #expect(gone == nil)
        #expect(told.withLock { $0 } == ["1 calls are under way (k)"])
        let other = limiter.admit(
            "other", agent: "b", need: small, isCancelled: { false }, onWait: { _, _ in })
        #expect(other != nil)
        let waiter = Worker.start("waiter") {
            let second = limiter.admit(
                "k", agent: "b", need: small, isCancelled: { false }, onWait: { _, _ in })
            if let second { limiter.finish(second, used: nil) }
        }
        if let first { limiter.finish(first, used: nil) }
        waiter.join()
    }
}
