// Who a process is and what it may use.
import CSystem
import Glibc

/// User and group ids. Changes hold for all threads.
public enum Credentials {
    /// The effective user. Linux: geteuid(2)
    public static func effectiveUser() -> UInt32 { geteuid() }
    /// The real user. Linux: getuid(2)
    public static func user() -> UInt32 { getuid() }
    /// The effective group. Linux: getegid(2)
    public static func effectiveGroup() -> UInt32 { getegid() }

    /// Linux: setgroups(2)
    public static func setGroups(_ groups: [UInt32]) throws(SystemError) {
        try check("setgroups", "\(groups)") { cs_setgroups(groups.count, groups) }
    }

    /// Real, effective and saved group at once. Linux: setresgid(2)
    public static func setGroup(_ group: UInt32) throws(SystemError) {
        try check("setresgid", "\(group)") { cs_setresgid(group, group, group) }
    }

    /// Real, effective and saved user at once; leaving 0 drops the capabilities. Linux: setresuid(2)
    public static func setUser(_ user: UInt32) throws(SystemError) {
        try check("setresuid", "\(user)") { cs_setresuid(user, user, user) }
    }
}

/// Resource limits. Linux: getrlimit(2)
public enum Limits {
    /// What can be limited; bytes, seconds or counts as the manual page says.
    public enum Resource: Int32, Sendable, CaseIterable {
        case cpuSeconds = 0
        case fileBytes = 1
        case dataBytes = 2
        case stackBytes = 3
        case coreBytes = 4
        case processes = 6
        case openFiles = 7
        case lockedBytes = 8
        case addressSpaceBytes = 9
    }

    /// The value for "no limit".
    public static let unlimited = UInt64.max

    /// Sets both limits.
    public static func set(_ resource: Resource, soft: UInt64, hard: UInt64) throws(SystemError) {
        try check("setrlimit", "\(resource)") { cs_setrlimit(resource.rawValue, soft, hard) }
    }

    /// The limits in force.
    public static func get(_ resource: Resource) throws(SystemError) -> (soft: UInt64, hard: UInt64) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try check("getrlimit", "\(resource)") { cs_getrlimit(resource.rawValue, &soft, &hard) }
        return (soft, hard)
    }

    /// Sets both limits, but never above what the process may have; so it works without privileges.
    public static func lower(_ resource: Resource, to value: UInt64) throws(SystemError) {
        let now = try get(resource)
        let hard = min(now.hard, value)
        try set(resource, soft: hard, hard: hard)
    }
}
