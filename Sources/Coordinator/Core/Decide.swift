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
        case .agentReady(let agent, _, _): return state.messages(for: agent)
        case .messageSent: return state.agents.keys.sorted().flatMap { state.messages(for: $0) }
        case .taskAssigned(let id, _, let agent, let generation, _):
            guard let task = state.agentTask(id, for: agent) else { return [] }
            return [.assignTask(agent: agent, generation: generation, task: task)]
        case .agentRetired(let agent, let generation):
            return [.retireAgent(agent: agent, generation: generation)]
        case .sessionPaused: return [.pauseAgents(step: state.pauses)]
        case .sessionResumed: return [.resumeAgents(step: state.pauses)]
        case .branchPublished(_, let task, let commit):
            // With nobody else under way there is nobody to warn.
            return state.order.count > 1 ? [.forecast(task: task, commit: commit)] : []
        case .gateStarted(let task, let tree, let command):
            guard let candidate = state.candidate, let member = candidate.member(task) else { return [] }
            let checks = state.checks(upTo: task)
            return [
                .runGate(
                    task: task, tree: tree, commit: member.commit,
                    command: state.configuration?.testCommand ?? (checks.isEmpty ? command : ""),
                    attempt: candidate.isSecondTry ? 2 : nil, checks: checks.isEmpty ? nil : checks)
            ]
        case .budgetRaised(let amount, _): return [.raiseBudget(microusd: amount)]
        case .deliveryMerged(_, let commit, _, _, _): return [.publishReport(commit: commit)]
        case .sessionCompleted: return [.teardown(reason: "completed")]
        case .sessionFailed: return [.teardown(reason: "failed")]
        case .sessionCancelled: return [.teardown(reason: "cancelled")]
        default: return []
        }
    }
}

extension SessionState {
    /// The messages that an agent's guest has not taken, if it is there.
    fileprivate func messages(for agent: String) -> [Effect] {
        guard let known = agents[agent], known.status == .ready else { return [] }
        return known.inbox.map {
            .deliverMessage(
                agent: agent, generation: known.generation, number: $0.number, from: $0.from, text: $0.text)
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
            guard state.configuration == nil || state.phase == .queued else { return }
            return start(configuration)
        }
        if case .enqueue(let configuration) = command {
            if state.configuration == nil { add(.sessionQueued(configuration: configuration)) }
            return
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
        } else if !configuration.hasArchitect {
            let task = PlanTask(
                id: "t1", title: PlanTask.title(of: configuration.task), description: configuration.task)
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
        case .requestChanges(let tree, let by, let comments): try requestChanges(tree, by, comments)
        case .permit(let id, let by, let text): try permit(id, by, text)
        case .refuse(let id, let by, let reason): try refuse(id, by, reason)
        case .editPlan(let plan, let by): try editPlan(plan, by)
        case .takeOver(let agent, let by): try takeOver(agent, by)
        case .handBack(let agent, let by, let diff, let files): handBack(agent, by, diff, files)
        case .say(let from, let to, let text): try say(from, to, text)
        case .note(let agent, let text):
            if try !hold(.notes, agent, "notes", text) { add(.noteAppended(agent: agent, text: text)) }
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
            let tree = state.tasks[SessionState.reviewTask]?.judgedTree ?? state.tree
            add(.reviewSubmitted(agent: agent, tree: tree, verdict: verdict, summary: summary))
        case .reportTests(let agent, let tests): try report(agent, tests)
        case .putArtifact(let artifact): try put(artifact)
        case .shareLanguage(let agent, let language, let instead): try share(language, agent, instead)
        case .observePeer(let agent, let peer, let isReachable, let reason):
            observe(agent, peer, isReachable, reason)
        case .agentLost(let agent, let generation, let reason): lose(agent, generation, reason)
        case .feed(let agents, let reason):
            if state.headroom != agents { add(.headroomChanged(agents: agents, reason: reason)) }
        case .agentPaused(let agent, let generation, let reason):
            guard isThere(agent, generation), state.agents[agent]?.isPaused == false else { return }
            add(.agentPaused(agent: agent, generation: generation, reason: reason))
        case .agentResumed(let agent, let generation, let milliseconds):
            guard isThere(agent, generation), state.agents[agent]?.isPaused == true else { return }
            add(.agentResumed(agent: agent, generation: generation, milliseconds: milliseconds))
        case .exhausted(let reason, let hint): fail(reason, hint)
        case .start, .enqueue, .cancel, .succeeded, .failed, .record: break
        }
    }
}
