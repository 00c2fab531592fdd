import Glibc
import Kit
import Synchronization
import System
import Wire

/// One guest: booted generic, then claimed for an app. Cold starts do both, one after the other; the pool
/// does the first half early. There is no other way to start one.
final class Guest: Sendable {
    struct State {
        var phase = Instance.State.restoring
        var isReady = false
        /// What the harness said of its boot.
        var boot = JSON.null
        var isEnded = false
        var request: InstanceRequest?
        var address: IPv4?
        var group: NetworkGroup?
        var exit: Instance.Exit?
        /// Why it is being ended, when it is.
        var reason: String?
        var fromPool = false
        var startMilliseconds: Int64?
        /// Boot clock, in nanoseconds; time in which it was paused does not count.
        var deadline: Int64?
        /// Nil for a guest that is never idle: one without a program of its own, or of another policy.
        var idle: IdlePolicy?
        var pause: Pause?
        var execs: [String: Exec] = [:]
    }

    /// Why it stands still, and since when by the boot clock, in nanoseconds.
    struct Pause: Hashable {
        var cause: Instance.PauseCause
        var since: Int64
    }

    struct Exec {
        var output = ""
        var exitCode: Int?
        var report: JSON?
    }

    /// Everything that a guest needs of the platform.
    struct Ground: Sendable {
        var directory: String
        var kit: String
        var ids: UserIDs
        var isolation = Isolation.namespace
        var groups: GuestGroups
        /// How long a long-running guest may wait for input, in milliseconds; nil for ever.
        var patience: Int64?
        /// What virtual machines are made of.
        var machine: MachineGround
        /// What a virtual machine may use.
        var size = MachineGround.Size()
        var onEnd: @Sendable (Guest) -> Void
    }

    let id: String
    let log = GuestLog()
    let state = Condition(State())
    let ground: Ground
    private let directory: String
    let launcher: Child
    /// PID 1 of the guest, in our pid namespace.
    let pid: Int32
    let control = Mutex<JSONRPCPeer?>(nil)
    /// Its end tells the launcher that the platform has gone; without vsock it is the control channel too.
    private let lifeline: SharedDescriptor
    /// Only of a virtual machine.
    let monitor: Monitor?
    let group: GuestGroup?
    /// Held while it is stopped or continued.
    let steering = Mutex<Void>(())

    static let outputBytes = 1 << 20
    /// Thirty years, which are still a number in nanoseconds.
    static let longestRuntimeSeconds = 1_000_000_000

    /// Time from the start to a harness that is ready, in milliseconds. It is a bound, not an estimate: on
    /// a busy machine an emulated kernel boots in ten seconds, and one under KVM in a machine that is itself
    /// emulated in twenty.
    private static func readyMilliseconds(_ isolation: Isolation) -> Int {
        switch isolation {
        case .namespace: 20_000
        case .microvm: 60_000
        case .emulated: 90_000
        }
    }

    // MARK: Booting

    /// Boots a generic guest and waits until its harness is ready.
    init(_ ground: Ground) throws(PlatformError) {
        self.ground = ground
        id = "i-\(Random.hex(4))"
        directory = "\(ground.directory)/instances/\(id)"
        let started = try GuestLauncher(ground: ground, id: id, directory: directory).start()
        (launcher, pid, group) = (started.launcher, started.pid, started.group)
        monitor = started.monitor.map { Monitor($0) }
        lifeline = started.control
        if let vsock = started.vsock { waitForCall(vsock) } else { connect(started.control) }
        watch()
        let limit = Self.readyMilliseconds(ground.isolation)
        let isReady = state.wait(timeoutMilliseconds: limit) { state in
            state.isReady ? true : state.isEnded ? false : nil
        }
        guard isReady == true else {
            let text = GuestLauncher.lastWords(directory)
            end("it was not ready within \(limit / 1000) s", graceMilliseconds: 0)
            throw PlatformError("boot", "the guest \(id) did not become ready: \(text)")
        }
    }

    private func connect(_ socket: SharedDescriptor) {
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "control",
            onNotification: { [weak self] method, params in self?.hear(method, params) })
        control.withLock { $0 = peer }
        peer.start()
    }

    /// Waits for a machine's call, until the machine has ended.
    private func waitForCall(_ line: VsockLine) {
        Worker.start("vsock", stackBytes: 256 * 1024) { [self] in
            let isWanted = { self.state.withLock { !$0.isEnded } }
            // Without a line nobody says that the guest is ready, which is what ends the wait.
            guard let socket = try? line.answer(while: isWanted) else { return }
            connect(socket)
            if !isWanted() { control.withLock { $0 }?.close() }
        }
    }

    /// The guest's end, whatever ended it.
    private func watch() {
        Worker.start("guest") { [self] in
            let status = (try? launcher.wait()) ?? .exited(255)
            let phase = state.withLock { state in
                state.isEnded = true
                state.phase = .terminated
                state.pause = nil
                state.exit = Instance.Exit(
                    code: Int(status.shellCode), reason: state.reason ?? "it ended by itself")
                return state
            }
            control.withLock { $0 }?.close()
            monitor?.close()
            group?.remove()
            log.close()
            phase.group?.leave(id)
            Self.removeDirectory(directory)
            ground.onEnd(self)
        }
    }

    /// Takes the mounts away first: what is mounted there is not the guest's to remove.
    static func removeDirectory(_ directory: String) {
        for part in ["share", "stage"] {
            while (try? Mounts.unmount("\(directory)/\(part)", .detach)) != nil {}
        }
        try? Files.removeTree(directory)
    }

    private func hear(_ method: String, _ params: JSON) {
        switch method {
        case "ready":
            state.withLock { state in
                state.isReady = true
                state.boot = params
            }
        case "activity", "keepalive", "keepalive.release": hearActivity(method, params)
        case "log": hear(line: params)
        case "gap":
            log.add(stream: "stderr", source: "harness", line: "", dropped: params["dropped"]?.intValue ?? 0)
        case "execDone":
            guard let exec = params["exec_id"]?.stringValue else { return }
            state.withLock { state in
                // Why nothing was run is in the sandbox's report only.
                if let error = params["report"]?["error"]?.stringValue {
                    state.execs[exec]?.output += "[sandbox: \(error)]\n"
                }
                state.execs[exec]?.report = params["report"]
                state.execs[exec]?.exitCode = params["exit_code"]?.intValue ?? 255
            }
        case "processExited":
            log.add(
                stream: "stderr", source: "harness",
                line: "the agent's program ended with \(params["exit_code"]?.intValue ?? 255)")
        default: break
        }
    }

    private func hear(line params: JSON) {
        let (stream, text) = (params["stream"]?.stringValue ?? "stdout", params["line"]?.stringValue ?? "")
        if let exec = params["exec_id"]?.stringValue {
            state.withLock { state in
                guard let known = state.execs[exec], known.output.utf8.count < Self.outputBytes else {
                    return
                }
                state.execs[exec]?.output += text + "\n"
            }
        }
        log.add(stream: stream, source: params["source"]?.stringValue ?? "agent", line: text)
    }

    func call(_ method: String, _ params: JSON, timeoutMilliseconds: Int = 30_000) throws(PlatformError)
        -> JSON
    {
        guard let peer = control.withLock({ $0 }) else {
            throw PlatformError("gone", "\(id) has no control channel")
        }
        do throws(JSONRPCCallError) {
            return try peer.call(method, params, timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            throw PlatformError("guest", "\(id): \(error)")
        }
    }

    // MARK: Claiming

    /// Makes a generic guest an app's: its volume, its network, its names, its secrets, its program.
    func claim(
        _ request: InstanceRequest, volume: String?, group: NetworkGroup?, environment: [String: String],
        fromPool: Bool, startedAt: Int64
    ) throws(PlatformError) {
        state.withLock { state in
            (state.request, state.fromPool, state.group) = (request, fromPool, group)
            state.deadline = request.maxRuntimeSeconds.map {
                Clock.bootNanoseconds() + Int64(min(max($0, 0), Self.longestRuntimeSeconds)) * 1_000_000_000
            }
        }
        do throws(SystemError) {
            if let volume, let workspace = request.workspace { try show(volume, workspace) }
        } catch {
            throw PlatformError("volume", "show the volume to \(id): \(error)")
        }
        var configuration: JSON = [
            "instance_id": .string(id), "hostname": .string("agent-\(id)"), "guest": request.guest,
            "clock_ms": JSON(Clock.wallMilliseconds()),
        ]
        if let group {
            let namespace: SharedDescriptor
            do throws(SystemError) {
                namespace = SharedDescriptor(try Namespaces.open(.net, of: pid))
            } catch {
                throw PlatformError("network", "open the network of \(id): \(error)")
            }
            let names =
                ["agent-\(id).session.local"]
                + (request.app.agentID.map { ["\($0).session.local", $0] } ?? [])
            let address = try group.join(
                id, names: names, namespace: namespace, isMachine: ground.isolation.isMachine)
            state.withLock { $0.address = address }
            configuration["network"] = [
                "interface": "eth0", "address": .string("\(address)"),
                "prefix": JSON(Int(NetworkGroup.prefix)),
            ]
            configuration["hosts"] = Self.hosts(group)
        }
        if let token = environment["SESSION_TOKEN"] {
            _ = try call("injectSecrets", ["secrets": ["SESSION_TOKEN": .string(token)]])
        }
        _ = try call("configure", configuration)
        if !request.command.isEmpty {
            _ = try call(
                "run",
                [
                    "command": JSON(request.command), "run_as": .string(request.runAs),
                    "env": .object(environment.mapValues { .string($0) }),
                ])
        }
        state.withLock { state in
            state.startMilliseconds = (Clock.monotonicNanoseconds() - startedAt) / 1_000_000
            guard !state.isEnded else { return }
            state.phase = .running
            guard request.policy == "long-running", !request.command.isEmpty, let patience = ground.patience
            else { return }
            state.idle = IdlePolicy(patience: patience, now: Self.now)
        }
    }

    static func hosts(_ group: NetworkGroup) -> JSON {
        .array(group.hosts.map { [.string($0.address), .string($0.name)] })
    }

    /// The volume read-only, then what is writable on top. The flags must be there before the mount is seen
    /// by the guest: a change of flags does not propagate.
    private func show(_ volume: String, _ workspace: InstanceRequest.Workspace) throws(SystemError) {
        let stage = "\(directory)/stage"
        try Mounts.bind(volume, stage, readOnly: true, recursive: true, adding: [.noSetuid, .noDevices])
        try Mounts.bind(stage, "\(directory)/share/workspace")
        for name in workspace.writable {
            let source = "\(volume)/\(name)"
            if !Files.exists(source) {
                try Files.makeDirectories(source)
                try Files.chown(source, user: ground.ids.base, group: ground.ids.base)
            }
            try Mounts.bind(source, "\(directory)/share/workspace/\(name)", adding: [.noSetuid, .noDevices])
        }
        for (name, source) in workspace.shown ?? [:] { try show(source, at: name, of: volume) }
    }

    /// A file or directory of the host, read-only. Its place on the volume is an empty one of its kind.
    private func show(_ source: String, at name: String, of volume: String) throws(SystemError) {
        let place = "\(volume)/\(name)"
        let isDirectory = Files.isDirectory(source)
        let stage = "\(directory)/shown"
        if isDirectory {
            try Files.makeDirectories(place)
            try Files.makeDirectories(stage)
        } else {
            try Files.makeDirectories(Files.parent(of: place))
            if !Files.exists(place) { try Files.write(place, []) }
            try Files.write(stage, [])
        }
        // As above: a mount that is bound takes its flags along.
        try Mounts.bind(source, stage, readOnly: true, adding: [.noSetuid, .noDevices])
        defer {
            try? Mounts.unmount(stage, .detach)
            try? Files.removeTree(stage)
        }
        try Mounts.bind(stage, "\(directory)/share/workspace/\(name)")
    }

    var summary: Instance {
        state.withLock { state in
            Instance(
                id: id, appID: state.request?.app.id ?? "", state: state.phase,
                pid: state.isEnded ? nil : pid,
                address: state.address.map { "\($0)" }, exit: state.exit, fromPool: state.fromPool,
                startMilliseconds: state.startMilliseconds, isolation: ground.isolation.rawValue,
                boot: state.boot.isNull ? nil : state.boot, pauseCause: state.pause?.cause)
        }
    }
}
