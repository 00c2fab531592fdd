// What doctor looks at besides what sessions cannot do without: other programs of the name, the kernel's age,
// the settings.
import Glibc
import Kit
import Service
import System

extension Doctor {
    /// Another program is called openclaw too (npm's, for example), and typing the name must mean this one.
    func namesakes() -> Finding {
        let own = (try? Environment.executablePath()) ?? ""
        let found = Self.programs(named: "openclaw", path: Environment.get("PATH") ?? "")
        let others = found.filter { $0.target != own }
        guard let other = others.first else {
            return Finding(
                name: "name", verdict: .good,
                detail: found.isEmpty ? "openclaw is not on the PATH" : "openclaw on the PATH is this program"
            )
        }
        let isFirst = found.first?.target == own
        return Finding(
            name: "name", verdict: .limited,
            detail: "another program called openclaw is on the PATH: \(other.path)"
                + (isFirst ? ", after this one" : ", before this one"),
            next: isFirst
                ? "nothing, while this one stays first; it never touches ~/.openclaw"
                : "put \(Files.parent(of: own)) first on the PATH, or call \(own)")
    }

    /// The executables of a name on a PATH, in its order, with what they really are.
    static func programs(named name: String, path: String) -> [(path: String, target: String)] {
        var seen: Set<String> = []
        return path.split(separator: ":").compactMap { directory in
            let file = "\(directory)/\(name)"
            guard Files.isExecutable(file), !Files.isDirectory(file), let target = try? Files.realPath(file),
                seen.insert(target).inserted
            else { return nil }
            return (file, target)
        }
    }

    func kernel() -> Finding {
        let release = ((try? Files.readText("/proc/sys/kernel/osrelease", limit: 256)) ?? "").split(
            separator: "\n"
        ).first.map(String.init)
        return Self.kernel(release ?? "")
    }

    /// 5.11 mounts overlays in user namespaces; 5.13 has Landlock, 5.14 ends a whole cgroup at once.
    static func kernel(_ release: String) -> Finding {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else {
            return Finding(name: "kernel", verdict: .limited, detail: "unknown version \(release)")
        }
        let version = (numbers[0], numbers[1])
        if version < (5, 11) {
            return Finding(
                name: "kernel", verdict: .missing, detail: "\(release) is too old",
                next: "Linux 5.11 or newer is needed, 5.14 or newer is better")
        }
        return Finding(
            name: "kernel", verdict: version < (5, 14) ? .limited : .good, detail: release,
            next: version < (5, 14) ? "Linux 5.14 has all layers of the sandbox" : "")
    }

    /// Journals and transcripts are for one person's eyes.
    func privacy() -> Finding {
        guard let words = home.openness else {
            return Finding(name: "privacy", verdict: .good, detail: "only this user looks into \(home.path)")
        }
        return Finding(
            name: "privacy", verdict: .limited, detail: words,
            next: "chmod go-w \(home.aegis) && chmod 700 \(home.path); a coordinator does so when it starts, "
                + "where the directories are its user's own")
    }

    func settings() -> Finding {
        let file = SettingsFile(home: home)
        do throws(CLIError) {
            let count = try file.read().values.count
            return Finding(
                name: "settings", verdict: .good,
                detail: count == 0 ? "none; openclaw config set makes them" : "\(count) in \(file.path)")
        } catch {
            return Finding(
                name: "settings", verdict: .missing, detail: error.message, next: error.hint ?? "")
        }
    }

    /// The megabytes that sessions need at least, and those below which the disk is nearly full.
    private static let (leastMegabytes, scarceMegabytes) = (200, 2048)

    func disk() -> Finding {
        let place = Files.exists(home.path) ? home.path : Files.exists(home.aegis) ? home.aegis : "/"
        let text = (try? Spawn.run(Spawn.Command(["df", "-Pm", place])))?.stdoutText ?? ""
        let fields = text.split(separator: "\n").last?.split(separator: " ") ?? []
        guard fields.count > 3, let free = Int(fields[3]) else {
            return Finding(name: "disk", verdict: .limited, detail: "df does not say how much is free")
        }
        return Self.disk(freeMegabytes: free, place: place)
    }

    static func disk(freeMegabytes free: Int, place: String) -> Finding {
        let verdict: Finding.Verdict =
            free < leastMegabytes ? .missing : free < scarceMegabytes ? .limited : .good
        return Finding(
            name: "disk", verdict: verdict, detail: "\(free) MB free for sessions in \(place)",
            next: verdict == .good
                ? "" : "free some space, or move sessions with AEGIS_OPENCLAW_HOME")
    }
}
