import Kit
import Testing

@testable import Core

@Suite struct CoreTests {
    /// Runs to the end; the bound is far above what any of these sessions needs.
    static func run(_ world: inout World) throws {
        var steps = 0
        while !world.state.phase.isOver {
            steps += 1
            guard steps < 5000 else {
                Issue.record("no end after \(steps) steps; phase \(world.state.phase)")
                return
            }
            if try !world.step() {
                Issue.record("stuck in \(world.state.phase): \(world.state.tasks)")
                return
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, nil])
    func `a session with so many agents ends with its result delivered`(agents: Int?) throws {
        var world = World(seed: 7)
        try world.send(.start(World.configuration(agents: agents)))
        try Self.run(&world)
        #expect(world.state.phase == .completed)
        #expect(world.state.delivery?.isMerged == true)
        #expect(world.state.agents.count <= agents ?? 8)
        #expect(world.state.order.allSatisfy { world.state.tasks[$0]?.status == .merged })
    }

    @Test func `whatever happens in whatever order, a session ends and what it acknowledged is kept`() throws
    {
        for seed in 1...200 {
            var world = World(seed: UInt64(seed))
            (world.lossChance, world.conflictChance, world.redGateChance) = (6, 20, 10)
            (world.changesChance, world.repeatChance, world.crashChance) = (30, 20, 15)
            try world.send(.start(World.configuration(agents: 5)))
            try Self.run(&world)
            #expect(world.state.phase == .completed || world.state.failure != nil, "seed \(seed)")
            // Recovery is a fold: the state that was lived through and the one that is read are the same.
            #expect(Core.fold(world.events) == world.state, "seed \(seed)")
            if world.state.phase == .completed {
                #expect(world.state.order.allSatisfy { world.state.tasks[$0]?.status == .merged })
            }
        }
    }

    @Test func `a crash after every decision leads to the same end`() throws {
        var world = World(seed: 3)
        try world.send(.start(World.configuration(agents: 4)))
        try Self.run(&world)
        for boundary in world.boundaries.dropLast() {
            var second = World(seed: 3)
            second.events = Array(world.events.prefix(boundary))
            second.commits = 1000
            second.restart()
            // Agents go on with what they had when the coordinator was away.
            for event in second.events {
                guard case .effectIntended(.assignTask(let agent, let generation, let task)) = event.body
                else {
                    continue
                }
                second.assignments.append((agent, generation, task))
            }
            try Self.run(&second)
            #expect(second.state.phase == .completed, "boundary \(boundary)")
        }
    }

    @Test func `an approval of another tree is refused, and silence approves nothing`() throws {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 1, autoApprove: false)))
        try world.go { _ in false }
        #expect(world.state.phase == .approving)
        #expect(throws: Rejection.self) { try Core.decide(world.state, .approve(tree: "tree-0", by: "me")) }
        try world.send(.approve(tree: world.state.tree, by: "me"))
        try Self.run(&world)
        #expect(world.state.phase == .completed)
    }

    @Test func `denied work is kept and not delivered`() throws {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 1, autoApprove: false)))
        try world.go { _ in false }
        try world.send(.deny(by: "me", reason: "wrong file"))
        #expect(world.state.phase == .failed)
        #expect(world.state.failure?.reason.contains("wrong file") == true)
        #expect(world.state.delivery == nil)
        #expect(world.running.contains { if case .teardown = $0 { true } else { false } })
    }

    @Test func `a red test report returns to the authors even when everything is to be approved`() throws {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 4)))
        try world.go { !($0.phase != .verifying) }
        // The tester's guest comes, and then reports failures.
        try world.go { !($0.tasks["test"]?.status != .working) }
        let report = TestReport(tree: world.state.tree, command: "make test", exitCode: 1, output: "1 failed")
        try world.send(.reportTests(agent: "tester-1", report))
        try world.send(
            .complete(agent: "tester-1", task: "test", isSuccess: true, summary: "red", commit: nil))
        world.assignments.removeAll { $0.agent == "tester-1" }
        try world.go { !($0.phase == .verifying) }
        #expect(world.state.phase == .working)
        #expect(!world.state.isApproved)
    }

    @Test func `a guest cannot act for another one or judge what it does not own`() throws {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 4)))
        try world.go { !($0.tasks["t1"]?.status != .working) }
        let owner = try #require(world.state.tasks["t1"]?.agent)
        for command in [
            Command.complete(
                agent: "coder-9", task: "t1", isSuccess: true, summary: "", commit: world.commit(1)),
            .fail(agent: "reviewer-1", task: "t1", reason: ""), .judge(agent: owner, .approve, summary: ""),
            .proposePlan(agent: owner, World.plan), .accept(agent: owner, task: "none"),
        ] {
            #expect(throws: Rejection.self) { try Core.decide(world.state, command) }
        }
    }

    @Test func `while a session is paused nothing is begun`() throws {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 4)))
        try world.send(.pause(by: "me"))
        try world.go { _ in false }
        #expect(!world.state.phase.isOver)
        #expect(world.state.agents.values.allSatisfy { $0.task == nil || $0.role == "architect" })
        try world.send(.resume(by: "me"))
        try Self.run(&world)
        #expect(world.state.phase == .completed)
    }

    @Test func `tasks whose write sets meet run one after the other`() throws {
        let tasks = [
            PlanTask(id: "t1", title: "One", writeSet: ["src/**"]),
            PlanTask(id: "t2", title: "Two", writeSet: ["src/a.swift"]),
            PlanTask(id: "t3", title: "Three", writeSet: ["docs/*.md"]),
        ]
        var world = World(seed: 1)
        try world.send(.start(World.configuration(plan: Plan(summary: "", tasks: tasks))))
        try world.go { !($0.tasks["t1"]?.status == .submitted) }
        try world.go { !($0.tasks["t3"]?.status == .submitted) }
        if world.state.tasks["t1"]?.status != .merged { #expect(world.state.tasks["t2"]?.attempt == 0) }
        try Self.run(&world)
        #expect(world.state.merged.filter { ["t1", "t2"].contains($0) } == ["t1", "t2"])
    }

    @Test func `every event survives its JSON form`() throws {
        var world = World(seed: 5)
        (world.conflictChance, world.changesChance, world.lossChance) = (40, 60, 5)
        try world.send(.start(World.configuration(agents: 5, plan: World.plan)))
        try Self.run(&world)
        for event in world.events {
            let (type, data) = event.body.json
            #expect(type.contains("."))
            #expect(try EventBody(type: type, data: JSON.parse(data.text)) == event.body)
        }
    }
}
