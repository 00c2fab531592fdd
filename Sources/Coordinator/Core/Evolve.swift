public import Kit

/// The three pure functions of a session.
public enum Core {
    /// The state after an event. Total: an event that is in the journal happened.
    public static func evolve(_ state: inout SessionState, _ event: Event) {
        apply(&state, event.body)
        state.seq = event.seq
        switch event.body {
        case .sessionStarted, .sessionQueued: state.startedAt = event.at
        default: break
        }
        if state.phase.isOver, state.endedAt == nil { state.endedAt = event.at }
    }

    /// The state after all of these.
    public static func fold(_ events: some Sequence<Event>) -> SessionState {
        events.reduce(into: SessionState()) { evolve(&$0, $1) }
    }

    static func apply(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .sessionStarted(let configuration):
            state.begin(configuration)
            state.phase = .planning
        case .sessionQueued(let configuration):
            state.begin(configuration)
            state.phase = .queued
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
        case .planChanged(let task, let by): state.add(task, by: by)
        case .planEdited(let plan, _): state.replace(plan)
        case .planWithdrawn: state.withdrawPlan()
        case .noteAppended(let agent, let text): state.notes.append("\(agent): \(text)")
        case .languageHosted(let agent, let generation, let language):
            let changes = state.languageHosts[language].map { $0.changes + 1 } ?? 0
            state.languageHosts[language] = .init(agent: agent, generation: generation, changes: changes)
        case .languageShared(let agent, _, let language):
            state.languageHosts[language]?.users.insert(agent)
        case .peerUnreachable(let agent, let peer, _):
            state.unreachable[peer, default: []].insert(agent)
            state.peerChanges += 1
        case .peerReachable(let agent, let peer):
            state.unreachable[peer]?.remove(agent)
            state.peerChanges += 1
        case .agentsScaled(let limit, _): state.workers = limit
        case .headroomChanged(let agents, let reason):
            (state.headroom, state.headroomReason) = (agents, reason)
        case .messageHeld(let id, let from, let to, let text, let task):
            state.heldCount += 1
            state.held[id] = .init(from: from, to: to, text: text, task: task)
        case .messageEdited(let id, _, let text): state.held[id]?.text = text
        case .artifactStored(let agent, let name, _, let size?, let digest?):
            let artifact = Artifact(owner: agent, name: name, size: size, digest: digest)
            state.artifacts[artifact.id] = artifact
        case .modelReserved(let agent, let task, let call, let model, let amount):
            state.reserved[call] = .init(agent: agent, task: task, model: model, amount: amount)
        case .modelSettled(let agent, _, _, let amount, _, _, let detail):
            state.spent.addClamped(amount)
            state.spentBy[agent, default: 0].addClamped(amount)
            if let detail { state.reserved[detail.call] = nil }
        case .approvalRequested(let tree, let commit):
            state.phase = .approving
            state.approval = (tree, commit)
            state.approvalHolds = []
        case .approvalGranted:
            state.isApproved = true
            state.phase = .delivering
        case .approvalDenied: state.approval = nil
        case .approvalVoided:
            state.approval = nil
            state.isApproved = false
            if state.phase == .delivering { state.phase = .approving }
        case .changeInspected(let inspection): state.inspection = inspection
        case .approvalHeld(_, let reasons): state.approvalHolds = reasons
        case .reviewVoided:
            state.statistics.voided += 1
            (state.verdict, state.verdictSummary, state.testsPassed, state.lastTests) = (nil, "", nil, nil)
        case .changesRequested: state.roundLimit = state.round + Tries.rounds + 1
        case .deliveryMerged(let branch, let commit, let isMerged, let command, let reason):
            state.delivery = .init(
                branch: branch, commit: commit, isMerged: isMerged, command: command, reason: reason)
        case .pullOpened(let url, let number, let commit, let isDraft):
            state.pull = .init(url: url, number: number, commit: commit, isDraft: isDraft)
        case .checksReported(let commit, let isGreen, _):
            (state.checked, state.checksAreGreen) = (commit, isGreen)
        case .permissionRequested, .permissionGranted, .permissionDenied, .budgetRaised:
            applyPermission(&state, body)
        case .effectIntended(let effect):
            if !state.isOpen(effect) { state.openEffects.append(effect) }
        case .effectSucceeded(let key), .effectFailed(let key, _):
            if case .effectSucceeded = body { state.took(key) }
            state.openEffects.removeAll { $0.key == key }
        default:
            applyAgent(&state, body)
            applyTask(&state, body)
            applyMerge(&state, body)
        }
    }

    private static func applyPermission(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .permissionRequested(let permission):
            // There is one question of a kind about one thing: a new version takes the place of the old.
            // Every message is a thing of its own.
            state.permissions.removeAll {
                $0.scope == permission.scope && state.held[$0.id] == nil
            }
            state.permissions.append(permission)
            if permission.kind == .stuck { state.tasks[permission.subject]?.questions += 1 }
        case .permissionGranted(let id, _):
            for permission in state.permissions where permission.id == id && permission.kind == .stuck {
                state.tasks[permission.subject]?.returns = 0
            }
            state.permissions.removeAll { $0.id == id }
            state.held[id] = nil
            state.granted.insert(id)
        case .permissionDenied(let id, _, _):
            state.permissions.removeAll { $0.id == id }
            state.held[id] = nil
        case .budgetRaised(let amount, _): state.budget = amount
        default: break
        }
    }

    private static func applyAgent(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .agentRequested(let agent, let role, let generation):
            var next = state.agents[agent] ?? .init(role: role, generation: generation)
            next.generation = generation
            next.status = .requested
            next.instance = nil
            next.isTaken = false
            next.isPaused = false
            state.agents[agent] = next
        case .agentReady(let agent, let generation, let instance):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.status = .ready
            state.agents[agent]?.instance = instance
            state.agents[agent]?.isPaused = false
            // A new guest, of which nobody has said anything yet, and that has seen nobody.
            state.unreachable[agent] = nil
            for peer in state.unreachable.keys { state.unreachable[peer]?.remove(agent) }
        case .agentLost(let agent, let generation, _):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.status = .lost
            state.agents[agent]?.isTaken = false
            state.agents[agent]?.isPaused = false
            state.agents[agent]?.losses += 1
            if let task = state.agents[agent]?.task {
                state.tasks[task]?.failures += 1
                state.takeBack(task, isBegun: true)
            }
            state.agents[agent]?.task = nil
        case .agentTaken(let agent, _): state.agents[agent]?.isTaken = true
        case .agentReturned(let agent, _, _, _): state.agents[agent]?.isTaken = false
        case .agentRetired(let agent, _):
            state.agents[agent]?.status = .retired
            state.agents[agent]?.isPaused = false
            state.agents[agent]?.task = nil
        case .agentPaused(let agent, let generation, _):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.isPaused = true
        case .agentResumed(let agent, let generation, _):
            guard state.agents[agent]?.generation == generation else { return }
            state.agents[agent]?.isPaused = false
        case .messageSent(let from, let to, let text):
            state.messageCount += 1
            let message = SessionState.Message(number: state.messageCount, from: from, text: text)
            for (agent, known) in state.agents where known.status != .retired && (to == agent || to == "all")
            {
                state.agents[agent]?.inbox = Array((known.inbox + [message]).suffix(Tries.messages))
            }
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
            state.tasks[id]?.judgedTree = kind == .review || kind == .test ? state.tree : nil
            state.agents[agent]?.task = id
        case .taskCompleted(let id, _, let agent, let summary, let commit):
            state.tasks[id]?.status = .completed
            state.tasks[id]?.commit = commit
            state.tasks[id]?.isBegun = false
            state.tasks[id]?.failures = 0
            if state.agents[agent]?.task == id { state.agents[agent]?.task = nil }
            state.takeAdvice(id, summary)
        case .taskFailed(let id, _, let agent, _):
            state.tasks[id]?.failures += 1
            state.takeBack(id, isBegun: false)
            if state.agents[agent]?.task == id { state.agents[agent]?.task = nil }
        case .taskReturned(let id, _, let context):
            state.tasks[id]?.returns += 1
            state.tasks[id]?.context = context
            state.takeBack(id, isBegun: false)
            // A plan that is to be made anew stays a plan.
            guard id != SessionState.planTask else { return }
            state.statistics.returned += 1
            state.tasks[id]?.kind = .rework
            state.leaveQueue(id)
            state.phase = .working
        case .taskMerged(let id, let commit, let tree, let files):
            state.tasks[id]?.status = .merged
            let known = state.tasks[id]?.files ?? []
            state.tasks[id]?.files = Array(Set(known + files)).sorted()
            state.tasks[id]?.context = AgentTask.Context()
            state.tasks[id]?.returns = 0
            state.statistics.merged += 1
            state.land(id)
            state.merged = state.merged.filter { $0 != id } + [id]
            if tree != state.tree { state.forgetJudgement() }
            (state.head, state.tree) = (commit, tree)
        case .taskEscalated(let id, let architect, _):
            state.statistics.escalated += 1
            let advice = SessionState.adviceTask(id)
            let title = "How \(id) can be brought in"
            var task = SessionState.TaskState(
                plan: PlanTask(id: advice, title: title, role: "architect"), kind: .advise)
            (task.agent, task.context) = (architect, state.tasks[id]?.context ?? .init())
            task.attempt = state.tasks[advice]?.attempt ?? 0
            state.tasks[advice] = task
            state.tasks[id]?.escalations += 1
            state.tasks[id]?.waitsFor = advice
        default: break
        }
    }

    private static func applyMerge(_ state: inout SessionState, _ body: EventBody) {
        switch body {
        case .mergeQueued(let id, _): state.tasks[id]?.status = .published
        case .mergeBatched(let tasks):
            state.candidate = .init(waiting: tasks)
            state.statistics.batches += 1
        case .mergeMade(let id, let commit, let tree, let files):
            // A journal from before there were batches has single ones only.
            var candidate = state.candidate ?? .init(waiting: [])
            candidate.waiting.removeAll { $0 == id }
            candidate.members.append(.init(task: id, commit: commit, tree: tree, files: files))
            state.candidate = candidate
        case .mergeDeferred(let id, _):
            state.statistics.deferred += 1
            state.leaveQueue(id)
        case .mergeConflicted: state.statistics.conflicts += 1
        case .gateStarted(let id, _, _):
            state.statistics.gates += 1
            if let count = state.candidate?.count(upTo: id) { state.candidate?.tested = count }
            let isSecondTry = state.candidate?.isRetrying ?? false
            state.candidate?.isSecondTry = isSecondTry
            state.candidate?.isRetrying = false
        case .gateRetried:
            state.statistics.redGates += 1
            state.candidate?.isRetrying = true
        case .gateFlaked: state.statistics.flakyGates += 1
        case .gatePassed(let id, _, _, _):
            if let count = state.candidate?.count(upTo: id) { state.candidate?.green = count }
        case .gateFailed(let id, _, let command, let exitCode, let output):
            state.statistics.redGates += 1
            if let count = state.candidate?.count(upTo: id) { state.candidate?.red = count }
            state.candidate?.complaint = .init(command: command, exitCode: exitCode, output: output)
        case .overlapForecast: state.statistics.forecasts += 1
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
