import Kit
import Testing

@testable import Core

/// `--agents auto`: agents come and go with the work, the rate and the money.
@Suite struct ScaleTests {
    static func plan(_ count: Int, writes: (Int) -> [String] = { ["t\($0).swift"] }) -> Plan {
        Plan(
            summary: "\(count)",
            tasks: (1...count).map { PlanTask(id: "t\($0)", title: "Part \($0)", writeSet: writes($0)) })
    }

    static func world(_ plan: Plan, budget: Int64? = nil) throws -> World {
        var world = World(seed: 3)
        var configuration = World.configuration(plan: plan)
        configuration.budget = budget
        try world.send(.start(configuration))
        return world
    }

    static func scaled(_ world: World) -> [(limit: Int, reason: String)] {
        world.events.compactMap {
            if case .agentsScaled(let limit, let reason) = $0.body { (limit, reason) } else { nil }
        }
    }

    static func coders(_ world: World) -> Int {
        world.state.agents.count { $0.key.hasPrefix("coder") && $0.value.status != .retired }
    }

    @Test func `a small task has one agent, and nothing is said about it`() throws {
        var world = try Self.world(Self.plan(1))
        try world.go { $0.phase == .verifying }
        #expect(Self.coders(world) == 1 && Self.scaled(world).isEmpty)
        try world.go { $0.phase.isOver }
        #expect(world.state.phase == .completed)
    }

    @Test func `seven tasks that do not meet have seven agents, and fewer when fewer are left`() throws {
        var world = try Self.world(Self.plan(7))
        #expect(Self.coders(world) == 7)
        #expect(Self.scaled(world).map(\.limit) == [7])
        #expect(Self.scaled(world)[0].reason == "7 tasks are ready or under way")
        try world.go { $0.phase == .verifying }
        #expect(Self.coders(world) == 1)
        #expect(Self.scaled(world).last?.limit == 1)
        try world.go { $0.phase.isOver }
        #expect(world.state.phase == .completed)
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `tasks that meet or depend on each other are not counted before they can begin`() throws {
        #expect(Self.coders(try Self.world(Self.plan(5) { _ in ["**"] })) == 1)
        #expect(Self.coders(try Self.world(Self.plan(4) { $0 < 3 ? ["a/**"] : ["t\($0)"] })) == 3)
        var chain = Self.plan(4)
        for index in 1..<4 { chain.tasks[index].dependsOn = ["t\(index)"] }
        var world = try Self.world(chain)
        try world.go { $0.phase.isOver }
        #expect(world.state.phase == .completed && Self.scaled(world).allSatisfy { $0.limit == 1 })
    }

    @Test func `the rate of the provider holds agents back and lets them come`() throws {
        var world = World(seed: 4)
        try world.send(.start(World.configuration()))
        try world.send(.feed(agents: 2, reason: "3 calls wait"))
        try world.go { $0.plan != nil }
        // The world's plan has three tasks, of which two can begin.
        #expect(Self.coders(world) == 2)
        let more = (4...7).map { PlanTask(id: "t\($0)", title: "More", writeSet: ["t\($0).swift"]) }
        try world.send(.editPlan(Plan(summary: "", tasks: World.plan.tasks + more), by: "user"))
        #expect(Self.coders(world) == 2)
        #expect(world.state.workers == 2)
        let count = world.events.count
        try world.send(.feed(agents: 2, reason: "3 calls wait"))
        #expect(world.events.count == count)
        try world.send(.feed(agents: nil, reason: "nothing waits"))
        #expect(world.state.workers > 2)
        #expect(Self.scaled(world).last?.reason.contains("ready or under way") == true)
    }

    @Test func `the money that is left is for so many tasks and no more`() throws {
        var world = try Self.world(Self.plan(1), budget: 1000)
        try world.go { $0.tasks["t1"]?.status == .working }
        try world.send(
            .record([
                .modelSettled(
                    agent: "coder-1", task: "t1", model: "m", microusd: 300, input: 1, output: 1, detail: nil)
            ]))
        try world.send(.editPlan(Plan(summary: "", tasks: Self.plan(7).tasks), by: "user"))
        // 700 are left, and a task costs 300.
        #expect(world.state.workers == 2)
        #expect(Self.scaled(world).last?.reason == "the budget that is left is for 2")
    }

    @Test func `who is asked for by number is not scaled`() throws {
        var world = World(seed: 5)
        try world.send(.start(World.configuration(agents: 5, plan: Self.plan(7))))
        try world.send(.feed(agents: 1, reason: "x"))
        #expect(Self.coders(world) == 2 && Self.scaled(world).isEmpty)
    }
}
