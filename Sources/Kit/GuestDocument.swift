// What a guest's harness is told about its agent: the role, turned into things that the kernel holds.

/// Makes the document of `configure`.
public enum GuestDocument {
    /// Where the volume is in a guest.
    public static let workspace = "/workspace"

    /// The document of an agent.
    public static func make(
        role: Role, session: String, agent: String, coordinatorURL: String, heartbeatSeconds: Int = 60
    ) -> JSON {
        [
            "session_id": .string(session), "agent_id": .string(agent), "role": .string(role.name),
            "coordinator_url": .string(coordinatorURL), "tools": JSON(role.tools),
            "prompt": .string(role.prompt),
            "sandbox": policy(of: role, agent: agent).json, "heartbeat_seconds": JSON(heartbeatSeconds),
            "clone": JSON(role.workspace == .clone),
            "agent": [
                "turns": JSON(role.turns), "max_tokens": JSON(role.maxTokens),
                "context_tokens": JSON(role.contextTokens),
            ],
        ]
    }

    /// The directories that an agent's guest may write on the volume.
    public static func writableViews(of role: Role, agent: String) -> [String] {
        var views = ["artifacts/\(agent)"]
        if role.workspace == .clone || role.workspace == .integrationCopy { views.append("agents/\(agent)") }
        return views
    }

    /// The base policy of the role's tool calls.
    public static func policy(of role: Role, agent: String) -> SandboxPolicy {
        var policy = SandboxPolicy()
        policy.environment = environment
        policy.seccomp = role.filter
        policy.require = role.require
        policy.network = role.egress.isEmpty ? .none : .guest
        let home = "\(workspace)/agents/\(agent)"
        switch role.workspace {
        case .clone:
            policy.views = [.init(source: home, target: home, mode: .writable)]
            policy.protected = ["config", "hooks", "info", "objects/info"].map { "\(home)/.git/\($0)" }
            policy.workdir = home
        case .integrationCopy:
            policy.views = [.init(source: "\(workspace)/integration", target: home, mode: .copy)]
            policy.workdir = home
        case .readOnly: policy.workdir = "\(workspace)/integration"
        case .none:
            policy.hidden = [workspace]
            policy.workdir = "/tmp"
        }
        return policy
    }

    /// Where a gate runs: a directory that every guest has.
    private static let gateDirectory = "/var/tmp"

    /// The policy of a gate: the tree at a place of the volume, copied, and no network.
    public static func gatePolicy(tree: String, timeoutMilliseconds: Int) -> SandboxPolicy {
        var policy = SandboxPolicy()
        policy.environment = environment
        policy.views = [.init(source: tree, target: gateDirectory, mode: .copy)]
        policy.workdir = gateDirectory
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
