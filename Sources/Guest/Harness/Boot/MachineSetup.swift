// What PID 1 does to its machine before it talks to the host, and the last thing it does.
import Glibc
import System

extension GuestFacts {
    /// What the boot of a machine needs and a container has already: mounts that are missing, and lo.
    /// - Returns: What could not be done; none of it keeps the harness from answering the host.
    func boot() -> [String] {
        guard isPID1 else { return [] }
        var problems: [String] = []
        func attempt(_ body: () throws(SystemError) -> Void) {
            do throws(SystemError) { try body() } catch { problems.append(error.description) }
        }
        // In a namespace guest the launcher has made them all before this namespace was locked.
        if ground != .namespace {
            for mount in mounts {
                attempt { () throws(SystemError) in try mount.make() }
            }
            // Namespaces of tools must not send their mounts here.
            attempt { () throws(SystemError) in try Mounts.makePrivate("/") }
            if ground == .microvm { attempt { () throws(SystemError) in try makeHomes() } }
        }
        attempt { () throws(SystemError) in try Sockets.bringLoopbackUp() }
        return problems
    }

    private struct Mount {
        var type: String
        var target: String
        var flags: MountFlags
        var data = ""

        /// What is mounted already is as good.
        func make() throws(SystemError) {
            try Files.makeDirectories(target)
            do throws(SystemError) {
                try Mounts.mount(type, target, type: type, flags: flags, data: data)
            } catch {
                if error.code != EBUSY { throw error }
            }
        }
    }

    private var mounts: [Mount] {
        let plain: MountFlags = [.noSetuid, .noDevices]
        let strict: MountFlags = [.noSetuid, .noDevices, .noExecute]
        var mounts = [
            Mount(type: "proc", target: "/proc", flags: strict),
            Mount(type: "sysfs", target: "/sys", flags: strict),
            Mount(type: "devtmpfs", target: "/dev", flags: [.noSetuid], data: "mode=755"),
            Mount(
                type: "devpts", target: "/dev/pts", flags: [.noSetuid, .noExecute],
                data: "gid=5,mode=620,ptmxmode=666"),
            Mount(type: "tmpfs", target: "/dev/shm", flags: plain, data: "mode=1777,size=256m"),
            Mount(type: "tmpfs", target: "/run", flags: plain, data: "mode=755,size=64m"),
        ]
        // Our own machine has a disk of the size that the manifest allows, which holds /tmp too.
        if ground == .machine {
            mounts.append(Mount(type: "tmpfs", target: "/tmp", flags: plain, data: "mode=1777"))
        }
        return mounts
    }

    private func makeHomes() throws(SystemError) {
        let places: [(String, UInt32)] = [
            ("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/workspace", 0o755), ("/root", 0o700),
            ("/var/lib", 0o755),
            ("/var/cache", 0o755), ("/var/log", 0o755),
        ]
        for (path, mode) in places {
            try Files.makeDirectories(path)
            try Files.chmod(path, mode)
        }
        if !Files.exists("/var/run") { try Files.symlink("/run", at: "/var/run") }
        try Files.makeDirectories("/home/agent")
        try Files.chown("/home/agent", user: GuestUsers.agent, group: GuestUsers.agent)
        for (name, target) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] where !Files.exists("/dev/\(name)") {
            try Files.symlink(target, at: "/dev/\(name)")
        }
        // Nobody but root looks at another user's processes: their environments hold tokens.
        try Mounts.mount(
            "proc", "/proc", type: "proc", flags: [.remount, .noSetuid, .noDevices, .noExecute],
            data: "hidepid=2")
    }

    /// Shows the volume that the platform has bound into the share.
    func showWorkspace() throws(HarnessError) {
        guard ground == .microvm, Files.isDirectory(MachinePlan.Path.share) else { return }
        try attempt("show the workspace") { () throws(SystemError) in
            try Mounts.bind("\(MachinePlan.Path.share)/workspace", workspace)
            // Nothing else of it is anybody's business.
            try Mounts.unmount(MachinePlan.Path.share, .detach)
            try Files.remove(MachinePlan.Path.share)
        }
    }
}

/// How PID 1 ends.
enum PowerOff {
    /// Time for a file system to be let go, in steps of 10 ms.
    private static let unmountTries = 50

    /// The exit code for who has a parent; a machine is switched off instead, since the end of its first
    /// process is a kernel panic. The verb that works differs per virtual machine monitor: `AEGIS_POWER`.
    static func end(code: Int32) -> Int32 {
        guard Processes.current() == 1, GuestFacts.Ground.current != .namespace else { return code }
        sync()
        for target in ["/workspace", "/upper"] where Files.isDirectory(target) {
            for _ in 0..<unmountTries {
                do throws(SystemError) {
                    try Mounts.unmount(target)
                    break
                } catch {
                    if error.code != EBUSY { break }
                    usleep(10_000)
                }
            }
        }
        let verb = Environment.get("AEGIS_POWER").flatMap(Machine.PowerVerb.init(rawValue:)) ?? .powerOff
        // Where there is no power to switch off (a container's PID 1), leaving is all that is left.
        do throws(SystemError) { try Machine.end(verb) } catch { Harness.say(error.description) }
        return code
    }
}

extension GuestFacts {
    /// Differences below this are not worth a jump of the clock, in milliseconds.
    private static let clockToleranceMilliseconds: Int64 = 100

    /// The host's time, for a machine that has a clock of its own: it may have slept.
    func setClock(_ milliseconds: Int64) {
        guard isPID1, ground != .namespace,
            abs(Clock.wallMilliseconds() - milliseconds) > Self.clockToleranceMilliseconds
        else { return }
        // Best effort: a clock that is off makes odd time stamps and nothing else.
        try? Machine.setWallClock(milliseconds: milliseconds)
    }
}
