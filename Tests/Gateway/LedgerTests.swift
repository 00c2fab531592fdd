import Kit
import Synchronization
import System
import Testing

@testable import Gateway

@Suite struct LedgerTests {
    @Test func `in no order of calls is a budget passed by a millionth of a dollar`() {
        for seed in UInt64(1)...200 {
            var random = SeededRandom(seed: seed)
            let budget = Int64.random(in: 0...2000, using: &random)
            let ledger = Ledger(budget: budget)
            var open: [(agent: Int, reservation: Ledger.Reservation)] = []
            var spent: Int64 = 0
            for _ in 0..<300 {
                let isFull = open.count == 16
                switch Int.random(in: 0..<(isFull ? 2 : 4), using: &random) {
                case 0 where !open.isEmpty:
                    // Settled: at most what was reserved.
                    let (_, held) = open.remove(at: Int.random(in: 0..<open.count, using: &random))
                    let cost = Int64.random(in: 0...held.microUSD, using: &random)
                    ledger.settle(held, microUSD: cost)
                    // Twice books once.
                    ledger.settle(held, microUSD: cost)
                    spent += cost
                case 1 where !open.isEmpty:
                    // Failed without a charge, or with an unknown one.
                    let (_, held) = open.remove(at: Int.random(in: 0..<open.count, using: &random))
                    let cost = Bool.random(using: &random) ? 0 : held.microUSD
                    ledger.settle(held, microUSD: cost)
                    spent += cost
                default:
                    let worst = Int64.random(in: 0...300, using: &random)
                    let held = open.reduce(0) { $0 + $1.reservation.microUSD }
                    let fits = spent + held + worst <= budget
                    let taken = try? ledger.reserve(worst)
                    #expect((taken != nil) == fits, "seed \(seed)")
                    if let taken { open.append((Int.random(in: 0..<8, using: &random), taken)) }
                }
                let now = ledger.snapshot
                #expect(now.spent == spent, "seed \(seed)")
                #expect(now.spent + now.reserved <= budget, "seed \(seed)")
                #expect(now.overrun == 0, "seed \(seed)")
            }
        }
    }

    @Test func `eight agents at once never pass the budget, and spend what there is`() {
        let budget: Int64 = 100_000
        let ledger = Ledger(budget: budget)
        let highest = Mutex<Int64>(0)
        let workers = (0..<8).map { agent in
            Worker.start("agent-\(agent)") {
                var random = SeededRandom(seed: UInt64(agent) + 70)
                while let held = try? ledger.reserve(
                    Int64.random(in: 1...900, using: &random), waitMilliseconds: 20_000,
                    sliceMilliseconds: 10)
                {
                    let now = ledger.snapshot
                    highest.withLock { $0 = max($0, now.spent + now.reserved) }
                    let isFailure = Int.random(in: 0..<4, using: &random) == 0
                    ledger.settle(
                        held, microUSD: isFailure ? 0 : Int64.random(in: 0...held.microUSD, using: &random))
                }
            }
        }
        for worker in workers { worker.join() }
        let end = ledger.snapshot
        #expect(highest.withLock { $0 } <= budget)
        #expect(end.reserved == 0)
        #expect(end.spent <= budget)
        // Every agent stopped because its call would not have fitted.
        #expect(end.spent > budget - 900)
    }

    @Test func `a call that would fit waits for what others hold, and goes on when they settle`() throws {
        let ledger = Ledger(budget: 100)
        let held = try ledger.reserve(80)
        #expect(throws: BudgetRefusal.self) { try ledger.reserve(50) }
        let waiter = Worker.start("waiter") {
            if let second = try? ledger.reserve(50, waitMilliseconds: 60_000, sliceMilliseconds: 5) {
                ledger.settle(second, microUSD: 7)
            }
        }
        ledger.settle(held, microUSD: 10)
        waiter.join()
        #expect(ledger.snapshot.spent == 17)
    }

    @Test func `a call that can never fit is refused at once, in words`() throws {
        let ledger = Ledger(budget: 100, spent: 60)
        let refusal = #expect(throws: BudgetRefusal.self) {
            try ledger.reserve(50, waitMilliseconds: 60_000)
        }
        #expect(refusal?.message.contains("$0.00005") == true)
        #expect(refusal?.message.contains("$0.00006") == true)
        ledger.setBudget(200)
        _ = try ledger.reserve(50)
    }

    @Test(
        arguments: [
            (0, "$0.00"), (1_200_000, "$1.20"), (125, "$0.000125"), (-5_000_000, "-$5.00"), (1, "$0.000001"),
        ] as [(Int64, String)])
    func `amounts are shown with the digits that they have`(micro: Int64, text: String) {
        #expect(Money.text(micro) == text)
    }
}
