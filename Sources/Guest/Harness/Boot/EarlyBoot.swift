// From the kernel's first process to a root file system.
import Glibc
import System

/// What PID 1 does while it still stands in the initial memory file system: load the modules that lie there,
/// mount the system, step onto it, and become the harness that lies on it.
enum EarlyBoot {
    /// A device of the machine may come some time after its driver, in milliseconds.
    static let deviceMilliseconds: Int64 = 10_000
    private static let newRoot = "/newroot"

    /// True for the first process of a machine that we made.
    static var isNeeded: Bool {
        Processes.current() == 1 && Environment.get("AEGIS_BOOT") == "initramfs"
    }

    /// Returns only when it failed.
    static func run() -> HarnessError {
        do throws(HarnessError) {
            try mountKernelFiles()
            let uptime = GuestClock.uptimeMilliseconds()
            try loadModules()
            try makeRoot()
            return try become(kernelMilliseconds: uptime)
        } catch {
            return error
        }
    }

    private static func mountKernelFiles() throws(HarnessError) {
        for (type, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
            try attempt("mount \(target)") { () throws(SystemError) in
                try Files.makeDirectories(target)
                do throws(SystemError) {
                    try Mounts.mount(type, target, type: type, flags: [.noSetuid])
                } catch {
                    if error.code != EBUSY { throw error }
                }
            }
        }
    }

    /// In the order of the list, which has every module behind those that it needs.
    private static func loadModules() throws(HarnessError) {
        try attempt("load the kernel's modules") { () throws(SystemError) in
            guard Files.exists("/modules/order") else { return }
            for name in try Files.readText("/modules/order").split(separator: "\n") {
                try Machine.loadModule("/modules/\(name)")
                // Memory of the machine, from now on.
                try Files.remove("/modules/\(name)")
            }
        }
    }

    private static func makeRoot() throws(HarnessError) {
        for directory in ["/lower", "/upper", newRoot] {
            try attempt("make \(directory)") { () throws(SystemError) in try Files.makeDirectories(directory)
            }
        }
        let isImage = Environment.get("AEGIS_ROOT") == "image"
        try attempt("mount what the guest writes") { () throws(SystemError) in
            let target = isImage ? "/upper" : newRoot
            if Environment.get("AEGIS_DISK") == "1" {
                try Mounts.mount(
                    try blockDevice("disk"), target, type: "ext4", flags: [.noSetuid, .noDevices])
            } else {
                try Mounts.mount("upper", target, type: "tmpfs", flags: [.noSetuid, .noDevices])
            }
        }
        try attempt("mount the system") { () throws(SystemError) in
            if isImage { try mountImage() } else { try mountSystem() }
        }
        try attempt("mount the share") { () throws(SystemError) in
            try Files.makeDirectories(newRoot + MachinePlan.Path.share, mode: 0o700)
            try Mounts.mount(
                MachinePlan.Tag.share, newRoot + MachinePlan.Path.share, type: "virtiofs",
                flags: [.noSetuid, .noDevices])
        }
    }

    /// An image, under what the guest writes over it.
    private static func mountImage() throws(SystemError) {
        let device = try blockDevice("image")
        do throws(SystemError) {
            try Mounts.mount(device, "/lower", type: "erofs", flags: [.readOnly, .noDevices])
        } catch {
            try Mounts.mount(device, "/lower", type: "squashfs", flags: [.readOnly, .noDevices])
        }
        for name in ["/upper/root", "/upper/work"] { try Files.makeDirectories(name) }
        try Mounts.mount(
            "system", newRoot, type: "overlay", flags: [.noSetuid, .noDevices],
            data: "lowerdir=/lower,upperdir=/upper/root,workdir=/upper/work")
    }

    /// The host's system, part by part, on a root that is the guest's own. An overlay over virtiofs would
    /// be simpler, but overlayfs opens what lies below with O_NOATIME, which the host's virtiofsd may not
    /// do with files that are not its own: EPERM for every program.
    private static func mountSystem() throws(SystemError) {
        let flags: MountFlags = [.readOnly, .noSetuid, .noDevices]
        try Mounts.mount(MachinePlan.Tag.system, "/lower", type: "virtiofs", flags: flags)
        for name in try Files.list("/lower") where name != "etc" {
            try show("/lower/\(name)", newRoot + "/\(name)")
        }
        try Files.makeDirectories(newRoot + "/etc")
        let own = Set(Etc.files(hostName: "").map(\.0))
        for name in try Files.list("/lower/etc") {
            let (source, target) = ("/lower/etc/\(name)", "\(newRoot)/etc/\(name)")
            // The few files that say who is who are this guest's to write.
            if own.contains(name) {
                try Files.write(target, try Files.read(source, limit: 65536))
            } else {
                try show(source, target)
            }
        }
    }

    private static func show(_ source: String, _ target: String) throws(SystemError) {
        let status = try Files.status(source, followLinks: false)
        if status.isLink { return try Files.symlink(try Files.readLink(source), at: target) }
        if status.isDirectory { try Files.makeDirectories(target) } else { try Files.write(target, []) }
        try Mounts.bind(source, target, readOnly: true, adding: [.noSetuid, .noDevices])
    }

    /// The disk with a name that the platform gave it: their numbers depend on the order of the buses.
    private static func blockDevice(_ serial: String) throws(SystemError) -> String {
        let deadline = Supervisor.now + deviceMilliseconds
        while true {
            for name in try Files.list("/sys/block") where name.hasPrefix("vd") {
                let found = (try? Files.readText("/sys/block/\(name)/serial"))?.prefix { $0 != "\n" }
                if found.map(String.init) == serial, Files.exists("/dev/\(name)") { return "/dev/\(name)" }
            }
            guard Supervisor.now < deadline else {
                throw SystemError(call: "find disk", operand: serial, code: ENODEV)
            }
            usleep(5000)
        }
    }

    private static func become(kernelMilliseconds: Int64) throws(HarnessError) -> HarnessError {
        let harness = "/openclaw/bin/openclaw-harness"
        try attempt("enter the system") { () throws(SystemError) in
            for name in ["/proc", "/sys", "/dev"] {
                try Files.makeDirectories(newRoot + name)
                try Mounts.mount(name, newRoot + name, flags: .move)
            }
            // The first system is memory that the guest can use better.
            try? Files.remove("/init")
            try Machine.switchRoot(newRoot)
        }
        var environment: [String: String] = [:]
        for (name, value) in Environment.all() where name.hasPrefix("AEGIS_") && name != "AEGIS_BOOT" {
            environment[name] = value
        }
        environment["AEGIS_GROUND"] = "microvm"
        environment["AEGIS_KERNEL_MS"] = "\(kernelMilliseconds)"
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment["HOME"] = "/run"
        environment["LANG"] = "C.UTF-8"
        return HarnessError(
            "become \(harness)",
            Processes.execute(harness, ["openclaw-harness"], environment: environment))
    }
}

/// Times of the machine.
enum GuestClock {
    /// Since the kernel started.
    static func uptimeMilliseconds() -> Int64 { Clock.bootNanoseconds() / 1_000_000 }
}
