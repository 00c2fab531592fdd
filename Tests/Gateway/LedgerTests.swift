import Kit
import Synchronization
import System
import TestSupport
import Testing

@testable import Gateway

@Suite struct LedgerTests {
    @Test func `in no order of calls is any limit passed by a millionth of a dollar`() {
        for seed in UInt64(1)...150 {
            var random = SeededRandom(seed: seed)
            func amount(_ most: Int64) -> Int64 { Int64.random(in: 0...most, using: &random) }
            let agents = ["a1", "a2", "b1", "b2"]
            func scopes(_ agent: String) -> [Ledger.Scope] {
                [.role(String(agent.prefix(1))), .agent(agent)]
            }
            let limits: [Ledger.Scope: Int64] = [
                .role("a"): amount(1500), .agent("b1"): amount(600), .agent("a2"): amount(400),
            ]
            let budget = amount(2000)
            let ledger = Ledger(budget: budget, limits: limits, spent: [.agent("b1"): 5, .session: 5])
            var open: [Ledger.Reservation] = []
            var spent: [Ledger.Scope: Int64] = [.session: 5, .agent("b1"): 5]
            func all(_ agent: String) -> [Ledger.Scope] { [.session] + scopes(agent) }
            for _ in 0..<250 {
                let choice = Int.random(in: 0..<(open.count == 16 ? 2 : 4), using: &random)
                if choice < 2, !open.isEmpty {
                    let held = open.remove(at: Int.random(in: 0..<open.count, using: &random))
                    // Answered, failed without a charge, or failed with an unknown one.
                    let most = held.microUSD
                    let costs: [Int64] = [amount(most), 0, most]
                    let cost = costs[Int.random(in: 0..<3, using: &random)]
                    ledger.settle(held, microUSD: cost)
                    // Twice books once.
                    ledger.settle(held, microUSD: cost)
                    for scope in held.scopes { spent[scope, default: 0] += cost }
                } else {
                    let agent = agents.randomElement(using: &random) ?? ""
                    let worst = amount(300)
                    let fits = all(agent).allSatisfy { scope in
                        guard let limit = scope == .session ? budget : limits[scope] else { return true }
                        let held = open.filter { $0.scopes.contains(scope) }.reduce(0) { $0 + $1.microUSD }
                        return (spent[scope] ?? 0) + held + worst <= limit
                    }
                    let taken = try? ledger.reserve(worst, for: scopes(agent))
                    #expect((taken != nil) == fits, "seed \(seed)")
                    if let taken { open.append(taken) }
                }
                for scope in [.session] + Array(limits.keys) {
                    let now = ledger.snapshot(of: scope)
                    #expect(now.spent == spent[scope] ?? 0, "\(scope), seed \(seed)")
                    #expect(now.spent + now.reserved <= max(now.budget ?? 0, now.spent), "seed \(seed)")
                    #expect(now.overrun == 0, "seed \(seed)")
                }
            }
        }
    }

    @Test func `a refusal names the limit that is in the way`() throws {
        let ledger = Ledger(budget: 1000, limits: [.role("coder"): 300, .agent("coder-1"): 100])
        let scopes: [Ledger.Scope] = [.role("coder"), .agent("coder-1")]
        let refusal = #expect(throws: BudgetRefusal.self) { try ledger.reserve(200, for: scopes) }
        #expect(refusal?.message.contains("the agent coder-1") == true)
        _ = try ledger.reserve(200, for: [.role("coder"), .agent("coder-2")])
        let role = #expect(throws: BudgetRefusal.self) {
            try ledger.reserve(200, for: [.role("coder"), .agent("coder-2")])
        }
        #expect(role?.message.contains("the role coder") == true)
        let held = try ledger.reserve(90, for: scopes)
        ledger.settle(held, microUSD: 90)
        #expect(ledger.tightest([.session] + scopes)?.scope == .agent("coder-1"))
        #expect(ledger.tightest([.agent("nobody")]) == nil)
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
        let ledger = Ledger(budget: 100, spent: [.session: 60])
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
