import Kit
import Testing

@testable import Core

/// Commands of a task's acceptance as gates.
@Suite struct AcceptanceTests {
    static let plan = Plan(
        summary: "two, each with a demand",
        tasks: [
            PlanTask(id: "t1", title: "One", writeSet: ["a"], checks: ["test -f a"]),
            PlanTask(
                id: "t2", title: "Two", dependsOn: ["t1"], writeSet: ["b"], checks: ["test -f b", "true"]),
        ])

    /// A session that is over, and the gates that were asked for.
    private static func live(
        _ testCommand: String?, plan: Plan = plan, red: (World) -> String? = { _ in nil }
    ) throws -> (world: World, gates: [(task: String, tests: String, checks: [TaskCheck])]) {
        var world = World(seed: 3)
        try world.send(.start(World.configuration(agents: 2, plan: plan, testCommand: testCommand)))
        var gates: [(String, String, [TaskCheck])] = []
        for _ in 0..<500 where !world.state.phase.isOver {
            while let index = world.running.firstIndex(where: { $0.key.hasPrefix("gate/") }) {
                let effect = world.running.remove(at: index)
                guard case .runGate(let task, _, _, let tests, _, let checks) = effect else { break }
                gates.append((task, tests, checks ?? []))
                let bad = red(world)
                let results = (checks ?? []).map {
                    GateOutcome.Check(
                        $0, exitCode: $0.command == bad ? 7 : 0, output: "said by \($0.command)",
                        milliseconds: 1)
                }
                try world.send(
                    .succeeded(
                        key: effect.key,
                        .gate(GateOutcome(exitCode: 0, output: "", milliseconds: 1, checks: results))))
            }
            guard try world.step() else { break }
        }
        return (world, gates)
    }

    @Test func `a task's commands are run on its merge and on every tree after it`() throws {
        let (world, gates) = try Self.live("make test")
        #expect(world.state.phase == .completed)
        #expect(gates.map(\.task) == ["t1", "t2"] && gates.allSatisfy { $0.tests == "make test" })
        #expect(gates[0].checks == [TaskCheck(task: "t1", command: "test -f a")])
        #expect(gates[1].checks.map(\.command) == ["test -f a", "test -f b", "true"])
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `without tests of the repository the commands alone are the gate`() throws {
        let (world, gates) = try Self.live(nil)
        #expect(world.state.phase == .completed)
        #expect(gates.allSatisfy { $0.tests.isEmpty && !$0.checks.isEmpty } && gates.count == 2)
    }

    @Test func `a red command goes back to its author with what it printed, once red and once more`() throws {
        var reds = 0
        let (world, gates) = try Self.live("make test") { world in
            // Red until its author has been told.
            guard !world.events.contains(where: { $0.body.type == "task.returned" }) else { return nil }
            reds += 1
            return "test -f b"
        }
        #expect(world.state.phase == .completed)
        #expect(gates.count >= 4 && reds >= 2)
        let told = world.events.compactMap { event -> AgentTask.GateOutput? in
            guard case .taskReturned("t2", _, let context) = event.body else { return nil }
            return context.gate
        }
        #expect(told == [.init(command: "test -f b", exitCode: 7, output: "said by test -f b")])
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `what is there already is checked all the same`() throws {
        var world = World(seed: 1)
        let task = PlanTask(id: "t1", title: "One", checks: ["test -f a"])
        let plan = Plan(summary: "", tasks: [task])
        try world.send(.start(World.configuration(agents: 1, plan: plan, testCommand: nil)))
        try world.go { $0.openEffects.contains { if case .merge = $0 { true } else { false } } }
        let key = try #require(world.running.first { if case .merge = $0 { true } else { false } }?.key)
        try world.send(.succeeded(key: key, .nothingToMerge))
        let isAsked = world.running.contains {
            if case .runGate("t1", "tree-0", _, "", _, _) = $0 { true } else { false }
        }
        #expect(isAsked)
        #expect(world.state.tasks["t1"]?.status == .published)
    }

    @Test func `the architect is told which roles there are, and others are not`() throws {
        var world = World(seed: 1)
        var configuration = World.configuration(agents: 8)
        configuration.workRoles = [RoleOffer(name: "docs", description: "Writes documents.")]
        try world.send(.start(configuration))
        try world.go { $0.tasks["t1"]?.status == .working }
        let given = world.events.compactMap { event -> AgentTask? in
            if case .effectIntended(.assignTask(_, _, let task)) = event.body { task } else { nil }
        }
        #expect(given.first { $0.kind == .plan }?.context.roles?.map(\.name) == ["docs"])
        #expect(given.filter { $0.kind != .plan }.allSatisfy { $0.context.roles == nil })
    }
}
