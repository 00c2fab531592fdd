// A virtual machine as the platform wants it.
import Kit
import System

/// What the launcher's configuration says under `machine`. The files are shown to the jail under fixed names.
struct MachinePlan: Sendable, Hashable {
    /// Who computes: the processor, or QEMU's own translator.
    enum Accelerator: String, Sendable, CaseIterable { case kvm, tcg }

    /// Where things are inside the jail.
    enum Path {
        static let kernel = "/machine/kernel"
        static let initramfs = "/machine/initramfs"
        static let disk = "/machine/disk"
        static let image = "/machine/image"
        /// The file system that becomes the guest's system, when there is no image.
        static let system = "/guest"
        /// Holds `workspace`, on which the platform mounts a volume at the claim.
        static let share = "/share"
    }

    var accelerator: Accelerator
    var memoryMegabytes: Int
    var processors: Int
    /// Host paths.
    var kernel: String
    var initramfs: String
    /// A file of the size that the guest may fill, with an ext4 file system; nil keeps everything in memory.
    var disk: String?
    /// A root file system, erofs or squashfs; nil shows the machine's own system.
    var image: String?
    var qemu: String
    var virtiofsd: String
    var hardwareAddress: String
    /// The frequency of the time stamp counter: a guest under software emulation cannot find it out when the
    /// machine is busy.
    var timeStampKilohertz: Int?
    /// The group that may open /dev/kvm, as an id of the host.
    var deviceGroup: UInt32?
    /// The platform holds the other end of a socket to QEMU's monitor.
    var hasMonitor: Bool
    /// The control channel by vsock; nil is by virtio-serial.
    var vsock: VsockCall?

    /// The machine's context, and the port of the host that it calls.
    struct VsockCall: Sendable, Hashable {
        var context: UInt32
        var port: UInt32
    }

    init(_ json: JSON) throws(HarnessError) {
        func text(_ name: String) throws(HarnessError) -> String {
            guard let text = json[name]?.stringValue, text.hasPrefix("/") else {
                throw Self.invalid(name, "an absolute path")
            }
            return text
        }
        func number(_ name: String, _ range: ClosedRange<Int>) throws(HarnessError) -> Int {
            guard let number = json[name]?.intValue, range.contains(number) else {
                throw Self.invalid(name, "a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        guard let accelerator = json["accelerator"]?.stringValue.flatMap(Accelerator.init(rawValue:)) else {
            throw Self.invalid("accelerator", "kvm or tcg")
        }
        self.accelerator = accelerator
        memoryMegabytes = try number("memory_mb", 128...65536)
        processors = try number("cpus", 1...64)
        (kernel, initramfs) = (try text("kernel"), try text("initramfs"))
        (qemu, virtiofsd) = (try text("qemu"), try text("virtiofsd"))
        disk = json["disk"]?.stringValue == nil ? nil : try text("disk")
        image = json["image"]?.stringValue == nil ? nil : try text("image")
        guard let address = json["mac"]?.stringValue, Self.isHardwareAddress(address) else {
            throw Self.invalid("mac", "a hardware address")
        }
        hardwareAddress = address
        timeStampKilohertz = json["tsc_khz"]?.intValue
        deviceGroup = json["device_gid"]?.intValue.flatMap { UInt32(exactly: $0) }
        hasMonitor = json["monitor"]?.boolValue ?? false
        guard let vsock = json["vsock"], !vsock.isNull else { return }
        guard let context = vsock["context"]?.intValue.flatMap({ UInt32(exactly: $0) }),
            context >= Vsock.firstGuest,
            let port = vsock["port"]?.intValue.flatMap({ UInt32(exactly: $0) })
        else { throw Self.invalid("vsock", "the context of a machine and a port") }
        self.vsock = VsockCall(context: context, port: port)
    }

    private static func invalid(_ name: String, _ wanted: String) -> HarnessError {
        HarnessError("read the launch configuration", "/machine/\(name) is not \(wanted)")
    }

    private static func isHardwareAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts.allSatisfy { $0.count == 2 && UInt8($0, radix: 16) != nil }
    }

    /// The group that opens /dev/kvm, as an id inside the jail: behind the ids that guests use.
    static let deviceGroupInside: UInt32 = 1_000_000

    // MARK: Command lines

    /// Names of virtiofs shares.
    enum Tag { static let system = "system", share = "share" }
    /// The name of the control channel's serial port.
    static let controlPort = "aegis.control"
    /// Descriptor of the tap in QEMU.
    static let tapDescriptor: Int32 = 4

    /// The kernel's command line. What the kernel does not know becomes the environment of the guest's PID 1.
    var kernelCommandLine: String {
        var words = [
            "console=ttyS0", "quiet", "loglevel=4", "panic=-1", "audit=0", "pci=off", "8250.nr_uarts=1",
        ]
        if accelerator == .tcg {
            words += ["no_timer_check", "mitigations=off", "nokaslr", "cryptomgr.notests"]
            if let khz = timeStampKilohertz { words += ["tsc_early_khz=\(khz)", "tsc=reliable"] }
        }
        words += ["AEGIS_BOOT=initramfs", "AEGIS_READY=1"]
        words.append(
            vsock.map { "AEGIS_VSOCK_PORT=\($0.port)" } ?? "AEGIS_CONTROL_PORT=\(Self.controlPort)")
        words.append("AEGIS_ROOT=\(image == nil ? "virtiofs" : "image")")
        if disk != nil { words.append("AEGIS_DISK=1") }
        return words.joined(separator: " ")
    }

    /// QEMU with everything that this guest has, and nothing else.
    var machineCommand: [String] {
        var words = [
            qemu, "-name", "openclaw", "-M",
            "microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=on,memory-backend=memory",
            "-accel", accelerator == .tcg ? "tcg,thread=multi" : "kvm",
            "-cpu", accelerator == .tcg ? "max" : "host", "-smp", "\(processors)",
            "-m", "\(memoryMegabytes)",
            "-object", "memory-backend-memfd,id=memory,size=\(memoryMegabytes)M,share=on",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-global", "virtio-mmio.force-legacy=false",
            "-kernel", Path.kernel, "-initrd", Path.initramfs, "-append", kernelCommandLine,
            "-serial", "stdio",
            "-netdev", "tap,id=net,fd=\(Self.tapDescriptor)",
            "-device", "virtio-net-device,netdev=net,mac=\(hardwareAddress)",
        ]
        if let vsock {
            words += [
                "-device",
                "vhost-vsock-device,guest-cid=\(vsock.context),vhostfd=\(Launcher.vsockDescriptor)",
            ]
        } else {
            words += [
                "-chardev", "socket,id=control,fd=\(Launcher.controlDescriptor)",
                "-device", "virtio-serial-device",
                "-device", "virtserialport,chardev=control,name=\(Self.controlPort)",
            ]
        }
        if hasMonitor {
            words += [
                "-chardev", "socket,id=monitor,fd=\(Launcher.monitorDescriptor)",
                "-mon", "chardev=monitor,mode=control",
            ]
        }
        for tag in shares.map(\.tag) {
            words += [
                "-chardev", "socket,id=\(tag),path=\(Self.socket(tag))",
                "-device", "vhost-user-fs-device,chardev=\(tag),tag=\(tag),queue-size=1024",
            ]
        }
        if disk != nil {
            words += [
                "-drive", "id=disk,if=none,format=raw,cache=unsafe,file=\(Path.disk)",
                "-device", "virtio-blk-device,drive=disk,serial=disk",
            ]
        }
        if image != nil {
            words += [
                "-drive", "id=image,if=none,format=raw,readonly=on,file=\(Path.image)",
                "-device", "virtio-blk-device,drive=image,serial=image",
            ]
        }
        return words
    }

    /// The platform's descriptors that QEMU needs.
    var descriptors: [Int32] {
        [vsock == nil ? Launcher.controlDescriptor : Launcher.vsockDescriptor]
            + (hasMonitor ? [Launcher.monitorDescriptor] : [])
    }

    /// The shared directories; an image needs no system of the host.
    var shares: [(tag: String, source: String)] {
        let share = (tag: Tag.share, source: Path.share)
        return image == nil ? [(tag: Tag.system, source: Path.system), share] : [share]
    }

    static func socket(_ tag: String) -> String { "/run/\(tag).sock" }

    /// virtiofsd for one share. Nothing is cached where git runs; the system never changes.
    func shareCommand(tag: String, source: String) -> [String] {
        let cache = tag == Tag.system ? "always" : "none"
        if virtiofsd.hasSuffix("/qemu/virtiofsd") {
            return [
                virtiofsd, "--socket-path=\(Self.socket(tag))", "-o",
                "source=\(source),sandbox=chroot,cache=\(cache),log_level=warn", "--rlimit-nofile=0", "-f",
            ]
        }
        // The successor in Rust (Debian 13 and later); not tried on this project's machines yet.
        return [
            virtiofsd, "--socket-path=\(Self.socket(tag))", "--shared-dir=\(source)", "--sandbox=chroot",
            "--cache=\(cache == "none" ? "never" : cache)", "--rlimit-nofile=0", "--log-level=warn",
        ]
    }
}
