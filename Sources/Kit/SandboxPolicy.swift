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
        /// The guest's own network.
        case guest
    }

    public enum Filter: String, Sendable, Hashable, Codable {
        /// Everything a build or a test needs; nothing that changes the machine.
        case shell
        /// For the kit's own file tools: besides, no sockets at all.
        case strict
    }

    /// Zero means no limit of ours.
    public struct Limits: Sendable, Hashable, Codable {
        public var cpuSeconds = 0
        public var addressSpaceMB = 0
        public var processes = 512
        public var openFiles = 4096
        public var fileMB = 2048

        enum CodingKeys: String, CodingKey, CaseIterable {
            case processes
            case cpuSeconds = "cpu_seconds"
            case addressSpaceMB = "address_space_mb"
            case openFiles = "open_files"
            case fileMB = "file_mb"
        }

        public init() {}

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            cpuSeconds = try values.decodeIfPresent(Int.self, forKey: .cpuSeconds) ?? cpuSeconds
            addressSpaceMB = try values.decodeIfPresent(Int.self, forKey: .addressSpaceMB) ?? addressSpaceMB
            processes = try values.decodeIfPresent(Int.self, forKey: .processes) ?? processes
            openFiles = try values.decodeIfPresent(Int.self, forKey: .openFiles) ?? openFiles
            fileMB = try values.decodeIfPresent(Int.self, forKey: .fileMB) ?? fileMB
        }
    }

    public var views: [View] = []
    /// Covered by nothing readable.
    public var hidden: [String] = []
    /// Read-only within writable views.
    public var protected: [String] = []
    public var workdir = "/"
    public var uid: UInt32 = 1001
    public var gid: UInt32 = 1001
    public var network = Network.none
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
        case views, hidden, protected, workdir, uid, gid, network, environment, limits, seccomp, landlock,
            require
        case tmpMB = "tmp_mb"
        case timeoutMilliseconds = "timeout_ms"
        case graceMilliseconds = "grace_ms"
        case outputHeadBytes = "output_head_bytes"
        case outputTailBytes = "output_tail_bytes"
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        views = try values.decodeIfPresent([View].self, forKey: .views) ?? views
        hidden = try values.decodeIfPresent([String].self, forKey: .hidden) ?? hidden
        protected = try values.decodeIfPresent([String].self, forKey: .protected) ?? protected
        workdir = try values.decodeIfPresent(String.self, forKey: .workdir) ?? workdir
        uid = try values.decodeIfPresent(UInt32.self, forKey: .uid) ?? uid
        gid = try values.decodeIfPresent(UInt32.self, forKey: .gid) ?? gid
        network = try values.decodeIfPresent(Network.self, forKey: .network) ?? network
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

    /// Reads a policy, strictly.
    public static func parse(_ json: JSON) throws(JSONCodingError) -> SandboxPolicy {
        try refuseUnknown(json, Set(CodingKeys.allCases.map(\.rawValue)), at: "")
        if let limits = json["limits"] {
            try refuseUnknown(limits, Set(Limits.CodingKeys.allCases.map(\.rawValue)), at: "/limits")
        }
        let policy = try JSONCoding.decode(SandboxPolicy.self, from: json)
        let paths = policy.views.flatMap { [$0.source, $0.target] } + policy.hidden + policy.protected
        for path in paths + [policy.workdir] where !isPlain(path) {
            throw JSONCodingError(pointer: "", reason: "\(path) is no absolute path without . and ..")
        }
        for number in [
            policy.tmpMB, policy.timeoutMilliseconds, policy.graceMilliseconds, policy.outputHeadBytes,
        ]
            + [
                policy.outputTailBytes, policy.limits.processes, policy.limits.openFiles,
                policy.limits.fileMB,
            ]
        where number < 0 {
            throw JSONCodingError(pointer: "", reason: "\(number): limits are not negative")
        }
        return policy
    }

    private static func refuseUnknown(_ json: JSON, _ known: Set<String>, at pointer: String)
        throws(JSONCodingError)
    {
        for key in (json.objectValue ?? [:]).keys.sorted() where !known.contains(key) {
            throw JSONCodingError(pointer: "\(pointer)/\(key)", reason: "is not a field of a policy")
        }
    }

    private static func isPlain(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.utf8.contains(0)
            && !path.split(separator: "/").contains { $0 == ".." || $0 == "." }
    }

    public var json: JSON { (try? JSONCoding.encode(self)) ?? .null }
}
