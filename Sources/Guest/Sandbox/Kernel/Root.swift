import Glibc
import Kit
import System

/// The file system of a tool: a new root that holds the read-only system, a small /dev, its own /proc,
/// private memory and the role's views. The old root is detached, so that nothing else is there at all.
/// Linux: pivot_root(2), mount_setattr(2)
struct Root {
    let policy: SandboxPolicy
    /// Views stay writable; only for showing that other layers hold too.
    let isLoose: Bool

    /// A mount that was copied before anything was covered.
    private struct Piece {
        let source: String
        let target: String
        let tree: SharedDescriptor
        let isDirectory: Bool
        let mode: SandboxPolicy.View.Mode
    }

    /// Where the new root is put together. Every system has it, and what was there is copied before.
    private static let place = "/tmp"
    private static let devices = ["null", "zero", "full", "random", "urandom", "tty"]
    /// Parts of /proc that act on the machine. Read-only, for the case that another layer is missing.
    private static let fixed = ["sys", "sysrq-trigger", "irq", "bus", "fs"]
    /// Parts of /proc that tell about the machine and its kernel.
    private static let covered = [
        "kcore", "keys", "kallsyms", "timer_list", "sched_debug", "latency_stats", "kmsg", "key-users",
        "config.gz",
        "modules",
    ]

    func make(_ layers: inout [String: JSON]) throws(SandboxError) {
        try attempt("part from the outer mounts") { () throws(SystemError) in try Mounts.makePrivate("/") }
        let pieces = try system() + views()
        let devices = try devices()
        try attempt("make a root") { () throws(SystemError) in
            try Mounts.mount(
                "root", Self.place, type: "tmpfs", flags: [.noSetuid], data: "size=4m,mode=755")
        }
        for name in ["proc", "sys", "dev", "dev/pts", "dev/shm", "tmp", "var", "run", "home"] {
            try directory(inside(name))
        }
        // Before the views, so that one below /tmp lies on top of it.
        try memory()
        for piece in pieces where piece.isDirectory { try directory(inside(piece.target)) }
        if !Files.exists(inside("var/tmp")) { try link("/tmp", inside("var/tmp")) }
        try link("/run", inside("var/run"))
        // Outer ones first, so that an inner one lands on top.
        for piece in pieces.sorted(by: { $0.target.utf8.count < $1.target.utf8.count })
        where piece.mode != .copy {
            try show(piece)
        }
        try put(devices)
        try process(&layers)
        for piece in pieces where piece.mode == .copy { try copy(piece) }
        try attempt("enter the root") { () throws(SystemError) in try Mounts.enterRoot(Self.place) }
        var cover = Cover(policy: policy)
        try cover.make()
        if !cover.open.isEmpty { layers["unprotected"] = JSON(cover.open) }
        if !isLoose {
            try attempt("make the root read-only") { () throws(SystemError) in
                try Mounts.restrict("/", [.readOnly, .noSetuid], recursive: false)
            }
        }
        layers["root"] = isLoose ? "own, writable" : "own, read-only"
    }

    private func inside(_ path: String) -> String {
        path.hasPrefix("/") ? Self.place + path : "\(Self.place)/\(path)"
    }

    private func directory(_ path: String) throws(SandboxError) {
        try attempt("make \(path)") { () throws(SystemError) in try Files.makeDirectories(path) }
    }

    private func link(_ target: String, _ path: String) throws(SandboxError) {
        try attempt("link \(path)") { () throws(SystemError) in try Files.symlink(target, at: path) }
    }

    // MARK: What is shown

    private func system() throws(SandboxError) -> [Piece] {
        var pieces: [Piece] = []
        for path in policy.system {
            guard let status = try? Files.status(path, followLinks: false) else { continue }
            // A link of the old root (/bin) is made again below, when the new root is there.
            guard !status.isLink else { continue }
            pieces.append(try piece(path, path, status.isDirectory, .readOnly))
        }
        if Files.isDirectory("/sys/devices/system/cpu") {
            // Runtimes count processors here; the rest of sysfs tells about the machine and helps nobody.
            pieces.append(try piece("/sys/devices/system/cpu", "/sys/devices/system/cpu", true, .readOnly))
        }
        return pieces
    }

    private func views() throws(SandboxError) -> [Piece] {
        var pieces: [Piece] = []
        for view in policy.views {
            let isDirectory = Files.isDirectory(view.source)
            pieces.append(try piece(view.source, view.target, isDirectory, view.mode))
        }
        return pieces
    }

    private func piece(
        _ source: String, _ target: String, _ isDirectory: Bool, _ mode: SandboxPolicy.View.Mode
    ) throws(SandboxError) -> Piece {
        let tree = try attempt("open \(source)") { () throws(SystemError) in
            SharedDescriptor(try Mounts.openTree(source))
        }
        return Piece(source: source, target: target, tree: tree, isDirectory: isDirectory, mode: mode)
    }

    private func show(_ piece: Piece) throws(SandboxError) {
        let target = inside(piece.target)
        try attempt("show \(piece.source) at \(piece.target)") { () throws(SystemError) in
            if !piece.isDirectory, !Files.exists(target) {
                try Files.makeDirectories(Files.parent(of: target))
                try Files.write(target, [])
            }
            try Mounts.attach(tree: piece.tree.raw, at: target)
            var flags: MountFlags = [.noSetuid, .noDevices]
            if piece.mode == .readOnly, !isLoose { flags.insert(.readOnly) }
            try Mounts.restrict(target, flags, recursive: true)
        }
    }

    // MARK: Devices, memory, processes

    private func devices() throws(SandboxError) -> [Piece] {
        var found: [Piece] = []
        for name in Self.devices {
            do throws(SystemError) {
                let tree = SharedDescriptor(try Mounts.openTree("/dev/" + name, recursive: false))
                found.append(
                    Piece(
                        source: name, target: "/dev/" + name, tree: tree, isDirectory: false, mode: .writable)
                )
            } catch {
                guard error.code == ENOENT else { throw SandboxError("open /dev/\(name): \(error)") }
            }
        }
        return found
    }

    private func put(_ devices: [Piece]) throws(SandboxError) {
        for device in devices {
            try attempt("make \(device.target)") { () throws(SystemError) in
                try Files.write(inside(device.target), [])
                try Mounts.attach(tree: device.tree.raw, at: inside(device.target))
            }
        }
        try link("/proc/self/fd", inside("dev/fd"))
        try link("/proc/self/fd/0", inside("dev/stdin"))
        try link("/proc/self/fd/1", inside("dev/stdout"))
        try link("/proc/self/fd/2", inside("dev/stderr"))
        try link("pts/ptmx", inside("dev/ptmx"))
        for path in policy.system {
            guard let status = try? Files.status(path, followLinks: false), status.isLink,
                !Files.exists(inside(path)), let target = try? Files.readLink(path)
            else { continue }
            try link(target, inside(path))
        }
    }

    /// Private memory in the places that programs write to.
    private func memory() throws(SandboxError) {
        try attempt("make /dev/pts") { () throws(SystemError) in
            try Mounts.mount(
                "devpts", inside("dev/pts"), type: "devpts", flags: [.noSetuid, .noExecute],
                data: "newinstance,ptmxmode=0666,mode=620")
        }
        try memory("tmp", policy.tmpMB)
        try memory("dev/shm", 64)
    }

    private func memory(_ path: String, _ megabytes: Int) throws(SandboxError) {
        try attempt("make /\(path)") { () throws(SystemError) in
            try Mounts.mount(
                "tmp", inside(path), type: "tmpfs", flags: [.noSetuid, .noDevices],
                data: "size=\(megabytes)m,mode=1777")
        }
    }

    private func process(_ layers: inout [String: JSON]) throws(SandboxError) {
        do throws(SystemError) {
            try Mounts.mount(
                "proc", inside("proc"), type: "proc", flags: [.noSetuid, .noDevices, .noExecute])
            layers["proc"] = "own"
        } catch {
            // An outer container shows only parts of its own; then ours may not be mounted whole either.
            try attempt("show /proc") { () throws(SystemError) in
                try Mounts.bind("/proc", inside("proc"), readOnly: true, recursive: true)
            }
            layers["proc"] = .string("outer, read-only (\(error.name))")
            return
        }
        guard !isLoose else { return }
        for name in Self.fixed {
            let path = inside("proc/\(name)")
            try fence("fix /proc/\(name)") { () throws(SystemError) in
                try Mounts.bind(path, path, readOnly: true)
            }
        }
        for name in Self.covered {
            // A device's mount keeps nobody from writing to the device, so it need not be read-only.
            try fence("cover /proc/\(name)") { () throws(SystemError) in
                try Mounts.bind(inside("dev/null"), inside("proc/\(name)"))
            }
        }
    }

    /// What this kernel does not have needs no fence.
    private func fence(_ what: String, _ body: () throws(SystemError) -> Void) throws(SandboxError) {
        do throws(SystemError) {
            try body()
        } catch {
            guard error.code == ENOENT else { throw SandboxError("\(what): \(error)") }
        }
    }

    // MARK: Copies

    /// As the tool's user, so that everything in it is its own.
    private func copy(_ piece: Piece) throws(SandboxError) {
        let (source, target) = (inside("run"), inside(piece.target))
        let isMapped = Privileges(policy).isMapped
        let owner = isMapped ? "uid=\(policy.uid),gid=\(policy.gid)" : "uid=0,gid=0"
        try attempt("make room for \(piece.target)") { () throws(SystemError) in
            try Mounts.attach(tree: piece.tree.raw, at: source)
            try Mounts.mount(
                "copy", target, type: "tmpfs", flags: [.noSetuid, .noDevices],
                data: "size=\(max(policy.tmpMB, 64))m,mode=755,\(owner)")
        }
        let child = try attempt("fork") { () throws(SystemError) in try Processes.fork() }
        if child == 0 {
            // Where there is one id only, the tool's own outside is ours already.
            if isMapped {
                guard (try? Privileges(policy).becomeUser(isMapped: true)) != nil else { _exit(126) }
            }
            _ = Processes.execute(
                "/bin/cp", ["cp", "-R", "--preserve=mode,links", "--", "\(source)/.", target],
                environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"])
            _exit(127)
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw SandboxError(
                "copy \(piece.source) to \(piece.target): \(Spawn.ExitStatus(waitStatus: status)); "
                    + "is it larger than tmp_mb, or unreadable to user \(policy.uid)?")
        }
        try attempt("let go of \(piece.source)") { () throws(SystemError) in
            try Mounts.unmount(source, .detach)
        }
    }

}
