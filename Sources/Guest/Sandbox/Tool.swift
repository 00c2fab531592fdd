import CSystem
import Glibc
import Kit
import System

/// The process that becomes the tool: gives up everything it must not have, in the order in which that is
/// possible.
struct Tool {
    let call: Call
    let ends: Ends
    let terminal: Terminal?
    let hasGroup: Bool
    let isMapped: Bool
    /// Nil where the filter is switched off.
    let filter: SystemCallFilter.Programs?
    var layers: [String: JSON]

    private var policy: SandboxPolicy { call.policy }

    /// Runs in init's memory: what it allocates is left behind there, and it ends by exec or `_exit` only.
    func run() -> Never {
        var layers = layers
        do throws(SandboxError) {
            try attach()
            try giveUp(&layers)
            layers["seccomp"] = filter == nil ? "switched off" : .string(policy.seccomp.rawValue)
            try Requirements(policy).check(layers)
            try report(layers)
            let failure = Processes.execute(program, call.command, environment: policy.environment)
            throw SandboxError("run \(call.command[0]): \(failure)")
        } catch {
            ends.side.fail(error)
            _exit(Sandbox.Exit.failed)
        }
    }

    private var program: String {
        let name = call.command[0]
        guard !name.contains("/") else { return name }
        return Environment.lookUp(name, path: policy.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
            ?? name
    }

    /// Its session, its descriptors, its place.
    private func attach() throws(SandboxError) {
        try attempt("prepare the tool's process") { () throws(SystemError) in
            try Signals.reset()
            // Without a controlling terminal, and so without anybody's keyboard.
            _ = setsid()
            if let output = ends.output, dup2(output, 1) < 0 { throw SystemError(call: "dup2", code: errno) }
            if let errors = ends.errors, dup2(errors, 2) < 0 { throw SystemError(call: "dup2", code: errno) }
        }
        try terminal?.take()
        // Whatever else is open here, by whom ever it was left, ends at exec. Linux: close_range(2)
        guard cs_close_range(3, UInt32.max, 4) == 0 else {
            throw SandboxError("close descriptors: \(SystemError(call: "close_range", code: cs_errno()))")
        }
        guard chdir(policy.workdir) == 0 else {
            throw SandboxError(
                "enter \(policy.workdir): \(SystemError(call: "chdir", operand: policy.workdir, code: errno))"
            )
        }
    }

    private func giveUp(_ layers: inout [String: JSON]) throws(SandboxError) {
        let privileges = Privileges(policy)
        layers["rlimits"] =
            call.has("rlimits") ? .string(try privileges.limit(hasGroup: hasGroup)) : "switched off"
        let dropsAll = call.has("capabilities")
        // A new user namespace brings a full set of its own, so there the sets are emptied after it is made.
        if isMapped, dropsAll {
            try privileges.dropBounding()
            try privileges.lockSecureBits()
        }
        layers["uid"] =
            call.has("uid") ? .string(try privileges.becomeUser(isMapped: isMapped)) : "switched off"
        if dropsAll {
            if !isMapped {
                try privileges.dropBounding()
                try privileges.lockSecureBits()
            }
            try privileges.dropCapabilities()
        }
        layers["capabilities"] = dropsAll ? "none" : "switched off"
        layers["securebits"] = dropsAll ? "locked" : "switched off"
        try attempt("give up new privileges") { () throws(SystemError) in try Processes.setNoNewPrivileges() }
        layers["no_new_privs"] = true
        let asksForLandlock = policy.landlock && call.has("landlock")
        layers["landlock"] = .string(asksForLandlock ? try Landlock(policy).restrict() : "not asked for")
    }

    /// The filter comes last: what it refuses, nobody needs any more. Its listener goes with the report.
    private func report(_ layers: [String: JSON]) throws(SandboxError) {
        var layers = layers
        var listener: Int32?
        if let filter {
            listener = try SystemCallFilter.load(filter)
            layers["denial_trace"] =
                listener == nil ? "none: an outer sandbox has the kernel's one listener" : "seccomp"
        }
        let words = JSON.object(layers).serialized()
        try attempt("report the layers") { () throws(SystemError) in
            try ends.side.tell(.layers, words, passing: listener)
        }
    }
}

/// The layers without which a role runs nothing.
struct Requirements {
    private let policy: SandboxPolicy

    init(_ policy: SandboxPolicy) { self.policy = policy }

    /// Layers that are either true or absent.
    private static let flags = [
        "mount_ns", "pid_ns", "ipc_ns", "uts_ns", "cgroup_ns", "net_ns", "no_new_privs",
    ]

    func check(_ layers: [String: JSON]) throws(SandboxError) {
        for demand in policy.require {
            guard let isMet = Self.isMet(demand, layers, policy) else {
                throw SandboxError("the role demands \(demand), which is no layer of this sandbox")
            }
            guard isMet else {
                throw SandboxError("the role demands \(demand), and it is missing here; nothing was run")
            }
        }
    }

    /// Nil when there is no such layer.
    static func isMet(_ demand: String, _ layers: [String: JSON], _ policy: SandboxPolicy) -> Bool? {
        if flags.contains(demand) { return layers[demand]?.boolValue == true }
        switch demand {
        case "seccomp": return layers["seccomp"]?.stringValue == policy.seccomp.rawValue
        case "capabilities": return layers["capabilities"]?.stringValue == "none"
        case "securebits": return layers["securebits"]?.stringValue == "locked"
        case "uid": return layers["uid"]?.stringValue.map { $0.hasPrefix("\(policy.uid)") } ?? false
        case "root": return layers["root"]?.stringValue == "own, read-only"
        case "proc": return layers["proc"]?.stringValue == "own"
        case "cgroup": return layers["cgroup"]?.stringValue.map { !$0.hasPrefix("absent") } ?? false
        case "protected": return layers["unprotected"] == nil
        case "landlock": return abi(layers) > 0
        default:
            guard demand.hasPrefix("landlock>="), let least = Int(demand.dropFirst("landlock>=".count))
            else { return nil }
            return abi(layers) >= least
        }
    }

    private static func abi(_ layers: [String: JSON]) -> Int {
        let words = (layers["landlock"]?.stringValue ?? "").split(separator: " ")
        return words.count > 1 && words[0] == "abi" ? Int(words[1]) ?? 0 : 0
    }
}
