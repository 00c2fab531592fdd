import Kit
import TestSupport

@testable import Core

/// A made-up world around Core: it does what effects ask for, in any order, more than once, and with losses.
struct World {
    var events: [Event] = []
    var state = SessionState()
    var random: SeededRandom
    /// Chances out of a hundred.
    var lossChance = 0
    var conflictChance = 0
    var redGateChance = 0
    var changesChance = 0
    var repeatChance = 0
    /// Begin again from the journal after this share of steps.
    var crashChance = 0
    /// A gate that is red and green the next time, on the same tree.
    var flakyChance = 0
    /// A person who pauses, edits, asks for changes, sends messages and refuses, now and then.
    var personChance = 0
    var cancelChance = 0
    /// Agents say things to each other, write notes and add tasks.
    var talkChance = 0
    var talks = 0
    /// The provider's rate feeds more or fewer agents.
    var rateChance = 0
    var refuseChance = 0
    /// The list of a change has something that needs a person, or could not be made.
    var listChance = 0
    /// Trees of which the tests were red once, and are green the next time.
    var flaky: Set<String> = []
    /// What the world saw, beside the journal.
    var greenTrees: Set<String> = []
    var deliveries: [String] = []
    var pulls: Set<String> = []
    var additions = 0
    var requests = 0
    var redTrees: Set<String> = []
    var merges: [String: (commit: String, tree: String)] = [:]
    /// Messages by number, as guests took them.
    var heard: [String: String] = [:]
    /// Who is told to do what: open work of agents.
    var assignments: [(agent: String, generation: Int, task: AgentTask)] = []
    /// Effects whose answer is on its way.
    var running: [Effect] = []
    var commits = 0
    /// Where decisions ended: the journal takes one whole or not at all.
    var boundaries: [Int] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

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
                do throws(Rejection) {
                    try send(.agentLost(agent: work.agent, generation: work.generation, reason: "killed"))
                } catch {
                    // A guest that dies in the teardown is missed by nobody.
                    guard error.code == "over" else { throw error }
                }
            } else {
                do throws(Rejection) {
                    try finish(work.agent, work.task)
                } catch {
                    // Something it said has ended the session; guests hear that and stop.
                    guard error.code == "over" else { throw error }
                }
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
        case .merge(let task, _, let commit, let onto):
            if chance(conflictChance), (state.tasks[task]?.returns ?? 0) < 5 {
                try send(.succeeded(key: effect.key, .conflict(files: ["\(task).swift"], hunks: "<<<")))
            } else {
                // The same inputs make the same merge, as with git.
                let name = "\(commit.suffix(6))-\(onto.suffix(6))"
                commits += 1
                let made = merges[name] ?? (self.commit(commits), "tree-\(commits)")
                merges[name] = made
                try send(
                    .succeeded(
                        key: effect.key,
                        .merged(commit: made.commit, tree: made.tree, files: ["\(task).swift"])))
            }
        case .runGate(let task, let tree, _, _, let attempt, let checks):
            let isFlaky = attempt == nil && chance(flakyChance)
            let isRed =
                isFlaky || redTrees.contains(tree)
                || (attempt == nil && chance(redGateChance) && (state.tasks[task]?.returns ?? 0) < 5)
            // Whatever is red stays red, unless it was flaky.
            if isRed, !isFlaky { redTrees.insert(tree) }
            if !isRed { greenTrees.insert(tree) }
            let results = (checks ?? []).map {
                GateOutcome.Check($0, exitCode: isRed ? 1 : 0, output: "", milliseconds: 1)
            }
            let code = isRed && results.isEmpty ? 1 : 0
            try send(
                .succeeded(
                    key: effect.key,
                    .gate(GateOutcome(exitCode: code, output: "", milliseconds: 5, checks: results))))
        case .deliver(let commit, _, _):
            if !deliveries.contains(commit) { deliveries.append(commit) }
            guard state.configuration?.pullRequest != nil else {
                return try send(
                    .succeeded(
                        key: effect.key,
                        .delivered(
                            branch: "openclaw/s", commit: commit, isMerged: true, command: nil, reason: "")))
            }
            try send(
                .succeeded(
                    key: effect.key, .pull(pull(commit, isDraft: false), branch: "openclaw/s", isMerged: nil))
            )
        case .inspectChange(let commit, let tree):
            if chance(listChance / 2) { return try send(.failed(key: effect.key, reason: "no disk")) }
            let items = chance(listChance) ? [ChangeItem(.gate, path: "Makefile", "changed")] : []
            try send(
                .succeeded(
                    key: effect.key,
                    .inspected(
                        ChangeInspection(
                            base: state.configuration?.baseCommit ?? "", commit: commit, tree: tree, items,
                            rules: []))))
        case .proposePull(let commit, _):
            try send(
                .succeeded(
                    key: effect.key, .pull(pull(commit, isDraft: true), branch: "openclaw/s", isMerged: nil)))
        case .watchChecks:
            try send(
                .succeeded(
                    key: effect.key,
                    .checks(chance(redGateChance) ? .red : chance(10) ? .unknown : .green, summary: "lint")))
        case .forecast(let task, _):
            let others = state.order.filter { $0 != task && chance(20) }
            let collisions = Dictionary(others.map { ($0, ["\(task).swift"]) }) { first, _ in first }
            try send(.succeeded(key: effect.key, .forecast(files: ["\(task).swift"], collisions: collisions)))
        case .deliverMessage(_, _, let number, _, let text):
            heard["\(number)"] = text
            try send(.succeeded(key: effect.key, .done))
        default: try send(.succeeded(key: effect.key, .done))
        }
    }

    /// The provider has one pull request for the branch, however often it is asked.
    private mutating func pull(_ commit: String, isDraft: Bool) -> PullRequestState {
        pulls.insert("https://example.invalid/1")
        return PullRequestState(url: "https://example.invalid/1", number: 1, commit: commit, isDraft: isDraft)
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
        case .advise: break
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
        agents: Int? = nil, plan: Plan? = nil, autoApprove: Bool = true, testCommand: String? = "make test",
        approve: [ApprovalKind] = [], pullRequest: PullRequestOptions? = nil
    ) -> SessionConfiguration {
        var configuration = SessionConfiguration(
            session: "s", task: "Do it", repository: "/r", baseCommit: String(repeating: "0", count: 40),
            baseTree: "tree-0", baseBranch: "main", agents: agents, plan: plan, model: "script:x",
            autoApprove: autoApprove, merge: true, testCommand: testCommand)
        (configuration.approve, configuration.pullRequest) = (approve, pullRequest)
        return configuration
    }
}
