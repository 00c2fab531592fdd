import Kit

extension Work {
    /// The world did what was asked of it.
    mutating func succeeded(_ key: String, _ result: EffectResult) {
        guard let effect = state.openEffects.first(where: { $0.key == key }) else { return }
        add(.effectSucceeded(key: key))
        // What comes after the end of a session changes nothing any more.
        guard !state.phase.isOver else { return }
        switch (effect, result) {
        case (.ensureAgent(let agent, _, let generation), .ready(let instance)):
            if state.agents[agent]?.status == .requested {
                add(.agentReady(agent: agent, generation: generation, instance: instance))
            }
        case (.merge(let task, _, _, _), _): merged(task, result)
        case (.runGate(let task, let tree, _, let command, let attempt, _), .gate(let outcome)):
            gated(task, tree, command, outcome, isSecond: attempt != nil)
        case (.advance(let task, _, _), .done): advanced(task)
        case (.forecast(let task, _), .forecast(let files, let collisions)):
            forecast(task, files, collisions)
        case (.advance(let task, _, _), .moved(let commit, _)):
            fail(
                "the session branch is at \(commit), which the coordinator did not put there, while "
                    + "\(task) was merged",
                "nothing is lost; start a new session from that commit")
        case (.deliver, .delivered(let branch, let commit, let isMerged, let command, let reason)):
            add(
                .deliveryMerged(
                    branch: branch, commit: commit, isMerged: isMerged, command: command, reason: reason))
        case (.deliver, .pull(let pull, let branch, let isMerged)):
            opened(pull)
            add(
                .deliveryMerged(
                    branch: branch, commit: pull.commit, isMerged: isMerged ?? false, command: nil,
                    reason: pull.url))
        case (.proposePull, .pull(let pull, _, _)): opened(pull)
        case (.watchChecks(let commit, _), .checks(let verdict, let summary)):
            checked(commit, verdict, summary)
        case (.publishReport(let commit), _):
            if case .report(let path) = result {
                add(.artifactStored(agent: "coordinator", name: "report", path: path))
            }
            add(.sessionCompleted(commit: commit))
        default: break
        }
    }

    private mutating func opened(_ pull: PullRequestState) {
        if state.pull == pull { return }
        add(.pullOpened(url: pull.url, number: pull.number, commit: pull.commit, isDraft: pull.isDraft))
        guard state.configuration?.pullRequest?.watchesChecks == true, state.phase == .approving else {
            return
        }
        intend(.watchChecks(commit: pull.commit, number: pull.number))
    }

    /// A red check of the pull request is work. None at all, and one that stays red, is for a person to
    /// judge.
    private mutating func checked(_ commit: String, _ verdict: ChecksVerdict, _ summary: String) {
        let number = state.order.count { $0.hasPrefix("ci-") } + 1
        let staysRed = verdict == .red && number > Tries.rounds
        add(
            .checksReported(
                commit: commit, isGreen: verdict == .green,
                summary: staysRed ? "still red after \(number - 1) repairs: \(summary)" : summary,
                asks: verdict == .none || staysRed ? true : nil))
        guard state.phase == .approving, state.head == commit else { return }
        if verdict == .green, state.configuration?.autoApprove == true {
            add(.approvalGranted(tree: state.tree, by: "--yes"))
        }
        guard verdict == .red, !staysRed else { return }
        void("a check of the pull request is red")
        add(
            .planChanged(
                task: PlanTask(
                    id: "ci-\(number)", title: "Make the checks of the pull request green",
                    description: summary),
                by: "coordinator"))
    }

    /// The world could not do what was asked of it.
    mutating func failed(_ key: String, _ reason: String) {
        guard let effect = state.openEffects.first(where: { $0.key == key }) else { return }
        add(.effectFailed(key: key, reason: reason))
        guard !state.phase.isOver else { return }
        let session = state.configuration?.session ?? "ID"
        switch effect {
        case .ensureAgent(let agent, _, let generation):
            loseStarting(agent, generation, reason)
        case .assignTask(let agent, let generation, _):
            loseStarting(agent, generation, "its guest does not take tasks: \(reason)")
        case .merge(let task, _, _, _), .runGate(let task, _, _, _, _, _), .advance(let task, _, _):
            fail(
                "merging \(task) failed: \(reason)",
                "the work is kept; openclaw session \(session) shows where it is")
        case .deliver:
            fail(
                "bringing the result home failed: \(reason)",
                "it is on the branch openclaw/\(session) of the session repository")
        case .proposePull where yesWaitsForChecks, .watchChecks where yesWaitsForChecks:
            // What is not known is not green: the result waits for a person, who may approve without them.
            add(
                .checksReported(
                    commit: state.head, isGreen: false, summary: "they could not be waited for: \(reason)",
                    asks: true))
        case .proposePull, .watchChecks, .forecast, .deliverMessage, .raiseBudget:
            // None of these is what the session is for; the person is told.
            add(
                .messageSent(
                    from: "coordinator", to: "user", text: "\(key) was not done: \(reason.prefix(500))"))
        case .publishReport(let commit):
            // The change is home; a report that is missing must not make it look lost.
            add(
                .messageSent(from: "coordinator", to: "user", text: "the report could not be made: \(reason)")
            )
            add(.sessionCompleted(commit: commit))
        case .cancelTask, .retireAgent, .pauseAgents, .resumeAgents, .teardown: break
        }
    }

    private var yesWaitsForChecks: Bool {
        state.phase == .approving && state.configuration?.autoApprove == true
            && state.configuration?.pullRequest?.watchesChecks == true
    }

    private mutating func loseStarting(_ agent: String, _ generation: Int, _ reason: String) {
        guard let known = state.agents[agent], known.generation == generation,
            [.requested, .ready].contains(known.status)
        else { return }
        add(.agentLost(agent: agent, generation: generation, reason: reason))
        let losses = state.agents[agent]?.losses ?? 0
        if losses >= Tries.losses {
            fail("\(agent) could not be started: \(reason)", "openclaw doctor checks this machine")
        }
    }
}
