import Kit

extension Work {
    /// Begins everything that can be begun, until nothing more follows.
    mutating func settle() {
        while !state.phase.isOver, !state.isPaused, state.configuration != nil {
            let before = events.count
            mergeNext()
            assignTasks()
            retireArchitect()
            judge()
            if events.count == before { return }
        }
    }

    // MARK: The merge queue

    /// One candidate at a time, in plan order. A task waits for those before it that are on their first
    /// way, so that the result does not depend on who was faster; it does not wait for one that came back.
    private mutating func mergeNext() {
        let isBusy = state.openEffects.contains { effect in
            switch effect {
            case .merge, .runGate, .advance: true
            default: false
            }
        }
        guard state.candidate == nil, !isBusy else { return }
        for id in state.order {
            guard let task = state.tasks[id] else { continue }
            if task.status == .published, let commit = task.commit {
                return intend(.merge(task: id, attempt: task.attempt, commit: commit, onto: state.head))
            }
            let isOnItsWay = task.status == .working || (task.status == .submitted && task.agent != nil)
            if isOnItsWay, task.kind == .implement { return }
        }
    }

    // MARK: Handing out work

    private mutating func assignTasks() {
        for id in [SessionState.planTask] + state.order + [SessionState.reviewTask, SessionState.testTask] {
            guard let task = state.tasks[id], task.status == .submitted, canStart(id, task) else { continue }
            guard let agent = worker(for: id, task) else { continue }
            let attempt = task.isBegun ? task.attempt : task.attempt + 1
            add(
                .taskAssigned(
                    task: id, attempt: attempt, agent: agent,
                    generation: state.agents[agent]?.generation ?? 1,
                    kind: task.kind))
        }
    }

    private func canStart(_ id: String, _ task: SessionState.TaskState) -> Bool {
        guard state.order.contains(id) else { return true }
        guard task.plan.dependsOn.allSatisfy({ state.tasks[$0]?.status == .merged }) else { return false }
        // Its files are its own already.
        if task.agent != nil { return true }
        return !state.order.contains { other in
            // One that an agent is being started for counts as begun.
            guard other != id, let rival = state.tasks[other], rival.status != .merged, rival.agent != nil
            else { return false }
            return WriteSet.meet(rival.plan.writeSet, task.plan.writeSet)
        }
    }

    /// An agent that is ready and idle; one is asked for when there is none, and then the answer is nil.
    private mutating func worker(for id: String, _ task: SessionState.TaskState) -> String? {
        if let agent = task.agent { return present(agent, role: role(of: id)) ? agent : nil }
        let coders = state.agents.filter { $0.value.role == "coder" && $0.value.status != .retired }
        let reserved = Set(state.tasks.values.compactMap { $0.status == .submitted ? $0.agent : nil })
        let free = coders.keys.sorted { number($0) < number($1) }.filter {
            coders[$0]?.task == nil && !reserved.contains($0)
        }
        if let ready = free.first(where: { coders[$0]?.status == .ready }) { return ready }
        let limit = state.configuration?.coderLimit ?? 1
        let next =
            free.first { coders[$0]?.status == .lost }
            ?? (coders.count < limit ? "coder-\(coders.count + 1)" : nil)
        guard let next else { return nil }
        add(.taskReady(task: id, kind: task.kind, title: task.plan.title, agent: next))
        return present(next, role: "coder") ? next : nil
    }

    private func role(of id: String) -> String {
        switch id {
        case SessionState.planTask: "architect"
        case SessionState.reviewTask: "reviewer"
        case SessionState.testTask: "tester"
        default: "coder"
        }
    }

    private func number(_ agent: String) -> Int { agent.split(separator: "-").last.flatMap { Int($0) } ?? 0 }

    /// True when the agent is there and idle; one that is gone is asked for.
    private mutating func present(_ agent: String, role: String) -> Bool {
        guard let known = state.agents[agent] else {
            add(.agentRequested(agent: agent, role: role, generation: 1))
            return false
        }
        switch known.status {
        case .ready: return known.task == nil
        case .requested: return false
        case .lost, .retired:
            add(.agentRequested(agent: agent, role: role, generation: known.generation + 1))
            return false
        }
    }

    /// The plan is there: its guest makes room.
    private mutating func retireArchitect() {
        guard state.plan != nil, state.tasks[SessionState.planTask]?.status == .completed,
            let architect = state.agents["architect-1"], architect.status == .ready
        else { return }
        add(.agentRetired(agent: "architect-1", generation: architect.generation))
    }

    // MARK: Judgement

    private mutating func judge() {
        guard let configuration = state.configuration, !state.order.isEmpty, state.candidate == nil,
            state.order.allSatisfy({ state.tasks[$0]?.status == .merged })
        else { return }
        switch state.phase {
        case .working: beginJudgement(configuration)
        case .verifying: concludeJudgement(configuration)
        default: break
        }
    }

    private mutating func beginJudgement(_ configuration: SessionConfiguration) {
        guard state.tree != configuration.baseTree else {
            return fail(
                "the agents changed nothing",
                "read what they said with openclaw logs \(configuration.session)")
        }
        guard configuration.hasReviewer || configuration.hasTester else {
            return ask(configuration)
        }
        guard state.round < Tries.rounds + 1 else {
            return fail(
                "the review asked for changes \(state.round) times",
                "the work is kept on the session branch; openclaw diff \(configuration.session) shows it")
        }
        add(.reviewRequested(tree: state.tree, round: state.round + 1))
        if configuration.hasReviewer {
            add(
                .taskReady(
                    task: SessionState.reviewTask, kind: .review, title: "Review the change",
                    agent: "reviewer-1"))
        }
        if configuration.hasTester {
            add(
                .taskReady(
                    task: SessionState.testTask, kind: .test, title: "Test the change", agent: "tester-1"))
        }
    }

    private mutating func concludeJudgement(_ configuration: SessionConfiguration) {
        let isReviewed =
            !configuration.hasReviewer || state.tasks[SessionState.reviewTask]?.status == .completed
        let isTested = !configuration.hasTester || state.tasks[SessionState.testTask]?.status == .completed
        guard isReviewed, isTested else { return }
        // Absent where it is required means no, whatever else is there.
        let approves = !configuration.hasReviewer || state.verdict == .approve
        let passes = !configuration.hasTester || state.testsPassed == true
        if approves, passes { return ask(configuration) }
        returnToAuthors(approves: approves, passes: passes)
    }

    private mutating func ask(_ configuration: SessionConfiguration) {
        add(.approvalRequested(tree: state.tree, commit: state.head))
        if configuration.autoApprove { add(.approvalGranted(tree: state.tree, by: "--yes")) }
    }

    /// Who wrote what a comment is about gets it; who merged last gets the rest.
    private mutating func returnToAuthors(approves: Bool, passes: Bool) {
        guard let last = state.merged.last else { return }
        var contexts: [String: AgentTask.Context] = [:]
        if !approves {
            let blocking = state.comments.filter { $0.severity != "note" }
            let summary = ReviewComment(file: "", body: state.verdictSummary)
            for comment in blocking.isEmpty ? [summary] : blocking {
                let author = state.merged.last { state.tasks[$0]?.files.contains(comment.file) ?? false }
                contexts[author ?? last, default: .init()].review =
                    (contexts[author ?? last]?.review ?? []) + [comment]
            }
        }
        if !passes { contexts[last, default: .init()].gate = state.lastTests }
        let reason = approves ? "the tests fail" : "the reviewer asks for changes"
        for id in state.order where contexts[id] != nil && !state.phase.isOver {
            sendBack(id, reason, contexts[id] ?? .init())
        }
    }
}

extension SessionState {
    /// The task as its agent gets it.
    func agentTask(_ id: String, for agent: String) -> AgentTask? {
        guard let task = tasks[id], let configuration else { return nil }
        var context = task.context
        context.task = configuration.task
        if id != Self.planTask { context.plan = plan }
        if task.kind == .review || task.kind == .test {
            context.tree = tree
            context.diffRange = "\(configuration.baseCommit)..\(head)"
        }
        let description: String =
            switch task.kind {
            case .plan: configuration.task
            case .review:
                "Review the change as merged: read the diff and the files it touches, and give a verdict."
            case .test: "Run the tests on the change as merged and report what you see."
            case .implement, .rework: task.plan.description.isEmpty ? task.plan.title : task.plan.description
            }
        return AgentTask(
            id: id, kind: task.kind, title: task.plan.title, description: description,
            acceptance: task.plan.acceptance, writeSet: task.plan.writeSet,
            branch: "work/\(configuration.session)/\(agent)/\(id)", base: head, attempt: task.attempt,
            testCommand: configuration.testCommand, context: context, resume: task.isBegun)
    }
}
