import Kit

// What a person says.

extension Work {
    private func notWaiting(_ hint: String) -> Rejection {
        Rejection(
            "not_waiting", "the session does not wait for approval; it is \(state.phase.rawValue)", hint: hint
        )
    }

    mutating func approve(_ tree: String, _ by: String) throws(Rejection) {
        if state.isApproved, state.tree == tree { return }
        guard let approval = state.approval else {
            throw notWaiting("openclaw sessions shows what waits")
        }
        guard approval.tree == tree else { throw stale(tree, approval.tree) }
        add(.approvalGranted(tree: tree, by: by))
    }

    private func stale(_ tree: String, _ waiting: String) -> Rejection {
        Rejection(
            "stale_tree", "the result has changed: \(tree) was meant, \(waiting) waits",
            hint: "look at the diff again, then decide about what you saw")
    }

    mutating func deny(_ by: String, _ reason: String) throws(Rejection) {
        guard let approval = state.approval, !state.isApproved else {
            throw notWaiting("cancel it to stop it")
        }
        add(.approvalDenied(tree: approval.tree, by: by, reason: reason))
        fail(
            "denied by \(by)" + (reason.isEmpty ? "" : ": \(reason)"),
            "the work is kept on the session branch; openclaw diff shows it")
    }

    /// The result goes back as a review does, with the person in the reviewer's place.
    mutating func requestChanges(_ tree: String, _ by: String, _ comments: [ReviewComment]) throws(Rejection)
    {
        guard let approval = state.approval, !state.isApproved else {
            throw notWaiting("openclaw message tells an agent something at any time")
        }
        guard approval.tree == tree else { throw stale(tree, approval.tree) }
        guard !comments.isEmpty, comments.count <= 200 else {
            throw Rejection("no_comments", "changes are asked for with 1 to 200 comments")
        }
        add(.changesRequested(tree: tree, by: by, comments: comments))
        void("\(by) asks for changes")
        returnToAuthors(comments, tests: nil, reason: "\(by) asks for changes")
    }

    mutating func addTask(_ task: PlanTask, _ by: String) throws(Rejection) {
        guard let plan = state.plan, [.working, .verifying, .approving].contains(state.phase) else {
            throw Rejection("no_plan", "tasks can be added when a plan has been accepted and work goes on")
        }
        if plan.tasks.contains(task) { return }
        guard !plan.tasks.contains(where: { $0.id == task.id }) else {
            throw Rejection("task_exists", "\(task.id) is in the plan already, as another task")
        }
        if try hold(.tasks, by, "plan", "\(task.title): \(task.description)", task) { return }
        void("a task was added")
        add(.planChanged(task: task, by: by))
    }

    /// What nobody has begun is what the person says; what was begun stays.
    mutating func editPlan(_ plan: Plan, _ by: String) throws(Rejection) {
        guard let old = state.plan, [.working, .verifying, .approving].contains(state.phase) else {
            throw Rejection("no_plan", "there is no plan to edit; the session is \(state.phase.rawValue)")
        }
        if old == plan { return }
        for task in old.tasks {
            guard let known = state.tasks[task.id], known.agent != nil || known.attempt > 0 else { continue }
            guard plan.tasks.contains(task) else {
                throw Rejection(
                    "task_begun", "\(task.id) was begun and must stay as it is",
                    hint: "send its agent a message, or add a task")
            }
        }
        void("the plan was edited")
        add(.planEdited(plan: plan, by: by))
    }

    mutating func say(_ from: String, _ to: String, _ text: String) throws(Rejection) {
        let names = state.agents.filter { $0.value.status != .retired }.keys.sorted()
        guard to == "all" || names.contains(to) else {
            throw Rejection(
                "no_such_agent", "the session has no agent \(to)",
                hint: names.isEmpty
                    ? "its agents are not there yet"
                    : "its agents are "
                        + names.joined(separator: ", "))
        }
        guard to != from else { throw Rejection("own_message", "a message to oneself goes nowhere") }
        if try hold(.messages, from, to, text) { return }
        add(.messageSent(from: from, to: to, text: text))
    }

    // MARK: In an agent's place

    mutating func takeOver(_ agent: String, _ by: String) throws(Rejection) {
        guard let known = state.agents[agent] else {
            throw Rejection(
                "no_such_agent", "the session has no agent \(agent)",
                hint: "its agents are \(state.agents.keys.sorted().joined(separator: ", "))")
        }
        guard known.status == .ready else {
            throw Rejection(
                "not_there", "\(agent) has no guest now; it is \(known.status.rawValue)",
                hint: "try again when it is ready")
        }
        guard !state.isPaused else {
            throw Rejection(
                "paused", "all guests of the session are held", hint: "let it go on with --resume first")
        }
        guard !known.isTaken else {
            throw Rejection("taken", "somebody is in the place of \(agent) already")
        }
        add(.agentTaken(agent: agent, by: by))
    }

    /// The agent goes on, and is told what the person did in its clone.
    mutating func handBack(_ agent: String, _ by: String, _ diff: String, _ files: [String]) {
        guard state.agents[agent]?.isTaken == true else { return }
        add(.agentReturned(agent: agent, by: by, diff: diff, files: files))
        guard !files.isEmpty else { return }
        add(
            .messageSent(
                from: by, to: agent,
                text: "I was in your place and changed your clone. Look at it before you go on; this is the "
                    + "change:\n\(diff)"))
    }

    // MARK: Questions

    /// The question that waits under an id.
    private func question(_ id: String) throws(Rejection) -> Permission {
        guard let permission = state.permissions.first(where: { $0.id == id }) else {
            throw Rejection(
                "not_waiting", "nothing is asked as \(id)",
                hint: state.permissions.isEmpty
                    ? "no question waits"
                    : "what waits is "
                        + state.permissions.map(\.id).joined(separator: ", "))
        }
        return permission
    }

    mutating func permit(_ id: String, _ by: String, _ text: String?) throws(Rejection) {
        if state.granted.contains(id) { return }
        let permission = try question(id)
        if state.held[id] != nil { return try release(id, by, text) }
        guard text == nil else {
            throw Rejection("no_message", "\(id) is no message; only words can be changed")
        }
        add(.permissionGranted(id: id, by: by))
        if permission.kind == .budget, let budget = state.budget {
            add(.budgetRaised(microusd: budget + (state.configuration?.budget ?? budget), by: by))
        }
    }

    /// A plan that is refused with words is made anew; other answers of no end the session.
    mutating func refuse(_ id: String, _ by: String, _ reason: String) throws(Rejection) {
        let permission = try question(id)
        let held = state.held[id]
        add(.permissionDenied(id: id, by: by, reason: reason))
        if let held {
            let words = "\(id) to \(held.to) was not passed on" + (reason.isEmpty ? "" : ": \(reason)")
            return add(.messageSent(from: by, to: held.from, text: words))
        }
        switch permission.kind {
        case .plan where !reason.isEmpty && state.tasks[SessionState.planTask] != nil:
            var context = AgentTask.Context()
            context.review = [ReviewComment(file: "", body: reason)]
            context.plan = state.plan
            add(.planWithdrawn(by: by, reason: reason))
            add(.taskReturned(task: SessionState.planTask, reason: "\(by): \(reason)", context: context))
        // The budget stays what it is, and what is left of it may be spent.
        case .budget: break
        default:
            fail(
                "\(by) said no to \(id)" + (reason.isEmpty ? "" : ": \(reason)"),
                "the work is kept in the session repository")
        }
    }

    /// Puts a question; nothing when it was answered with yes or waits.
    mutating func ask(_ kind: ApprovalKind, _ id: String, _ summary: String) {
        let isKnown = state.granted.contains(id) || state.permissions.contains { $0.id == id }
        guard !isKnown else { return }
        add(.permissionRequested(permission: Permission(id: id, kind: kind, summary: summary)))
    }

    /// What was judged or waits for a person is not the result any more.
    /// - Parameter isApproved: Also an approval that was given.
    mutating func void(_ reason: String, isApproved: Bool = false) {
        if state.verdict == .approve || state.testsPassed == true {
            add(.reviewVoided(tree: state.tree, reason: reason))
        }
        if let approval = state.approval, isApproved || !state.isApproved {
            add(.approvalVoided(tree: approval.tree, reason: reason))
        }
    }
}
