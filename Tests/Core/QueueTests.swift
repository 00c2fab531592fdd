import Kit
import System
import TestSupport
import Testing

@testable import Core

/// Work that breaks the tests alone or together with other work, and work that conflicts; the merge queue
/// with its batches against merging and testing one after the other.
private struct History {
    var count: Int
    /// Breaks the tests whatever it is merged onto.
    var broken: Set<Int> = []
    /// Breaks them together with another one.
    var clashes: [Int: Set<Int>] = [:]
    /// Cannot be merged onto another one.
    var conflicts: [Int: Set<Int>] = [:]

    init(_ random: inout SeededRandom) {
        count = 1 + Int(random.next() % 7)
        for index in 0..<count {
            if random.next() % 5 == 0 { broken.insert(index) }
            for other in 0..<index {
                if random.next() % 8 == 0 { clashes[index, default: []].insert(other) }
                if random.next() % 8 == 0 { conflicts[index, default: []].insert(other) }
            }
        }
    }

    func conflict(_ index: Int, onto merged: Set<Int>) -> Bool {
        !conflicts[index, default: []].isDisjoint(with: merged)
            || merged.contains { conflicts[$0, default: []].contains(index) }
    }

    func isRed(_ merged: Set<Int>) -> Bool {
        merged.contains { broken.contains($0) || !clashes[$0, default: []].isDisjoint(with: merged) }
    }

    /// One after the other: what comes back, and why.
    var serial: [Int: String] {
        var (merged, back) = (Set<Int>(), [Int: String]())
        for index in 0..<count {
            if conflict(index, onto: merged) {
                back[index] = "conflict"
            } else if isRed(merged.union([index])) {
                back[index] = "red"
            } else {
                merged.insert(index)
            }
        }
        return back
    }
}

/// Core with a made-up git: a commit is the set of original works in it.
private struct Queue {
    let history: History
    var random: SeededRandom
    var events: [Event] = []
    var state = SessionState()
    var running: [Effect] = []
    var content: [String: Set<Int>] = ["base": []]
    /// Works that were done anew: they bother nobody.
    var back: [Int: String] = [:]
    var gates = 0
    var publishesFirst = false

    init(_ history: History, _ random: SeededRandom) { (self.history, self.random) = (history, random) }

    mutating func send(_ command: Command) throws(Rejection) {
        for body in try Core.decide(state, command) {
            let event = Event(seq: Int64(events.count + 1), session: "s", at: 0, body: body)
            events.append(event)
            Core.evolve(&state, event)
            switch body {
            case .effectIntended(let effect): running.append(effect)
            case .taskReturned(let task, _, let context):
                let index = Int(task.dropFirst()) ?? 0
                back[index] = back[index] ?? (context.conflict != nil ? "conflict" : "red")
            default: break
            }
        }
    }

    /// By chance; or so that all work is published, the first of the plan last, before any is merged.
    private mutating func next() -> Int {
        guard publishesFirst else { return Int(random.next() % UInt64(running.count)) }
        let keys = running.map(\.key)
        let starts = keys.firstIndex { $0.hasPrefix("agent/") }
        let work = keys.filter { $0.hasPrefix("assign/") }.max().flatMap { keys.firstIndex(of: $0) }
        return starts ?? work ?? 0
    }

    mutating func run() throws(Rejection) -> Bool {
        let tasks = (0..<history.count).map { PlanTask(id: "t\($0)", title: "T", writeSet: ["\($0)"]) }
        var configuration = World.configuration(agents: 8, plan: Plan(summary: "p", tasks: tasks))
        configuration.baseCommit = "base"
        try send(.start(configuration))
        for _ in 0..<2000 {
            if state.phase != .working { return true }
            guard !running.isEmpty else { return false }
            let effect = running.remove(at: next())
            switch effect {
            case .ensureAgent(let agent, _, _):
                try send(.succeeded(key: effect.key, .ready(instance: "i-\(agent)")))
            case .assignTask(let agent, _, let task):
                try send(.succeeded(key: effect.key, .done))
                let name = task.kind == .rework ? "again-\(task.id)" : "work-\(task.id)"
                content[name] = task.kind == .rework ? [] : [Int(task.id.dropFirst()) ?? 0]
                try send(.complete(agent: agent, task: task.id, isSuccess: true, summary: "", commit: name))
            case .merge(_, _, let commit, let onto):
                let (work, base) = (content[commit] ?? [], content[onto] ?? [])
                if let index = work.first, history.conflict(index, onto: base) {
                    try send(.succeeded(key: effect.key, .conflict(files: ["f"], hunks: "")))
                } else {
                    let name = "\(onto)+\(commit)"
                    content[name] = base.union(work)
                    try send(.succeeded(key: effect.key, .merged(commit: name, tree: name, files: [commit])))
                }
            case .runGate(_, _, let commit, _, _, _):
                gates += 1
                let isRed = history.isRed(content[commit] ?? [])
                try send(
                    .succeeded(
                        key: effect.key,
                        .gate(GateOutcome(exitCode: isRed ? 1 : 0, output: "", milliseconds: 1))))
            case .inspectChange(let commit, let tree):
                let list = ChangeInspection(base: "base", commit: commit, tree: tree, [], rules: [])
                try send(.succeeded(key: effect.key, .inspected(list)))
            case .forecast: try send(.succeeded(key: effect.key, .forecast(files: [], collisions: [:])))
            default: try send(.succeeded(key: effect.key, .done))
            }
        }
        return false
    }
}

@Suite struct QueueTests {
    /// `make deep` has ten thousand.
    private static let cases = Environment.get("OPENCLAW_QUEUE_CASES").flatMap { Int($0) } ?? 600

    @Test func `batches bring home and send back exactly what one after the other would`() throws {
        var (batches, gates, merged) = (0, 0, 0)
        for seed in 1...UInt64(Self.cases) {
            var random = SeededRandom(seed: seed &* 0x9E37)
            let history = History(&random)
            var queue = Queue(history, random)
            guard try queue.run() else {
                Issue.record("seed \(seed): the queue stands still")
                continue
            }
            #expect(queue.back == history.serial, "seed \(seed)")
            #expect(Invariants(queue.events).problems.isEmpty, "seed \(seed)")
            #expect(queue.state.merged.count == history.count, "seed \(seed)")
            batches += queue.state.statistics.batches
            gates += queue.gates
            merged += queue.state.statistics.merged
        }
        // Otherwise the batches were all of one, and nothing was shown.
        #expect(batches < merged)
    }

    @Test func `five that are green are tested once, and one bad one of five is found with halves`() throws {
        func gates(_ broken: Set<Int>) throws -> Int {
            var random = SeededRandom(seed: 1)
            var history = History(&random)
            (history.count, history.broken, history.clashes, history.conflicts) = (5, broken, [:], [:])
            var queue = Queue(history, random)
            queue.publishesFirst = true
            #expect(try queue.run())
            #expect(queue.state.merged.count == 5)
            return queue.gates
        }
        #expect(try gates([]) == 1)
        // The whole twice, as a red gate is tried once more; halves; then what came after, and the rework.
        #expect(try gates([4]) <= 8)
    }

    @Test func `a gate that is red once and green then is flaky, and nothing comes back`() throws {
        var world = World(seed: 1)
        world.flakyChance = 100
        try world.send(.start(World.configuration(agents: 2, plan: World.plan)))
        try CoreTests.run(&world)
        #expect(world.state.phase == .completed)
        #expect(world.state.statistics.flakyGates > 0 && world.state.statistics.returned == 0)
    }

    @Test func `who touches what was published is told before it conflicts`() throws {
        var world = World(seed: 1)
        let tasks = [
            PlanTask(id: "t1", title: "One", writeSet: ["a/**"]),
            PlanTask(id: "t2", title: "Two", writeSet: ["b/**"]),
        ]
        try world.send(.start(World.configuration(agents: 8, plan: Plan(summary: "", tasks: tasks))))
        try world.go { $0.tasks["t1"]?.status == .working && $0.tasks["t2"]?.status == .working }
        let commit = world.commit(77)
        try world.send(.complete(agent: "coder-1", task: "t1", isSuccess: true, summary: "", commit: commit))
        // It left its own write set for the other's.
        try world.send(
            .succeeded(key: "forecast/t1/\(commit)", .forecast(files: ["a/x", "b/y"], collisions: [:])))
        #expect(
            world.events.contains { $0.body == .overlapForecast(task: "t2", other: "t1", files: ["b/y"]) })
        let told = world.running.contains {
            if case .deliverMessage("coder-2", _, _, "coordinator", let text) = $0 {
                text.contains("b/y")
            } else {
                false
            }
        }
        #expect(told)
    }

    @Test func `what comes back too often goes to an architect, and then to a person`() throws {
        var world = World(seed: 1)
        world.conflictChance = 100
        try world.send(.start(World.configuration(agents: 8, plan: World.plan, autoApprove: false)))
        try world.go { $0.waits(for: .stuck) }
        #expect(world.state.statistics.escalated > 0)
        #expect(
            world.events.contains {
                if case .taskAssigned(_, _, "architect-1", _, .advise) = $0.body { true } else { false }
            })
        let question = try #require(world.state.permissions.first)
        #expect(question.id.hasPrefix("stuck/t"))
        world.conflictChance = 0
        while try world.answerQuestions() ? true : world.step() {}
        #expect(world.state.phase == .completed)
    }
}
