// Namespaces.
import CSystem
import Glibc

/// Kinds of namespaces, as clone(2) has them.
public struct NamespaceKinds: OptionSet, Sendable, Hashable {
    public var rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let mount = NamespaceKinds(rawValue: 0x0002_0000)
    public static let cgroup = NamespaceKinds(rawValue: 0x0200_0000)
    public static let uts = NamespaceKinds(rawValue: 0x0400_0000)
    public static let ipc = NamespaceKinds(rawValue: 0x0800_0000)
    public static let user = NamespaceKinds(rawValue: 0x1000_0000)
    public static let pid = NamespaceKinds(rawValue: 0x2000_0000)
    public static let net = NamespaceKinds(rawValue: 0x4000_0000)

    /// The name of its file in /proc/PID/ns; empty unless it is exactly one kind.
    public var fileName: String {
        switch self {
        case .mount: "mnt"
        case .cgroup: "cgroup"
        case .uts: "uts"
        case .ipc: "ipc"
        case .user: "user"
        case .pid: "pid"
        case .net: "net"
        default: ""
        }
    }
}

/// Namespace calls.
public enum Namespaces {
    /// A range of ids: `count` ids from `inside` on stand for those from `outside` on.
    public struct IDRange: Sendable, Hashable {
        public var inside: UInt32
        public var outside: UInt32
        public var count: UInt32
        public init(inside: UInt32, outside: UInt32, count: UInt32) {
            (self.inside, self.outside, self.count) = (inside, outside, count)
        }
    }

    /// Leaves the named namespaces for new ones; `.pid` holds for the next child. Linux: unshare(2)
    ///
    /// `.user` and `.mount` need a process without other threads.
    public static func unshare(_ kinds: NamespaceKinds) throws(SystemError) {
        try check("unshare", "0x\(String(kinds.rawValue, radix: 16))") { cs_unshare(kinds.rawValue) }
    }

    /// Enters a namespace; for this thread only, except `.user` and `.mount`. Linux: setns(2)
    public static func setNamespace(_ fd: Int32, _ kind: NamespaceKinds) throws(SystemError) {
        try check("setns", kind.fileName) { cs_setns(fd, kind.rawValue) }
    }

    /// Holds a namespace of a process (nil: ours) open.
    public static func open(_ kind: NamespaceKinds, of pid: Int32? = nil) throws(SystemError)
        -> FileDescriptor
    {
        // A thread can be in another namespace than its process: ask for the thread's own.
        try Files.open("/proc/\(pid.map { String($0) } ?? "thread-self")/ns/\(kind.fileName)")
    }

    /// Maps the ids of a new user namespace, from outside it. Linux: user_namespaces(7)
    ///
    /// An unprivileged writer may map one id, its own, and must give up setgroups for the group map.
    public static func writeIDMaps(
        _ pid: Int32, users: [IDRange], groups: [IDRange], denySetGroups: Bool = false
    ) throws(SystemError) {
        if denySetGroups { try writeOnce("/proc/\(pid)/setgroups", "deny") }
        try writeOnce("/proc/\(pid)/uid_map", text(users))
        try writeOnce("/proc/\(pid)/gid_map", text(groups))
    }

    private static func text(_ ranges: [IDRange]) -> String {
        ranges.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined()
    }

    /// These files take their whole content in one write.
    private static func writeOnce(_ path: String, _ text: String) throws(SystemError) {
        let file = try Files.open(path, O_WRONLY)
        let bytes = Array(text.utf8)
        try check("write", path) { Glibc.write(file.raw, bytes, bytes.count) }
    }

    /// Sets the host name of the UTS namespace. Linux: sethostname(2)
    public static func setHostName(_ name: String) throws(SystemError) {
        try check("sethostname", name) { cs_sethostname(name) }
    }
}
