// What a tool call may do, and what came of it: the words between harness and openclaw-sandbox.

/// A policy for one command. Unknown fields are refused: a misspelt restriction must not be a missing one.
public struct SandboxPolicy: Sendable, Hashable {
    /// A directory as the tool sees it.
    public struct View: Sendable, Hashable {
        public enum Mode: String, Sendable, Hashable {
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

    public enum Network: String, Sendable, Hashable {
        /// A network namespace with a loopback interface and nothing else.
        case none
        /// The same, with one door: a relay on its loopback to the coordinator's egress proxy.
        case proxy
        /// The guest's own network.
        case guest
    }

    public enum Filter: String, Sendable, Hashable, CaseIterable {
        /// Everything a build or a test needs; nothing that changes the machine.
        case shell
        /// Only the calls that the kit's own file tools, git and a shell have been seen to need; no sockets.
        case strict
    }

    /// Zero means no limit of ours.
    public struct Limits: Sendable, Hashable {
        public var cpuSeconds = 0
        public var addressSpaceMB = 0
        public var processes = 512
        public var openFiles = 4096
        public var fileMB = 2048
        /// Of all processes together where a cgroup can be made, of each one's data where not.
        public var memoryMB = 0
        /// Of one processor; needs a cgroup.
        public var cpuPercent = 0

        public init() {}
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
    /// Where the relay for models leads: HOST:PORT of the coordinator; empty for no such relay.
    public var models = ""
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

    public init() {}
}
