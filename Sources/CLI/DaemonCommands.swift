// openclaw coordinator and openclaw platform: the two daemons.
import Glibc
import Kit
import Platform
import Service
import System

extension Command {
    static let coordinator = Command(
        name: "coordinator", operands: "start|stop|status",
        summary: "the daemon that leads sessions; run starts it when needed", group: .setup,
        operandKinds: [.words(["start", "stop", "status"])], operandLimit: 1,
        options: [OptionSpec("all", "with stop: the platform and its guests too")]
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        let client = CoordinatorClient(home: Home())
        switch arguments.positional.first {
        case "start":
            let isNew = try client.start()
            terminal.done(
                isNew ? "coordinator: started" : "coordinator: runs already", ["started": JSON(isNew)])
            return .done
        case "stop": return try stop(client, terminal, all: arguments.has("all"))
        case "status":
            guard client.isRunning else {
                throw CLIError(
                    .noPlatform, "the coordinator does not run", hint: "openclaw coordinator start")
            }
            let status = try client.call("GET", "/v1/status")
            if terminal.wantsJSON {
                terminal.json(status)
            } else {
                terminal.line("coordinator: runs, pid \(status["pid"]?.intValue ?? 0)")
                terminal.line("  sessions: \(status["active_sessions"]?.intValue ?? 0) active")
                terminal.line("  home:     \(client.home.path)")
            }
            return .done
        case "serve":
            // What start runs: the daemon itself, in the foreground.
            return try Daemon.coordinator(client.home)
        default: throw CLIError(.usage, "openclaw coordinator needs one of: start, stop, status")
        }
    }

    static let platform = Command(
        name: "platform", operands: "serve|stop|status|plan KIND DIRECTORY",
        summary: "the embedded platform: an aegisd for machines without one", group: .setup,
        operandKinds: [.words(["serve", "stop", "status", "plan"])], operandLimit: 3, options: []
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        let home = Home()
        switch arguments.positional.first {
        case "serve": return try Daemon.platform(home)
        case "plan":
            let words = arguments.positional
            guard words.count == 3, let kind = Isolation(rawValue: words[1]), kind.isMachine else {
                throw CLIError(
                    .usage,
                    "openclaw platform plan needs microvm or microvm-emulated, and a directory for the disk")
            }
            let ground = home.machines
            do throws(PlatformError) {
                let plan = try ground.plan(kind, kit: home.kit, place: words[2], owner: 0)
                terminal.line(plan.text)
            } catch {
                throw CLIError(.noPlatform, error.message, hint: error.hint)
            }
            return .done
        case "stop":
            let hasStopped = try Daemon.stopPlatform(home)
            terminal.done(
                hasStopped ? "platform: stopped" : "platform: does not run", ["stopped": JSON(hasStopped)])
            return .done
        case "status":
            do {
                let status = try JSONCoding.encode(PlatformClient(socket: home.platformSocket).status())
                terminal.line(terminal.wantsJSON ? status.text : "platform: runs\n  \(status.text)")
            } catch {
                throw CLIError(.noPlatform, "the platform does not answer: \(error)", hint: "a run starts it")
            }
            return .done
        default: throw CLIError(.usage, "openclaw platform needs one of: serve, stop, status")
        }
    }

    private static func stop(_ client: CoordinatorClient, _ terminal: Terminal, all: Bool) throws(CLIError)
        -> ExitCode
    {
        let wasRunning = client.isRunning
        if wasRunning {
            try client.call("POST", "/v1/shutdown", [:])
            let deadline = Clock.monotonicNanoseconds() + stopMilliseconds * 1_000_000
            while client.isRunning {
                guard Clock.monotonicNanoseconds() < deadline else {
                    throw CLIError(
                        .failed, "the coordinator still answers after \(stopMilliseconds / 1000) s",
                        hint: "its log is \(client.home.coordinatorLog)")
                }
                usleep(20_000)
            }
        }
        let hasStoppedPlatform = all ? try Daemon.stopPlatform(client.home) : false
        let words =
            wasRunning
            ? "coordinator: stopped; sessions go on when it is started again" : "coordinator: does not run"
        terminal.done(
            words + (hasStoppedPlatform ? "\nplatform: stopped, and its guests with it" : ""),
            ["stopped": JSON(wasRunning), "platform_stopped": JSON(hasStoppedPlatform)])
        return .done
    }

    /// How long a coordinator may take to end, in milliseconds.
    private static let stopMilliseconds: Int64 = 15_000
}

/// The daemons themselves, in the foreground.
enum Daemon {
    static func coordinator(_ home: Home) throws(CLIError) -> ExitCode {
        do {
            try Coordinator.serve(home: home)
            return .done
        } catch {
            throw CLIError(.failed, "\(error)")
        }
    }

    static func platform(_ home: Home) throws(CLIError) -> ExitCode {
        do {
            try EmbeddedPlatform.serve(
                socket: home.platformSocket, directory: home.platform, kits: "\(home.aegis)/kits")
            return .done
        } catch {
            throw CLIError(.noPlatform, "\(error)")
        }
    }

    /// Ends the platform's process, which takes its guests along.
    /// - Returns: False when none ran.
    static func stopPlatform(_ home: Home) throws(CLIError) -> Bool {
        do throws(SystemError) {
            let pid: Int32
            do throws(SystemError) {
                let socket = try Sockets.connectUnix(home.platformSocket)
                pid = try Sockets.peerCredentials(socket.raw).process
            } catch {
                return false
            }
            guard pid > 0 else { return false }
            try Processes.kill(pid, SIGTERM)
            let deadline = Clock.monotonicNanoseconds() + 15_000_000_000
            while Processes.exists(pid), Clock.monotonicNanoseconds() < deadline { usleep(20_000) }
            if Processes.exists(pid) { try Processes.kill(pid, SIGKILL) }
            return true
        } catch {
            throw CLIError(.failed, "stop the platform: \(error)")
        }
    }
}
