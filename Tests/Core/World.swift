import Kit

@testable import Core

/// A made-up world around Core: it does what effects ask for, in any order, more than once, and with losses.
struct World {
    var events: [Event] = []
    var state = SessionState()
    var random: SplitMix
    /// Chances out of a hundred.
    var lossChance = 0
    var conflictChance = 0
    var redGateChance = 0
    var changesChance = 0
    var repeatChance = 0
    /// Begin again from the journal after this share of steps.
    var crashChance = 0
    /// Who is told to do what: open work of agents.
    var assignments: [(agent: String, generation: Int, task: AgentTask)] = []
    /// Effects whose answer is on its way.
    var running: [Effect] = []
    var commits = 0
    /// Where decisions ended: the journal takes one whole or not at all.
    var boundaries: [Int] = []

    init(seed: UInt64) { random = SplitMix(state: seed) }

    mutating func chance(_ percent: Int) -> Bool { Int(random.next() % 100) < percent }

    /// Sends a command, and takes the intents that come of it.
    mutating func send(_ command: Command) throws(Rejection) {
        let bodies = try Core.decide(state, command)
        for body in bodies {
            let event = Event(
                seq: Int64(events.count + 1), session: "s", at: Int64(events.count), body: body)
            events.append(event)
            Core.evolve(&state, event)
            if case .effectIntended(let effect) = body { running.append(effect) }
        }
        if boundaries.last != events.count { boundaries.append(events.count) }
    }

    /// What a new coordinator knows: the journal. Work of guests goes on meanwhile.
    mutating func restart() {
        state = Core.fold(events)
        running = state.openEffects
    }

    func commit(_ number: Int) -> String {
        let hex = String(number, radix: 16)
        return String(repeating: "0", count: 40 - hex.count) + hex
    }

    /// One thing happens: an effect is answered, or an agent says something. False when nothing can.
    mutating func step() throws(Rejection) -> Bool {
        if chance(crashChance) { restart() }
        let alive = assignments.indices.filter { isCurrent(assignments[$0]) }
        let count = running.count + alive.count
        guard count > 0 else { return false }
        let pick = Int(random.next() % UInt64(count))
        if pick < running.count {
            let effect = running.remove(at: pick)
            try answer(effect)
            if chance(repeatChance) { try answer(effect) }
        } else {
            let index = alive[pick - running.count]
            let work = assignments.remove(at: index)
            if chance(lossChance) {
                try send(.agentLost(agent: work.agent, generation: work.generation, reason: "killed"))
            } else {
                try finish(work.agent, work.task)
                if chance(repeatChance) { try? finish(work.agent, work.task) }
            }
        }
        return true
    }

    /// Steps until something holds, or nothing can happen any more.
    mutating func go(until holds: (SessionState) -> Bool) throws(Rejection) {
        for _ in 0..<5000 {
            if holds(state) { return }
            if try !step() { return }
        }
    }

    private func isCurrent(_ work: (agent: String, generation: Int, task: AgentTask)) -> Bool {
        state.agents[work.agent]?.generation == work.generation
            && state.agents[work.agent]?.task == work.task.id
    }

    private mutating func answer(_ effect: Effect) throws(Rejection) {
        switch effect {
        case .ensureAgent(_, _, let generation):
            if chance(lossChance) {
                try send(.failed(key: effect.key, reason: "no memory"))
            } else {
                try send(.succeeded(key: effect.key, .ready(instance: "i-\(generation)")))
            }
        case .assignTask(let agent, let generation, let task):
            if !assignments.contains(where: { $0.task == task && $0.agent == agent }) {
                assignments.append((agent, generation, task))
            }
            try send(.succeeded(key: effect.key, .done))
        case .merge(let task, _, _, _):
            if chance(conflictChance), (state.tasks[task]?.returns ?? 0) < 2 {
                try send(.succeeded(key: effect.key, .conflict(files: ["a"], hunks: "<<<")))
            } else {
                commits += 1
                try send(
                    .succeeded(
                        key: effect.key,
                        .merged(commit: commit(commits), tree: "tree-\(commits)", files: ["\(task).swift"])))
            }
        case .runGate(let task, _, _, _):
            let isRed = chance(redGateChance) && (state.tasks[task]?.returns ?? 0) < 2
            try send(.succeeded(key: effect.key, .gate(exitCode: isRed ? 1 : 0, output: "", milliseconds: 5)))
        case .deliver(let commit, _, _):
            try send(
                .succeeded(
                    key: effect.key,
                    .delivered(branch: "openclaw/s", commit: commit, isMerged: true, command: nil, reason: "")
                ))
        default: try send(.succeeded(key: effect.key, .done))
        }
    }

    private mutating func finish(_ agent: String, _ task: AgentTask) throws(Rejection) {
        try send(.accept(agent: agent, task: task.id))
        var commit: String?
        switch task.kind {
        case .plan: try send(.proposePlan(agent: agent, World.plan))
        case .review:
            let wantsChanges = chance(changesChance) && state.round < 3
            if wantsChanges {
                try send(.comment(agent: agent, ReviewComment(file: "t1.swift", body: "no")))
            }
            try send(.judge(agent: agent, wantsChanges ? .requestChanges : .approve, summary: "read"))
        case .test:
            try send(
                .reportTests(
                    agent: agent,
                    TestReport(tree: task.context.tree, command: "make test", exitCode: 0, output: "")))
        case .implement, .rework:
            commits += 1
            commit = self.commit(commits)
        }
        try send(.complete(agent: agent, task: task.id, isSuccess: true, summary: "did it", commit: commit))
    }

    static let plan = Plan(
        summary: "three pieces",
        tasks: [
            PlanTask(id: "t1", title: "One", writeSet: ["t1.swift"]),
            PlanTask(id: "t2", title: "Two", writeSet: ["t2.swift"]),
            PlanTask(id: "t3", title: "Three", dependsOn: ["t1"], writeSet: ["t3.swift"]),
        ])

    static func configuration(
        agents: Int? = nil, plan: Plan? = nil, autoApprove: Bool = true, testCommand: String? = "make test"
    ) -> SessionConfiguration {
        SessionConfiguration(
            session: "s", task: "Do it", repository: "/r", baseCommit: String(repeating: "0", count: 40),
            baseTree: "tree-0", baseBranch: "main", agents: agents, plan: plan, model: "script:x",
            autoApprove: autoApprove, merge: true, testCommand: testCommand)
    }
}

/// Small, seeded, and the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
