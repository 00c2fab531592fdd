import Kit

// What agents say, each for itself, and what becomes of them.

extension Work {
    /// The task of an agent, or why it is not.
    func own(_ id: String, _ agent: String) throws(Rejection) -> SessionState.TaskState {
        guard let task = state.tasks[id] else {
            throw Rejection("no_such_task", "there is no task \(id) in this session")
        }
        guard task.agent == agent else {
            throw Rejection("wrong_agent", "\(id) is not a task of \(agent)", hint: "ask for the next task")
        }
        return task
    }

    func own(working id: String, _ agent: String) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else {
            throw Rejection("not_working", "\(id) is \(task.status.rawValue), not being worked on")
        }
    }

    func require(_ agent: String, _ role: String) throws(Rejection) {
        guard state.agents[agent]?.role == role else {
            throw Rejection("wrong_role", "only a \(role) may do that, and \(agent) is none")
        }
    }

    mutating func propose(_ plan: Plan, _ agent: String) throws(Rejection) {
        try require(agent, "architect")
        if let accepted = state.plan {
            if accepted == plan { return }
            throw Rejection("planned", "the session has a plan already", hint: "use assign to add a task")
        }
        add(.planAccepted(plan: plan, by: agent))
        if let configuration = state.configuration, configuration.planOnly == true {
            add(.sessionCompleted(commit: configuration.baseCommit))
        }
    }

    mutating func complete(
        _ agent: String, _ id: String, _ isSuccess: Bool, _ summary: String, _ commit: String?
    ) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else { return }
        guard isSuccess else { return try giveUp(agent, id, summary) }
        switch id {
        case SessionState.planTask where state.plan == nil:
            return try giveUp(agent, id, "it completed without a plan")
        // What was judged may not be the result any more; then the judgement counts for nothing.
        case SessionState.reviewTask where state.verdict == nil && task.judgedTree == state.tree:
            return try giveUp(agent, id, "it completed without a verdict")
        case SessionState.testTask where state.testsPassed == nil && task.judgedTree == state.tree:
            return try giveUp(agent, id, "it completed without a test report")
        case _ where task.kind == .advise, SessionState.planTask, SessionState.reviewTask,
            SessionState.testTask:
            break
        default:
            guard commit != nil else { throw Rejection("no_commit", "\(id) was completed without a commit") }
        }
        let attempt = task.attempt
        add(.taskCompleted(task: id, attempt: attempt, agent: agent, summary: summary, commit: commit))
        guard let commit, state.order.contains(id) else { return }
        add(.branchPublished(agent: agent, task: id, commit: commit))
        add(.mergeQueued(task: id, commit: commit))
    }

    mutating func giveUp(_ agent: String, _ id: String, _ reason: String) throws(Rejection) {
        let task = try own(id, agent)
        guard task.status == .working else { return }
        add(.taskFailed(task: id, attempt: task.attempt, agent: agent, reason: reason))
        if reason.contains(ModelRefusal.credentials) {
            // Another attempt has the same key.
            fail(
                "\(agent) could not do \(id) (\(task.plan.title)): \(reason)",
                "set the right key where the coordinator starts (openclaw help environment), then start again"
            )
        } else if (state.tasks[id]?.failures ?? 0) >= Tries.failures {
            fail(
                "\(agent) could not do \(id) (\(task.plan.title)): \(reason)",
                "its log says more: openclaw logs \(state.configuration?.session ?? "ID") \(agent)")
        }
    }

    mutating func report(_ agent: String, _ report: TestReport) throws(Rejection) {
        try require(agent, "tester")
        try own(working: SessionState.testTask, agent)
        add(
            .testsReported(
                agent: agent, tree: state.tasks[SessionState.testTask]?.judgedTree ?? state.tree,
                command: report.command,
                exitCode: report.exitCode,
                passed: report.passed, failed: report.failed, skipped: report.skipped, output: report.output))
    }

    /// This guest of the agent is there.
    func isThere(_ agent: String, _ generation: Int) -> Bool {
        state.agents[agent].map { $0.generation == generation && $0.status == .ready } ?? false
    }

    mutating func lose(_ agent: String, _ generation: Int?, _ reason: String) {
        guard let known = state.agents[agent], [.requested, .ready].contains(known.status),
            generation == nil || generation == known.generation
        else { return }
        add(.agentLost(agent: agent, generation: known.generation, reason: reason))
        // What was asked for this guest is void; the next one is asked anew.
        let suffix = "/\(agent)/\(known.generation)"
        for effect in state.openEffects {
            let isForIt = ["agent", "assign", "message"].contains {
                effect.key.hasPrefix("\($0)/") && effect.key.hasSuffix(suffix)
            }
            if isForIt || effect.key == "agent\(suffix)" {
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
