// Where everything of one user lives.
import Glibc
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
    /// Signed heads of the journal, beside the directory that it is in.
    public var journalHeads: String { "\(aegis)/openclaw.heads" }
    public var sessions: String { "\(path)/sessions" }
    public var platform: String { "\(path)/platform" }
    /// What the embedded platform makes virtual machines of.
    public var machines: MachineGround { MachineGround(directory: "\(platform)/machine") }
    /// The port that browsers were given last time.
    public var canvasPort: String { "\(path)/canvas.port" }
    /// What coordinators died at.
    public var crashes: String { "\(path)/crashes.log" }
    public var coordinatorLog: String { "\(path)/coordinator.log" }
    public var platformLog: String { "\(path)/platform.log" }

    /// The directory of one session.
    public func session(_ id: String) -> String { "\(sessions)/\(id)" }
    /// The program that a hook is.
    public func hook(_ name: String) -> String { "\(kit)/hooks/\(name)" }

    /// Makes the directories, for this user only. One that was there before, made by hand perhaps, is closed
    /// to others; one that belongs to somebody else is EPERM, because they could take away and replace what
    /// is in it.
    public func prepare() throws(SystemError) {
        try Files.makeDirectories(aegis, mode: 0o755)
        try Files.makeDirectories(path, mode: 0o700)
        for (directory, taken) in [(aegis, 0o022), (path, 0o077)] as [(String, UInt32)] {
            let status = try Files.status(directory)
            guard status.user == Credentials.effectiveUser() else {
                throw SystemError(call: "use the directory of another user", operand: directory, code: EPERM)
            }
            if status.mode & taken != 0 { try Files.chmod(directory, status.mode & 0o7777 & ~taken) }
        }
        try Files.makeDirectories(sessions, mode: 0o755)
    }

    /// What others may do with the directories of this home, in words; nil when nothing.
    public var openness: String? {
        for (directory, taken) in [(aegis, 0o022), (path, 0o077)] as [(String, UInt32)] {
            guard let status = try? Files.status(directory) else { continue }
            if status.user != Credentials.effectiveUser() {
                return "\(directory) belongs to user \(status.user)"
            }
            if status.mode & taken != 0 {
                return "other users may \(taken == 0o022 ? "write" : "look") into \(directory)"
            }
        }
        return nil
    }
}
