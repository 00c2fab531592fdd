import TestSupport
import Testing

@testable import Platform

@Suite struct IdlePolicyTests {
    @Test func `silence for as long as it may last is idle, and anything begins it anew`() {
        var policy = IdlePolicy(patience: 300, now: 0)
        #expect(!policy.isDue(at: 299))
        #expect(policy.isDue(at: 300))
        policy.activity(at: 250)
        #expect(!policy.isDue(at: 549))
        #expect(policy.isDue(at: 550))
        // What comes late takes nothing back.
        policy.activity(at: 10)
        #expect(policy.isDue(at: 550))
    }

    @Test func `a lease holds a guest awake, and its silence counts from the end of the lease`() {
        var policy = IdlePolicy(patience: 100, now: 0)
        policy.keepalive(milliseconds: 1000, at: 50)
        #expect(!policy.isDue(at: 1049))
        #expect(!policy.isDue(at: 1149))
        #expect(policy.isDue(at: 1150))
        policy.keepalive(milliseconds: 1000, at: 1150)
        policy.release(at: 1200)
        #expect(!policy.isDue(at: 1299))
        #expect(policy.isDue(at: 1300))
        // Letting go of nothing is no sign of life.
        policy.release(at: 1299)
        #expect(policy.isDue(at: 1300))
    }

    @Test func `no lease is longer than the longest, whatever a guest says`() {
        var policy = IdlePolicy(patience: 1, now: 0)
        policy.keepalive(milliseconds: .max, at: 0)
        #expect(!policy.isDue(at: IdlePolicy.longestLeaseMilliseconds))
        #expect(policy.isDue(at: IdlePolicy.longestLeaseMilliseconds + 1))
        policy = IdlePolicy(patience: 1, now: 0)
        policy.keepalive(milliseconds: -5, at: 0)
        #expect(policy.isDue(at: 1))
    }

    /// Against a model that remembers everything: idle is when nothing happened and nothing held in all of
    /// the last while.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `it agrees with a model on any sequence`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        func next(_ bound: Int) -> Int64 { Int64(random.below(bound)) }
        let patience: Int64 = 40
        var policy = IdlePolicy(patience: patience, now: 0)
        var (busy, lease): (Set<Int64>, Int64) = ([0], -1)
        var now: Int64 = 0
        for _ in 0..<300 {
            let later = now + next(30)
            while now < later {
                now += 1
                if now <= lease { busy.insert(now) }
            }
            switch next(4) {
            case 0:
                policy.activity(at: now)
                busy.insert(now)
            case 1:
                let time = next(80)
                policy.keepalive(milliseconds: time, at: now)
                busy.insert(now)
                if time > 0 { lease = now + time }
            case 2:
                policy.release(at: now)
                if lease >= 0 { busy.insert(now) }
                lease = -1
            default: break
            }
            let last = busy.max() ?? 0
            #expect(
                policy.isDue(at: now) == (now >= lease && now - last >= patience), "seed \(seed) at \(now)")
        }
    }
}
