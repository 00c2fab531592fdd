// Where everything of one user lives.
import Kit
public import Platform
public import System

/// The directories and sockets of this user, from `AEGIS_HOME` and `AEGIS_OPENCLAW_HOME`.
public struct Home: Sendable, Hashable {
    /// Of the platform and the kits; `~/.aegis` by default.
    public let aegis: String
    /// Of sessions; `AEGIS_HOME/openclaw` by default.
    public let path: String

    /// Reads the environment.
    public init() {
        let aegis = Environment.get("AEGIS_HOME") ?? "\(Environment.homeDirectory())/.aegis"
        self.init(aegis: aegis, path: Environment.get("AEGIS_OPENCLAW_HOME") ?? "\(aegis)/openclaw")
    }

    /// A home at given places.
    public init(aegis: String, path: String) {
        (self.aegis, self.path) = (aegis, path)
    }

    public var platformSocket: String { "\(aegis)/aegisd.sock" }
    public var kit: String { "\(aegis)/kits/openclaw" }
    public var coordinatorSocket: String { "\(path)/coordinator.sock" }
    public var journal: String { "\(path)/journal.db" }
    public var sessions: String { "\(path)/sessions" }
    public var platform: String { "\(path)/platform" }
    /// What the embedded platform makes virtual machines of.
    public var machines: MachineGround { MachineGround(directory: "\(platform)/machine") }
    /// The port that browsers were given last time.
    public var canvasPort: String { "\(path)/canvas.port" }
    public var coordinatorLog: String { "\(path)/coordinator.log" }
    public var platformLog: String { "\(path)/platform.log" }

    /// The directory of one session.
    public func session(_ id: String) -> String { "\(sessions)/\(id)" }
    /// The program that a hook is.
    public func hook(_ name: String) -> String { "\(kit)/hooks/\(name)" }

    /// Makes the directories, for this user only.
    public func prepare() throws(SystemError) {
        try Files.makeDirectories(aegis, mode: 0o755)
        try Files.makeDirectories(path, mode: 0o700)
        try Files.makeDirectories(sessions, mode: 0o755)
    }
}
