// The guest's file system: the machine's own system, read-only, and nothing else of it.
import Glibc
import System

/// Builds a guest's root in a fresh mount namespace.
///
/// It runs as the platform's root, before the guest's user namespace exists: so it reaches a kit below a
/// home of mode 0700, and every mount made here, with its flags, is locked when the user namespace is
/// entered (mount_namespaces(7)).
struct RootBuilder {
    let configuration: LaunchConfiguration
    /// Where it is built.
    let root: String

    init(configuration: LaunchConfiguration, root: String? = nil) {
        (self.configuration, self.root) = (configuration, root ?? configuration.root)
    }

    /// What of /etc a program may need and nobody may mind: no account, no key, no name of this machine.
    static let harmlessEtc = [
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ssl/certs", "ssl/openssl.cnf", "ca-certificates",
        "pki/tls/certs",
        "alternatives", "mime.types", "localtime", "services", "protocols", "os-release", "debian_version",
        "terminfo",
        "fonts", "magic", "java-17-openjdk", "java-21-openjdk", "python3", "perl", "xml", "debuginfod",
    ]
    static let devices = ["null", "zero", "full", "random", "urandom", "tty"]

    func build() throws(SystemError) {
        // What is mounted outside later shows up here; nothing made here shows up outside.
        try Mounts.makeSlave("/")
        try Mounts.mount(
            "openclaw", root, type: "tmpfs", flags: [.noSetuid, .noDevices], data: "size=16m,mode=755")
        try system()
        try etc()
        try devices()
        try kernel()
        try memory()
        if let machine = configuration.machine { try self.machine(machine) } else { try shared() }
        for bind in configuration.binds { try show(bind.source, at: bind.target, readOnly: bind.isReadOnly) }
        try Mounts.restrict(root, .readOnly, recursive: false)
    }

    private func directory(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        try Files.makeDirectories(root + path, mode: mode)
    }

    /// Binds a directory or a file.
    private func show(_ source: String, at target: String, readOnly: Bool = true) throws(SystemError) {
        let real = try Files.realPath(source)
        let isDirectory = Files.isDirectory(real)
        try directory(isDirectory ? target : Files.parent(of: target))
        if !isDirectory, !Files.exists(root + target) { try Files.write(root + target, []) }
        try Mounts.bind(
            real, root + target, readOnly: readOnly, recursive: isDirectory, adding: [.noSetuid, .noDevices])
    }

    private func system() throws(SystemError) {
        for name in ["/usr", "/opt"] where Files.isDirectory(name) { try show(name, at: name) }
        for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            guard let status = try? Files.status(name, followLinks: false) else { continue }
            if status.mode & S_IFMT == S_IFLNK {
                try Files.symlink(try Files.readLink(name), at: root + name)
            } else {
                try show(name, at: name)
            }
        }
        try show(configuration.binaries, at: "/openclaw/bin")
    }

    private func etc() throws(SystemError) {
        try directory("/etc")
        // Of its own, because the harness writes names and hosts into it.
        try Mounts.mount(
            "etc", root + "/etc", type: "tmpfs", flags: [.noSetuid, .noDevices, .noExecute],
            data: "size=4m,mode=755,\(configuration.owner(0))")
        for (name, text) in Etc.files(hostName: configuration.hostName) {
            let path = "\(root)/etc/\(name)"
            try Files.write(path, Array(text.utf8))
            try Files.chown(
                path, user: LaunchConfiguration.outside(0, configuration.users) ?? 0,
                group: LaunchConfiguration.outside(0, configuration.groups) ?? 0)
        }
        for name in Self.harmlessEtc where (try? Files.realPath("/etc/\(name)")) != nil {
            try show("/etc/\(name)", at: "/etc/\(name)")
        }
    }

    private func devices() throws(SystemError) {
        try directory("/dev")
        try Mounts.mount("dev", root + "/dev", type: "tmpfs", flags: [.noSetuid], data: "size=1m,mode=755")
        for name in Self.devices where Files.exists("/dev/\(name)") {
            try Files.write("\(root)/dev/\(name)", [])
            try Mounts.bind("/dev/\(name)", "\(root)/dev/\(name)")
        }
        for (name, target) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ] {
            try Files.symlink(target, at: "\(root)/dev/\(name)")
        }
        try directory("/dev/pts")
        try temporary("/dev/shm", megabytes: configuration.sizes.shm, mode: "1777", owner: 0)
    }

    private func kernel() throws(SystemError) {
        try directory("/proc")
        try Mounts.mount("proc", root + "/proc", type: "proc", flags: [.noSetuid, .noDevices, .noExecute])
        try directory("/sys")
        // Runtimes count processors here; the rest of sysfs tells about the machine and helps nobody.
        if Files.isDirectory("/sys/devices/system/cpu") {
            try show("/sys/devices/system/cpu", at: "/sys/devices/system/cpu")
        }
    }

    /// What the jail of a virtual machine has instead of a volume: the machine's parts, and the system that
    /// the guest inside will see, which is the one that a namespace guest sees.
    private func machine(_ machine: MachinePlan) throws(SystemError) {
        let parts = [
            (machine.kernel, MachinePlan.Path.kernel, true),
            (machine.initramfs, MachinePlan.Path.initramfs, true),
            (machine.disk, MachinePlan.Path.disk, false), (machine.image, MachinePlan.Path.image, true),
        ]
        for case (let source?, let target, let isReadOnly) in parts {
            try show(source, at: target, readOnly: isReadOnly)
        }
        for name in ["kvm", "net/tun"] where Files.exists("/dev/\(name)") {
            try directory(Files.parent(of: "/dev/\(name)"))
            try Files.write("\(root)/dev/\(name)", [])
            try Mounts.bind("/dev/\(name)", "\(root)/dev/\(name)")
        }
        try directory(MachinePlan.Path.share)
        if let share = configuration.share {
            try Mounts.bind(share, root + MachinePlan.Path.share, recursive: true)
        }
        guard machine.image == nil else { return }
        try directory(MachinePlan.Path.system)
        let system = RootBuilder(configuration: configuration, root: root + MachinePlan.Path.system)
        try system.system()
        try system.etc()
    }

    private func memory() throws(SystemError) {
        try temporary("/tmp", megabytes: configuration.sizes.tmp, mode: "1777", owner: 0)
        try temporary("/var/tmp", megabytes: configuration.sizes.tmp, mode: "1777", owner: 0)
        try temporary("/run", megabytes: configuration.sizes.run, mode: "755", owner: 0)
        try temporary(
            "/home/agent", megabytes: configuration.sizes.home, mode: "755", owner: GuestUsers.agent)
        for name in ["/var/lib", "/var/cache", "/var/log"] { try directory(name) }
        try Files.symlink("/run", at: root + "/var/run")
    }

    private func temporary(_ path: String, megabytes: Int, mode: String, owner: UInt32) throws(SystemError) {
        try directory(path)
        try Mounts.mount(
            "tmp", root + path, type: "tmpfs", flags: [.noSetuid, .noDevices],
            data: "size=\(megabytes)m,mode=\(mode),\(configuration.owner(owner))")
    }

    private func shared() throws(SystemError) {
        try directory("/workspace")
        guard let share = configuration.share else { return }
        // The bind is a slave of the platform's mount: what the platform mounts later, on it or below,
        // appears here.
        try Mounts.bind("\(share)/workspace", root + "/workspace", recursive: true)
    }
}

/// The users of a guest.
enum GuestUsers {
    /// Runs the agent.
    static let agent: UInt32 = 1000
    /// Runs tools.
    static let tool: UInt32 = 1001
}

/// The files of /etc that say who is who.
enum Etc {
    static func files(hostName: String) -> [(String, String)] {
        [
            (
                "passwd",
                """
                root:x:0:0:root:/run:/usr/sbin/nologin
                agent:x:1000:1000:agent:/home/agent:/bin/bash
                tool:x:1001:1001:tool:/tmp:/bin/bash
                nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

                """
            ),
            ("group", "root:x:0:\ntty:x:5:\nagent:x:1000:\ntool:x:1001:\nnogroup:x:65534:\n"),
            ("hostname", hostName + "\n"), ("hosts", hosts(hostName: hostName, [])),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
            ("resolv.conf", "# Names are in /etc/hosts; there is no name server.\n"),
            ("shells", "/bin/sh\n/bin/bash\n"),
        ]
    }

    /// The text of /etc/hosts.
    static func hosts(hostName: String, _ entries: [(address: String, name: String)]) -> String {
        "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 \(hostName)\n"
            + entries.map { "\($0.address) \($0.name)\n" }.joined()
    }
}
