// From a forked child to PID 1 of a guest.
import Glibc
import System

/// Runs in the child of the launcher: builds the root as the platform's root, enters the guest's
/// namespaces, and becomes the harness. Does not return.
struct GuestStart {
    /// "The user namespace is there: map my ids." Anything else on the pipe is the text of a failure.
    static let mapQuestion = UInt8(ascii: "U")

    let configuration: LaunchConfiguration
    let ask: SharedDescriptor
    let answers: SharedDescriptor

    func run() -> Never {
        do throws(HarnessError) {
            try attempt("make a mount namespace") { () throws(SystemError) in try Namespaces.unshare(.mount) }
            try attempt("build the guest's root") { () throws(SystemError) in
                try RootBuilder(configuration: configuration).build()
                try Mounts.enterRoot(configuration.root)
            }
            try enterNamespaces()
            throw HarnessError("start the harness", become())
        } catch {
            try? IO.writeAll(ask.raw, Array(error.description.utf8))
            exit(Launcher.failureCode)
        }
    }

    private func enterNamespaces() throws(HarnessError) {
        try attempt("make the guest's namespaces") { () throws(SystemError) in
            try Namespaces.unshare([.user, .mount, .net, .ipc, .uts, .cgroup])
            try IO.writeAll(ask.raw, [Self.mapQuestion])
        }
        let reply = try attempt("wait for the id maps") { () throws(SystemError) in
            try IO.read(answers.raw, 1)
        }
        guard reply == [Self.mapQuestion] else {
            throw HarnessError("wait for the id maps", "the launcher has gone")
        }
        try attempt("become root of the guest") { () throws(SystemError) in
            let groups = configuration.machine?.deviceGroup == nil ? [] : [MachinePlan.deviceGroupInside]
            if !configuration.denySetGroups { try Credentials.setGroups(groups) }
            try Credentials.setGroup(0)
            try Credentials.setUser(0)
            try Namespaces.setHostName(configuration.hostName)
        }
        terminals()
    }

    /// Terminals of its own. Best effort: a guest with one id cannot give them to group tty, and works
    /// without.
    private func terminals() {
        let options = "newinstance,ptmxmode=0666,mode=0620"
        do throws(SystemError) {
            try Mounts.mount(
                "devpts", "/dev/pts", type: "devpts", flags: [.noSetuid, .noExecute], data: options + ",gid=5"
            )
        } catch {
            try? Mounts.mount(
                "devpts", "/dev/pts", type: "devpts", flags: [.noSetuid, .noExecute], data: options)
        }
    }

    private func become() -> SystemError {
        var environment = configuration.environment
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment["HOME"] = "/run"
        environment["LANG"] = "C.UTF-8"
        if configuration.machine == nil {
            environment["AEGIS_CONTROL_FD"] = String(Launcher.controlDescriptor)
            environment["AEGIS_GROUND"] = "namespace"
        } else {
            environment[Hypervisor.variable] = configuration.machineText
        }
        do throws(SystemError) {
            let null = try Files.open("/dev/null", O_RDWR).take()
            guard dup2(null, 0) == 0 else { return SystemError(call: "dup2", operand: "stdin", code: EBADF) }
            if null > 2 { _ = close(null) }
            // After the ids have changed, because a change clears it. A launcher that died before this
            // leaves an end of file on the pipe, which is looked at last.
            try Processes.setParentDeathSignal(SIGKILL)
            if try IO.waitReadable(answers.raw, timeoutMilliseconds: 0) {
                return SystemError(call: "read", operand: "the launcher has gone", code: EPIPE)
            }
            let kept = configuration.machine?.descriptors ?? [Launcher.controlDescriptor]
            if !kept.contains(Launcher.controlDescriptor) { _ = close(Launcher.controlDescriptor) }
            for descriptor in kept { try IO.setCloseOnExec(descriptor, false) }
            try Signals.reset()
        } catch {
            return error
        }
        return Processes.execute(
            "/openclaw/bin/openclaw-harness",
            ["openclaw-harness"] + (configuration.machine == nil ? [] : ["vmm"]), environment: environment)
    }
}
