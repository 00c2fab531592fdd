// openclaw kit: what aegis kit install does, for machines without aegis.
import Glibc
import Kit
import Platform
import Service
import System

extension Command {
    static let kit = Command(
        name: "kit", operands: "install DIRECTORY | list | info [NAME]",
        summary: "install the kit under ~/.aegis/kits, or say what is installed", group: .setup,
        operandKinds: [.words(["install", "list", "info"]), .directory], operandLimit: 2, options: []
    ) { (arguments) throws(CLIError) in
        let command = KitCommand(home: Home(), terminal: Terminal(arguments))
        switch arguments.positional.first {
        case "install": return try command.install(arguments.positional.dropFirst().first)
        case "list": return try command.list()
        case "info": return try command.info(arguments.positional.dropFirst().first ?? "openclaw")
        default: throw CLIError(.usage, "openclaw kit needs one of: install DIRECTORY, list, info [NAME]")
        }
    }
}

/// The installed kits.
struct KitCommand {
    let home: Home
    let terminal: Terminal

    private var directory: String { "\(home.aegis)/kits" }
    private static let hooks = ["render_env", "validate_config", "on_publish"]
    private static let guest = ["openclaw-harness", "openclaw-sandbox", "openclaw-agent"]

    /// Copies a kit into place: complete or not at all.
    func install(_ source: String?) throws(CLIError) -> ExitCode {
        let source = source ?? "dist/kit"
        let manifest = try read(source)
        for name in Self.hooks where !Files.isExecutable("\(source)/hooks/\(name)") {
            throw CLIError(
                .notFound, "the kit at \(source) has no executable hooks/\(name)",
                hint: "build it with: make build, then install dist/kit")
        }
        for name in Self.guest where !Files.isExecutable("\(source)/guest/\(name)") {
            throw CLIError(
                .notFound, "the kit at \(source) has no executable guest/\(name)",
                hint: "build it with: make build, then install dist/kit")
        }
        let target = "\(directory)/\(manifest.name)"
        do {
            try Files.makeDirectories(directory)
            let partial = "\(target).partial"
            try Files.removeTree(partial)
            let outcome = try Spawn.run(Spawn.Command(["cp", "-R", "--", source, partial]))
            guard outcome.status.isSuccess else {
                throw CLIError(.failed, "copy the kit to \(partial): \(outcome.stderrText)")
            }
            if Files.exists(target) { try Files.rename(target, "\(target).old") }
            try Files.rename(partial, target)
            try keep(from: "\(target).old/guest", in: "\(target)/guest")
            try Files.removeTree("\(target).old")
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError(.failed, "install the kit to \(target): \(error)")
        }
        let isRegistered = register(target)
        terminal.done(
            "installed \(manifest.name) \(manifest.version) in \(target)",
            ["name": .string(manifest.name), "path": .string(target), "registered": JSON(isRegistered)])
        return .done
    }

    /// What a person put beside the guest's programs stays: guests see it as /openclaw/bin. Programs of the
    /// kit have its name in front, and an old one is not kept.
    private func keep(from old: String, in new: String) throws(SystemError) {
        guard Files.isDirectory(old) else { return }
        for name in try Files.list(old) where !name.hasPrefix("openclaw-") && !Files.exists("\(new)/\(name)")
        {
            try Files.rename("\(old)/\(name)", "\(new)/\(name)")
        }
    }

    /// Tells a platform that runs; one that does not hears of the kit when it starts.
    private func register(_ path: String) -> Bool {
        (try? PlatformClient(socket: home.platformSocket).registerKit(path: path)) != nil
    }

    private func read(_ path: String) throws(CLIError) -> Manifest {
        let file = "\(path)/aegis-kit.yaml"
        let text: String
        do throws(SystemError) {
            text = try Files.readText(file, limit: YAML.sizeLimit)
        } catch {
            throw CLIError(
                .notFound, "read the kit's manifest: \(error)", hint: "give the directory that holds it")
        }
        do throws(ManifestError) {
            return try Manifest.parse(text, source: file)
        } catch {
            throw CLIError(.usage, error.description, hint: "correct the lines named above and install again")
        }
    }

    private func installed() -> [String] {
        ((try? Files.list(directory)) ?? []).filter { Files.exists("\(directory)/\($0)/aegis-kit.yaml") }
            .sorted()
    }

    func list() throws(CLIError) -> ExitCode {
        var rows: [[String]] = []
        for name in installed() {
            let manifest = try read("\(directory)/\(name)")
            if terminal.wantsJSON {
                terminal.json([
                    "name": .string(manifest.name), "version": .string("\(manifest.version)"),
                    "path": .string("\(directory)/\(name)"),
                ])
            }
            rows.append([manifest.name, "\(manifest.version)", manifest.description])
        }
        if terminal.wantsJSON { return .done }
        if rows.isEmpty {
            terminal.line("no kits in \(directory); install one with: openclaw kit install dist/kit")
        }
        for line in Show.table(rows) { terminal.line(line) }
        return .done
    }

    func info(_ name: String) throws(CLIError) -> ExitCode {
        guard installed().contains(name) else {
            throw CLIError(
                .notFound, "the kit \(name) is not installed in \(directory)",
                hint: "install it with: openclaw kit install dist/kit")
        }
        let manifest = try read("\(directory)/\(name)")
        if terminal.wantsJSON {
            terminal.json(manifest.json)
            return .done
        }
        var rows = [
            ["name", manifest.name], ["version", "\(manifest.version)"], ["about", manifest.description],
        ]
        rows.append(["image", manifest.image.base])
        for secret in manifest.secrets {
            let kind = secret.isGenerated ? "generated" : secret.isOptional ? "optional" : "yours to give"
            rows.append([
                "secret", "\(secret.name) (\(secret.scope.rawValue), \(kind)): \(secret.description)",
            ])
        }
        rows.append(["guest", "\(manifest.resources.memoryMegabytes) MB, \(manifest.resources.cpu) CPUs"])
        rows.append(["limits", "\(manifest.resources.maxAgentsPerSession) agents a session"])
        rows.append(["path", "\(directory)/\(name)"])
        for line in Show.table(rows) { terminal.line(line) }
        return .done
    }
}
