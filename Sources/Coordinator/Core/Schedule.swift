import Kit

extension Work {
    /// Begins everything that can be begun, until nothing more follows.
    mutating func settle() {
        let steps: [(inout Work) -> Void] = [
            { $0.mergeNext() }, { $0.askFirst() }, { $0.scale() }, { $0.assignTasks() },
            { $0.retireArchitect() },
            { $0.judge() },
        ]
        while true {
            let before = events.count
            // Each step may end the session, and nothing may be begun after that.
            for step in steps where mayBegin {
                step(&self)
            }
            if events.count == before { return }
        }
    }

    private var mayBegin: Bool {
        !state.phase.isOver && state.phase != .queued && !state.isPaused && state.configuration != nil
    }

    // MARK: Questions

    /// What has to be asked before anything goes on.
    private mutating func askFirst() {
        guard let configuration = state.configuration else { return }
        if configuration.asks(for: .plan), configuration.hasArchitect, let plan = state.plan,
            state.phase == .working, state.tasks[SessionState.planTask]?.status == .completed,
            !isPlanPermitted
        {
            ask(.plan, planQuestion, plan.summary)
        }
        if configuration.asks(for: .budget), let budget = state.budget, state.spent * 5 >= budget * 4 {
            ask(.budget, "budget/\(budget)", "four fifths of the budget are spent; yes adds as much again")
        }
        if state.phase == .delivering, state.delivery == nil {
            let question = "outside/\(state.tree)"
            if configuration.asks(for: .outside), configuration.leavesMachine,
                !state.granted.contains(question)
            {
                return ask(.outside, question, "the result goes to \(configuration.repository)")
            }
            if configuration.pullRequest?.watchesChecks == true, state.checked != state.head {
                return watchChecks()
            }
            intend(.deliver(commit: state.head, tree: state.tree, merge: configuration.merge))
        }
    }

    private var planQuestion: String { "plan/\(state.planVersion)" }

    /// The plan as it is may be worked on. Once one was permitted, what a person makes of it is too.
    private var isPlanPermitted: Bool {
        guard let configuration = state.configuration, configuration.asks(for: .plan),
            configuration.hasArchitect
        else { return true }
        return state.granted.contains { $0.hasPrefix("plan/") }
    }

    // MARK: Handing out work

    private mutating func assignTasks() {
        let advice = state.tasks.keys.filter { state.tasks[$0]?.kind == .advise }.sorted()
        let judges = state.phase == .verifying ? [SessionState.reviewTask, SessionState.testTask] : []
        for id in [SessionState.planTask] + advice + state.order + judges {
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

    func canStart(_ id: String, _ task: SessionState.TaskState) -> Bool {
        guard state.order.contains(id) else { return true }
        guard isPlanPermitted, task.waitsFor == nil else { return false }
        guard !state.permissions.contains(where: { $0.kind == .stuck && $0.subject == id }) else {
            return false
        }
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
        let role = role(of: id)
        let coders = state.agents.filter { $0.value.role == role && $0.value.status != .retired }
        let reserved = Set(state.tasks.values.compactMap { $0.status == .submitted ? $0.agent : nil })
        let free = coders.keys.sorted { number($0) < number($1) }.filter {
            coders[$0]?.task == nil && coders[$0]?.isTaken == false && !reserved.contains($0)
        }
        if let ready = free.first(where: { coders[$0]?.status == .ready }) { return ready }
        let limit = state.workerLimit
        let next =
            free.first { coders[$0]?.status == .lost }
            ?? (coders.count < limit && isRoom(beside: role) ? newcomer(role, reserved) : nil)
        guard let next else { return nil }
        add(.taskReady(task: id, kind: task.kind, title: task.plan.title, agent: next))
        return present(next, role: role) ? next : nil
    }

    /// One that made room comes back before another name is given out.
    private func newcomer(_ role: String, _ reserved: Set<String>) -> String {
        let own = state.agents.filter { $0.value.role == role }
        let retired = own.filter { $0.value.status == .retired && !reserved.contains($0.key) }.keys
        return retired.min { number($0) < number($1) } ?? "\(role)-\(own.count + 1)"
    }

    /// Whether an agent of this role may be added: those of other roles count while they have something to
    /// do, so that the last of one role does not keep out the first of another.
    private func isRoom(beside role: String) -> Bool {
        let judges = ["architect", "reviewer", "tester", role]
        let reserved = Set(state.tasks.values.compactMap { $0.status == .submitted ? $0.agent : nil })
        let busy = state.agents.filter { name, agent in
            !judges.contains(agent.role) && [.requested, .ready].contains(agent.status)
                && (agent.task != nil || reserved.contains(name))
        }
        let own = state.agents.values.filter { $0.role == role && $0.status != .retired }
        return busy.count + own.count < state.workerLimit
    }

    private func role(of id: String) -> String {
        switch id {
        case SessionState.planTask: "architect"
        case SessionState.reviewTask: "reviewer"
        case SessionState.testTask: "tester"
        default:
            state.tasks[id].map { $0.kind == .advise ? "architect" : $0.plan.role } ?? "coder"
        }
    }

    private func number(_ agent: String) -> Int { agent.split(separator: "-").last.flatMap { Int($0) } ?? 0 }

    /// True when the agent is there and idle; one that is gone is asked for.
    private mutating func present(_ agent: String, role: String) -> Bool {
        guard let known = state.agents[agent] else {
            if hasRoom(for: role) { add(.agentRequested(agent: agent, role: role, generation: 1)) }
            return false
        }
        switch known.status {
        case .ready: return known.task == nil && !known.isTaken
        case .requested: return false
        case .lost, .retired:
            guard hasRoom(for: role) else { return false }
            add(.agentRequested(agent: agent, role: role, generation: known.generation + 1))
            return false
        }
    }

    /// The plan is there: its guest makes room.
    private mutating func retireArchitect() {
        let isNeeded = state.tasks.contains { id, task in
            (id == SessionState.planTask || task.kind == .advise) && task.status != .completed
        }
        guard state.plan != nil, isPlanPermitted, !isNeeded,
            let architect = state.agents["architect-1"], architect.status == .ready,
            architect.task == nil
        else { return }
        add(.agentRetired(agent: "architect-1", generation: architect.generation))
    }

    // MARK: Judgement

    private mutating func judge() {
        let judges = [SessionState.reviewTask, SessionState.testTask]
        // One who still judges an older tree ends that first.
        guard let configuration = state.configuration, !state.order.isEmpty, state.candidate == nil,
            state.phase != .working || !judges.contains(where: { state.tasks[$0]?.status == .working }),
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
        guard state.inspection?.commit == state.head else {
            return intend(.inspectChange(commit: state.head, tree: state.tree))
        }
        guard configuration.hasReviewer || configuration.hasTester else { return askForApproval() }
        guard state.round < state.roundLimit else {
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
        if approves, passes { return askForApproval() }
        var comments: [ReviewComment] = []
        if !approves {
            let blocking = state.comments.filter { $0.severity != "note" }
            comments = blocking.isEmpty ? [ReviewComment(file: "", body: state.verdictSummary)] : blocking
        }
        returnToAuthors(
            comments, tests: passes ? nil : state.lastTests,
            reason: approves ? "the tests fail" : "the reviewer asks for changes")
    }

    /// Who wrote what a comment is about gets it; who merged last gets the rest.
    mutating func returnToAuthors(
        _ comments: [ReviewComment], tests: AgentTask.GateOutput?, reason: String
    ) {
        guard let last = state.merged.last else { return }
        var contexts: [String: AgentTask.Context] = [:]
        for comment in comments {
            let author = state.merged.last { state.tasks[$0]?.files.contains(comment.file) ?? false }
            contexts[author ?? last, default: .init()].review =
                (contexts[author ?? last]?.review ?? []) + [comment]
        }
        if let tests { contexts[last, default: .init()].gate = tests }
        for id in state.order where contexts[id] != nil && !state.phase.isOver {
            sendBack(id, reason, contexts[id] ?? .init())
        }
    }
}

extension SessionState {
    /// Lines of the list that a judge is told: they become part of a prompt.
    private static let toldItems = 60

    /// The task as its agent gets it.
    func agentTask(_ id: String, for agent: String) -> AgentTask? {
        guard let task = tasks[id], let configuration else { return nil }
        var context = task.context
        context.task = configuration.task
        if id != Self.planTask { context.plan = plan }
        if [.plan, .advise].contains(task.kind) { context.roles = configuration.workRoles }
        let subject = tasks.first { $0.value.waitsFor == id }
        if task.kind == .review || task.kind == .test {
            context.tree = tree
            context.diffRange = "\(configuration.baseCommit)..\(head)"
            if let inspection, inspection.commit == head, !inspection.items.isEmpty {
                context.inspection = Array(inspection.lines.prefix(Self.toldItems))
            }
        }
        let description: String =
            switch task.kind {
            case .plan: configuration.task
            case .advise:
                "\(subject?.key ?? "A task") (\(subject?.value.plan.title ?? "")) came back again "
                    + "and again. Read what conflicts or fails and the files it is about, and complete with "
                    + "a summary that tells the author in a few sentences how to bring it in."
            case .review:
                "Review the change as merged: read the diff and the files it touches, and give a verdict."
            case .test: "Run the tests on the change as merged and report what you see."
            case .implement, .rework: task.plan.description.isEmpty ? task.plan.title : task.plan.description
            }
        var made = AgentTask(
            id: id, kind: task.kind, title: task.plan.title, description: description,
            acceptance: task.plan.acceptance, writeSet: task.plan.writeSet,
            branch: "work/\(configuration.session)/\(agent)/\(id)", base: head, attempt: task.attempt,
            testCommand: configuration.testCommand, context: context, resume: task.isBegun)
        (made.checks, made.subdirectory) = (task.plan.checks, configuration.subdirectory)
        return made
    }
}
