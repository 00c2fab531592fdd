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
        var isEnded = false
        var request: InstanceRequest?
        var address: IPv4?
        var group: NetworkGroup?
        var exit: Instance.Exit?
        /// Why it is being ended, when it is.
        var reason: String?
        var fromPool = false
        var startMilliseconds: Int64?
        var deadline: Int64?
        var execs: [String: Exec] = [:]
    }

    struct Exec {
        var output = ""
        var exitCode: Int?
    }

    /// Everything that a guest needs of the platform.
    struct Ground: Sendable {
        var directory: String
        var kit: String
        var ids: UserIDs
        var onEnd: @Sendable (Guest) -> Void
    }

    let id: String
    let log = GuestLog()
    let state = Condition(State())
    private let ground: Ground
    private let directory: String
    private let launcher: Child
    /// PID 1 of the guest, in our pid namespace.
    let pid: Int32
    private let control = Mutex<JSONRPCPeer?>(nil)

    private static let readyMilliseconds = 20_000
    private static let outputBytes = 1 << 20

    // MARK: Booting

    /// Boots a generic guest and waits until its harness is ready.
    init(_ ground: Ground) throws(PlatformError) {
        self.ground = ground
        id = "i-\(Random.hex(4))"
        directory = "\(ground.directory)/instances/\(id)"
        let name = id
        do throws(SystemError) {
            for part in ["root", "share/workspace", "stage"] {
                try Files.makeDirectories("\(directory)/\(part)")
            }
            try Mounts.bind("\(directory)/share", "\(directory)/share")
            try Mounts.makeShared("\(directory)/share")
            try Mounts.bind("\(directory)/stage", "\(directory)/stage")
            try Mounts.makePrivate("\(directory)/stage")
            let (ours, theirs) = try Sockets.socketPair().split()
            let status = try IO.pipe().split()
            let output = try Files.open("\(directory)/log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            launcher = try Spawn.start(
                Spawn.Command(
                    ["\(ground.kit)/guest/openclaw-harness", "launch"],
                    environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], workingDirectory: "/",
                    stdin: .pipe,
                    stdout: .descriptor(output.raw), stderr: .descriptor(output.raw),
                    descriptors: [(theirs.raw, 3), (status.writer.raw, 4)]))
            status.writer.close()
            theirs.close()
            if let stdin = launcher.stdin {
                try IO.writeAll(stdin.raw, Self.configuration(ground, directory, name).serialized())
                stdin.close()
            }
            let answer = String(decoding: try IO.readAll(status.reader.raw, limit: 65536), as: UTF8.self)
            guard answer.hasPrefix("started "), let pid = Int32(answer.dropFirst(8).prefix { $0.isNumber })
            else {
                try? launcher.kill(SIGKILL)
                _ = try? launcher.wait()
                throw SystemError(call: "launch: \(answer)", operand: name, code: ECHILD)
            }
            self.pid = pid
            self.connect(ours)
        } catch {
            let text = (try? Files.readText("\(directory)/log", limit: 65536)) ?? ""
            Self.removeDirectory(directory)
            throw PlatformError(
                "boot", "boot a guest: \(error) \(text)", hint: "openclaw doctor says what this machine lacks"
            )
        }
        watch()
        let isReady = state.wait(timeoutMilliseconds: Self.readyMilliseconds) { state in
            state.isReady ? true : state.isEnded ? false : nil
        }
        guard isReady == true else {
            let text = (try? Files.readText("\(directory)/log", limit: 65536)) ?? ""
            end("it was not ready within \(Self.readyMilliseconds / 1000) s", graceMilliseconds: 0)
            throw PlatformError("boot", "the guest \(id) did not become ready: \(text)")
        }
    }

    private static func configuration(_ ground: Ground, _ directory: String, _ id: String) -> JSON {
        let map: JSON = [[0, JSON(Int64(ground.ids.base)), JSON(Int64(ground.ids.count))]]
        return [
            "instance_id": .string(id), "hostname": .string("agent-\(id)"),
            "root": .string("\(directory)/root"),
            "share": .string("\(directory)/share"), "binaries": .string("\(ground.kit)/guest"),
            "uid_map": map,
            "gid_map": map, "deny_setgroups": JSON(ground.ids.count == 1),
        ]
    }

    private func connect(_ socket: SharedDescriptor) {
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "control",
            onNotification: { [weak self] method, params in self?.hear(method, params) })
        control.withLock { $0 = peer }
        peer.start()
    }

    /// The guest's end, whatever ended it.
    private func watch() {
        Worker.start("guest") { [self] in
            let status = (try? launcher.wait()) ?? .exited(255)
            let phase = state.withLock { state in
                state.isEnded = true
                state.phase = .terminated
                state.exit = Instance.Exit(
                    code: Int(status.shellCode), reason: state.reason ?? "it ended by itself")
                return state
            }
            control.withLock { $0 }?.close()
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
        case "ready": state.withLock { $0.isReady = true }
        case "log": hear(line: params)
        case "gap":
            log.add(stream: "stderr", source: "harness", line: "", dropped: params["dropped"]?.intValue ?? 0)
        case "execDone":
            guard let exec = params["exec_id"]?.stringValue else { return }
            state.withLock { $0.execs[exec]?.exitCode = params["exit_code"]?.intValue ?? 255 }
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
                Clock.bootNanoseconds() + Int64($0) * 1_000_000_000
            }
        }
        do throws(SystemError) {
            if let volume, let workspace = request.workspace { try show(volume, workspace) }
        } catch {
            throw PlatformError("volume", "show the volume to \(id): \(error)")
        }
        var configuration: JSON = [
            "instance_id": .string(id), "hostname": .string("agent-\(id)"), "guest": request.guest,
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
            let address = try group.join(id, names: names, namespace: namespace)
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
            if !state.isEnded { state.phase = .running }
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
    }

    // MARK: Running

    /// Runs a command, and collects what it says.
    func exec(_ params: JSON) throws(PlatformError) -> ExecOutcome {
        let exec = "x-\(Random.hex(4))"
        let milliseconds = params["timeout_ms"]?.intValue ?? 600_000
        var request = params
        request["exec_id"] = .string(exec)
        if request["env"] == nil { request["env"] = [:] }
        state.withLock { $0.execs[exec] = Exec() }
        defer { state.withLock { _ = $0.execs.removeValue(forKey: exec) } }
        _ = try call("exec", request)
        let done = state.wait(timeoutMilliseconds: milliseconds + 20_000) { state -> ExecOutcome? in
            guard let known = state.execs[exec] else { return nil }
            if let code = known.exitCode { return ExecOutcome(exitCode: code, output: known.output) }
            return state.isEnded ? ExecOutcome(exitCode: -1, output: known.output) : nil
        }
        guard let done else { throw PlatformError("timeout", "the command in \(id) gave no answer in time") }
        guard done.exitCode != -1 else { throw PlatformError("gone", "\(id) ended while the command ran") }
        return done
    }

    /// Stops or continues every process of the guest, not its launcher. New ones may appear while the first
    /// are being stopped, so it goes on until none does.
    func signalAll(_ signal: Int32) throws(PlatformError) {
        var known: Set<Int32> = []
        for _ in 0..<100 {
            let all = Set([pid] + ((try? Processes.descendants(of: pid)) ?? []))
            let new = all.subtracting(known)
            if new.isEmpty { break }
            for process in new { try? Processes.kill(process, signal) }
            known.formUnion(new)
        }
        state.withLock { state in
            if !state.isEnded { state.phase = signal == SIGSTOP ? .paused : .running }
        }
    }

    /// Asks the guest to end, then ends it.
    func end(_ reason: String, graceMilliseconds: Int) {
        let isPaused = state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.phase == .paused
        }
        if graceMilliseconds > 0 {
            if isPaused { try? signalAll(SIGCONT) }
            _ = try? call(
                "shutdown", ["grace_ms": JSON(graceMilliseconds)],
                timeoutMilliseconds: graceMilliseconds + 1000)
            let isEnded = state.wait(timeoutMilliseconds: graceMilliseconds + 2000) {
                $0.isEnded ? true : nil
            }
            if isEnded == true { return }
        }
        try? launcher.kill(SIGKILL)
        _ = state.wait(timeoutMilliseconds: 10_000) { $0.isEnded ? true : nil }
    }

    var summary: Instance {
        state.withLock { state in
            Instance(
                id: id, appID: state.request?.app.id ?? "", state: state.phase,
                pid: state.isEnded ? nil : pid,
                address: state.address.map { "\($0)" }, exit: state.exit, fromPool: state.fromPool,
                startMilliseconds: state.startMilliseconds)
        }
    }
}
