// A policy in words: what `openclaw sandbox explain` prints.

extension SandboxPolicy {
    /// One line a fact: a name, and what holds.
    public var explanation: [(name: String, text: String)] {
        [("files", files)] + fences + [
            ("private", "/tmp and /dev/shm, of \(tmpMB) MB and 64 MB; gone with the call"),
            (
                "hidden",
                hidden.isEmpty ? "everything that is not named above" : "everything else, and " + list(hidden)
            ),
            ("user", "\(uid), with no capability, none to be had again, and no new privileges"),
            ("processes", "its own only; the first one ends all of them"),
            ("network", networkText), ("system calls", filterText),
            (
                "landlock",
                landlock ? "the same rules again, at the newest version the kernel has" : "not used"
            ), ("limits", limitsText),
            (
                "time",
                "\(timeoutMilliseconds / 1000) s, then TERM, and KILL after \(graceMilliseconds) ms, "
                    + "for all of it"
            ),
            ("output", "the first \(outputHeadBytes) and the last \(outputTailBytes) bytes of each stream"),
            ("environment", environment.keys.sorted().joined(separator: " ")),
            (
                "demands",
                require.isEmpty ? "nothing; what is missing is reported" : list(require) + ", or nothing runs"
            ),
        ]
    }

    private var files: String {
        let shown = views.map { view -> String in
            let place = view.source == view.target ? view.target : "\(view.source) as \(view.target)"
            switch view.mode {
            case .readOnly: return "\(place) read-only"
            case .writable: return "\(place) writable"
            case .copy: return "a throw-away copy of \(place)"
            }
        }
        return (shown + ["the system (\(list(system))) read-only"]).joined(separator: "; ")
    }

    private var fences: [(name: String, text: String)] {
        protected.isEmpty
            ? [] : [("protected", list(protected) + ": neither written, made, moved nor removed")]
    }

    private var networkText: String {
        switch network {
        case .none where !models.isEmpty: "a loopback of its own, with one door: the model gateway"
        case .none: "a loopback of its own; nothing leaves"
        case .proxy: "a loopback of its own, with one door: the egress proxy, for \(list(egress))"
        case .guest: "the guest's own"
        }
    }

    private var filterText: String {
        switch seccomp {
        case .shell:
            "everything a build needs; not mount, namespaces, ptrace, bpf, io_uring, keys, other "
                + "architectures, …"
        case .strict: "only what file tools, git and a shell need; no sockets"
        }
    }

    private var limitsText: String {
        let parts: [(Int, String)] = [
            (limits.memoryMB, "MB of memory"), (limits.processes, "processes"),
            (limits.openFiles, "open files"),
            (limits.fileMB, "MB a file"), (limits.cpuSeconds, "s of CPU"), (limits.cpuPercent, "% of a CPU"),
            (limits.addressSpaceMB, "MB of address space"),
        ]
        return parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
            + "; memory and processes of the whole call where a cgroup can be made, of each process where not"
    }

    private func list(_ items: [String]) -> String { items.joined(separator: " ") }

    /// The policy of a role for a directory of this machine instead of a session's volume.
    public static func local(_ role: Role, directory: String) -> SandboxPolicy {
        var policy = GuestDocument.policy(of: role, agent: "local")
        let home = "\(GuestDocument.workspace)/agents/local"
        policy.protected = policy.protected.map { directory + $0.dropFirst(home.utf8.count) }
        policy.workdir = directory
        switch role.workspace {
        case .clone: policy.views = [.init(source: directory, target: directory, mode: .writable)]
        case .integrationCopy: policy.views = [.init(source: directory, target: directory, mode: .copy)]
        case .readOnly: policy.views = [.init(source: directory, target: directory, mode: .readOnly)]
        case .none: policy.workdir = "/tmp"
        }
        return policy
    }
}
