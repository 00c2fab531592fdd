import Kit
import Testing

@testable import Core

@Suite struct PlannedRolesTests {
    static let plan = Plan(
        summary: "All of it",
        tasks: [
            PlanTask(id: "a", title: "A", writeSet: ["a"]),
            PlanTask(id: "b", title: "B", role: "docs", writeSet: ["b"]),
            PlanTask(id: "c", title: "C", dependsOn: ["b"], writeSet: ["c"]),
            PlanTask(id: "d", title: "D", role: "fuzz", writeSet: ["d"]),
            PlanTask(id: "e", title: "E", role: "docs", dependsOn: ["d"], writeSet: ["e"]),
        ])

    @Test(arguments: [4, 5, 8])
    func `tasks are done by agents of their roles, also when only one works at a time`(agents: Int) throws {
        for seed in 1...40 {
            var world = World(seed: UInt64(seed))
            (world.lossChance, world.conflictChance, world.redGateChance, world.crashChance) = (5, 15, 10, 10)
            var configuration = World.configuration(agents: agents)
            configuration.plan = Self.plan
            try world.send(.start(configuration))
            try CoreTests.run(&world)
            #expect(world.state.phase == .completed || world.state.failure != nil, "seed \(seed)")
            let roles = Dictionary(Self.plan.tasks.map { ($0.id, $0.role) }) { first, _ in first }
            for event in world.events {
                guard case .taskAssigned(let task, _, let agent, _, _) = event.body, let role = roles[task]
                else {
                    continue
                }
                #expect(agent.hasPrefix("\(role)-"), "seed \(seed): \(agent) has \(task)")
            }
        }
    }

    @Test func `a session that is to plan ends with the plan and does nothing with it`() throws {
        var world = World(seed: 1)
        var configuration = World.configuration(agents: 8)
        configuration.planOnly = true
        try world.send(.start(configuration))
        // What the architect says after its plan is refused, because the session is over.
        for _ in 0..<100 where !world.state.phase.isOver { _ = try? world.step() }
        #expect(world.state.phase == .completed && world.state.plan != nil)
        #expect(world.state.agents.keys.sorted() == ["architect-1"])
        #expect(world.state.delivery == nil && world.state.merged.isEmpty)
        #expect(
            world.events.contains { if case .effectIntended(.teardown) = $0.body { true } else { false } })
    }
}
