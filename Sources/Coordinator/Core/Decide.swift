public import Kit

extension Core {
    /// What a command makes of a state: the events to journal, effects to begin among them as intents.
    ///
    /// A command that was carried out before gives no events, so that everybody may repeat what they have no
    /// answer for.
    public static func decide(_ state: SessionState, _ command: Command) throws(Rejection) -> [EventBody] {
        var work = Work(state)
        try work.carryOut(command)
        work.settle()
        return work.events
    }

    /// What an event asks of the world.
    public static func react(_ state: SessionState, _ event: EventBody) -> [Effect] {
        switch event {
        case .agentRequested(let agent, let role, let generation):
            return [.ensureAgent(agent: agent, role: role, generation: generation)]
        case .taskAssigned(let id, _, let agent, let generation, _):
            guard let task = state.agentTask(id, for: agent) else { return [] }
            return [.assignTask(agent: agent, generation: generation, task: task)]
        case .agentRetired(let agent, let generation):
            return [.retireAgent(agent: agent, generation: generation)]
        case .sessionPaused: return [.pauseAgents(step: state.pauses)]
        case .sessionResumed: return [.resumeAgents(step: state.pauses)]
        case .gateStarted(let task, let tree, let command):
            guard let commit = state.candidate?.commit else { return [] }
            return [.runGate(task: task, tree: tree, commit: commit, command: command)]
        case .gatePassed(let task, _, _, _):
            guard let commit = state.candidate?.commit else { return [] }
            return [.advance(task: task, from: state.head, to: commit)]
        case .approvalGranted(let tree, _):
            let merge = state.configuration?.merge ?? false
            return [.deliver(commit: state.head, tree: tree, merge: merge)]
        case .deliveryMerged(_, let commit, _, _, _): return [.publishReport(commit: commit)]
        case .sessionCompleted: return [.teardown(reason: "completed")]
        case .sessionFailed: return [.teardown(reason: "failed")]
        case .sessionCancelled: return [.teardown(reason: "cancelled")]
        default: return []
        }
    }
}

/// A decision being made: a state that runs ahead of the journal, and the events that lead to it.
struct Work {
    var state: SessionState
    var events: [EventBody] = []

    init(_ state: SessionState) { self.state = state }

    /// Adds an event, and what it asks of the world.
    mutating func add(_ event: EventBody) {
        Core.apply(&state, event)
        events.append(event)
        for effect in Core.react(state, event) { intend(effect) }
    }

    mutating func intend(_ effect: Effect) {
        guard !state.isOpen(effect) else { return }
        Core.apply(&state, .effectIntended(effect: effect))
        events.append(.effectIntended(effect: effect))
    }

    mutating func fail(_ reason: String, _ hint: String) {
        guard !state.phase.isOver else { return }
        add(.sessionFailed(reason: reason, hint: hint))
    }

    mutating func carryOut(_ command: Command) throws(Rejection) {
        if case .start(let configuration) = command {
            guard state.configuration == nil else { return }
            return start(configuration)
        }
        guard state.configuration != nil else {
            throw Rejection("not_started", "the session has not started")
        }
        switch command {
        case .succeeded(let key, let result): return succeeded(key, result)
        case .failed(let key, let reason): return failed(key, reason)
        case .record(let facts):
            for fact in facts { add(fact) }
            return
        case .cancel(let by):
            if !state.phase.isOver { add(.sessionCancelled(by: by)) }
            return
        default: break
        }
        guard !state.phase.isOver else {
            throw Rejection("over", "the session is \(state.phase.rawValue) already")
        }
        try steer(command)
    }

    private mutating func start(_ configuration: SessionConfiguration) {
        add(.sessionStarted(configuration: configuration))
        if let plan = configuration.plan {
            add(.planAccepted(plan: plan, by: "user"))
        } else if configuration.isSolo {
            let task = PlanTask(id: "t1", title: configuration.task, description: configuration.task)
            add(.planAccepted(plan: Plan(summary: configuration.task, tasks: [task]), by: "coordinator"))
        } else {
            add(
                .taskReady(
                    task: SessionState.planTask, kind: .plan, title: "Plan the work", agent: "architect-1"))
        }
    }

    private mutating func steer(_ command: Command) throws(Rejection) {
        switch command {
        case .approve(let tree, let by): try approve(tree, by)
        case .deny(let by, let reason): try deny(by, reason)
        case .pause(let by): if !state.isPaused { add(.sessionPaused(by: by)) }
        case .resume(let by): if state.isPaused { add(.sessionResumed(by: by)) }
        case .addTask(let task, let by): try addTask(task, by)
        case .proposePlan(let agent, let plan): try propose(plan, agent)
        case .accept(let agent, let task):
            _ = try own(task, agent)
            add(.taskAccepted(task: task, agent: agent))
        case .complete(let agent, let task, let isSuccess, let summary, let commit):
            try complete(agent, task, isSuccess, summary, commit)
        case .fail(let agent, let task, let reason): try giveUp(agent, task, reason)
        case .comment(let agent, let comment):
            try require(agent, "reviewer")
            if !state.comments.contains(comment) { add(.commentMade(agent: agent, comment: comment)) }
        case .judge(let agent, let verdict, let summary):
            try require(agent, "reviewer")
            try own(working: SessionState.reviewTask, agent)
            add(.reviewSubmitted(agent: agent, tree: state.tree, verdict: verdict, summary: summary))
        case .reportTests(let agent, let tests): try report(agent, tests)
        case .agentReady(let agent, let instance):
            guard let known = state.agents[agent], known.status == .requested else { return }
            add(.agentReady(agent: agent, generation: known.generation, instance: instance))
        case .agentLost(let agent, let generation, let reason): lose(agent, generation, reason)
        case .exhausted(let reason, let hint): fail(reason, hint)
        case .start, .cancel, .succeeded, .failed, .record: break
        }
    }

    // MARK: People

    private mutating func approve(_ tree: String, _ by: String) throws(Rejection) {
        if state.isApproved, state.tree == tree { return }
        guard let approval = state.approval else {
            throw Rejection(
                "not_waiting", "the session does not wait for approval; it is \(state.phase.rawValue)",
                hint: "openclaw sessions shows what waits")
        }
        guard approval.tree == tree else {
            throw Rejection(
                "stale_tree", "the result has changed: \(tree) was approved, \(approval.tree) waits",
                hint: "look at the diff again, then approve what you saw")
        }
        add(.approvalGranted(tree: tree, by: by))
    }

    private mutating func deny(_ by: String, _ reason: String) throws(Rejection) {
        guard let approval = state.approval, !state.isApproved else {
            throw Rejection(
                "not_waiting", "the session does not wait for approval; it is \(state.phase.rawValue)",
                hint: "cancel it to stop it")
        }
        add(.approvalDenied(tree: approval.tree, by: by, reason: reason))
        fail(
            "denied by \(by)" + (reason.isEmpty ? "" : ": \(reason)"),
            "the work is kept on the session branch; openclaw diff shows it")
    }

    private mutating func addTask(_ task: PlanTask, _ by: String) throws(Rejection) {
        guard let plan = state.plan, [.working, .verifying].contains(state.phase) else {
            throw Rejection("no_plan", "tasks can be added when a plan has been accepted and work goes on")
        }
        if plan.tasks.contains(task) { return }
        add(.planChanged(task: task, by: by))
    }

    // MARK: Agents

    /// The task of an agent, or why it is not.
    private func own(_ id: String, _ agent: String) throws(Rejection) -> SessionState.TaskState {
        guard let task = state.tasks[id] else {
            throw Rejection("no_such_task", "there is no task \(id) in this session")
        }
        guard task.agent == agent else {
            throw Rejection("wrong_agent", "\(id) is not a task of \(agent)", hint: "ask for the next task")
        }
        return task
    }

    private func own(working id: String, _ agent: String) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else {
            throw Rejection("not_working", "\(id) is \(task.status.rawValue), not being worked on")
        }
    }

    private func require(_ agent: String, _ role: String) throws(Rejection) {
        guard state.agents[agent]?.role == role else {
            throw Rejection("wrong_role", "only a \(role) may do that, and \(agent) is none")
        }
    }

    private mutating func propose(_ plan: Plan, _ agent: String) throws(Rejection) {
        try require(agent, "architect")
        if let accepted = state.plan {
            if accepted == plan { return }
            throw Rejection("planned", "the session has a plan already", hint: "use assign to add a task")
        }
        add(.planAccepted(plan: plan, by: agent))
    }

    private mutating func complete(
        _ agent: String, _ id: String, _ isSuccess: Bool, _ summary: String, _ commit: String?
    ) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else { return }
        guard isSuccess else { return try giveUp(agent, id, summary) }
        switch id {
        case SessionState.planTask where state.plan == nil:
            return try giveUp(agent, id, "it completed without a plan")
        case SessionState.reviewTask where state.verdict == nil:
            return try giveUp(agent, id, "it completed without a verdict")
        case SessionState.testTask where state.testsPassed == nil:
            return try giveUp(agent, id, "it completed without a test report")
        case SessionState.planTask, SessionState.reviewTask, SessionState.testTask: break
        default:
            guard commit != nil else { throw Rejection("no_commit", "\(id) was completed without a commit") }
        }
        let attempt = task.attempt
        add(.taskCompleted(task: id, attempt: attempt, agent: agent, summary: summary, commit: commit))
        guard let commit, state.order.contains(id) else { return }
        add(.branchPublished(agent: agent, task: id, commit: commit))
        add(.mergeQueued(task: id, commit: commit))
    }

    private mutating func giveUp(_ agent: String, _ id: String, _ reason: String) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else { return }
        add(.taskFailed(task: id, attempt: task.attempt, agent: agent, reason: reason))
        if (state.tasks[id]?.failures ?? 0) >= Tries.failures {
            fail(
                "\(agent) could not do \(id) (\(task.plan.title)): \(reason)",
                "its log says more: openclaw logs \(state.configuration?.session ?? "ID") \(agent)")
        }
    }

    private mutating func report(_ agent: String, _ report: TestReport) throws(Rejection) {
        try require(agent, "tester")
        try own(working: SessionState.testTask, agent)
        add(
            .testsReported(
                agent: agent, tree: report.tree ?? state.tree, command: report.command,
                exitCode: report.exitCode,
                passed: report.passed, failed: report.failed, skipped: report.skipped, output: report.output))
    }

    private mutating func lose(_ agent: String, _ generation: Int?, _ reason: String) {
        guard let known = state.agents[agent], [.requested, .ready].contains(known.status),
            generation == nil || generation == known.generation
        else { return }
        add(.agentLost(agent: agent, generation: known.generation, reason: reason))
        // What was asked for this guest is void; the next one is asked anew.
        let prefixes = ["agent/\(agent)/\(known.generation)"]
        for effect in state.openEffects {
            let isAssignment =
                effect.key.hasPrefix("assign/") && effect.key.hasSuffix("/\(agent)/\(known.generation)")
            if isAssignment || prefixes.contains(effect.key) {
                add(.effectFailed(key: effect.key, reason: "the agent was lost"))
            }
        }
        let losses = state.agents[agent]?.losses ?? 0
        if losses >= Tries.losses {
            fail(
                "\(agent) was lost \(losses) times, the last time: \(reason)",
                "openclaw doctor checks this machine; openclaw logs "
                    + "\(state.configuration?.session ?? "ID") \(agent)"
            )
        }
    }
}
