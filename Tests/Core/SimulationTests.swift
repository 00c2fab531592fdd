import Kit
import System
import TestSupport
import Testing

@testable import Core

/// Random worlds against what must always hold. A seed that fails is named, and makes the same world again.
@Suite struct SimulationTests {
    /// `make deep` has more.
    private static let seeds = Environment.get("OPENCLAW_SIMULATION_SEEDS").flatMap { UInt64($0) } ?? 400

    /// Every kind of trouble, in a mixture that the seed chooses.
    static func world(_ seed: UInt64) -> World {
        var world = World(seed: seed)
        var dice = SeededRandom(seed: seed &* 77 &+ 5)
        func roll(_ values: Int...) -> Int { values[Int(dice.next() % UInt64(values.count))] }
        (world.lossChance, world.conflictChance) = (roll(0, 2, 6), roll(0, 10, 30, 70))
        (world.redGateChance, world.flakyChance) = (roll(0, 10, 40), roll(0, 10))
        (world.changesChance, world.repeatChance) = (roll(0, 30, 80), roll(0, 30))
        (world.crashChance, world.personChance) = (roll(0, 15), roll(0, 8, 25))
        (world.cancelChance, world.refuseChance) = (roll(0, 0, 0, 1), roll(0, 0, 30))
        world.talkChance = roll(0, 0, 10)
        world.rateChance = roll(0, 20)
        world.listChance = roll(0, 0, 10, 60)
        return world
    }

    static func configuration(_ seed: UInt64) -> SessionConfiguration {
        var dice = SeededRandom(seed: seed &* 31 &+ 9)
        func roll<T>(_ values: [T]) -> T { values[Int(dice.next() % UInt64(values.count))] }
        let wide = Plan(
            summary: "seven at once",
            tasks: (1...7).map { PlanTask(id: "t\($0)", title: "Part \($0)", writeSet: ["t\($0).swift"]) })
        return World.configuration(
            agents: roll([1, 2, 3, 4, 5, 8, 8, nil]),
            plan: roll([nil, nil, World.plan, wide, AcceptanceTests.plan]),
            autoApprove: roll([true, false, false]), testCommand: roll(["make test", "make test", nil]),
            approve: roll([[], [.plan], [.plan, .outside], [.merge], [.messages, .notes, .tasks]]),
            pullRequest: roll([
                nil, PullRequestOptions(), PullRequestOptions(isDraft: true),
                PullRequestOptions(isDraft: true, watchesChecks: true),
            ]))
    }

    /// Lives through a session; gives what is wrong.
    static func live(_ world: inout World) -> String? {
        do throws(Rejection) {
            for _ in 0..<8000 where !world.state.phase.isOver {
                if world.chance(world.personChance) { world.meddle() }
                if world.chance(world.talkChance) { try world.talk() }
                if world.chance(world.rateChance) { try world.changeRate() }
                if world.chance(world.cancelChance) {
                    try world.send(.cancel(by: "user"))
                    continue
                }
                if try world.step() { continue }
                guard try world.answerQuestions() else { return "stuck in \(world.state.phase)" }
            }
            guard world.state.phase.isOver else { return "no end; in \(world.state.phase)" }
            // The teardown is done too.
            while !world.running.isEmpty {
                guard try world.step() else { break }
            }
        } catch {
            return "refused: \(error)"
        }
        return judge(world)
    }

    static func judge(_ world: World) -> String? {
        let problems = Invariants(world.events).problems
        guard problems.isEmpty else { return problems.joined(separator: "; ") }
        if Core.fold(world.events) != world.state { return "the replay is not what was lived" }
        if world.deliveries.count > 1 { return "delivered \(world.deliveries)" }
        if !world.state.openEffects.isEmpty { return "left open: \(world.state.openEffects.map(\.key))" }
        if world.state.phase == .completed, world.state.configuration?.testCommand != nil,
            !world.greenTrees.contains(world.state.tree)
        {
            return "delivered \(world.state.tree), of which the tests were never green"
        }
        return nil
    }

    @Test func `whatever happens, a session delivers at most once, what is approved and green, and ends`() {
        var ends: [String: Int] = [:]
        for seed in 1...Self.seeds {
            var world = Self.world(seed)
            guard (try? world.send(.start(Self.configuration(seed)))) != nil else {
                Issue.record("seed \(seed) does not start")
                continue
            }
            let problem = Self.live(&world)
            #expect(problem == nil, "seed \(seed)")
            ends[world.state.phase.rawValue, default: 0] += 1
        }
        // A simulation in which everything fails early would prove nothing.
        #expect(ends["completed", default: 0] > Int(Self.seeds) / 3, "\(ends)")
        #expect(ends["failed", default: 0] > Int(Self.seeds) / 50, "\(ends)")
        #expect(ends["cancelled", default: 0] > 2, "\(ends)")
    }

    @Test func `a coordinator that dies after any decision goes on, and the end is as good`() throws {
        for seed in [3, 42] as [UInt64] {
            var world = Self.world(seed)
            (world.crashChance, world.personChance, world.cancelChance) = (0, 0, 0)
            try world.send(.start(World.configuration(agents: 5, autoApprove: false)))
            var count = 0
            for _ in 0..<4000 where !world.state.phase.isOver {
                // The world goes on from here as it is, with a coordinator that knows the journal only.
                var other = world
                other.restart()
                other.random = SeededRandom(seed: seed &+ UInt64(count))
                count += 1
                let problem = Self.live(&other)
                #expect(problem == nil, "seed \(seed), boundary \(count)")
                if try world.step() { continue }
                guard try world.answerQuestions() else { break }
            }
            #expect(world.state.phase.isOver && count > 25)
        }
    }
}
