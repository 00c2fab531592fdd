// What a tool call may do, and what came of it: the words between harness and openclaw-sandbox.

/// A policy for one command. Unknown fields are refused: a misspelt restriction must not be a missing one.
public struct SandboxPolicy: Sendable, Hashable, Codable {
    /// A directory as the tool sees it.
    public struct View: Sendable, Hashable, Codable {
        public enum Mode: String, Sendable, Hashable, Codable {
            case readOnly = "ro"
            case writable = "rw"
            /// A throw-away copy that belongs to the tool.
            case copy
        }

        public var source: String
        public var target: String
        public var mode: Mode

        public init(source: String, target: String, mode: Mode) {
            (self.source, self.target, self.mode) = (source, target, mode)
        }
    }

    public enum Network: String, Sendable, Hashable, Codable {
        /// A network namespace with a loopback interface and nothing else.
        case none
        /// The same, with one door: a relay on its loopback to the coordinator's egress proxy.
        case proxy
        /// The guest's own network.
        case guest
    }

    public enum Filter: String, Sendable, Hashable, Codable {
        /// Everything a build or a test needs; nothing that changes the machine.
        case shell
        /// Only the calls that the kit's own file tools, git and a shell have been seen to need; no sockets.
        case strict
    }

    /// Zero means no limit of ours.
    public struct Limits: Sendable, Hashable, Codable {
        public var cpuSeconds = 0
        public var addressSpaceMB = 0
        public var processes = 512
        public var openFiles = 4096
        public var fileMB = 2048
        /// Of all processes together where a cgroup can be made, of each one's data where not.
        public var memoryMB = 0
        /// Of one processor; needs a cgroup.
        public var cpuPercent = 0

        enum CodingKeys: String, CodingKey, CaseIterable {
            case processes
            case cpuSeconds = "cpu_seconds"
            case addressSpaceMB = "address_space_mb"
            case openFiles = "open_files"
            case fileMB = "file_mb"
            case memoryMB = "memory_mb"
            case cpuPercent = "cpu_percent"
        }

        public init() {}

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            cpuSeconds = try values.decodeIfPresent(Int.self, forKey: .cpuSeconds) ?? cpuSeconds
            addressSpaceMB = try values.decodeIfPresent(Int.self, forKey: .addressSpaceMB) ?? addressSpaceMB
            processes = try values.decodeIfPresent(Int.self, forKey: .processes) ?? processes
            openFiles = try values.decodeIfPresent(Int.self, forKey: .openFiles) ?? openFiles
            fileMB = try values.decodeIfPresent(Int.self, forKey: .fileMB) ?? fileMB
            memoryMB = try values.decodeIfPresent(Int.self, forKey: .memoryMB) ?? memoryMB
            cpuPercent = try values.decodeIfPresent(Int.self, forKey: .cpuPercent) ?? cpuPercent
        }
    }

    /// What of the surrounding system is shown, read-only, where it is; what is not there is left out.
    public var system = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/openclaw",
    ]
    public var views: [View] = []
    /// Covered by nothing readable.
    public var hidden: [String] = []
    /// Read-only within writable views. What does not exist gets an empty place-holder, so that it cannot be
    /// made either.
    public var protected: [String] = []
    public var workdir = "/"
    public var uid: UInt32 = 1001
    public var gid: UInt32 = 1001
    public var network = Network.none
    /// Where the relay leads: HOST:PORT of the egress proxy, as the sandbox's caller reaches it.
    public var proxy = ""
    /// What the relay says to the proxy about who is calling. The tool never sees it.
    public var proxyToken = ""
    /// The hosts of the role, for explanations; the proxy decides.
    public var egress: [String] = []
    /// Size of the private /tmp.
    public var tmpMB = 512
    /// The whole environment of the tool.
    public var environment: [String: String] = [:]
    public var limits = Limits()
    public var seccomp = Filter.shell
    public var landlock = true
    /// Layers without which nothing runs: `seccomp`, `landlock`, `landlock>=4`, `uid`, `net_ns`.
    public var require: [String] = []
    public var timeoutMilliseconds = 120_000
    /// Between TERM and KILL.
    public var graceMilliseconds = 2000
    /// What is kept of each output's start and end.
    public var outputHeadBytes = 65536
    public var outputTailBytes = 65536

    enum CodingKeys: String, CodingKey, CaseIterable {
        case system, views, hidden, protected, workdir, uid, gid, network, proxy, egress, environment
        case limits, seccomp, landlock, require
        case proxyToken = "proxy_token"
        case tmpMB = "tmp_mb"
        case timeoutMilliseconds = "timeout_ms"
        case graceMilliseconds = "grace_ms"
        case outputHeadBytes = "output_head_bytes"
        case outputTailBytes = "output_tail_bytes"
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        system = try values.decodeIfPresent([String].self, forKey: .system) ?? system
        views = try values.decodeIfPresent([View].self, forKey: .views) ?? views
        hidden = try values.decodeIfPresent([String].self, forKey: .hidden) ?? hidden
        protected = try values.decodeIfPresent([String].self, forKey: .protected) ?? protected
        workdir = try values.decodeIfPresent(String.self, forKey: .workdir) ?? workdir
        uid = try values.decodeIfPresent(UInt32.self, forKey: .uid) ?? uid
        gid = try values.decodeIfPresent(UInt32.self, forKey: .gid) ?? gid
        network = try values.decodeIfPresent(Network.self, forKey: .network) ?? network
        proxy = try values.decodeIfPresent(String.self, forKey: .proxy) ?? proxy
        proxyToken = try values.decodeIfPresent(String.self, forKey: .proxyToken) ?? proxyToken
        egress = try values.decodeIfPresent([String].self, forKey: .egress) ?? egress
        tmpMB = try values.decodeIfPresent(Int.self, forKey: .tmpMB) ?? tmpMB
        environment = try values.decodeIfPresent([String: String].self, forKey: .environment) ?? environment
        limits = try values.decodeIfPresent(Limits.self, forKey: .limits) ?? limits
        seccomp = try values.decodeIfPresent(Filter.self, forKey: .seccomp) ?? seccomp
        landlock = try values.decodeIfPresent(Bool.self, forKey: .landlock) ?? landlock
        require = try values.decodeIfPresent([String].self, forKey: .require) ?? require
        timeoutMilliseconds =
            try values.decodeIfPresent(Int.self, forKey: .timeoutMilliseconds) ?? timeoutMilliseconds
        graceMilliseconds =
            try values.decodeIfPresent(Int.self, forKey: .graceMilliseconds) ?? graceMilliseconds
        outputHeadBytes = try values.decodeIfPresent(Int.self, forKey: .outputHeadBytes) ?? outputHeadBytes
        outputTailBytes = try values.decodeIfPresent(Int.self, forKey: .outputTailBytes) ?? outputTailBytes
    }
}
