// What a platform is asked for and answers; the same for every ground. The JSON names are those of
// docs/PROTOCOLS.md.
public import Kit

/// A guest that shall exist.
public struct InstanceRequest: Sendable, Hashable, Codable {
    /// Who is in the guest.
    public struct App: Sendable, Hashable, Codable {
        /// Asking for the same id again gives the same instance.
        public var id: String
        public var sessionID: String
        /// Nil for a guest without an agent (a gate).
        public var agentID: String?
        public var role: String?
        public var coordinatorURL: String
        public var peers: JSON
        public var config: JSON
        /// Roles besides the kit's that this app's owner has; the hook `validate_config` is told them.
        public var pluginRoles: [String]?

        enum CodingKeys: String, CodingKey {
            case id, role, peers, config
            case pluginRoles = "plugin_roles"
            case sessionID = "session_id"
            case agentID = "agent_id"
            case coordinatorURL = "coordinator_url"
        }

        public init(
            id: String, sessionID: String, agentID: String? = nil, role: String? = nil,
            coordinatorURL: String,
            peers: JSON = [], config: JSON = [:]
        ) {
            (self.id, self.sessionID, self.agentID, self.role) = (id, sessionID, agentID, role)
            (self.coordinatorURL, self.peers, self.config) = (coordinatorURL, peers, config)
        }
    }

    /// The volume that the guest sees at /workspace, read-only but for the writable views.
    public struct Workspace: Sendable, Hashable, Codable {
        public var volumeID: String
        /// Directories of the volume, relative to it.
        public var writable: [String]
        /// Files and directories of the host that are shown read-only, by where on the volume.
        public var shown: [String: String]?

        enum CodingKeys: String, CodingKey {
            case writable, shown
            case volumeID = "volume_id"
        }

        public init(volumeID: String, writable: [String], shown: [String: String] = [:]) {
            (self.volumeID, self.writable) = (volumeID, writable)
            self.shown = shown.isEmpty ? nil : shown
        }
    }

    public var kit: String
    public var app: App
    /// long-running, stateless or serve.
    public var policy: String
    public var group: String?
    public var workspace: Workspace?
    /// What runs in it; empty for a guest that only takes `exec`.
    public var command: [String]
    /// `agent` or `root`.
    public var runAs: String
    public var environment: [String: String]
    /// Where its secrets are; nil for none.
    public var secretsScope: String?
    /// For the harness.
    public var guest: JSON
    public var maxRuntimeSeconds: Int?
    public var isolation: String

    enum CodingKeys: String, CodingKey {
        case kit, app, policy, group, workspace, command, environment, guest, isolation
        case runAs = "run_as"
        case secretsScope = "secrets_scope"
        case maxRuntimeSeconds = "max_runtime_seconds"
    }

    public init(
        kit: String = "openclaw", app: App, policy: String = "long-running", group: String? = nil,
        workspace: Workspace? = nil, command: [String] = [], runAs: String = "agent",
        environment: [String: String] = [:], secretsScope: String? = nil, guest: JSON = [:],
        maxRuntimeSeconds: Int? = nil, isolation: String = "namespace"
    ) {
        (self.kit, self.app, self.policy, self.group) = (kit, app, policy, group)
        (self.workspace, self.command, self.runAs) = (workspace, command, runAs)
        (self.environment, self.secretsScope, self.guest) = (environment, secretsScope, guest)
        (self.maxRuntimeSeconds, self.isolation) = (maxRuntimeSeconds, isolation)
    }
}

/// A guest that exists or did.
public struct Instance: Sendable, Hashable, Codable {
    /// The states of the seed specification, section 6.
    public enum State: String, Sendable, Hashable, Codable {
        case restoring = "RESTORING"
        case running = "RUNNING"
        case paused = "PAUSED"
        case terminated = "TERMINATED"
    }

    /// Why a guest stands still.
    public enum PauseCause: String, Sendable, Hashable, Codable {
        /// It waited for input; whoever wants something of it wakes it.
        case idle
        /// Somebody said so, and says when it goes on.
        case asked
    }

    public struct Exit: Sendable, Hashable, Codable {
        public var code: Int
        public var reason: String
    }

    public var id: String
    public var appID: String
    public var state: State
    /// The guest's PID 1, as the platform sees it.
    public var pid: Int32?
    /// Its address in the group.
    public var address: String?
    public var exit: Exit?
    /// It was booted before it was asked for.
    public var fromPool: Bool
    /// From the request until its program ran, in milliseconds.
    public var startMilliseconds: Int64?
    /// What kind of guest it is.
    public var isolation: String?
    /// What its harness said of its boot: `kernel_ms`, `uptime_ms`, `boot_ms`, `layers`.
    public var boot: JSON?
    /// Why it stands still, when it does.
    public var pauseCause: PauseCause?

    enum CodingKeys: String, CodingKey {
        case id, state, pid, address, exit, isolation, boot
        case appID = "app_id"
        case fromPool = "from_pool"
        case startMilliseconds = "start_ms"
        case pauseCause = "pause_cause"
    }
}

/// A change of an instance.
public struct InstanceEvent: Sendable, Hashable, Codable {
    public var seq: Int64
    public var instance: String
    public var appID: String
    public var state: Instance.State
    public var exit: Instance.Exit?
    /// Of a guest that stands still now.
    public var pauseCause: Instance.PauseCause?
    /// How long a guest that goes on now stood, in milliseconds.
    public var pausedMilliseconds: Int64?

    enum CodingKeys: String, CodingKey {
        case seq, instance, state, exit
        case appID = "app_id"
        case pauseCause = "pause_cause"
        case pausedMilliseconds = "paused_ms"
    }
}

/// A line that came out of a guest.
public struct LogLine: Sendable, Hashable, Codable {
    public var seq: Int64
    /// Unix milliseconds.
    public var at: Int64
    /// stdout or stderr.
    public var stream: String
    /// agent, harness or exec.
    public var source: String
    public var line: String
    public var dropped: Int?
}

/// What a command in a guest did.
public struct ExecOutcome: Sendable, Hashable, Codable {
    public var exitCode: Int
    public var output: String
    /// Of its sandbox: the layers that held and what was refused; nil when it ran without one.
    public var report: JSON?

    enum CodingKeys: String, CodingKey {
        case output, report
        case exitCode = "exit_code"
    }
}

/// Why a platform did not do what it was asked.
public struct PlatformError: Error, Sendable, Hashable, CustomStringConvertible {
    /// For programs: `no_platform`, `not_found`, `rejected_by_hook`, `unsupported_isolation`, …
    public let code: String
    public let message: String
    public let hint: String

    public init(_ code: String, _ message: String, hint: String = "") {
        (self.code, self.message, self.hint) = (code, message, hint)
    }

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }
}
