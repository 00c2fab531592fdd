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
        case (.runGate(let task, let tree, _, let command), .gate(let code, let output, let time)):
            gated(task, tree, command, code, output, time)
        case (.advance(let task, _, _), .done):
            guard let candidate = state.candidate else { return }
            add(
                .taskMerged(
                    task: task, commit: candidate.commit, tree: candidate.tree, files: candidate.files))
        case (.advance(let task, _, _), .moved(let commit, _)):
            fail(
                "the session branch is at \(commit), which the coordinator did not put there, while "
                    + "\(task) was merged",
                "nothing is lost; start a new session from that commit")
        case (.deliver, .delivered(let branch, let commit, let isMerged, let command, let reason)):
            add(
                .deliveryMerged(
                    branch: branch, commit: commit, isMerged: isMerged, command: command, reason: reason))
        case (.publishReport(let commit), _):
            if case .report(let path) = result {
                add(.artifactStored(agent: "coordinator", name: "report", path: path))
            }
            add(.sessionCompleted(commit: commit))
        default: break
        }
    }

    private mutating func merged(_ task: String, _ result: EffectResult) {
        switch result {
        case .merged(let commit, let tree, let files):
            add(.mergeMade(task: task, commit: commit, tree: tree, files: files))
            if let command = state.configuration?.testCommand {
                add(.gateStarted(task: task, tree: tree, command: command))
            } else {
                add(.gatePassed(task: task, tree: tree, command: nil, milliseconds: 0))
            }
        case .conflict(let files, let hunks):
            add(.mergeConflicted(task: task, files: files))
            var context = AgentTask.Context()
            context.conflict = .init(files: files, hunks: hunks)
            sendBack(
                task, "its changes conflict with what was merged before, in \(files.joined(separator: ", "))",
                context)
        case .nothingToMerge:
            add(.taskMerged(task: task, commit: state.head, tree: state.tree, files: []))
        default: break
        }
    }

    private mutating func gated(
        _ task: String, _ tree: String, _ command: String, _ code: Int, _ output: String, _ time: Int64
    ) {
        guard code != 0 else {
            add(.gatePassed(task: task, tree: tree, command: command, milliseconds: time))
            return
        }
        add(.gateFailed(task: task, tree: tree, command: command, exitCode: code, output: output))
        var context = AgentTask.Context()
        context.gate = .init(command: command, exitCode: code, output: output)
        sendBack(task, "the tests fail on the merged tree", context)
    }

    /// Work comes back to its author, or to the person when it came back too often.
    mutating func sendBack(_ id: String, _ reason: String, _ context: AgentTask.Context) {
        add(.taskReturned(task: id, reason: reason, context: context))
        let returns = state.tasks[id]?.returns ?? 0
        if returns > Tries.returns {
            fail(
                "\(id) came back \(returns) times, the last time because \(reason)",
                "the work is kept in the session repository; openclaw diff shows what was merged")
        }
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
        case .merge(let task, _, _, _), .runGate(let task, _, _, _), .advance(let task, _, _):
            fail(
                "merging \(task) failed: \(reason)",
                "the work is kept; openclaw session \(session) shows where it is")
        case .deliver:
            fail(
                "bringing the result home failed: \(reason)",
                "it is on the branch openclaw/\(session) of the session repository")
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
