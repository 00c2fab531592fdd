import Core
import Delivery
import Egress
import Gateway
import Journal
import Kit
import Platform
import Synchronization
import System
import Wire

/// One session that is under way: the one place where its state changes, and the threads that do what it
/// asks for.
final class SessionRunner: Sendable {
    /// What is known of a guest beside the journal; gone with the process, and no loss.
    struct Pulse: Sendable {
        /// Boot clock, in nanoseconds.
        var lastBeat: Int64
        var progressAge: Int64 = 0
        /// Waits for a model or a budget: no progress is expected.
        var isWaiting = false
        /// We end it, and know why better than its guest does.
        var isEnding = false
    }

    let id: String
    let world: World
    let repository: SessionRepository
    let secret: String
    let gateway: Gateway
    let git: GitHTTP
    private let core: Mutex<SessionState>
    /// Commands of people that were carried out; asked and changed under the lock of `core`.
    private let applied = Mutex<Set<String>>([])
    let pulses = Mutex<[String: Pulse]>([:])
    /// What the person gave for the forge; in memory only.
    let forgeTokens = Mutex(ForgeTokens())
    private let server = Mutex<HTTPServer?>(nil)
    /// What agents drew.
    let boards: Mutex<CanvasBoards>
    private let proxy = Mutex<EgressProxy?>(nil)
    let egress = EgressJournal()
    let spawns: Mutex<Spawns>
    /// How many agents the providers fed at the last look; nil before the first.
    let seenFeeds = Mutex<Int??>(nil)
    /// Keys of effects that a thread is at.
    private let running = Mutex<Set<String>>([])
    /// Held while the tree of the gates is written or taken away.
    let gateTree = Mutex(())
    /// What each agent wrote into the journal.
    let quotas: Mutex<[String: AgentQuota]>
    /// Held while guests are made to stand or to go on.
    let steering = Mutex(())
    /// True while nothing is done for it but what a person says.
    let isolation = Mutex(false)

    /// Everything that sessions share.
    struct World: Sendable {
        var home: Home
        var journal: Journal
        var platform: PlatformClient
        var gateways: Gateways
        var roles: [String: Role]
        /// How many work on one repository at the same time; further ones queue.
        var sessionsPerWorkspace: Int
        var log: @Sendable (String) -> Void
        /// What answers below `/session/ID/canvas`, once the coordinator serves.
        var canvas = CanvasDoor()
        var crashes: CrashBook
        /// Tells people who are elsewhere; nil when nobody wants that.
        var webhook: WebhookSettings?
    }

    /// - Parameter events: The session so far.
    init(_ id: String, world: World, gateway: Gateway, events: [Event]) throws(ServiceError) {
        self.gateway = gateway
        self.id = id
        self.world = world
        let directory = world.home.session(id)
        do {
            repository = try SessionRepository.open(at: directory, session: id)
            secret = try Files.readText("\(directory)/secret", limit: 256)
        } catch {
            throw ServiceError("open the session \(id): \(error)")
        }
        let log = world.log
        git = GitHTTP(repository) { agent, updates in
            log("\(id): \(agent) published \(updates.compactMap(\.new).joined(separator: " "))")
        }
        let folded = Core.fold(events)
        core = Mutex(folded)
        spawns = Mutex(Spawns(events))
        boards = Mutex(CanvasBoards(events))
        let written = folded.phase.isOver ? [:] : (try? world.journal.bytes(id)) ?? [:]
        quotas = Mutex(written.mapValues { AgentQuota(total: $0) })
        applied.withLock { applied in
            for case .commandApplied(let id, _, _, _, _, _) in events.lazy.map(\.body) { applied.insert(id) }
        }
    }

    /// The state at this moment.
    var state: SessionState { core.withLock { $0 } }

    // MARK: Commands

    /// Decides, writes down, and begins what follows. Throws when the command is refused or cannot be
    /// written.
    /// - Parameter request: A person's, which is carried out once however often it comes, in the same
    ///   write as what follows from it.
    func submit(_ command: Command, for request: PersonRequest? = nil) throws(ServiceError) {
        let isBack = try readmit(command)
        let effects = try core.withLock { (state) throws(ServiceError) -> [Effect] in
            do {
                if let request, applied.withLock({ $0.contains(request.id) }) { return [] }
                try request?.check(state, journal: world.journal)
                let bodies = try Core.decide(state, command) + (request.map { [$0.record] } ?? [])
                let events = try world.journal.append(id, bodies, at: Clock.wallMilliseconds())
                for event in events { Core.evolve(&state, event) }
                if let request { applied.withLock { _ = $0.insert(request.id) } }
                return bodies.compactMap { if case .effectIntended(let effect) = $0 { effect } else { nil } }
            } catch let error as Rejection {
                throw ServiceError(rejection: error)
            } catch {
                throw ServiceError("write the journal: \(error)", code: "journal", status: 507)
            }
        }
        for effect in effects { begin(effect) }
        if isBack { goOn() }
    }

    /// Submits what must not be lost; a full disk is waited for.
    func insist(_ command: Command) {
        while true {
            do throws(ServiceError) {
                return try submit(command)
            } catch {
                guard error.status == 507 else { return world.log("\(id): \(error)") }
                world.log("\(id): \(error); trying again in a second")
                pause(milliseconds: 1000)
            }
        }
    }

    /// Runs an effect on a thread of its own; once at a time, and again after a restart.
    private func begin(_ effect: Effect) {
        guard running.withLock({ $0.insert(effect.key).inserted }) else { return }
        Worker.start("effect", stackBytes: 1 << 20) { [self] in
            holding("effect \(effect.key)") {
                let result = carryOut(effect)
                _ = running.withLock { $0.remove(effect.key) }
                switch result {
                case .success(let value): insist(.succeeded(key: effect.key, value))
                case .failure(let error): insist(.failed(key: effect.key, reason: error.message))
                }
            }
            if case .teardown = effect { world.log("\(id): torn down") }
        }
    }

    /// A platform that is away is started again by the coordinator, so what needs it is tried for that long.
    private static let absenceTries = 100
    private static let absenceMilliseconds = 300

    private func carryOut(_ effect: Effect) -> Result<EffectResult, EffectRunner.Failure> {
        for _ in 0..<Self.absenceTries {
            let result = EffectRunner(session: self).run(effect)
            guard case .failure(let failure) = result, failure.isPlatformAway else { return result }
            pause(milliseconds: Self.absenceMilliseconds)
        }
        return EffectRunner(session: self).run(effect)
    }

    // MARK: Beginning and going on

    /// Makes what guests need: volume, group, secrets, the listening socket. Safe to do again.
    func open(_ configuration: SessionConfiguration) throws(ServiceError) {
        do {
            try gateway.open(
                session: id, spec: configuration.model, budgetMicroUSD: configuration.budget,
                limits: limits(configuration), spent: closeReservations(),
                conversations: "\(world.home.session(id))/bodies/conversations")
            let platform = world.platform
            try platform.putVolume(id, path: "\(world.home.session(id))/workspace")
            try platform.putGroup(id)
            try platform.putSecret(scope: id, name: "SESSION_TOKEN", value: secret)
            let listener = try platform.listen(group: id, port: 9090)
            let api = GuestAPI(session: self)
            let made = try HTTPServer(
                listener: listener, name: "guest-api", bodyPlan: { api.bodyPlan($0) },
                report: { [log = world.log, id] error, _ in log("\(id): guest API: \(error)") },
                handler: { request, exchange in try api.answer(request, exchange) })
            made.start()
            server.withLock { $0 = made }
            let proxy = EgressProxy(
                listener: try platform.listen(group: id, port: UInt16(GuestDocument.proxyPort)),
                work: CrashBook.work(id, "a request for the world outside"),
                caller: { [weak self] token in self?.egressCaller(token) },
                record: { [weak self] record in self?.note(record) }, log: world.log)
            proxy.start()
            self.proxy.withLock { $0 = proxy }
        } catch {
            throw ServiceError("open the session \(id): \(error)", code: "no_platform")
        }
    }

    /// After a restart of the coordinator: guests may have ended meanwhile, and effects may be half done.
    func goOn() {
        let state = state
        let all = ((try? world.platform.instances()) ?? []).filter { $0.state != .terminated }
        let alive = Dictionary(all.map { ($0.appID, $0) }) { $1 }
        let now = Clock.bootNanoseconds()
        for (agent, known) in state.agents where known.status == .ready {
            if let instance = alive[appID(agent, known.generation)] {
                pulses.withLock { $0[agent] = Pulse(lastBeat: now) }
                settle(agent, known.generation, instance)
            } else {
                insist(
                    .agentLost(
                        agent: agent, generation: known.generation,
                        reason: "its guest ended while the coordinator was away"))
            }
        }
        for effect in self.state.openEffects { begin(effect) }
    }

    /// Ends the guest API. Connections that wait stay with the platform's socket.
    func close() {
        server.withLock { $0 }?.stop()
        proxy.withLock { $0 }?.stop()
        write(egress.flush(now: Clock.monotonicNanoseconds(), all: true))
        gateway.close(session: id)
    }

    /// One guest, in the platform's words. A new generation is another guest.
    func appID(_ agent: String, _ generation: Int) -> String { "\(id)/\(agent)/\(generation)" }

    // MARK: Guests

    /// The running instance of an agent.
    func instance(of agent: String) -> String? { state.agents[agent]?.instance }

    /// The platform says that a guest has ended.
    func ended(agent: String, generation: Int, reason: String) {
        guard let known = state.agents[agent], known.generation == generation, known.status == .ready,
            !isEnding(agent)
        else { return }
        insist(.agentLost(agent: agent, generation: generation, reason: reason))
    }
}

/// Why the service did not do something, as its API says it.
public struct ServiceError: Error, Sendable, CustomStringConvertible {
    public let message: String
    public let hint: String
    public let code: String
    /// Of HTTP.
    public let status: Int
    /// More than one thing is wrong.
    var problems: [(path: String, message: String)] = []

    init(_ message: String, hint: String = "", code: String = "failed", status: Int = 500) {
        (self.message, self.hint, self.code, self.status) = (message, hint, code, status)
    }

    init(rejection: Rejection) {
        self.init(rejection.message, hint: rejection.hint, code: rejection.code, status: 409)
    }

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }

    var json: JSON {
        var json: JSON = [
            "error": ["code": .string(code), "message": .string(message), "hint": .string(hint)]
        ]
        if !problems.isEmpty {
            json["errors"] = .array(
                problems.map { ["path": .string($0.path), "message": .string($0.message)] })
        }
        return json
    }
}

/// Sleeps this thread.
func pause(milliseconds: Int) {
    let never = Condition(false)
    _ = never.wait(timeoutMilliseconds: milliseconds) { $0 ? true : nil }
}
