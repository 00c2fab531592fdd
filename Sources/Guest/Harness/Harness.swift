// Harness: PID 1 of a guest. It boots, keeps the line to the host, starts and reaps every process, answers
// the agent, sandboxes its tools, and ends everything in order. Start reading at `Supervisor`.
import Glibc
import Kit
import System

/// The entry points of `openclaw-harness`.
public enum Harness {
    /// The version told to the host.
    static let version = "1"

    /// Runs the program: `launch` makes a guest, `vmm` is PID 1 around a virtual machine, `as UID GID --
    /// COMMAND` starts a program as another user, nothing is the harness itself.
    /// - Returns: The exit code.
    public static func main() -> Int32 {
        if EarlyBoot.isNeeded {
            say("\(EarlyBoot.run())")
            // PID 1 must not return: the kernel would panic, and say less.
            return PowerOff.end(code: 70)
        }
        let arguments = Array(Environment.arguments().dropFirst())
        switch arguments.first {
        case nil: return harness()
        case "launch" where arguments.count == 1: return Launcher.run()
        case "vmm" where arguments.count == 1: return Hypervisor.run()
        case "as": return Impersonation.run(Array(arguments.dropFirst()))
        default:
            say("usage: openclaw-harness [launch | vmm | as UID GID -- COMMAND…]")
            return 64
        }
    }

    /// Best effort: without standard error there is nobody to tell.
    static func say(_ text: String) { try? IO.writeAll(2, Array("openclaw-harness: \(text)\n".utf8)) }

    private static func harness() -> Int32 {
        let start = Clock.monotonicNanoseconds()
        Signals.ignoreSIGPIPE()
        do {
            let signals = try Signals([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH])
            // Before anything that reads /proc.
            let isPID1 = Processes.current() == 1
            if isPID1, !Files.exists("/proc/self/exe") { try? Mounts.mount("proc", "/proc", type: "proc") }
            var guest = try GuestFacts.discover()
            var problems = guest.boot()
            if isPID1, guest.ground == .microvm {
                do throws(SystemError) { guest.cgroup = try ControlGroups.make() } catch {
                    problems.append("no control groups: \(error)")
                }
            }
            if !isPID1 { try Processes.setSubreaper() }
            try guest.protectSecrets()
            try prepare(guest)
            let channel = try ControlChannel.connect()
            let supervisor = try Supervisor(guest: guest, signals: signals, channel: channel)
            for problem in problems { supervisor.log("boot: \(problem)") }
            // The real platform takes the first line for an answer, so only our own hears that we are ready.
            if isOwnHost {
                channel.notify("ready", ready(guest, since: start))
            }
            return PowerOff.end(code: try supervisor.run())
        } catch {
            say("\(error)")
            return PowerOff.end(code: 70)
        }
    }

    /// Our own platform, which wants to hear that we are ready.
    static var isOwnHost: Bool {
        Environment.get("AEGIS_CONTROL_FD") != nil || Environment.get("AEGIS_READY") == "1"
    }

    private static func ready(_ guest: GuestFacts, since start: Int64) -> JSON {
        var facts: JSON = [
            "pid": JSON(Int(Processes.current())), "version": .string(version), "layers": guest.layers,
            "boot_ms": JSON((Clock.monotonicNanoseconds() - start) / 1_000_000),
        ]
        if let kernel = Environment.get("AEGIS_KERNEL_MS").flatMap({ Int64($0) }) {
            facts["kernel_ms"] = JSON(kernel)
            facts["uptime_ms"] = JSON(GuestClock.uptimeMilliseconds())
        }
        return facts
    }

    private static func prepare(_ guest: GuestFacts) throws(HarnessError) {
        try attempt("make \(guest.runDirectory)") { () throws(SystemError) in
            try Files.makeDirectories(guest.runDirectory)
            try Files.makeDirectories("\(guest.runDirectory)/private", mode: 0o700)
        }
    }
}

/// `openclaw-harness as UID GID -- COMMAND`: gives up being root, then becomes the command.
enum Impersonation {
    /// Memory that an agent may lock, in bytes: the kernel's own default.
    private static let lockedBytes: UInt64 = 8 << 20

    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count > 3, let user = UInt32(arguments[0]), let group = UInt32(arguments[1]),
            arguments[2] == "--"
        else {
            Harness.say("usage: openclaw-harness as UID GID -- COMMAND…")
            return 64
        }
        let command = Array(arguments[3...])
        do {
            try Credentials.setGroups([group])
            try Credentials.setGroup(group)
            try Credentials.setUser(user)
            try Processes.setNoNewPrivileges()
            // Ours may be without bound, for locking the secrets.
            try System.Limits.lower(.lockedBytes, to: lockedBytes)
            // The change of user has cleared what the harness had set.
            try Processes.setParentDeathSignal(SIGKILL)
        } catch {
            Harness.say("run \(command[0]) as user \(user): \(error)")
            return 126
        }
        guard let path = Environment.lookUp(command[0]) else {
            Harness.say("run \(command[0]): no such program")
            return 127
        }
        let error = Processes.execute(path, command, environment: Environment.all())
        Harness.say("run \(command[0]): \(error)")
        return error.code == ENOENT ? 127 : 126
    }
}
