import Kit

// What single events do to parts of a state.

extension SessionState {
    mutating func begin(_ configuration: SessionConfiguration) {
        self.configuration = configuration
        (head, tree) = (configuration.baseCommit, configuration.baseTree)
        budget = configuration.budget
    }

    // MARK: The plan

    mutating func accept(_ plan: Plan) {
        self.plan = plan
        phase = .working
        planVersion += 1
        order = plan.tasks.map(\.id)
        for task in plan.tasks { tasks[task.id] = TaskState(plan: task, kind: .implement) }
    }

    mutating func add(_ task: PlanTask, by: String) {
        plan?.tasks.append(task)
        order.append(task.id)
        tasks[task.id] = TaskState(plan: task, kind: .implement)
        if by == "user" { roundLimit = round + Tries.rounds + 1 }
        // What has been judged is not all any more.
        if [.verifying, .approving].contains(phase) { phase = .working }
    }

    /// What was begun stays as it is; `Work` sees to it.
    mutating func replace(_ plan: Plan) {
        for id in order where !plan.tasks.contains(where: { $0.id == id }) { tasks[id] = nil }
        for task in plan.tasks {
            if tasks[task.id] == nil { tasks[task.id] = TaskState(plan: task, kind: .implement) }
            tasks[task.id]?.plan = task
        }
        self.plan = plan
        order = plan.tasks.map(\.id)
        planVersion += 1
        roundLimit = round + Tries.rounds + 1
        let isDone = order.allSatisfy { tasks[$0]?.status == .merged }
        if !isDone, [.verifying, .approving].contains(phase) { phase = .working }
    }

    mutating func withdrawPlan() {
        for id in order { tasks[id] = nil }
        (plan, order, phase) = (nil, [], .planning)
        permissions.removeAll { $0.kind == .plan }
    }

    // MARK: Tasks

    /// The task waits for an agent again.
    mutating func takeBack(_ id: String, isBegun: Bool) {
        tasks[id]?.status = .submitted
        tasks[id]?.isAssigned = false
        tasks[id]?.isBegun = isBegun
    }

    /// An architect has said how a task can be brought in: its author reads it as a review, and has two more
    /// tries.
    mutating func takeAdvice(_ id: String, _ summary: String) {
        for (task, known) in tasks where known.waitsFor == id {
            tasks[task]?.waitsFor = nil
            tasks[task]?.returns = Tries.returns - 1
            let comment = ReviewComment(file: "", body: "The architect: \(summary)")
            tasks[task]?.context.review = (known.context.review ?? []) + [comment]
        }
    }

    // MARK: The merge queue

    /// Work comes home to the session branch; what is left of the chain stands on it.
    mutating func land(_ id: String) {
        guard var candidate else { return }
        candidate.waiting.removeAll { $0 == id }
        if let index = candidate.members.firstIndex(where: { $0.task == id }) {
            candidate.members.remove(at: index)
            candidate.green = max(0, candidate.green - 1)
            candidate.red = candidate.red.map { $0 - 1 }
            candidate.tested = max(0, candidate.tested - 1)
        }
        self.candidate = candidate.isEmpty ? nil : candidate
    }

    /// One that still waited is skipped. When one of the chain leaves, what stands on it is void: the rest is
    /// published as before, and merged anew.
    mutating func leaveQueue(_ id: String) {
        guard var candidate else { return }
        candidate.waiting.removeAll { $0 == id }
        let isMember = candidate.members.contains { $0.task == id }
        self.candidate = isMember || candidate.isEmpty ? nil : candidate
    }

    /// A verdict is about one tree; another tree has none.
    mutating func forgetJudgement() {
        (verdict, verdictSummary, testsPassed, lastTests, comments) = (nil, "", nil, nil, [])
        approval = nil
        isApproved = false
    }

    /// The answer of an effect is there: a message that was taken is not handed out again.
    mutating func took(_ key: String) {
        for case .deliverMessage(let agent, _, let number, _, _) in openEffects.filter({ $0.key == key }) {
            agents[agent]?.inbox.removeAll { $0.number == number }
        }
    }
}

extension SessionState.Candidate {
    var isEmpty: Bool { waiting.isEmpty && members.isEmpty }

    /// How many members there are up to and with a task.
    func count(upTo task: String) -> Int? { members.firstIndex { $0.task == task }.map { $0 + 1 } }

    func member(_ task: String) -> Member? { members.first { $0.task == task } }
}

extension Permission {
    /// The id without its version: `plan`, `stuck/t2`.
    var scope: ArraySlice<Substring> { id.split(separator: "/").dropLast() }
    /// What it is about: the task of `stuck/t2/1`.
    var subject: String { scope.dropFirst().joined(separator: "/") }
}
