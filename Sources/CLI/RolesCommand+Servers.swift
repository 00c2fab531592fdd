// A repository's servers of tools, among the roles: they are trusted and checked in the same way.
import Kit
import Service

extension RolesCommand {
    /// The repository's .mcp.json, when it has one.
    func serversFile() throws(CLIError) -> Library.Entry? {
        try Library.atRoot(RepositoryServers.fileName, of: repository)
    }

    /// What a file says. A server that cannot be used costs only itself, so it is one of the list.
    static func servers(_ entry: Library.Entry) throws(CLIError) -> [MCPServerSpec] {
        let all = MCPServerSpec.all(repository: entry.text)
        let reasons = all.compactMap(\.problem)
        guard reasons.isEmpty || reasons.count < all.count else {
            throw CLIError(
                .usage, reasons.map { "\(entry.path): \($0)" }.joined(separator: "\n"),
                hint: "correct the fields named above")
        }
        return all
    }

    /// One server in a line.
    static func line(_ server: MCPServerSpec) -> String {
        let secrets = server.secretNames.isEmpty ? "" : " with \(server.secretNames.joined(separator: ", "))"
        return switch server.transport {
        case .stdio(let command, _): "\(server.name) (\(command.joined(separator: " "))\(secrets))"
        case .http(let url, _): "\(server.name) (\(url)\(secrets))"
        case .unusable(let reason): "\(server.name) cannot be used: \(reason)"
        }
    }

    /// Its row in the list; nil when the repository has no such file.
    func serversRow() throws(CLIError) -> [String]? {
        guard let file = try serversFile() else { return nil }
        let isTrusted = trusted.trusts(file.text)
        var about: String
        var isSound = true
        do throws(CLIError) {
            let servers = try Self.servers(file)
            about = "servers: " + servers.filter { $0.problem == nil }.map(\.name).joined(separator: ", ")
            let others = servers.filter { $0.problem != nil }.map(\.name)
            if !others.isEmpty { about += "; not used: \(others.joined(separator: ", "))" }
        } catch {
            about = terminal.bad("broken: openclaw roles check")
            isSound = false
        }
        if terminal.wantsJSON {
            terminal.json([
                "name": .string(file.name), "from": .string(file.origin.rawValue),
                "path": .string(file.path), "ok": JSON(isSound), "hidden": false, "trusted": JSON(isTrusted),
            ])
        }
        return [file.name, file.origin.rawValue, isTrusted ? "trusted" : "not trusted", about]
    }

    func neededServersFile() throws(CLIError) -> Library.Entry {
        guard let file = try serversFile() else {
            throw CLIError(
                .notFound, "the repository has no \(RepositoryServers.fileName)",
                hint: "it would be at its root")
        }
        return file
    }

    /// Says what is wrong with a file, be it a role's or that of the servers.
    func verify(_ entry: Library.Entry, _ all: [Library.Entry]) throws(CLIError) {
        if entry.name == RepositoryServers.fileName {
            _ = try Self.servers(entry)
        } else {
            let role = try read(entry, all)
            guard let problem = Programs.problem(of: role, home: home) else { return }
            throw CLIError(.usage, "\(entry.path): \(problem)")
        }
    }

    func showServers() throws(CLIError) -> ExitCode {
        let file = try neededServersFile()
        let servers = try Self.servers(file)
        guard !terminal.wantsJSON else {
            terminal.json([
                "name": .string(file.name), "path": .string(file.path),
                "digest": .string(RoleTrust.digest(file.text)), "trusted": JSON(trusted.trusts(file.text)),
                "mcp": .array(servers.map(\.json)),
            ])
            return .done
        }
        var rows = [["trust", trusted.trusts(file.text) ? "trusted" : "not trusted"]]
        rows += [["digest", RoleTrust.digest(file.text)]]
        rows += servers.map { ["server", Self.line($0)] }
        for row in Show.table(rows.map { $0.map { Terminal.harmless($0) } }) { terminal.line("  " + row) }
        return .done
    }
}
