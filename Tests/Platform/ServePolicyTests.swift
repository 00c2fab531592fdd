import TestSupport
import Testing

@testable import Platform

@Suite struct ServePolicyTests {
    private static let patience = ServePolicy.Patience(pause: 60, end: 600)

    @Test func `a guest wakes for the first, is paused after the last and ended when nobody comes back`() {
        var policy = ServePolicy(patience: Self.patience)
        #expect(policy.connect() == .wake)
        #expect(policy.connect() == nil)
        #expect(policy.done(.wake, succeeded: true, at: 10) == nil)
        #expect(policy.stage == .running)
        policy.disconnect(at: 20)
        #expect(policy.tick(at: 1000) == nil)
        policy.disconnect(at: 1000)
        #expect(policy.tick(at: 1059) == nil)
        #expect(policy.tick(at: 1060) == .pause)
        #expect(policy.tick(at: 1061) == nil)
        #expect(policy.done(.pause, succeeded: true, at: 1062) == nil)
        #expect(policy.tick(at: 1661) == nil)
        #expect(policy.tick(at: 1662) == .end)
        #expect(policy.done(.end, succeeded: true, at: 1663) == nil)
        #expect(policy.stage == .absent)
    }

    @Test func `who comes while it leaves is waited for, and wakes it again`() {
        var policy = ServePolicy(patience: Self.patience)
        _ = policy.connect()
        _ = policy.done(.wake, succeeded: true, at: 0)
        policy.disconnect(at: 0)
        #expect(policy.tick(at: 60) == .pause)
        #expect(policy.connect() == nil)
        #expect(policy.done(.pause, succeeded: true, at: 61) == .wake)
        #expect(policy.done(.wake, succeeded: true, at: 62) == nil)
        #expect(policy.stage == .running)
    }

    @Test func `a guest that cannot be woken is tried again by the next one`() {
        var policy = ServePolicy(patience: Self.patience)
        #expect(policy.connect() == .wake)
        #expect(policy.done(.wake, succeeded: false, at: 1) == nil)
        policy.disconnect(at: 2)
        #expect(policy.tick(at: 10_000) == nil)
        #expect(policy.connect() == .wake)
        _ = policy.done(.wake, succeeded: true, at: 3)
        policy.lost()
        #expect(policy.connect() == .wake)
    }

    /// Whatever happens in whatever order: somebody who is connected is never left with a guest that sleeps
    /// and is not being woken, and one action runs at a time.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `nobody is ever left in front of a guest that sleeps`(_ seed: UInt64) {
        var seeded = SeededRandom(seed: seed)
        func random(_ bound: Int) -> Int { seeded.below(bound) }
        var policy = ServePolicy(patience: Self.patience)
        var running: ServePolicy.Action?
        var now: Int64 = 0
        for _ in 0..<2000 {
            now += Int64(random(100))
            var next: ServePolicy.Action?
            switch random(4) {
            case 0: next = policy.connect()
            case 1: if policy.connections > 0 { policy.disconnect(at: now) }
            case 2: next = policy.tick(at: now)
            default:
                guard let action = running else { continue }
                running = nil
                next = policy.done(action, succeeded: random(5) > 0, at: now)
            }
            if let next {
                #expect(running == nil, "two actions at once, seed \(seed)")
                running = next
            }
            switch policy.stage {
            case .paused: #expect(policy.connections == 0, "seed \(seed)")
            case .waking, .leaving: #expect(running != nil, "seed \(seed)")
            case .running, .absent: #expect(running == nil, "seed \(seed)")
            }
        }
    }
}
