import Kit

// What agents do with each other.

extension Work {
    /// The same file again is no news; another one takes the place of the old.
    mutating func put(_ artifact: Artifact) throws(Rejection) {
        if state.artifacts[artifact.id] == artifact { return }
        guard Artifact.isName(artifact.name), Artifact.isDigest(artifact.digest),
            (0...Artifact.sizeLimit).contains(artifact.size)
        else {
            throw Rejection(
                "bad_artifact",
                "\(artifact.name) is no artifact: a name, at most "
                    + "\(Artifact.sizeLimit) bytes, and a SHA-256")
        }
        guard state.artifacts[artifact.id] != nil || state.artifacts.count < Artifact.countLimit else {
            throw Rejection(
                "too_many", "the session has \(Artifact.countLimit) artifacts",
                hint: "put it under a name that you have used")
        }
        add(
            .artifactStored(
                agent: artifact.owner, name: artifact.name,
                path: Artifact.path(owner: artifact.owner, name: artifact.name), size: artifact.size,
                digest: artifact.digest))
    }

    // MARK: Language servers

    /// The first who asks is the host for the others, for as long as its guest is there and answers.
    mutating func share(_ language: String, _ agent: String, _ instead: String?) throws(Rejection) {
        guard
            Language.all.contains(where: {
                $0.id == language && $0.servers.contains(where: \.keepsFoldersApart)
            })
        else {
            throw Rejection("own_server", "a server of \(language) is not shared")
        }
        guard let asker = state.agents[agent], asker.status == .ready else { return }
        let host = state.languageHosts[language]
        let isThere = host.map { host in
            state.agents[host.agent]?.status == .ready
                && state.agents[host.agent]?.generation == host.generation && host.agent != instead
        }
        if let host, isThere == true {
            if host.agent != agent, !host.users.contains(agent) {
                add(.languageShared(agent: agent, host: host.agent, language: language))
            }
            return
        }
        guard (host?.changes ?? -1) + 1 < Tries.languageHosts else {
            throw Rejection("own_server", "\(language) had \(Tries.languageHosts) hosts already")
        }
        add(.languageHosted(agent: agent, generation: asker.generation, language: language))
    }

    // MARK: Who reaches whom

    /// Only what changes is written down, and no more than is of use.
    mutating func observe(_ agent: String, _ peer: String, _ isReachable: Bool, _ reason: String) {
        guard agent != peer, state.agents[agent] != nil, state.agents[peer]?.status == .ready,
            state.peerChanges < Tries.peerChanges,
            (state.unreachable[peer]?.contains(agent) ?? false) == isReachable
        else { return }
        add(
            isReachable
                ? .peerReachable(agent: agent, peer: peer)
                : .peerUnreachable(agent: agent, peer: peer, reason: reason))
    }

    // MARK: What a person lets through

    /// Keeps an agent's words back when the person wants to read that kind first.
    /// - Returns: False when they may go on.
    mutating func hold(
        _ kind: ApprovalKind, _ from: String, _ to: String, _ text: String, _ task: PlanTask? = nil
    ) throws(Rejection) -> Bool {
        guard state.configuration?.asks(for: kind) == true, state.agents[from] != nil else { return false }
        let held = SessionState.HeldMessage(from: from, to: to, text: text, task: task)
        if state.held.values.contains(held) { return true }
        guard state.held.count < Tries.held else {
            throw Rejection(
                "too_many", "\(Tries.held) messages wait for a person already",
                hint: "go on without this one, or say it when some were answered")
        }
        let id = "message/\(state.heldCount + 1)"
        add(.messageHeld(id: id, from: from, to: to, text: text, task: task))
        let summary = "\(from) to \(to): \(text.prefix(500))"
        add(.permissionRequested(permission: Permission(id: id, kind: kind, summary: summary)))
        return true
    }

    /// Passes on what was held, in the person's words if there are any.
    mutating func release(_ id: String, _ by: String, _ words: String?) throws(Rejection) {
        guard var held = state.held[id] else { return }
        if let words, words != held.text {
            guard held.task == nil else {
                throw Rejection(
                    "no_message", "\(id) is a task and not a text",
                    hint: "say no to it, and add the one that you want with --add-task")
            }
            add(.messageEdited(id: id, by: by, text: words))
            held.text = words
        }
        add(.permissionGranted(id: id, by: by))
        if let task = held.task {
            do throws(Rejection) {
                try addTask(task, by)
            } catch {
                tellUser("\(id) was let through, but \(error)")
            }
        } else if held.to == "notes" {
            add(.noteAppended(agent: held.from, text: held.text))
        } else if held.to == "all" || state.agents[held.to].map({ $0.status != .retired }) ?? false {
            add(.messageSent(from: held.from, to: held.to, text: held.text))
        } else {
            tellUser("\(id) was let through, but \(held.to) is gone")
        }
    }

    private mutating func tellUser(_ text: String) {
        add(.messageSent(from: "coordinator", to: "user", text: text))
    }
}
