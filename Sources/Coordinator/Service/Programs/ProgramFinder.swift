// Where people install agent programs, and what of it a guest must see to start one.
import Glibc
public import Kit
import System

/// Where to look, as the person's own shell would.
public struct ProgramPlaces: Sendable, Hashable {
    public var path: [String]
    public var home: String
    public var virtualEnvironment: String?

    public init(path: [String], home: String, virtualEnvironment: String? = nil) {
        (self.path, self.home, self.virtualEnvironment) = (path, home, virtualEnvironment)
    }

    /// Those of this process.
    public static var current: ProgramPlaces {
        ProgramPlaces(
            path: (Environment.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(
                String.init),
            home: Environment.homeDirectory(), virtualEnvironment: Environment.get("VIRTUAL_ENV"))
    }

    public var json: JSON {
        [
            "path": JSON(path), "home": .string(home),
            "virtual_environment": virtualEnvironment.map { .string($0) } ?? .null,
        ]
    }

    public init?(_ json: JSON?) {
        guard let path = json?["path"]?.arrayValue?.compactMap(\.stringValue),
            let home = json?["home"]?.stringValue,
            home.hasPrefix("/")
        else { return nil }
        self.init(
            path: path.filter { $0.hasPrefix("/") }, home: home,
            virtualEnvironment: json?["virtual_environment"]?.stringValue)
    }
}

/// A program that is there.
public struct FoundProgram: Sendable, Hashable {
    /// What is started, without links on the way.
    public var path: String
    /// Files and directories of the host that a guest must see for it, besides the system.
    public var shown: [String] = []
    /// What it needs in PATH before everything else.
    public var paths: [String] = []
    public var environment: [String: String] = [:]
}

/// Why a program cannot be used, and what to do.
public struct ProgramProblem: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    public let hint: String

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }
}

/// Finds programs. It reads names, links, modes and first lines; nothing is run.
public struct ProgramFinder: Sendable {
    private let places: ProgramPlaces
    /// Of openclaw itself, which no guest sees.
    private let own: String

    public init(_ places: ProgramPlaces, home: Home) { (self.places, own) = (places, home.aegis) }

    /// What every guest sees of the machine where it is.
    private static let system = ["/usr", "/opt", "/bin", "/sbin", "/lib", "/lib64"]
    /// Directories of one kind that are looked at, at most.
    private static let listLimit = 200

    /// The program.
    public func find(_ program: AgentProgram) throws(ProgramProblem) -> FoundProgram {
        var refused: ProgramProblem?
        for path in candidates(program) where Files.isExecutable(path) && !Files.isDirectory(path) {
            // A shim chooses a program by files of the person's that no guest sees.
            if path.contains("/shims/") { continue }
            do throws(ProgramProblem) {
                return try resolve(path)
            } catch {
                refused = refused ?? error
            }
        }
        if let refused { throw refused }
        throw ProgramProblem(
            message:
                "the agent program \(program.name) is not installed: there is no "
                + "\(program.find.joined(separator: ", ")) in PATH, ~/.local/bin, pipx, uv tools, npm, nvm "
                + "or a Python package",
            hint: program.install.isEmpty ? "openclaw agents list" : "install it: \(program.install)")
    }

    /// Why a role's own command would not be found in a guest; nil when it would be.
    public func missing(_ command: [String], kit: String) -> ProgramProblem? {
        guard let name = command.first, !name.contains("/") else { return nil }
        // What a guest's PATH names, as it is on this machine.
        let seen = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
        let isSeen = (seen + ["\(kit)/guest"]).contains { Files.isExecutable("\($0)/\(name)") }
        guard !isSeen else { return nil }
        let here = (places.path + directories).map { "\($0)/\(name)" }.first(where: Files.isExecutable)
        return ProgramProblem(
            message: "guests have no \(name)" + (here.map { ": they do not see \($0)" } ?? ""),
            hint: "agent: NAME starts an agent program that is installed here, see openclaw help agents; or "
                + "put it into \(kit)/guest, which guests see as /openclaw/bin")
    }

    // MARK: Where it may be

    private func candidates(_ program: AgentProgram) -> [String] {
        let directories = places.path.filter { $0.hasPrefix("/") } + directories
        let commands = directories.flatMap { directory in program.find.map { "\(directory)/\($0)" } }
        let bundled = packages.flatMap { packages in program.bundled.map { "\(packages)/\($0)" } }
        return commands + bundled
    }

    /// Directories of commands that a person's PATH may lack.
    private var directories: [String] {
        let home = places.home
        var all = ["\(home)/.local/bin", "\(home)/bin"]
        if let environment = places.virtualEnvironment { all.append("\(environment)/bin") }
        all += environments.map { "\($0)/bin" }
        if let prefix = npmPrefix { all.append("\(prefix)/bin") }
        all += ["\(home)/.npm-global/bin", "\(home)/.local/share/npm/bin", "\(home)/.bun/bin"]
        all += list("\(home)/.nvm/versions/node").map { "\($0)/bin" }
        all += list("\(home)/.local/share/fnm/node-versions").map { "\($0)/installation/bin" }
        all += [
            "\(home)/.claude/local/node_modules/.bin", "\(home)/.cargo/bin", "\(home)/go/bin",
            "/usr/local/bin",
        ]
        return all
    }

    /// Python environments that pipx and uv make.
    private var environments: [String] {
        [
            "\(places.home)/.local/share/pipx/venvs", "\(places.home)/.local/pipx/venvs",
            "\(places.home)/.local/share/uv/tools",
        ]
        .flatMap(list)
    }

    /// Directories of Python's packages.
    private var packages: [String] {
        var prefixes = ["\(places.home)/.local", "/usr/local"] + environments
        if let environment = places.virtualEnvironment { prefixes.append(environment) }
        prefixes += places.path.filter { $0.hasSuffix("/bin") }.map { String($0.dropLast(4)) }
        prefixes += list("\(places.home)/.pyenv/versions")
        return prefixes.flatMap(sitePackages)
    }

    private func sitePackages(_ prefix: String) -> [String] {
        list("\(prefix)/lib").filter { Files.name(of: $0).hasPrefix("python3") }
            .flatMap { ["\($0)/site-packages", "\($0)/dist-packages"] }.filter(Files.isDirectory)
    }

    /// What npm was told to install to.
    private var npmPrefix: String? {
        guard let text = try? Files.readText("\(places.home)/.npmrc", limit: 1 << 16) else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" } }
            guard parts.count == 2, parts[0] == "prefix" else { continue }
            let prefix = parts[1].hasPrefix("~/") ? places.home + parts[1].dropFirst() : parts[1]
            return prefix.hasPrefix("/") ? prefix : nil
        }
        return nil
    }

    /// Newest names first, as versions go.
    private func list(_ directory: String) -> [String] {
        ((try? Files.list(directory)) ?? []).sorted(by: >).prefix(Self.listLimit).map { "\(directory)/\($0)" }
    }

    // MARK: What it needs

    private func resolve(_ path: String) throws(ProgramProblem) -> FoundProgram {
        let real = try real(path)
        var found = FoundProgram(path: real)
        var needed = [Self.package(of: real) ?? real]
        if let interpreter = try interpreter(of: real, foundIn: Files.parent(of: path)) {
            try add(interpreter, of: real, to: &found, &needed)
        }
        for place in needed where !Self.isSystem(place) {
            try guardSecrets(place)
            try guardReadable(place)
            found.shown.append(place)
        }
        // What lies inside of another one is seen with it.
        let all = found.shown
        found.shown = Set(all).filter { place in !all.contains { $0 != place && place.hasPrefix($0 + "/") } }
            .sorted()
        return found
    }

    private func real(_ path: String) throws(ProgramProblem) -> String {
        do throws(SystemError) {
            return try Files.realPath(path)
        } catch {
            throw ProgramProblem(
                message: "\(path) leads nowhere: \(error)", hint: "install the program again")
        }
    }

    static func isSystem(_ path: String) -> Bool {
        system.contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    /// The directory of the package that a file belongs to: of Python's site-packages or of npm's
    /// node_modules.
    static func package(of path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        for (index, part) in parts.enumerated().reversed()
        where ["site-packages", "dist-packages", "node_modules"].contains(part) {
            var end = index + 1
            if parts.indices.contains(end), parts[end].hasPrefix("@") { end += 1 }
            guard parts.indices.contains(end), end < parts.count - 1 else { continue }
            return "/" + parts[...end].joined(separator: "/")
        }
        return nil
    }

    /// What the first line of a script names; nil for a program of the machine's own form.
    private func interpreter(of path: String, foundIn directory: String) throws(ProgramProblem) -> String? {
        guard let file = try? Files.open(path, O_RDONLY), let bytes = try? IO.read(file.raw, 512),
            bytes.starts(with: Array("#!".utf8))
        else { return nil }
        let line = String(decoding: bytes.dropFirst(2).prefix { $0 != 0x0A }, as: UTF8.self)
        let words = line.split(separator: " ").map(String.init)
        guard let first = words.first else { return nil }
        guard Files.name(of: first) == "env" else { return first }
        let name = words.dropFirst().first { !$0.hasPrefix("-") } ?? ""
        let beside = [directory, Files.parent(of: path)] + places.path + self.directories
        guard let found = beside.map({ "\($0)/\(name)" }).first(where: Files.isExecutable) else {
            throw ProgramProblem(
                message: "\(path) is run by \(name), which is not there", hint: "put \(name) into PATH")
        }
        return found
    }

    private func add(
        _ interpreter: String, of script: String, to found: inout FoundProgram, _ needed: inout [String]
    ) throws(ProgramProblem) {
        let real = try real(interpreter)
        let prefix = Files.parent(of: Files.parent(of: real))
        if !Self.isSystem(real) { needed.append(prefix) }
        let name = Files.name(of: real)
        if name.hasPrefix("python") || name.hasPrefix("pypy") {
            let own = Files.parent(of: Files.parent(of: interpreter))
            if Files.exists("\(own)/pyvenv.cfg") { return needed.append(own) }
            // Installed for one user: the interpreter looks for that below a home, and a guest's is another
            // one.
            let site = sitePackages(Files.parent(of: Files.parent(of: script)))
            guard !site.isEmpty, !Self.isSystem(script) else { return }
            needed += site
            found.environment["PYTHONPATH"] = site.joined(separator: ":")
        } else {
            found.paths.append(Files.parent(of: real))
        }
    }

    // MARK: What is never shown

    /// Places of logins, tokens and other people's business, below a home.
    static let secrets = [
        ".ssh", ".aws", ".azure", ".gnupg", ".config", ".netrc", ".docker", ".kube", ".claude",
        ".claude.json",
        ".codex", ".vibe", ".gemini", ".npmrc", ".pypirc", ".git-credentials", ".password-store", ".mozilla",
        ".local/share/keyrings", ".local/state", ".cache",
    ]
    /// Of those, what a program's own installer fills with nothing but the program.
    private static let installed = [".claude/local"]
    /// Names that hold logins wherever they lie.
    static let secretNames: Set<String> = [
        ".credentials.json", "auth.json", ".env", ".netrc", ".npmrc", ".pypirc", "credentials",
        "credentials.json",
        ".git-credentials", ".ssh", ".aws", ".claude", ".codex", "oauth_creds.json",
    ]

    private func guardSecrets(_ place: String) throws(ProgramProblem) {
        let home = (try? Files.realPath(places.home)) ?? places.home
        let forbidden = Self.secrets.map { "\(home)/\($0)" } + [own]
        let allowed = Self.installed.map { "\(home)/\($0)" }
        let holdsHome = home == place || home.hasPrefix(place == "/" ? "/" : place + "/")
        let isWide = ["/", "/root", "/home", "/etc", "/var", "/tmp", "/run", "/proc", "/sys", "/dev"]
            .contains(place)
        let isInside =
            forbidden.contains { place == $0 || place.hasPrefix($0 + "/") || $0.hasPrefix(place + "/") }
            && !allowed.contains { place.hasPrefix($0 + "/") }
        guard !holdsHome, !isWide, !isInside else {
            throw ProgramProblem(
                message: "the program needs \(place), where logins are kept, and no guest is shown that",
                hint: "install it with pipx, uv tool, npm or its own installer")
        }
        for name in (try? Files.list(place)) ?? [] where Self.secretNames.contains(name) {
            throw ProgramProblem(
                message:
                    "the program needs \(place), and \(name) in it looks like a login; no guest is shown "
                    + "that",
                hint: "install it into a directory of its own")
        }
    }

    /// A guest is another user than the person.
    private func guardReadable(_ place: String) throws(ProgramProblem) {
        guard let status = try? Files.status(place) else { return }
        let wanted: UInt32 = status.isDirectory || Files.isExecutable(place) ? 0o005 : 0o004
        guard status.mode & wanted == wanted else {
            throw ProgramProblem(
                message: "\(place) cannot be read by others, and a guest is another user",
                hint: "chmod -R o+rX \(place)")
        }
    }
}
