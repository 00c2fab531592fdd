// An aegisd for machines without one: the same API on the same kind of socket.
import Glibc
import Kit
import System
import Wire

/// The daemon.
public final class EmbeddedPlatform: Sendable {
    struct State {
        var kits: [String: String] = [:]
        var manifests: [String: Manifest] = [:]
        var secrets: [String: [String: String]] = [:]
        var volumes: [String: String] = [:]
        var groups: [String: NetworkGroup] = [:]
        var guests: [String: Guest] = [:]
        var pool: [Guest] = []
        /// The kinds of guests that are kept ready: those that somebody has asked for.
        var pooled: Set<Isolation> = [.namespace]
        /// App ids whose guest is being made.
        var making: Set<String> = []
        var events: [InstanceEvent] = []
        var isStopping = false
        /// Guests of a kind that are booting for the pool.
        var filling: [Isolation: Int] = [:]
        /// The machine is short of memory; no spare guests until it is not.
        var isTight = false
    }

    let state = Condition(State())
    let directory: String
    let kitsDirectory: String
    let ids: UserIDs
    let machine: MachineGround
    let groups = GuestGroups()

    /// How long a long-running guest may wait for input, in milliseconds; `AEGIS_PAUSE_AFTER_IDLE_MS`
    /// says otherwise, 0 never.
    private static let patience: Int64? = {
        let wanted = Environment.get("AEGIS_PAUSE_AFTER_IDLE_MS").flatMap { Int64($0) } ?? 300_000
        return wanted > 0 ? wanted : nil
    }()

    /// Ended guests that are still remembered.
    private static let endedLimit = 200

    init(directory: String, kits: String, ids: UserIDs) {
        (self.directory, kitsDirectory, self.ids) = (directory, kits, ids)
        machine = MachineGround(directory: "\(directory)/machine")
    }

    /// Serves until TERM or INT; then everything is gone. Call it first in a process: it needs to be the only
    /// thread at its start.
    /// - Parameters:
    ///   - socket: Where it listens.
    ///   - directory: For its own files.
    ///   - kits: Where kits are installed; those that are there are known from the start.
    public static func serve(socket: String, directory: String, kits: String) throws(PlatformError) {
        if (try? Sockets.connectUnix(socket)) != nil {
            throw PlatformError(
                "in_use", "a platform listens on \(socket) already", hint: "openclaw platform stop ends it")
        }
        do throws(SystemError) {
            try Files.makeDirectories("\(directory)/instances", mode: 0o755)
            let ids: UserIDs
            do throws(PlatformError) {
                ids = try UserIDs.prepare()
            } catch {
                try? IO.writeAll(2, Array("openclaw platform: \(error)\n".utf8))
                throw SystemError(call: "prepare", operand: error.description, code: EPERM)
            }
            Signals.ignoreSIGPIPE()
            let signals = try Signals([SIGTERM, SIGINT])
            let platform = EmbeddedPlatform(directory: directory, kits: kits, ids: ids)
            platform.removeStale()
            platform.findKits()
            try? Files.remove(socket)
            let listener = SharedDescriptor(try Sockets.listenUnix(socket))
            let server = try HTTPServer(
                listener: listener, name: "platform",
                report: { error, _ in try? IO.writeAll(2, Array("openclaw platform: \(error)\n".utf8)) },
                handler: { request, exchange in try platform.answer(request, exchange) })
            server.start()
            platform.keepTime()
            platform.fillPool()
            _ = try signals.next()
            try? Files.remove(socket)
            platform.stop()
            server.stop()
        } catch {
            throw PlatformError("failed", "serve \(socket): \(error)")
        }
    }

    // MARK: Beginning and end

    /// What a platform that was killed left on the disk. Its mounts went with its namespace.
    private func removeStale() {
        for name in (try? Files.list("\(directory)/instances")) ?? [] {
            Guest.removeDirectory("\(directory)/instances/\(name)")
        }
    }

    private func findKits() {
        for name in (try? Files.list(kitsDirectory)) ?? [] where !name.contains(".") {
            _ = try? register("\(kitsDirectory)/\(name)")
        }
    }

    private func stop() {
        let guests = state.withLock { state in
            state.isStopping = true
            return Array(state.guests.values) + state.pool
        }
        let workers = guests.map { guest in
            Worker.start("stop") { guest.end("the platform ends", graceMilliseconds: 500) }
        }
        for worker in workers { worker.join() }
        groups.close()
    }

    /// Ends guests whose time is over, and pauses those that wait for input.
    private func keepTime() {
        Worker.start("clock") { [self] in
            while true {
                sleep(1)
                let guests = state.withLock { $0.isStopping ? nil : Array($0.guests.values) }
                guard let guests else { return }
                watchMemory()
                for guest in guests {
                    let isOver = guest.state.withLock { state in
                        !state.isEnded && state.reason == nil && state.pause == nil
                            && (state.deadline ?? .max) < Clock.bootNanoseconds()
                    }
                    if isOver {
                        Worker.start("overtime") {
                            guest.end("its longest run time is over", graceMilliseconds: 5000)
                        }
                    } else if guest.isIdle {
                        Worker.start("idle") { [self] in pauseIdle(guest) }
                    }
                }
            }
        }
    }

    // MARK: Kits

    func register(_ path: String) throws(PlatformError) -> Manifest {
        let file = "\(path)/aegis-kit.yaml"
        let manifest: Manifest
        do {
            manifest = try Manifest.parse(try Files.readText(file, limit: 1 << 20), source: file)
        } catch {
            throw PlatformError(
                "bad_kit", "\(error)", hint: "correct the manifest and register the kit again")
        }
        for hook in ["render_env", "validate_config", "on_publish"]
        where !Files.isExecutable("\(path)/hooks/\(hook)") {
            throw PlatformError("bad_kit", "the kit at \(path) has no executable hooks/\(hook)")
        }
        state.withLock { state in
            state.kits[manifest.name] = path
            state.manifests[manifest.name] = manifest
        }
        return manifest
    }

    // MARK: Guests

    /// What a guest of this kind and kit is made of.
    func ground(_ name: String, _ isolation: Isolation) throws(PlatformError) -> Guest.Ground {
        let (path, manifest) = state.withLock { ($0.kits[name], $0.manifests[name]) }
        guard let path else {
            throw PlatformError(
                "no_kit", "the kit \(name) is not installed", hint: "openclaw kit install dist/kit")
        }
        var size = MachineGround.Size()
        if let resources = manifest?.resources {
            size = .init(
                memoryMegabytes: resources.memoryMegabytes, processors: resources.cpu,
                diskMegabytes: resources.diskMegabytes)
        }
        return Guest.Ground(
            directory: directory, kit: path, ids: ids, isolation: isolation, groups: groups,
            patience: Self.patience,
            machine: machine, size: size
        ) { [weak self] guest in self?.ended(guest) }
    }

    private func ended(_ guest: Guest) {
        publish(guest)
        let (group, others) = state.withLock { state -> (NetworkGroup?, [Guest]) in
            state.pool.removeAll { $0.id == guest.id }
            let ended = state.guests.values.filter { $0.summary.state == .terminated }
            if ended.count > Self.endedLimit, let oldest = ended.map(\.id).sorted().first {
                state.guests[oldest] = nil
            }
            let group = guest.state.withLock { $0.group }
            return (group, Array(state.guests.values))
        }
        if let group { tellHosts(group, others) }
    }

    func publish(_ guest: Guest, pausedMilliseconds: Int64? = nil) {
        let summary = guest.summary
        guard !summary.appID.isEmpty else { return }
        state.withLock { state in
            let seq = (state.events.last?.seq ?? 0) + 1
            state.events.append(
                InstanceEvent(
                    seq: seq, instance: summary.id, appID: summary.appID, state: summary.state,
                    exit: summary.exit, pauseCause: summary.pauseCause,
                    pausedMilliseconds: pausedMilliseconds))
            if state.events.count > 10_000 { state.events.removeFirst(5000) }
        }
    }

    func tellHosts(_ group: NetworkGroup, _ guests: [Guest]) {
        let hosts = Guest.hosts(group)
        for guest in guests where guest.summary.state == .running {
            guard guest.state.withLock({ $0.group?.id }) == group.id else { continue }
            Worker.start("hosts") {
                _ = try? guest.call("setHosts", ["hosts": hosts], timeoutMilliseconds: 5000)
            }
        }
    }

    /// The guest of an app: the one that is there, or a new one.
    func ensure(_ request: InstanceRequest) throws(PlatformError) -> Instance {
        guard let isolation = Isolation(rawValue: request.isolation) else {
            throw PlatformError(
                "unsupported_isolation", "there are no guests of the kind \(request.isolation)",
                hint: "the kinds are \(Isolation.names)")
        }
        let existing: Guest? =
            state.wait { state -> Guest?? in
                if state.making.contains(request.app.id) { return nil }
                let alive = state.guests.values.first { guest in
                    let summary = guest.summary
                    return summary.appID == request.app.id && summary.state != .terminated
                }
                if let alive { return .some(alive) }
                state.making.insert(request.app.id)
                return .some(nil)
            } ?? nil
        if let existing {
            try wake(existing)
            return existing.summary
        }
        defer { state.withLock { _ = $0.making.remove(request.app.id) } }
        return try make(request, isolation)
    }

    private func make(_ request: InstanceRequest, _ isolation: Isolation) throws(PlatformError) -> Instance {
        let start = Clock.monotonicNanoseconds()
        let secrets = state.withLock { state in request.secretsScope.flatMap { state.secrets[$0] } ?? [:] }
        let ground = try ground(request.kit, isolation)
        let hooks = KitHooks(kit: ground.kit)
        try hooks.validate(request)
        let environment = try hooks.environment(request, secrets: secrets)
        let group = try request.group.map { (id) throws(PlatformError) in try find(group: id) }
        let volume = try request.workspace.map { (workspace) throws(PlatformError) in
            try find(volume: workspace.volumeID)
        }
        let guest = try claimed(ground) { (guest, isSpare) throws(PlatformError) in
            state.withLock { $0.guests[guest.id] = guest }
            try guest.claim(
                request, volume: volume, group: group, environment: environment, fromPool: isSpare,
                startedAt: start)
        }
        publish(guest)
        if let group { tellHosts(group, state.withLock { Array($0.guests.values) }) }
        fillPool()
        return guest.summary
    }

    func find(group id: String) throws(PlatformError) -> NetworkGroup {
        guard let group = state.withLock({ $0.groups[id] }) else {
            throw PlatformError("not_found", "there is no network group \(id)")
        }
        return group
    }

    func find(volume id: String) throws(PlatformError) -> String {
        guard let path = state.withLock({ $0.volumes[id] }) else {
            throw PlatformError("not_found", "there is no volume \(id)")
        }
        return path
    }

    func find(guest id: String) throws(PlatformError) -> Guest {
        guard let guest = state.withLock({ $0.guests[id] }) else {
            throw PlatformError("not_found", "there is no instance \(id)")
        }
        return guest
    }
}
