// What virtual machines are made of on this host.
import Glibc
public import Kit
import Synchronization
import System

/// Finds the parts of a virtual machine, makes those that are made here, and says plainly which one is
/// missing.
public final class MachineGround: Sendable {
    /// The programs.
    struct Programs: Sendable, Hashable {
        var qemu: String
        var virtiofsd: String
    }

    /// How much of the host one guest may have.
    public struct Size: Sendable, Hashable {
        public var memoryMegabytes = 1024
        public var processors = 2
        public var diskMegabytes = 5120

        /// What the seed specification gives an agent.
        public init() {}

        init(memoryMegabytes: Int, processors: Int, diskMegabytes: Int) {
            (self.memoryMegabytes, self.processors) = (memoryMegabytes, processors)
            self.diskMegabytes = diskMegabytes
        }
    }

    private struct Made: Hashable {
        var harness: String
        var modified: Int64
        var size: Int64
        var modules: [String]
    }

    /// For what is made once.
    let directory: String
    private let archives = Mutex<[Made: String]>([:])
    private let verdict = Mutex<KVM.Verdict?>(nil)

    public init(directory: String) { self.directory = directory }

    // MARK: Parts

    private static let qemuPaths = ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64"]
    private static let virtiofsdPaths = [
        "/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd",
    ]

    static func programs() throws(PlatformError) -> Programs {
        #if !arch(x86_64)
            throw PlatformError(
                "no_machine", "QEMU's microvm machine is one of x86-64 only",
                hint: "use --isolation namespace")
        #else
            guard let qemu = qemuPaths.first(where: Files.isExecutable) else {
                throw PlatformError(
                    "no_machine", "there is no qemu-system-x86_64 in /usr/bin",
                    hint: "apt-get install qemu-system-x86")
            }
            guard let virtiofsd = virtiofsdPaths.first(where: Files.isExecutable) else {
                throw PlatformError(
                    "no_machine", "there is no virtiofsd",
                    hint: "apt-get install qemu-system-common or virtiofsd")
            }
            guard Files.exists("/dev/net/tun") else {
                throw PlatformError(
                    "no_machine", "there is no /dev/net/tun", hint: "modprobe tun")
            }
            return Programs(qemu: qemu, virtiofsd: virtiofsd)
        #endif
    }

    /// Fails when no guest of this kind can be made here, with the first reason.
    public func check(_ isolation: Isolation) throws(PlatformError) {
        guard isolation.isMachine else { return }
        _ = try Self.programs()
        _ = try Kernel.find().moduleFiles(Kernel.wanted)
        guard isolation == .microvm else { return }
        if case .unusable(let reason) = kvm() {
            throw PlatformError(
                "unsupported_isolation", reason,
                hint: "--isolation namespace, or microvm-emulated, which is slow but the same")
        }
    }

    /// What is known without trying.
    var knownKVM: KVM.Verdict? { verdict.withLock { $0 } ?? remembered?.verdict }

    /// Whether KVM runs guests here; found out once, by running one. That it does is believed of an earlier
    /// process too; that it does not is tried again, because somebody asks for it.
    public func kvm() -> KVM.Verdict {
        verdict.withLock { verdict in
            if let verdict { return verdict }
            let found: KVM.Verdict
            if let known = remembered?.verdict, case .works = known { found = known } else { found = probe() }
            verdict = found
            return found
        }
    }

    /// The same for who only wants to know, with the time of the try when it was an earlier one's, in Unix
    /// milliseconds.
    /// - Parameter isFresh: Tries again, whatever is remembered.
    public func lastKVM(isFresh: Bool) -> (verdict: KVM.Verdict, at: Int64?) {
        if !isFresh, let remembered { return (remembered.verdict, remembered.at) }
        return (probe(), nil)
    }

    /// The strongest kind that runs well here: virtual machines where KVM runs them. What the last try came
    /// to is believed.
    public var best: Isolation {
        guard (try? check(.emulated)) != nil, case .works = lastKVM(isFresh: false).verdict else {
            return .namespace
        }
        return .microvm
    }

    private var recordPath: String { "\(directory)/kvm.json" }
    private var recordKey: String {
        KVMRecord.key(kernel: try? Kernel.find(), qemu: (try? Self.programs())?.qemu ?? "")
    }
    private var remembered: KVMRecord? {
        KVMRecord.read(recordPath, key: recordKey, now: Clock.wallMilliseconds())
    }

    private func probe() -> KVM.Verdict {
        let verdict = KVM.probe(directory: directory)
        KVMRecord(verdict: verdict, at: Clock.wallMilliseconds(), key: recordKey).write(recordPath)
        return verdict
    }

    // MARK: A guest's machine

    /// The `machine` of a launcher's configuration, with a fresh disk in `place`.
    public func plan(
        _ isolation: Isolation, kit: String, place: String, owner: UInt32, size: Size = Size()
    ) throws(PlatformError) -> JSON {
        try plan(isolation, kit: kit, place: place, owner: owner, size: size, vsock: nil)
    }

    /// - Parameter vsock: Where the machine calls; nil lets it speak through its serial port.
    func plan(
        _ isolation: Isolation, kit: String, place: String, owner: UInt32, size: Size, vsock: VsockLine?
    ) throws(PlatformError) -> JSON {
        try check(isolation)
        let programs = try Self.programs()
        let kernel = try Kernel.find()
        var plan: JSON = [
            "accelerator": isolation == .microvm ? "kvm" : "tcg",
            "kernel": .string(kernel.path),
            "initramfs": .string(
                try archive(kernel, kit: kit, modules: vsock == nil ? [] : Kernel.vsock)),
            "qemu": .string(programs.qemu), "virtiofsd": .string(programs.virtiofsd),
            "memory_mb": JSON(size.memoryMegabytes), "cpus": JSON(size.processors),
            "mac": .string(Self.hardwareAddress(Random.bytes(3))),
            "disk": .string(try makeDisk(place, owner: owner, megabytes: size.diskMegabytes)),
        ]
        if let image = Environment.get("AEGIS_IMAGE"), !image.isEmpty {
            guard image.hasPrefix("/"), Files.exists(image) else {
                throw PlatformError(
                    "no_machine", "AEGIS_IMAGE=\(image) is no absolute path of a file", hint: "make image")
            }
            plan["image"] = .string(image)
        }
        if let vsock {
            plan["vsock"] = ["context": JSON(Int64(vsock.context)), "port": JSON(Int64(vsock.port))]
        }
        if let khz = Clock.timeStampKilohertz { plan["tsc_khz"] = JSON(khz) }
        if isolation == .microvm, let status = try? Files.status("/dev/kvm") {
            plan["device_gid"] = JSON(Int64(status.group))
        }
        return plan
    }

    /// A line for one machine, where the host and the machine's kernel both know vsock.
    func vsockLine() -> VsockLine? {
        guard (try? Kernel.find().moduleFiles(Kernel.vsock)) != nil else { return nil }
        return VsockLine.open()
    }

    /// What the control channel of a machine would be here.
    public var controlChannel: String { vsockLine() == nil ? "virtio-serial" : "vsock" }

    /// 52:54:00 is what QEMU's machines have.
    static func hardwareAddress(_ bytes: [UInt8]) -> String {
        "52:54:00" + bytes.prefix(3).map { (":" + ($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
    }

    func archive(_ kernel: Kernel, kit: String, modules: [String]) throws(PlatformError) -> String {
        let harness = "\(kit)/guest/openclaw-harness"
        guard let status = try? Files.status(harness) else {
            throw PlatformError("bad_kit", "there is no \(harness)", hint: "install the kit again")
        }
        let made = Made(
            harness: harness, modified: status.modifiedNanoseconds, size: status.size, modules: modules)
        if let path = archives.withLock({ $0[made] }), Files.exists(path) { return path }
        let path = try Initramfs(
            kernel: kernel, modules: modules, harness: harness, directory: directory
        ).path()
        archives.withLock { $0[made] = path }
        return path
    }

    /// An empty file system of the size that the guest may fill. The file is sparse, and goes with the
    /// guest; its journal would protect what nobody reads again.
    private func makeDisk(_ place: String, owner: UInt32, megabytes: Int) throws(PlatformError) -> String {
        let path = "\(place)/disk"
        do throws(SystemError) {
            let file = try Files.open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
            try Files.truncate(file.raw, bytes: Int64(megabytes) << 20)
            let outcome = try Spawn.run(
                Spawn.Command(
                    [
                        "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E",
                        "lazy_itable_init=1,nodiscard", path,
                    ], environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"], timeoutMilliseconds: 60_000))
            guard outcome.status.isSuccess else {
                throw SystemError(call: "mkfs.ext4: \(outcome.stderrText)", operand: path, code: EIO)
            }
            try Files.chown(path, user: owner, group: owner)
            return path
        } catch {
            throw PlatformError("boot", "make the guest's disk: \(error)", hint: "apt-get install e2fsprogs")
        }
    }
}
