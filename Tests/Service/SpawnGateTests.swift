import Kit
import TestSupport
import Testing

@testable import Service

@Suite struct SpawnGateTests {
    @Test func `a whole team starts at once, and who comes again and again waits`() {
        var gate = SpawnGate()
        for _ in 0..<SpawnGate.burst { #expect(gate.take(1000) == 0) }
        #expect(gate.take(1000) == 5000)
        #expect(gate.take(1000) == 10_000)
        // Later everything is free again.
        #expect(gate.take(10_000_000) == 0)
    }

    @Test func `in no minute are there more starts than the burst and the rate allow`() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<50 {
            var (gate, now, starts) = (SpawnGate(), Int64(0), [Int64]())
            for _ in 0..<200 {
                now += Int64(random.below(4000))
                starts.append(now + gate.take(now))
            }
            #expect(starts == starts.sorted())
            for start in starts {
                let count = starts.count { (start..<start + 60_000).contains($0) }
                #expect(count <= Int(SpawnGate.burst + SpawnGate.perMinute))
            }
        }
    }

    @Test func `starts before a restart of the coordinator count, and a guest has its place once`() {
        func spawns(at: Int64) -> SessionRunner.Spawns {
            SessionRunner.Spawns(
                (1...Int(SpawnGate.burst)).map {
                    Event(
                        seq: Int64($0), session: "s", at: at,
                        body: .agentRequested(agent: "coder-1", role: "coder", generation: $0))
                })
        }
        var recent = spawns(at: 99_000)
        #expect(recent.place("coder-1", 11, now: 100_000) == 4000)
        #expect(recent.place("coder-1", 11, now: 100_000) == 0)
        #expect(recent.place("coder-1", 3, now: 100_000) == 0)
        var old = spawns(at: 1000)
        #expect(old.place("coder-1", 11, now: 100_000) == 0)
    }
}
