import Core
import Delivery
import Gateway
import Glibc
import Journal
import Kit
import Platform
import Synchronization
import System
import Wire

/// Does what Core asked for. Each effect may be done again after a crash, so each looks first at what is
/// there.
struct EffectRunner: Sendable {
    /// Why it could not be done.
    struct Failure: Error {
        let message: String
        /// The platform is being started again, or does not know the session yet after it was.
        var isPlatformAway = false

        init(_ message: String) { self.message = message }
    }

    let session: SessionRunner

    private var world: SessionRunner.World { session.world }
    private var repository: SessionRepository { session.repository }
    private var id: String { session.id }

    func run(_ effect: Effect) -> Result<EffectResult, Failure> {
        do {
            return .success(try perform(effect))
        } catch let error as Failure {
            return .failure(error)
        } catch let error as PlatformError {
            var failure = Failure("\(error)")
            failure.isPlatformAway = ["no_platform", "not_found"].contains(error.code)
            return .failure(failure)
        } catch {
            return .failure(Failure("\(error)"))
        }
    }

    private func perform(_ effect: Effect) throws -> EffectResult {
        switch effect {
        case .ensureAgent(let agent, let role, let generation): return try ensure(agent, role, generation)
        case .assignTask(let agent, _, let task): return try assign(agent, task)
        case .cancelTask(let agent, let task, _):
            _ = try? tell(agent, "/tasks/cancel", ["task": .string(task)])
        case .retireAgent(let agent, let generation): try retire(agent, generation)
        case .pauseAgents, .resumeAgents: try standOrGoOn()
        case .merge(let task, _, let commit, let onto): return try merge(task, commit, onto)
        case .runGate(_, let tree, let commit, let command, let attempt, let checks):
            let gate = GateRunner(session: session, tree: tree, commit: commit, attempt: attempt ?? 1)
            return .gate(try gate.run(command, checks ?? []))
        case .forecast(let task, let commit): return try forecast(task, commit)
        case .deliverMessage(let agent, _, let number, let from, let text):
            try message(agent, number, from, text)
        case .raiseBudget(let amount): session.gateway.ledger(of: id)?.setBudget(amount)
        case .inspectChange(let commit, _): return .inspected(try session.inspect(commit))
        case .proposePull(let commit, _): return try PullDelivery(session: session).propose(commit)
        case .watchChecks(let commit, let number):
            return try PullDelivery(session: session).watch(commit, number)
        case .advance(_, let from, let to): return try advance(from, to)
        case .deliver(let commit, _, let merge): return try deliver(commit, merge)
        case .publishReport(let commit): return .report(path: try ReportMaker(session: session).make(commit))
        case .teardown: teardown()
        }
        return .done
    }

    // MARK: Guests

    /// Makes the guests stand or go on, as the session is at now: a pause and the end of it may be carried
    /// out at the same time, and whichever comes last must leave what was said last.
    private func standOrGoOn() throws {
        try session.steering.withLock { _ in
            let isPaused = session.state.isPaused
            for instance in instances(where: isPaused ? .running : .paused) {
                if isPaused {
                    try world.platform.pause(instance)
                } else {
                    try world.platform.resume(instance)
                }
            }
        }
    }

    private func instances(where state: Instance.State) -> [String] {
        let all = (try? world.platform.instances()) ?? []
        // Who paused the session still wants to see it: the canvas guest sleeps by rules of its own.
        let canvas = "\(id)/\(CanvasRouter.name)/"
        return all.filter {
            $0.appID.hasPrefix("\(id)/") && !$0.appID.hasPrefix(canvas) && $0.state == state
        }.map(\.id)
    }

    static let coordinatorURL = "http://openclaw-coordinator:9090"

    private func ensure(_ agent: String, _ roleName: String, _ generation: Int) throws -> EffectResult {
        // Read anew, so that a role that was made after the coordinator started is there.
        guard var role = try session.roles.role(roleName) else {
            throw Failure("the kit has no role \(roleName); it is read from \(world.home.kit)/roles")
        }
        guard session.awaitSpawn(agent, generation) else { throw Failure("the session is over") }
        role.addServers(of: RepositoryServers.kept(world.home, session: id))
        let peers = session.state.agents.filter { $0.key != agent && $0.value.status == .ready }.map {
            name, peer in
            [
                "agent_id": .string(name), "role": .string(peer.role),
                "url": .string(GuestAPI.url(of: name)),
            ] as JSON
        }
        let place = try SessionPrograms(home: world.home, session: id).place(
            role, home: world.home, model: session.model(agent: agent, role: roleName, task: nil))
        var request = InstanceRequest(
            app: .init(
                id: session.appID(agent, generation), sessionID: id, agentID: agent, role: roleName,
                coordinatorURL: Self.coordinatorURL, peers: .array(peers)),
            group: id,
            workspace: .init(
                volumeID: id, writable: GuestDocument.writableViews(of: role, agent: agent),
                shown: place.shown),
            command: place.command, secretsScope: id,
            guest: GuestDocument.make(
                role: role, session: id, agent: agent, coordinatorURL: Self.coordinatorURL,
                heartbeatSeconds: GuestPatience.current.heartbeatSeconds,
                subdirectory: session.state.configuration?.subdirectory, program: place.document),
            maxRuntimeSeconds: 4 * 3600, isolation: session.state.configuration?.isolation ?? "namespace")
        if !Role.builtIn.contains(roleName) { request.app.pluginRoles = [roleName] }
        let instance = try world.platform.ensure(request)
        guard instance.state != .terminated else {
            throw Failure("the guest of \(agent) ended at once: \(instance.exit?.reason ?? "")")
        }
        session.beat(agent, progressAge: 0)
        world.log(
            "\(id): \(agent) runs in \(instance.id) after \(instance.startMilliseconds ?? 0) ms"
                + (instance.fromPool ? ", from the pool" : ""))
        return .ready(instance: instance.id)
    }

    /// Calls an agent's harness.
    private func tell(_ agent: String, _ path: String, _ body: JSON) throws -> HTTPResponse {
        let token = session.token(of: agent) ?? ""
        let socket = try world.platform.connect(group: id, host: agent, port: GuestAPI.harnessPort)
        return try HTTPClient.send(
            HTTPRequest("POST", path, headers: ["Authorization": Authorization.bearer(token)], json: body),
            to: .descriptor(socket), timeoutMilliseconds: 10_000)
    }

    /// The harness may not listen yet, so this is tried for a while.
    private func assign(_ agent: String, _ task: AgentTask) throws -> EffectResult {
        let body: JSON = ["task": try JSONCoding.encode(task)]
        var problem = ""
        for attempt in 0..<40 {
            if attempt > 0 { pause(milliseconds: min(25 * attempt, 500)) }
            guard session.state.agents[agent]?.task == task.id else { return .done }
            do {
                let response = try tell(agent, "/tasks/accept", body)
                if response.isSuccess { return .done }
                problem =
                    "it answered \(response.status): "
                    + "\(String(decoding: response.body.prefix(500), as: UTF8.self))"
            } catch {
                problem = "\(error)"
            }
        }
        throw Failure(problem)
    }

    /// Hands a message to the harness, which hands it to the conversation at its next turn.
    private func message(_ agent: String, _ number: Int, _ from: String, _ text: String) throws {
        let response = try tell(
            agent, "/messages", ["id": JSON(number), "from": .string(from), "text": .string(text)])
        guard response.isSuccess else { throw Failure("\(agent)'s guest answered \(response.status)") }
    }

    private func retire(_ agent: String, _ generation: Int) throws {
        let app = session.appID(agent, generation)
        for instance in try world.platform.instances()
        where instance.appID == app && instance.state != .terminated {
            try world.platform.terminate(instance.id)
        }
    }

    private func teardown() {
        let all = ((try? world.platform.instances()) ?? []).filter {
            $0.appID.hasPrefix("\(id)/") && $0.state != .terminated
        }
        let workers = all.map { instance in
            Worker.start("teardown") { try? world.platform.terminate(instance.id) }
        }
        for worker in workers { worker.join() }
        reportUnhappyEnd()
        session.close()
        try? world.platform.deleteGroup(id)
        try? world.platform.deleteVolume(id, purging: false)
        try? world.platform.deleteSecrets(scope: id)
        session.gateTree.withLock { _ in
            try? Files.removeTree("\(world.home.session(id))/workspace/gates")
        }
    }

    /// A session that delivers nothing has a report, too: what was done, what it cost, and how it went.
    private func reportUnhappyEnd() {
        let state = session.state
        guard state.phase == .failed || state.phase == .cancelled, state.configuration != nil else { return }
        do {
            _ = try ReportMaker(session: session).make(state.head.isEmpty ? repository.base : state.head)
        } catch {
            // Its journal says the same.
            world.log("\(id): the report of its end: \(error)")
        }
    }

    // MARK: Merging

    private func merge(_ id: String, _ commit: String, _ onto: String) throws -> EffectResult {
        let state = session.state
        guard let task = state.tasks[id] else { throw Failure("there is no task \(id)") }
        let author = SessionRepository.Author.agent(task.agent ?? "coder")
        let outcome = try repository.merge(
            commit, into: onto, message: HarmlessText.subject(task.plan.title, fallback: "Task \(id)"),
            trailers: [
                ("Openclaw-Session", self.id), ("Openclaw-Task", id), ("Openclaw-Agent", task.agent ?? ""),
                ("Openclaw-Journal", world.journal.head(self.id) ?? ""),
            ], author: author, dateMilliseconds: state.startedAt)
        switch outcome {
        case .merged(let merged, let tree):
            return .merged(commit: merged, tree: tree, files: try repository.changedFiles(onto, merged))
        case .conflict(let conflict): return .conflict(files: conflict.files, hunks: conflict.hunks)
        case .alreadyMerged: return .nothingToMerge
        }
    }

    /// What a published commit changes, and where it collides with others that are not merged yet.
    private func forecast(_ id: String, _ commit: String) throws -> EffectResult {
        let files = try repository.filesChanged(by: commit)
        var collisions: [String: [String]] = [:]
        for (other, task) in session.state.tasks where other != id && task.status == .published {
            guard let rival = task.commit, rival != commit else { continue }
            let overlap = try repository.overlap(commit, rival)
            if !overlap.conflicting.isEmpty { collisions[other] = overlap.conflicting }
        }
        return .forecast(files: Array(files.prefix(1000)), collisions: collisions)
    }

    private func advance(_ from: String, _ to: String) throws -> EffectResult {
        switch try repository.advance(from: from, to: to) {
        case .advanced, .alreadyThere:
            try repository.updateIntegration(to: to)
            return .done
        case .moved(let commit): return .moved(commit: commit, tree: try repository.tree(of: commit))
        }
    }

    // MARK: Delivery

    private func deliver(_ commit: String, _ merge: Bool) throws -> EffectResult {
        guard let configuration = session.state.configuration else {
            throw Failure("the session has no settings")
        }
        if configuration.pullRequest != nil {
            return try PullDelivery(session: session).deliver(commit, merging: merge)
        }
        if configuration.isRemote {
            _ = try RemoteDelivery.push(
                repository, commit: commit, to: configuration.repository,
                tokens: session.forgeTokens.withLock { $0 })
            return .delivered(
                branch: repository.branch, commit: commit, isMerged: false, command: nil,
                reason: "pushed to \(configuration.repository)")
        }
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: configuration.repository, baseBranch: configuration.baseBranch,
            mergeIntoCurrent: merge)
        return .delivered(
            branch: outcome.branch, commit: outcome.commit, isMerged: outcome.isMerged,
            command: outcome.command,
            reason: outcome.reason)
    }
}
