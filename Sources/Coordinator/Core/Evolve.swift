public import Kit

/// The three pure functions of a session.
public enum Core {
    /// The state after an event. Total: an event that is in the journal happened.
    public static func evolve(_ state: inout SessionState, _ event: Event) {
        apply(&state, event.body)
        state.seq = event.seq
        if case .sessionStarted = event.body { state.startedAt = event.at }
        if state.phase.isOver, state.endedAt == nil { state.endedAt = event.at }
    }

    /// The state after all of these.
    public static func fold(_ events: some Sequence<Event>) -> SessionState {
        events.reduce(into: SessionState()) { evolve(&$0, $1) }
    }

    static func apply(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .sessionStarted(let configuration): state.begin(configuration)
        case .sessionPaused:
            state.isPaused = true
            state.pauses += 1
        case .sessionResumed:
            state.isPaused = false
            state.pauses += 1
        case .sessionCompleted: state.phase = .completed
        case .sessionFailed(let reason, let hint):
            state.phase = .failed
            state.failure = (reason, hint)
        case .sessionCancelled: state.phase = .cancelled
        case .planAccepted(let plan, _): state.accept(plan)
        case .planChanged(let task, _): state.add(task)
        case .noteAppended(let agent, let text): state.notes.append("\(agent): \(text)")
        case .modelReserved(let agent, let task, let call, let model, let amount):
            state.reserved[call] = .init(agent: agent, task: task, model: model, amount: amount)
        case .modelSettled(let agent, _, _, let amount, _, _, let detail):
            state.spent += amount
            state.spentBy[agent, default: 0] += amount
            if let detail { state.reserved[detail.call] = nil }
        case .approvalRequested(let tree, let commit):
            state.phase = .approving
            state.approval = (tree, commit)
        case .approvalGranted:
            state.isApproved = true
            state.phase = .delivering
        case .approvalDenied: state.approval = nil
        case .deliveryMerged(let branch, let commit, let isMerged, let command, let reason):
            state.delivery = .init(
                branch: branch, commit: commit, isMerged: isMerged, command: command, reason: reason)
        case .effectIntended(let effect):
            if !state.isOpen(effect) { state.openEffects.append(effect) }
        case .effectSucceeded(let key), .effectFailed(let key, _):
            state.openEffects.removeAll { $0.key == key }
        default:
            applyAgent(&state, body)
            applyTask(&state, body)
            applyMerge(&state, body)
        }
    }

    private static func applyAgent(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .agentRequested(let agent, let role, let generation):
            var next = state.agents[agent] ?? .init(role: role, generation: generation)
            next.generation = generation
            next.status = .requested
            next.instance = nil
            state.agents[agent] = next
        case .agentReady(let agent, let generation, let instance):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.status = .ready
            state.agents[agent]?.instance = instance
        case .agentLost(let agent, let generation, _):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.status = .lost
            state.agents[agent]?.losses += 1
            if let task = state.agents[agent]?.task {
                state.tasks[task]?.failures += 1
                state.takeBack(task, isBegun: true)
            }
            state.agents[agent]?.task = nil
        case .agentRetired(let agent, _):
            state.agents[agent]?.status = .retired
            state.agents[agent]?.task = nil
        default: break
        }
    }

    private static func applyTask(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .taskReady(let id, let kind, let title, let agent):
            if state.tasks[id] == nil {
                state.tasks[id] = .init(plan: PlanTask(id: id, title: title, role: ""), kind: kind)
            }
            state.tasks[id]?.status = .submitted
            state.tasks[id]?.isAssigned = false
            if let agent { state.tasks[id]?.agent = agent }
        case .taskAssigned(let id, let attempt, let agent, _, let kind):
            state.tasks[id]?.attempt = attempt
            state.tasks[id]?.kind = kind
            state.tasks[id]?.agent = agent
            state.tasks[id]?.isAssigned = true
            state.tasks[id]?.status = .working
            state.agents[agent]?.task = id
        case .taskCompleted(let id, _, let agent, _, let commit):
            state.tasks[id]?.status = .completed
            state.tasks[id]?.commit = commit
            state.tasks[id]?.isBegun = false
            state.tasks[id]?.failures = 0
            if state.agents[agent]?.task == id { state.agents[agent]?.task = nil }
        case .taskFailed(let id, _, let agent, _):
            state.tasks[id]?.failures += 1
            state.takeBack(id, isBegun: false)
            if state.agents[agent]?.task == id { state.agents[agent]?.task = nil }
        case .taskReturned(let id, _, let context):
            state.tasks[id]?.returns += 1
            state.tasks[id]?.context = context
            state.tasks[id]?.kind = .rework
            state.takeBack(id, isBegun: false)
            state.candidate = state.candidate?.task == id ? nil : state.candidate
            state.phase = .working
        case .taskMerged(let id, let commit, let tree, let files):
            state.tasks[id]?.status = .merged
            let known = state.tasks[id]?.files ?? []
            state.tasks[id]?.files = Array(Set(known + files)).sorted()
            state.tasks[id]?.context = AgentTask.Context()
            state.tasks[id]?.returns = 0
            state.candidate = nil
            state.merged = state.merged.filter { $0 != id } + [id]
            if tree != state.tree { state.forgetJudgement() }
            (state.head, state.tree) = (commit, tree)
        default: break
        }
    }

    private static func applyMerge(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .mergeQueued(let id, _): state.tasks[id]?.status = .published
        case .mergeMade(let id, let commit, let tree, let files):
            state.candidate = .init(task: id, stage: .gating, commit: commit, tree: tree, files: files)
        case .gatePassed: state.candidate?.stage = .advancing
        case .reviewRequested(_, let round):
            state.phase = .verifying
            state.round = round
            state.forgetJudgement()
        case .commentMade(_, let comment): state.comments.append(comment)
        case .reviewSubmitted(_, let tree, let verdict, let summary):
            guard tree == state.tree else { return }
            (state.verdict, state.verdictSummary) = (verdict, summary)
        case .testsReported(_, let tree, let command, let exitCode, _, _, _, let output):
            guard tree == state.tree else { return }
            state.testsPassed = exitCode == 0
            state.lastTests = .init(command: command, exitCode: exitCode, output: output)
        default: break
        }
    }
}

extension SessionState {
    mutating func begin(_ configuration: SessionConfiguration) {
        self.configuration = configuration
        (head, tree) = (configuration.baseCommit, configuration.baseTree)
    }

    mutating func accept(_ plan: Plan) {
        self.plan = plan
        phase = .working
        order = plan.tasks.map(\.id)
        for task in plan.tasks { tasks[task.id] = TaskState(plan: task, kind: .implement) }
    }

    mutating func add(_ task: PlanTask) {
        plan?.tasks.append(task)
        order.append(task.id)
        tasks[task.id] = TaskState(plan: task, kind: .implement)
        // What has been judged is not all any more.
        if phase == .verifying { phase = .working }
    }

    /// The task waits for an agent again.
    mutating func takeBack(_ id: String, isBegun: Bool) {
        tasks[id]?.status = .submitted
        tasks[id]?.isAssigned = false
        tasks[id]?.isBegun = isBegun
    }

    /// A verdict is about one tree; another tree has none.
    mutating func forgetJudgement() {
        (verdict, verdictSummary, testsPassed, lastTests, comments) = (nil, "", nil, nil, [])
        approval = nil
        isApproved = false
    }
}
