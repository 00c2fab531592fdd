import CCap
import Glibc
import Kit
import System

/// The process that becomes the tool: gives up everything it must not have, in the order in which that is
/// possible.
struct Tool {
    let policy: SandboxPolicy
    let command: [String]
    let ends: Init.Ends
    var layers: [String: JSON]

    init(policy: SandboxPolicy, command: [String], ends: Init.Ends, layers: [String: JSON]) {
        (self.policy, self.command, self.ends, self.layers) = (policy, command, ends, layers)
    }

    func run() -> Never {
        var layers = layers
        do throws(SandboxError) {
            try prepare(&layers)
            try require(layers)
            Init.say(["layers": .object(layers)], to: ends.facts)
            try SystemCallFilter(policy.seccomp).load()
            let failure = Processes.execute(program, command, environment: policy.environment)
            throw SandboxError("run \(command[0]): \(failure)")
        } catch {
            Init.say(["error": .string(error.description)], to: ends.facts)
            exit(Sandbox.Exit.failed)
        }
    }

    private var program: String {
        command[0].contains("/")
            ? command[0]
            : Environment.lookUp(
                command[0], path: policy.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
                ?? command[0]
    }

    private func prepare(_ layers: inout [String: JSON]) throws(SandboxError) {
        try attempt("prepare the tool's process") { () throws(SystemError) in
            try Signals.reset()
            _ = setsid()
            guard dup2(ends.output, 1) == 1, dup2(ends.errors, 2) == 2 else {
                throw SystemError(call: "dup2", code: errno)
            }
        }
        guard chdir(policy.workdir) == 0 else {
            throw SandboxError(
                "enter \(policy.workdir): \(SystemError(call: "chdir", operand: policy.workdir, code: errno))"
            )
        }
        layers["rlimits"] = .string(try limit())
        try dropBounding()
        let user = try Self.becomeUser(policy)
        layers["uid"] = JSON(Int64(user))
        try dropCapabilities()
        layers["capabilities"] = "none"
        try attempt("give up new privileges") { () throws(SystemError) in try Processes.setNoNewPrivileges() }
        layers["no_new_privs"] = true
        layers["landlock"] = .string(policy.landlock ? try Landlock(policy).restrict() : "not asked for")
        layers["seccomp"] = .string(policy.seccomp.rawValue)
        // Everything else goes at exec; the facts' pipe is the one that must stay until then.
        for descriptor in 3..<Int32(256) where descriptor != ends.facts {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    /// The outer ids that exist in this user namespace. Linux: user_namespaces(7)
    static func isMapped(_ id: UInt32) -> Bool {
        let text = (try? Files.readText("/proc/self/uid_map", limit: 65536)) ?? ""
        return text.split(separator: "\n").contains { line in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            return numbers.count == 3 && numbers[0] <= UInt64(id) && UInt64(id) < numbers[0] + numbers[2]
        }
    }

    /// - Returns: The user that it became; 0 where the namespace has no other.
    static func becomeUser(_ policy: SandboxPolicy) throws(SandboxError) -> UInt32 {
        guard isMapped(policy.uid) else { return Credentials.effectiveUser() }
        try attempt("become user \(policy.uid)") { () throws(SystemError) in
            try Credentials.setGroups([])
            try Credentials.setGroup(policy.gid)
            try Credentials.setUser(policy.uid)
        }
        return policy.uid
    }

    private func limit() throws(SandboxError) -> String {
        let limits = policy.limits
        let megabyte: UInt64 = 1 << 20
        var wanted: [(Limits.Resource, UInt64)] = [(.coreBytes, 0)]
        if limits.cpuSeconds > 0 { wanted.append((.cpuSeconds, UInt64(limits.cpuSeconds))) }
        if limits.addressSpaceMB > 0 {
            wanted.append((.addressSpaceBytes, UInt64(limits.addressSpaceMB) * megabyte))
        }
        if limits.processes > 0 { wanted.append((.processes, UInt64(limits.processes))) }
        if limits.openFiles > 0 { wanted.append((.openFiles, UInt64(limits.openFiles))) }
        if limits.fileMB > 0 { wanted.append((.fileBytes, UInt64(limits.fileMB) * megabyte)) }
        for (resource, value) in wanted {
            try attempt("limit \(resource)") { () throws(SystemError) in try Limits.lower(resource, to: value)
            }
        }
        return wanted.map { "\($0.0)" }.joined(separator: " ")
    }

    // MARK: Capabilities

    /// No program can bring a capability back, set-user-id or not. Linux: capabilities(7)
    private func dropBounding() throws(SandboxError) {
        var number: Int32 = 0
        while cap_get_bound(number) >= 0 {
            guard cap_drop_bound(number) == 0 else {
                throw SandboxError("drop capability \(number): \(SystemError(call: "prctl", code: errno))")
            }
            number += 1
        }
    }

    private func dropCapabilities() throws(SandboxError) {
        cap_reset_ambient()
        guard let none = cap_init() else { throw SandboxError("make an empty set of capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(none)) }
        guard cap_set_proc(none) == 0 else {
            throw SandboxError("drop all capabilities: \(SystemError(call: "capset", code: errno))")
        }
    }

    // MARK: What the role demands

    private func require(_ layers: [String: JSON]) throws(SandboxError) {
        for demand in policy.require {
            let isMet: Bool
            switch demand {
            case "seccomp", "capabilities", "no_new_privs", "mount_ns", "pid_ns": isMet = true
            case "net_ns": isMet = policy.network == .none
            case "uid": isMet = layers["uid"]?.int64Value == Int64(policy.uid)
            case "landlock": isMet = Self.abi(layers) > 0
            default:
                guard demand.hasPrefix("landlock>="), let least = Int(demand.dropFirst("landlock>=".count))
                else {
                    throw SandboxError("the role demands \(demand), which is no layer of this sandbox")
                }
                isMet = Self.abi(layers) >= least
            }
            guard isMet else {
                throw SandboxError("the role demands \(demand), and it is missing here; nothing was run")
            }
        }
    }

    private static func abi(_ layers: [String: JSON]) -> Int {
        let text = layers["landlock"]?.stringValue ?? ""
        return text.hasPrefix("abi ") ? Int(text.dropFirst(4)) ?? 0 : 0
    }
}
