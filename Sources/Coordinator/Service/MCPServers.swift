// Servers of tools: those that a repository brings, and the secrets that a role's servers get.
import Core
import Delivery
import Kit
import System

/// A repository's .mcp.json: used only when its user trusted exactly that text, as roles are.
public enum RepositoryServers {
    public static let fileName = ".mcp.json"

    /// Keeps it with the session, as it is in the commit that the session starts from.
    static func freeze(
        _ home: Home, session: String, _ repository: SessionRepository, tree: String, _ trust: RoleTrust
    ) throws {
        guard try repository.topLevel(of: tree).contains(fileName),
            let bytes = try repository.file(fileName, in: tree, limitBytes: Roles.fileLimit)
        else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        guard trust.trusts(text) else { return }
        try Files.write("\(home.session(session))/mcp.json", Array(text.utf8), mode: 0o600)
    }

    /// The servers that a session took along, those that cannot be used among them; none without a file.
    static func kept(_ home: Home, session: String) -> [MCPServerSpec] {
        let text = try? Files.readText("\(home.session(session))/mcp.json", limit: Roles.fileLimit)
        return text.map { MCPServerSpec.all(repository: $0) } ?? []
    }
}

extension Role {
    /// A repository's servers go to the roles that may run any program of the repository anyway: they get
    /// nothing by it that they have not. A name of the role's own stays the role's.
    mutating func addServers(of repository: [MCPServerSpec]) {
        guard tools.contains("bash") else { return }
        let names = Set(mcp.map(\.name))
        let added = repository.filter { !names.contains($0.name) }
        mcp += added.prefix(max(0, MCPServerLimits.servers - mcp.count))
    }
}

/// What the user keeps for servers of tools: secrets.yaml in the home of openclaw, `NAME: value`.
public struct HostSecrets: Sendable {
    private let values: [String: String]

    /// In bytes.
    private static let fileLimit = 1 << 20

    /// Why the file cannot be used.
    public struct Problem: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Reads the file; none is like an empty one. One that others can read is refused, because then its
    /// secrets are none.
    public init(home: Home) throws(Problem) {
        let path = "\(home.path)/secrets.yaml"
        guard Files.exists(path) else {
            values = [:]
            return
        }
        do {
            let mode = try Files.status(path).mode
            guard mode & 0o077 == 0 else {
                throw Problem(description: "\(path) can be read by others; run: chmod 600 \(path)")
            }
            let node = try YAML.parse(try Files.readText(path, limit: Self.fileLimit), source: path)
            guard node.json.isNull || node.json.objectValue != nil else {
                throw Problem(description: "\(path): lines must be NAME: value")
            }
            values = (node.json.objectValue ?? [:]).compactMapValues(\.stringValue)
        } catch let error as Problem {
            throw error
        } catch {
            throw Problem(description: "\(error)")
        }
    }

    /// Those of these names that there are.
    public func values(_ names: [String]) -> [String: String] {
        values.filter { names.contains($0.key) && MCPServerSpec.isSecretName($0.key) }
    }
}

extension GuestAPI {
    /// The secrets that the role of an agent names for its servers, and no others.
    func serverSecrets(_ agent: String) throws(ServiceError) -> JSON {
        let role: Role?
        do throws(RoleError) {
            role = try session.roles.role(session.state.agents[agent]?.role ?? "")
        } catch {
            throw ServiceError(error.description, code: "failed", status: 500)
        }
        do throws(HostSecrets.Problem) {
            let names = role?.mcp.flatMap(\.secretNames) ?? []
            let secrets = try HostSecrets(home: session.world.home).values(names)
            return ["secrets": .object(secrets.mapValues { .string($0) })]
        } catch {
            session.world.log("\(session.id): \(error)")
            throw ServiceError(error.description, code: "failed", status: 500)
        }
    }
}
