import Kit

// The merge queue. What is published is merged in plan order, up to five on top of each other, and the tests
// run on the whole of it. When they fail, halves are tested until it is clear who broke it: those before
// come home, that one goes back to its author, those after are merged anew. So the session branch only ever
// moves to a tree that the tests were green on.

extension Work {
    /// The next step of the queue; one at a time.
    mutating func mergeNext() {
        let isBusy = state.openEffects.contains { effect in
            switch effect {
            case .merge, .runGate, .advance: true
            default: false
            }
        }
        guard !isBusy else { return }
        guard let candidate = state.candidate else { return formBatch() }
        if let next = candidate.waiting.first {
            guard let task = state.tasks[next], let commit = task.commit else { return }
            let onto = candidate.tip ?? state.head
            return intend(.merge(task: next, attempt: task.attempt, commit: commit, onto: onto))
        }
        let count = candidate.members.count
        if candidate.isRetrying { return test(candidate, candidate.tested) }
        guard let red = candidate.red else {
            return candidate.green == count ? advance(candidate) : test(candidate, count)
        }
        if red > candidate.green + 1 { return test(candidate, (candidate.green + red) / 2) }
        if candidate.green > 0 { return advance(candidate) }
        guard candidate.members.indices.contains(red - 1) else { return }
        var context = AgentTask.Context()
        context.gate = candidate.complaint
        sendBack(candidate.members[red - 1].task, "the tests fail on the merged tree", context)
    }

    /// In plan order. A task waits for those before it that are on their first way, so that the result does
    /// not depend on who was faster; it does not wait for one that came back.
    private mutating func formBatch() {
        var batch: [String] = []
        for id in state.order where batch.count < Tries.batch {
            guard let task = state.tasks[id] else { continue }
            if task.status == .published, task.commit != nil {
                batch.append(id)
                continue
            }
            let isOnItsWay = task.status == .working || (task.status == .submitted && task.agent != nil)
            if isOnItsWay, task.kind == .implement { break }
        }
        if !batch.isEmpty { add(.mergeBatched(tasks: batch)) }
    }

    private mutating func test(_ candidate: SessionState.Candidate, _ count: Int) {
        guard candidate.members.indices.contains(count - 1) else { return }
        let member = candidate.members[count - 1]
        // Without tests of the repository the commands of the plan are what there is to run.
        if let command = state.configuration?.testCommand ?? state.checks(upTo: member.task).first?.command {
            add(.gateStarted(task: member.task, tree: member.tree, command: command))
        } else {
            add(.gatePassed(task: member.task, tree: member.tree, command: nil, milliseconds: 0))
        }
    }

    private mutating func advance(_ candidate: SessionState.Candidate) {
        guard candidate.members.indices.contains(candidate.green - 1) else { return }
        let member = candidate.members[candidate.green - 1]
        intend(.advance(task: member.task, from: state.head, to: member.commit))
    }

    // MARK: Results

    mutating func merged(_ task: String, _ result: EffectResult) {
        let isFirst = state.candidate?.members.isEmpty ?? true
        switch result {
        case .merged(let commit, let tree, let files):
            add(.mergeMade(task: task, commit: commit, tree: tree, files: files))
        case .conflict(let files, let hunks):
            // Against the session branch, or only against somebody who is not home yet?
            guard isFirst else { return add(.mergeDeferred(task: task, files: files)) }
            add(.mergeConflicted(task: task, files: files))
            var context = AgentTask.Context()
            context.conflict = .init(files: files, hunks: intents(task, files) + hunks)
            sendBack(
                task, "its changes conflict with what was merged before, in \(files.joined(separator: ", "))",
                context)
        case .nothingToMerge:
            guard isFirst else { return add(.mergeDeferred(task: task, files: [])) }
            // What it was to bring is there already; whether it is what was wanted is asked all the same.
            guard state.tasks[task]?.plan.checks == nil else {
                return add(.mergeMade(task: task, commit: state.head, tree: state.tree, files: []))
            }
            add(.taskMerged(task: task, commit: state.head, tree: state.tree, files: []))
        default: break
        }
    }

    /// What both sides want, so that whoever resolves it can keep both.
    private func intents(_ task: String, _ files: [String]) -> String {
        let mine = state.tasks[task]
        var text = "This task, \(task): \(mine?.plan.title ?? "")\n\(mine?.plan.description ?? "")\n"
        for id in state.merged {
            guard let other = state.tasks[id], !Set(other.files).isDisjoint(with: files) else { continue }
            let shared = other.files.filter(files.contains).joined(separator: ", ")
            text += "\nMerged before, \(id) (\(shared)): \(other.plan.title)\n\(other.plan.description)\n"
        }
        return text + "\n"
    }

    /// - Parameter tests: The repository's; empty when it has none.
    mutating func gated(
        _ task: String, _ tree: String, _ tests: String, _ outcome: GateOutcome, isSecond: Bool
    ) {
        for done in outcome.checks {
            add(
                .acceptanceChecked(
                    task: done.check.task, tree: tree, command: done.check.command, exitCode: done.exitCode,
                    milliseconds: done.milliseconds))
        }
        if let counted = outcome.tests { add(.gateCounted(task: task, tree: tree, tests: counted)) }
        let red = outcome.exitCode == 0 ? outcome.checks.first { $0.exitCode != 0 } : nil
        let first = tests.isEmpty ? outcome.checks.first?.check.command ?? "" : tests
        let command = red?.check.command ?? first
        let code = red?.exitCode ?? outcome.exitCode
        if code == 0 {
            if isSecond { add(.gateFlaked(task: task, tree: tree, command: command)) }
            add(
                .gatePassed(
                    task: task, tree: tree, command: command, milliseconds: outcome.milliseconds))
        } else if isSecond {
            add(
                .gateFailed(
                    task: task, tree: tree, command: command, exitCode: code,
                    output: red?.output ?? outcome.output))
        } else {
            add(.gateRetried(task: task, tree: tree, command: command, exitCode: code))
        }
    }

    /// The session branch is at the chain's green part: all of that is home.
    mutating func advanced(_ task: String) {
        guard let candidate = state.candidate, let count = candidate.count(upTo: task) else { return }
        let home = candidate.members.prefix(count)
        if let tree = home.last?.tree, tree != state.tree { void("\(task) was merged") }
        for member in home {
            add(
                .taskMerged(
                    task: member.task, commit: member.commit, tree: member.tree, files: member.files))
        }
    }

    // MARK: Coming back

    /// Work comes back to its author; when it came back too often an architect says what to do, and then a
    /// person.
    mutating func sendBack(_ id: String, _ reason: String, _ context: AgentTask.Context) {
        add(.taskReturned(task: id, reason: reason, context: context))
        guard let task = state.tasks[id], task.returns > Tries.returns else { return }
        if task.escalations == 0, state.configuration?.isSolo == false {
            return add(.taskEscalated(task: id, to: "architect-1", reason: reason))
        }
        guard state.configuration?.autoApprove == false else {
            return fail(
                "\(id) came back \(task.returns) times, the last time because \(reason)",
                "the work is kept in the session repository; openclaw diff shows what was merged")
        }
        ask(
            .stuck, "stuck/\(id)/\(task.questions + 1)",
            "\(id) (\(task.plan.title)) came back \(task.returns) times, the last time because \(reason); "
                + "yes gives its author new tries")
    }

    /// Who would collide is told before it happens.
    mutating func forecast(_ task: String, _ files: [String], _ collisions: [String: [String]]) {
        let place = Dictionary(state.order.enumerated().map { ($1, $0) }) { first, _ in first }
        for other in state.order where other != task {
            guard let rival = state.tasks[other], [.working, .published].contains(rival.status) else {
                continue
            }
            // Of work that is still in somebody's clone only the plan says where it will be.
            let shared =
                collisions[other]
                ?? (rival.status == .working && !rival.plan.writeSet.isEmpty
                    ? files.filter { WriteSet.meet([$0], rival.plan.writeSet) } : [])
            guard !shared.isEmpty else { continue }
            // What comes home later has to give way.
            let isLater = rival.status == .working || (place[other] ?? 0) > (place[task] ?? 0)
            let (later, earlier) = isLater ? (other, task) : (task, other)
            add(.overlapForecast(task: later, other: earlier, files: shared))
            guard let agent = state.tasks[later]?.agent, state.agents[agent]?.task == later else { continue }
            let names = shared.prefix(20).joined(separator: ", ")
            add(
                .messageSent(
                    from: "coordinator", to: agent,
                    text: "\(earlier) (\(state.tasks[earlier]?.plan.title ?? "")) was published and changes "
                        + "\(names), which \(later) touches too. It is merged first: keep its intent, and "
                        + "keep your change there small."))
        }
    }
}

extension SessionState {
    /// The commands that a tree must pass in which everything that was merged is, and the chain up to a
    /// member: what a task brought stays true.
    func checks(upTo member: String) -> [TaskCheck] {
        let chain = candidate?.members.map(\.task) ?? []
        let until = chain.firstIndex(of: member).map { chain[...$0] } ?? []
        let ids = merged.filter { !until.contains($0) } + until
        return ids.flatMap { id in
            (tasks[id]?.plan.checks ?? []).map { TaskCheck(task: id, command: $0) }
        }
    }
}
