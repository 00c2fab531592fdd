// openclaw doctor: what works on this machine, and what to do where it does not.
import Glibc
import Kit
import Platform
import Service
import Synchronization
import System

extension Command {
    static let doctor = Command(
        name: "doctor", operands: "", summary: "check this machine, and say what to do about what is missing",
        group: .setup, operandLimit: 0,
        options: [OptionSpec("fresh", "try KVM again, instead of telling what the last try came to")]
    ) { (arguments) throws(CLIError) in
        Doctor(home: Home(), isFresh: arguments.has("fresh")).run(Terminal(arguments))
    }
}

/// The checks.
struct Doctor {
    /// What a check found.
    struct Finding {
        enum Verdict: String { case good = "ok", limited, missing }

        let name: String
        let verdict: Verdict
        let detail: String
        var next = ""
    }

    let home: Home
    /// Nothing that was found out earlier counts.
    var isFresh = false

    func run(_ terminal: Terminal) -> ExitCode {
        // A try of KVM takes seconds where it does not work; the rest is looked at meanwhile.
        let machines = Mutex<[Finding]>([])
        let looking = Worker.start("grounds") {
            let found = grounds()
            machines.withLock { $0 = found }
        }
        let host = [
            kernel(), git(), namespaces(), idRange(), kit(), landlock(), cgroups(), disk(), privacy(),
            coordinator(), credentials(), settings(), namesakes(),
        ]
        looking.join()
        let findings = host + machines.withLock { $0 }
        for finding in findings {
            if terminal.wantsJSON {
                terminal.json([
                    "check": .string(finding.name), "verdict": .string(finding.verdict.rawValue),
                    "detail": .string(finding.detail), "next": .string(finding.next),
                ])
                continue
            }
            let mark =
                switch finding.verdict {
                case .good: terminal.good("ok     ")
                case .limited: terminal.attention("limited")
                case .missing: terminal.bad("missing")
                }
            terminal.line("\(mark)  \(finding.name): \(finding.detail)")
            if !finding.next.isEmpty { terminal.line("         → \(finding.next)") }
        }
        let missing = findings.filter { $0.verdict == .missing }
        if !terminal.wantsJSON {
            terminal.line(
                missing.isEmpty
                    ? "openclaw can run here"
                    : "openclaw cannot run here yet: \(missing.map(\.name).joined(separator: ", "))")
        }
        return missing.isEmpty ? .done : .noPlatform
    }

    private func output(_ command: [String]) -> String? {
        guard let outcome = try? Spawn.run(Spawn.Command(command, timeoutMilliseconds: 10_000)),
            outcome.status.isSuccess
        else { return nil }
        return outcome.stdoutText.split(separator: "\n").first.map(String.init) ?? ""
    }

    private func git() -> Finding {
        guard let version = output(["git", "--version"]) else {
            return Finding(name: "git", verdict: .missing, detail: "not found", next: "apt-get install git")
        }
        let numbers = version.split { !$0.isNumber }.compactMap { Int($0) }
        let isEnough = numbers.count >= 2 && (numbers[0], numbers[1]) >= (2, 38)
        return Finding(
            name: "git", verdict: isEnough ? .good : .missing, detail: version,
            next: isEnough ? "" : "git 2.38 or newer is needed, for merge-tree --write-tree")
    }

    /// Not by looking at settings, but by making one: distributions close them in several ways.
    private func namespaces() -> Finding {
        let isRoot = Credentials.effectiveUser() == 0
        let command = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--net", "true"]
        guard output(command) != nil else {
            return Finding(
                name: "namespaces", verdict: .missing, detail: "this user cannot make a user namespace",
                next:
                    "sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000; "
                    + "on Ubuntu also "
                    + "kernel.apparmor_restrict_unprivileged_userns=0")
        }
        return Finding(
            name: "namespaces", verdict: .good, detail: isRoot ? "work, as root" : "work, as an ordinary user"
        )
    }

    private func idRange() -> Finding {
        if Credentials.effectiveUser() == 0 {
            let ids = SubordinateIDs.ofRoot()
            let range = "\(ids.base) to \(ids.base + ids.count - 1)"
            guard let other = ids.sharedWith else {
                return Finding(
                    name: "users in guests", verdict: .good,
                    detail: "agent and tools have users of their own, \(range), which are nobody else's")
            }
            return Finding(
                name: "users in guests", verdict: .limited,
                detail: "the ids \(range) of guests belong to \(other), too, who can end their processes",
                next: "give root a range of its own in /etc/subuid and /etc/subgid: usermod --add-subuids "
                    + "START-END --add-subgids START-END root")
        }
        let name = output(["id", "-un"]) ?? ""
        let ranges = (try? Files.readText("/etc/subuid", limit: 1 << 20)) ?? ""
        let hasRange = ranges.split(separator: "\n").contains { $0.hasPrefix("\(name):") }
        let hasHelper = Environment.lookUp("newuidmap").map(Files.exists) ?? false
        if hasRange, hasHelper {
            return Finding(name: "users in guests", verdict: .good, detail: "by newuidmap and /etc/subuid")
        }
        return Finding(
            name: "users in guests", verdict: .limited, detail: "agent and tools share one user in a guest",
            next:
                "apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids "
                + "100000-165535 \(name)"
        )
    }

    private func kit() -> Finding {
        let isInstalled = Files.exists("\(home.kit)/aegis-kit.yaml")
        return Finding(
            name: "kit", verdict: isInstalled ? .good : .missing,
            detail: isInstalled ? home.kit : "not installed in \(home.kit)",
            next: isInstalled ? "" : "make install, or: openclaw kit install dist/kit")
    }

    private func landlock() -> Finding {
        let modules = (try? Files.readText("/sys/kernel/security/lsm", limit: 4096)) ?? ""
        let isThere = modules.contains("landlock")
        let isKnown = !modules.isEmpty
        return Finding(
            name: "landlock", verdict: isThere || !isKnown ? .good : .limited,
            detail: isThere
                ? "active" : isKnown ? "not active in this kernel" : "each tool call reports its own layers",
            next: isThere || !isKnown ? "" : "boot with lsm=landlock,…; the other layers hold without it")
    }

    /// Not by reading what there is, but by making a group: most users may not.
    private func cgroups() -> Finding {
        let name = "memory and CPU limits"
        let next =
            "boot with systemd.unified_cgroup_hierarchy=1; as an ordinary user also start it in a scope of "
            + "its own: systemd-run --user --scope -p Delegate=yes openclaw coordinator start"
        guard let held = GuestGroups.tryOut() else {
            return Finding(
                name: name, verdict: .limited,
                detail: "no control group of version 2 can be made: rlimits only", next: next)
        }
        let missing = GuestGroups.wanted.filter { !held.contains($0) }
        return Finding(
            name: name, verdict: missing.isEmpty ? .good : .limited,
            detail: missing.isEmpty
                ? "each guest is held by a control group of its own"
                : "control groups freeze and end guests, and do not bound \(missing.joined(separator: ", "))",
            next: missing.isEmpty ? "" : next)
    }

    private func coordinator() -> Finding {
        let isRunning = CoordinatorClient(home: home).isRunning
        return Finding(
            name: "coordinator", verdict: .good, detail: isRunning ? "runs" : "does not run; a run starts it")
    }

    private func credentials() -> Finding {
        let hasKey = !(Environment.get("ANTHROPIC_API_KEY") ?? "").isEmpty
        return Finding(
            name: "model", verdict: hasKey ? .good : .limited,
            detail: hasKey ? "ANTHROPIC_API_KEY is set" : "no ANTHROPIC_API_KEY",
            next: hasKey
                ? "" : "export ANTHROPIC_API_KEY=…, or use --model openai:MODEL@URL with a local server")
    }
}
