// What a guest's harness is told about its agent: the role, turned into things that the kernel holds.

/// Makes the document of `configure`.
public enum GuestDocument {
    /// Where the volume is in a guest.
    public static let workspace = "/workspace"

    /// The document of an agent.
    public static func make(
        role: Role, session: String, agent: String, coordinatorURL: String, heartbeatSeconds: Int = 60,
        subdirectory: String? = nil, program: JSON? = nil
    ) -> JSON {
        var document: JSON = [
            "session_id": .string(session), "agent_id": .string(agent), "role": .string(role.name),
            "coordinator_url": .string(coordinatorURL), "tools": JSON(role.tools),
            "prompt": .string(role.prompt),
            "sandbox": policy(of: role, agent: agent, subdirectory: subdirectory).json,
            "heartbeat_seconds": JSON(heartbeatSeconds),
            "clone": JSON(role.workspace == .clone),
            "agent": [
                "turns": JSON(role.turns), "max_tokens": JSON(role.maxTokens),
                "context_tokens": JSON(role.contextTokens),
            ],
        ]
        document["program"] = program
        if !role.mcp.isEmpty { document["mcp"] = .array(role.mcp.map(\.json)) }
        return document
    }

    /// The directories that an agent's guest may write on the volume.
    public static func writableViews(of role: Role, agent: String) -> [String] {
        var views = ["artifacts/\(agent)"]
        if role.workspace == .clone || role.workspace == .integrationCopy { views.append("agents/\(agent)") }
        return views
    }

    /// The base policy of the role's tool calls.
    /// - Parameter subdirectory: Of the repository, where commands start.
    public static func policy(of role: Role, agent: String, subdirectory: String? = nil) -> SandboxPolicy {
        var policy = SandboxPolicy()
        policy.environment = environment
        if !role.languageServers.isEmpty {
            policy.environment[Language.choiceVariable] = Language.choice(role.languageServers)
        }
        policy.seccomp = role.filter
        policy.require = role.require
        policy.limits.memoryMB = memoryMB
        // A word that nobody has replaced is no host.
        let hosts = role.reaching(registries: []).egress
        if !hosts.isEmpty { open(&policy, to: hosts) }
        let home = "\(workspace)/agents/\(agent)"
        if role.workspace != .none {
            policy.views = [.init(source: workspace, target: workspace, mode: .readOnly)]
        }
        switch role.workspace {
        case .clone:
            policy.views.append(.init(source: home, target: home, mode: .writable))
            policy.protected = (gitProtected + role.protected).map { "\(home)/\($0)" }
            policy.workdir = home
        case .integrationCopy:
            policy.views.append(.init(source: "\(workspace)/integration", target: home, mode: .copy))
            policy.workdir = home
        case .readOnly: policy.workdir = "\(workspace)/integration"
        case .none: policy.workdir = "/tmp"
        }
        if let subdirectory, role.workspace != .none { policy.workdir += "/\(subdirectory)" }
        return policy
    }

    /// What of a clone's own git runs programs or leads elsewhere: written by the harness only.
    private static let gitProtected = [".git/config", ".git/hooks", ".git/info", ".git/objects/info"]

    /// What a whole call may use; a compiler of a large program needs a few gigabytes.
    private static let memoryMB = 8192

    /// The port of the coordinator's egress proxy, in the group and on the loopback of a tool.
    public static let proxyPort: UInt16 = 3128
    /// The port of the coordinator in the group, and of the relay for models on the loopback of a program.
    public static let modelPort: UInt16 = 9090

    private static func open(_ policy: inout SandboxPolicy, to hosts: [String]) {
        policy.network = .proxy
        policy.egress = hosts
        policy.proxy = "openclaw-coordinator:\(proxyPort)"
        let url = "http://127.0.0.1:\(proxyPort)"
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"] {
            policy.environment[name] = url
        }
        for name in ["NO_PROXY", "no_proxy"] { policy.environment[name] = "localhost,127.0.0.1,::1" }
        // Node's own fetch looks at the variables only when told to (Node 24).
        policy.environment["NODE_USE_ENV_PROXY"] = "1"
    }

    /// Where a gate runs: a directory that every guest has.
    private static let gateDirectory = "/var/tmp"
    /// Where its tests may leave reports.
    private static let reportDirectory = "/reports"

    /// The policy of a gate: the tree at a place of the volume, copied, a directory for reports, and no
    /// network.
    /// - Parameter subdirectory: Of the tree, where the command starts.
    public static func gatePolicy(
        tree: String, reports: String, subdirectory: String? = nil, timeoutMilliseconds: Int
    ) -> SandboxPolicy {
        var policy = SandboxPolicy()
        policy.environment = environment
        policy.environment["OPENCLAW_REPORTS"] = reportDirectory
        policy.views = [
            .init(source: tree, target: gateDirectory, mode: .copy),
            .init(source: reports, target: reportDirectory, mode: .writable),
        ]
        policy.workdir = gateDirectory + (subdirectory.map { "/\($0)" } ?? "")
        policy.timeoutMilliseconds = timeoutMilliseconds
        policy.tmpMB = 1024
        return policy
    }

    /// What every tool starts with. The repositories on the volume belong to the host's user, and git asks
    /// for that to be said.
    private static let environment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/openclaw/bin", "HOME": "/tmp",
        "LANG": "C.UTF-8", "TERM": "dumb", "CI": "1", "PAGER": "cat", "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    ]
}
