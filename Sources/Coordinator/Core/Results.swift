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
        case (.inspectChange, .inspected(let inspection)): add(.changeInspected(inspection: inspection))
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
        case .inspectChange(let commit, let tree):
            add(
                .changeInspected(
                    inspection: .failed(
                        base: state.configuration?.baseCommit ?? "", commit: commit, tree: tree, reason)))
        case .proposePull:
            fail(
                "the checks of the pull request could not be waited for: \(reason)",
                "the work is kept; openclaw diff \(session) shows it. Start again without --watch-checks to "
                    + "deliver it without them")
        case .watchChecks(let commit, _):
            // What is not known is not green: a person may say yes without them.
            checked(commit, .unknown, "the checks of the pull request could not be waited for: \(reason)")
        case .forecast, .deliverMessage, .raiseBudget:
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
