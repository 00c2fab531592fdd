// Many calls at once against little money.
import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Gateway

@Suite struct BudgetRaceTests {
    @Test func `forty calls at once spend no more than the budget, and what fits is answered`() throws {
        // A call of 100 tokens costs 2000 millionths at most for its answer, and its prompt on top.
        let provider = try StubProvider(StubProvider.stream(Golden.text("four", input: 10, output: 100)))
        var limits = quick
        limits.reservationMilliseconds = 20
        let budget: Int64 = 30_000
        let stage = try Stage(provider, budget: budget, limits: limits)
        let statuses = Mutex<[Int]>([])
        let workers = (0..<40).map { number in
            Worker.start("call") {
                let answer = try? stage.send(question, headers: [("x-test-agent", "coder-\(number)")])
                statuses.withLock { $0.append(answer?.status ?? 0) }
            }
        }
        for worker in workers { worker.join() }
        let all = statuses.withLock { $0 }
        let account = try stage.ledger
        #expect(all.count == 40 && Set(all).isSubset(of: [200, 402]), "\(all)")
        #expect(all.contains(402) && all.contains(200))
        #expect(account.spent <= budget && account.reserved == 0 && account.overrun == 0)
        #expect(provider.requests.count == all.count { $0 == 200 })
    }
}
