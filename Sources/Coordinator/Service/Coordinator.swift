// The coordinator: all sessions of one user, one journal, one platform.
import Channel
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

/// The daemon.
public final class Coordinator: Sendable {
    let home: Home
    let world: SessionRunner.World
    let sessions = Mutex<[String: SessionRunner]>([:])
    /// Held while it is decided whether there is room for one more.
    private let starting = Mutex<Void>(())
    /// Set when it shall end.
    let isStopping = Condition(false)
    /// Where browsers come in; nil until it serves.
    let canvas = Mutex<CanvasListener?>(nil)

    private static let tickMilliseconds = 5000
    private static let platformMilliseconds: Int64 = 20_000

    private init(home: Home, world: SessionRunner.World) { (self.home, self.world) = (home, world) }

    /// Serves until TERM, INT or the API says stop. Sessions go on when it is started again.
    public static func serve(home: Home) throws(ServiceError) {
        do {
            try home.prepare()
            Signals.ignoreSIGPIPE()
            let signals = try Signals([SIGTERM, SIGINT])
            let journal = try Journal(path: home.journal, heads: home.journalHeads)
            let log: @Sendable (String) -> Void = { text in
                try? IO.writeAll(2, Array("\(Clock.wallMilliseconds()) \(text)\n".utf8))
            }
            let crashes = CrashBook(path: home.crashes)
            try crashes.start(then: [try Environment.executablePath(), "coordinator", "serve"])
            if let last = crashes.crashes.last {
                log("the last work that a coordinator died at: \(last.session) \(last.work), at \(last.at)")
            }
            let platform = PlatformClient(socket: home.platformSocket)
            let recorder = LedgerRecorder()
            let world = SessionRunner.World(
                home: home, journal: journal, platform: platform,
                gateways: Gateways(home: home, recorder: recorder), roles: try loadRoles(home),
                sessionsPerWorkspace: sessionLimit(home), log: log, crashes: crashes,
                webhook: try WebhookSettings(Environment.all()))
            let coordinator = Coordinator(home: home, world: world)
            recorder.attach(coordinator)
            try coordinator.startPlatform()
            coordinator.recover()
            try? Files.remove(home.coordinatorSocket)
            let listener = SharedDescriptor(try Sockets.listenUnix(home.coordinatorSocket))
            let api = UserAPI(coordinator: coordinator)
            let server = try HTTPServer(
                listener: listener, name: "user-api", report: { error, _ in log("user API: \(error)") },
                handler: { request, exchange in try api.answer(request, exchange) })
            let site = CanvasSite(files: AppFiles(directory: "\(home.kit)/canvas")) {
                [weak coordinator] id in
                coordinator?.find(id).map { RunnerChannel(session: $0) }
            }
            world.canvas.open(site)
            let canvas = try CanvasListener(coordinator, site, log: log)
            coordinator.canvas.withLock { $0 = canvas }
            server.start()
            coordinator.watchPlatform()
            coordinator.keepTime()
            Notices(coordinator).start()
            Keyframes(coordinator).start()
            Worker.start("signals") {
                _ = try? signals.next()
                coordinator.isStopping.withLock { $0 = true }
            }
            _ = coordinator.isStopping.wait { $0 ? true : nil }
            try? Files.remove(home.coordinatorSocket)
            canvas.stop()
            server.stop()
            for session in coordinator.sessions.withLock({ Array($0.values) }) { session.close() }
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("start the coordinator: \(error)")
        }
    }

    /// From the manifest of the installed kit.
    private static func sessionLimit(_ home: Home) -> Int {
        let path = "\(home.kit)/aegis-kit.yaml"
        let text = (try? Files.readText(path, limit: 1 << 20)) ?? ""
        return (try? Manifest.parse(text, source: path))?.resources.maxSessionsPerWorkspace ?? 3
    }

    /// The roles of the installed kit, and those of the user, which win.
    private static func loadRoles(_ home: Home) throws(ServiceError) -> [String: Role] {
        let files = Roles(home: home)
        var roles: [String: Role] = [:]
        for name in files.names {
            do throws(RoleError) {
                roles[name] = try files.role(name)
            } catch {
                throw ServiceError("read the role \(name):\n  \(error)", hint: "openclaw roles check")
            }
        }
        guard !roles.isEmpty else {
            throw ServiceError(
                "there are no roles in \(home.kit)/roles",
                hint: "install the kit: openclaw kit install dist/kit",
                code: "no_kit")
        }
        return roles
    }

    // MARK: The platform

    /// Starts the embedded platform unless one answers.
    func startPlatform() throws(ServiceError) {
        if (try? world.platform.status()) != nil { return }
        do {
            let log = try Files.open(home.platformLog, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let child = try Spawn.start(
                Spawn.Command(
                    [try Environment.executablePath(), "platform", "serve"], workingDirectory: "/",
                    stdout: .descriptor(log.raw), stderr: .descriptor(log.raw)))
            let deadline = Clock.monotonicNanoseconds() + Self.platformMilliseconds * 1_000_000
            while (try? world.platform.status()) == nil {
                let ended = try child.wait(timeoutMilliseconds: 20)
                if ended != nil || Clock.monotonicNanoseconds() > deadline {
                    let text = (try? Files.readText(home.platformLog)) ?? ""
                    let tail = text.split(separator: "\n").suffix(3).joined(separator: "\n  ")
                    throw ServiceError(
                        "the platform did not start:\n  \(tail)",
                        hint: "openclaw doctor says what this machine lacks", code: "no_platform")
                }
            }
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("start the platform: \(error)", code: "no_platform")
        }
    }

    /// Hears of guests that end. A platform that ended took all guests along; it is started again.
    private func watchPlatform() {
        Worker.start("platform-watch", stackBytes: 1 << 20) { [self] in
            while !isStopping.withLock({ $0 }) {
                let seen = Mutex<Int64>(0)
                try? world.platform.events(after: 0) { [self] event in
                    let isNew = seen.withLock { seen in
                        defer { seen = max(seen, event.seq) }
                        return event.seq > seen
                    }
                    if isNew { hear(event) }
                    return !isStopping.withLock { $0 }
                }
                guard !isStopping.withLock({ $0 }) else { return }
                pause(milliseconds: 200)
                guard (try? world.platform.status()) == nil else { continue }
                world.log("the platform has ended; starting it again")
                do throws(ServiceError) {
                    try startPlatform()
                    let present = active.filter { !$0.isIsolated }
                    for session in present { try reopen(session) }
                    for session in present { session.goOn() }
                } catch {
                    world.log("\(error)")
                    pause(milliseconds: 2000)
                }
            }
        }
    }

    /// `SESSION/AGENT/GENERATION`.
    private func hear(_ event: InstanceEvent) {
        let parts = event.appID.split(separator: "/").map(String.init)
        guard parts.count == 3, let generation = Int(parts[2]), let session = find(parts[0]) else { return }
        session.holding("an event of the platform") {
            guard event.state == .terminated else {
                return session.changed(agent: parts[1], generation: generation, event)
            }
            session.ended(
                agent: parts[1], generation: generation,
                reason: "its guest ended: \(event.exit?.reason ?? "unknown") (\(event.exit?.code ?? 0))")
        }
    }

    private func keepTime() {
        Worker.start("clock") { [self] in
            while isStopping.wait(timeoutMilliseconds: Self.tickMilliseconds, until: { $0 ? true : nil })
                == nil
            {
                for session in active { session.holding("its clock") { session.tick() } }
                startQueued()
            }
        }
    }

    // MARK: Sessions

    func find(_ id: String) -> SessionRunner? { sessions.withLock { $0[id] } }

    private var active: [SessionRunner] {
        sessions.withLock { Array($0.values) }.filter {
            let phase = $0.state.phase
            return !phase.isOver && phase != .queued
        }
    }

    // MARK: The queue of sessions

    /// As many sessions work on one repository at the same time as the kit's manifest says.
    private func hasRoom(_ repository: String) -> Bool {
        active.count { $0.state.configuration?.repository == repository } < world.sessionsPerWorkspace
    }

    /// Starts what waits, the oldest first, where there is room now.
    private func startQueued() {
        let waiting = sessions.withLock { Array($0.values) }.filter { $0.state.phase == .queued }
        for session in waiting.sorted(by: { $0.state.startedAt < $1.state.startedAt }) {
            starting.withLock { _ in
                guard let configuration = session.state.configuration, session.state.phase == .queued,
                    hasRoom(configuration.repository)
                else { return }
                do throws(ServiceError) {
                    try startPlatform()
                    try session.open(configuration)
                    try session.submit(.start(configuration))
                } catch {
                    world.log("\(session.id): waits on: \(error)")
                }
            }
        }
    }

    /// Goes on with what was under way: fold, then the effects without a result.
    private func recover() {
        let crashes = CrashBook.isolated(world.crashes.crashes, now: Clock.wallMilliseconds() / 1000)
        for id in (try? world.journal.sessions()) ?? [] {
            // Even leaving it alone was its coordinator's death.
            if let all = crashes[id], all.count >= 2 * CrashBook.deaths {
                world.log(
                    "\(id): is left out: \(all.count) coordinators died at it; see \(world.crashes.path)")
                continue
            }
            do {
                try CrashRecord.holding(CrashBook.work(id, "its journal")) { try recover(id, crashes) }
            } catch {
                world.log("\(id): cannot go on: \(error)")
            }
        }
    }

    private func recover(_ id: String, _ crashes: [String: [CrashBook.Crash]]) throws {
        let events = try world.journal.events(id)
        let session = try SessionRunner(
            id, world: world, gateway: try world.gateways.gateway([:]), events: events)
        sessions.withLock { $0[id] = session }
        let state = session.state
        guard !state.phase.isOver || !state.openEffects.isEmpty, state.phase != .queued,
            !isolate(session, events.map(\.body), crashes)
        else { return }
        if !state.phase.isOver { try reopen(session) }
        session.goOn()
        world.log("\(id): goes on from event \(state.seq)")
    }

    private func reopen(_ session: SessionRunner) throws(ServiceError) {
        guard let configuration = session.state.configuration else { return }
        try session.open(configuration)
    }

    /// Starts a session; its id is in the answer.
    func start(_ body: JSON) throws(ServiceError) -> JSON {
        let given = (body["credentials"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        let gateway: Gateway
        do throws(GatewayError) {
            gateway = try world.gateways.gateway(given)
        } catch {
            throw ServiceError(error.description, hint: error.hint, code: "usage", status: 400)
        }
        let preparation = SessionPreparation(home: home, gateway: gateway)
        let prepared = try preparation.make(body)
        let configuration = prepared.configuration
        let id = configuration.session
        if body["dry_run"]?.boolValue == true {
            try? Files.removeTree(home.session(id))
            let past = sessions.withLock { Array($0.values) }.map(\.state).filter(\.phase.isOver)
            return Preview(prepared: prepared, past: past).json
        }
        do throws(ServiceError) {
            try startPlatform()
            let session = try SessionRunner(id, world: world, gateway: gateway, events: [])
            session.forgeTokens.withLock { $0 = SessionPreparation.forgeTokens(body) }
            // Two that are started at once must not both take the last place.
            try starting.withLock { (_) throws(ServiceError) in
                guard hasRoom(configuration.repository) else {
                    sessions.withLock { $0[id] = session }
                    return try session.submit(.enqueue(configuration))
                }
                try session.open(configuration)
                sessions.withLock { $0[id] = session }
                try session.submit(.start(configuration))
            }
            for sentence in prepared.warnings {
                session.insist(
                    .record([.messageSent(from: "coordinator", to: "user", text: sentence)]))
            }
            return session.state.summary
        } catch {
            _ = sessions.withLock { $0.removeValue(forKey: id) }
            try? Files.removeTree(home.session(id))
            throw error
        }
    }

    /// Ends the daemon; guests and sessions stay.
    func stop() { isStopping.withLock { $0 = true } }
}
