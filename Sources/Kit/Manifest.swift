// What a kit declares about itself: `aegis-kit.yaml`. The platform reads it at registration, the hooks know
// its limits, and `openclaw doctor` shows it.

/// A kit's manifest (seed specification, section 2). Parsed by `Manifest.parse`; what a kit leaves out has
/// the platform's default.
public struct Manifest: Sendable, Hashable {
    /// Lower-case letters, digits and hyphens.
    public var name: String
    public var version: SemanticVersion
    public var description: String
    /// Empty when the kit names none.
    public var homepage: String
    public var image: Image
    /// `secrets.required`, in order.
    public var secrets: [Secret]
    /// Nil for a kit that nobody connects to.
    public var routing: Routing?
    public var networking: Networking
    public var policies: Policies
    public var resources: Resources
    public var workspace: Workspace

    public struct Image: Sendable, Hashable {
        /// A reference such as `ghcr.io/openclaw/agent-base:latest`.
        public var base: String
    }

    public struct Secret: Sendable, Hashable {
        public enum Scope: String, Sendable, Hashable, CaseIterable {
            case workspace = "per_workspace"
            case app = "per_app"
            case session = "per_session"
        }

        /// The name of the environment variable.
        public var name: String
        public var description: String
        public var scope: Scope
        /// A person gives it.
        public var isUserProvided: Bool
        /// The platform makes it up.
        public var isGenerated: Bool
        /// The kit works without it.
        public var isOptional: Bool
    }

    public struct Routing: Sendable, Hashable {
        public struct Port: Sendable, Hashable {
            public enum Transport: String, Sendable, Hashable, CaseIterable {
                case http, tcp, grpc
            }

            public var number: Int
            public var transport: Transport
            /// People look at it.
            public var isUI: Bool
        }

        /// A path with placeholders: `/session/{sessionId}/canvas`.
        public var scheme: String
        public var hasSessionStickiness: Bool
        public var hasWebSocket: Bool
        public var expose: [Port]
    }

    public struct Networking: Sendable, Hashable {
        public enum Egress: String, Sendable, Hashable, CaseIterable {
            case allow, deny
        }

        public var egress: Egress = .deny
        /// Each `host:port`, reachable from guests.
        public var internalHosts: [String] = []
        /// Guests of one group reach each other.
        public var isInterVM = false
        public var hasLongLivedConnections = false
    }

    public struct Policies: Sendable, Hashable {
        public enum Name: String, Sendable, Hashable, CaseIterable {
            case stateless, build, serve
            case longRunning = "long-running"
            case keepAlive = "keep-alive"
            case cachedResume = "cached-resume"
        }

        public var defaultTask: Name = .stateless
        public var defaultServe: Name = .serve
        /// How many guests wait, booted, for work.
        public var warmPool = 0
    }

    public struct Resources: Sendable, Hashable {
        public var memoryMegabytes = 512
        /// Virtual processors.
        public var cpu = 1
        public var diskMegabytes = 1024
        /// The kit's own limits: every key that starts with `max_`.
        public var maxima: [String: Int] = [:]

        /// The platform's defaults.
        public init() {}

        /// `max_agents_per_session`; 8 when the kit says nothing.
        public var maxAgentsPerSession: Int { maxima["max_agents_per_session"] ?? 8 }
        /// `max_sessions_per_workspace`; 3 when the kit says nothing.
        public var maxSessionsPerWorkspace: Int { maxima["max_sessions_per_workspace"] ?? 3 }
    }

    public struct Workspace: Sendable, Hashable {
        public enum Mode: String, Sendable, Hashable, CaseIterable {
            case isolated, shared
        }

        public var mode: Mode = .isolated
    }
}

extension Manifest {
    /// The manifest under the names of the file, sizes in megabytes: what the platform's API shows.
    public var json: JSON {
        [
            "name": .string(name), "version": .string("\(version)"), "description": .string(description),
            "homepage": .string(homepage), "image": ["base": .string(image.base)],
            "secrets": ["required": .array(secrets.map(\.json))],
            "routing": routing?.json ?? .null,
            "networking": [
                "egress": .string(networking.egress.rawValue),
                "internal_hosts": JSON(networking.internalHosts),
                "inter_vm": .bool(networking.isInterVM),
                "long_lived_connections": .bool(networking.hasLongLivedConnections),
            ],
            "policies": [
                "default_task": .string(policies.defaultTask.rawValue),
                "default_serve": .string(policies.defaultServe.rawValue),
                "warm_pool": JSON(policies.warmPool),
            ],
            "resources": .object(
                resources.maxima.mapValues { JSON($0) }.merging(
                    [
                        "memory_mb": JSON(resources.memoryMegabytes), "cpu": JSON(resources.cpu),
                        "disk_mb": JSON(resources.diskMegabytes),
                    ], uniquingKeysWith: { _, own in own })),
            "workspace": ["mode": .string(workspace.mode.rawValue)],
        ]
    }
}

extension Manifest.Secret {
    fileprivate var json: JSON {
        [
            "name": .string(name), "description": .string(description), "scope": .string(scope.rawValue),
            "user_provided": .bool(isUserProvided), "generated": .bool(isGenerated),
            "optional": .bool(isOptional),
        ]
    }
}

extension Manifest.Routing {
    fileprivate var json: JSON {
        let ports = expose.map { port -> JSON in
            [
                "port": JSON(port.number), "protocol": .string(port.transport.rawValue),
                "ui": .bool(port.isUI),
            ]
        }
        return [
            "scheme": .string(scheme), "session_stickiness": .bool(hasSessionStickiness),
            "websocket": .bool(hasWebSocket), "expose": .array(ports),
        ]
    }
}
