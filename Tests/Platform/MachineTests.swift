import Kit
import System
import Testing

@testable import Platform

@Suite struct ArchiveTests {
    @Test func `the bytes are those of the documented format`() {
        let archive = Archive([
            .directory("d", mode: 0o755), .file("d/f", mode: 0o644, bytes: Array("hi".utf8)),
        ])
        let expected =
            // ino, mode, uid, gid, nlink, mtime, size, devices of file and of node, name size, check
            "070701" + "00000001" + "000041ed" + "00000000" + "00000000" + "00000002" + "00000000"
            + "00000000"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000" + "d\0"
            + "070701" + "00000002" + "000081a4" + "00000000" + "00000000" + "00000001" + "00000000"
            + "00000002"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000" + "d/f\0" + "\0\0"
            + "hi\0\0"
            + "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000"
            + "00000000"
            + "00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000" + "TRAILER!!!\0"
            + "\0\0\0"
        #expect(String(decoding: archive.bytes, as: UTF8.self) == expected)
    }

    @Test func `cpio reads what was written`() throws {
        let entries: [Archive.Entry] = [
            .directory("dev", mode: 0o755), .device("dev/console", mode: 0o600, major: 5, minor: 1),
            .file("init", mode: 0o755, bytes: [UInt8](repeating: 7, count: 4097)),
        ]
        let outcome = try Spawn.run(
            Spawn.Command(["cpio", "-itv", "--quiet"], stdin: .bytes(Archive(entries).bytes)))
        let lines = outcome.stdoutText.split(separator: "\n")
        #expect(outcome.status.isSuccess)
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("crw-------") && lines[1].contains("5,   1"))
        #expect(lines[2].hasPrefix("-rwxr-xr-x") && lines[2].contains("4097"))
    }

    @Test func `an archive does not depend on when it is made`() {
        let entries: [Archive.Entry] = [.file("a", mode: 0o600, bytes: [1, 2, 3])]
        #expect(Archive(entries).bytes == Archive(entries).bytes)
    }
}

@Suite struct KernelTests {
    private let dependencies = """
        kernel/net/core/failover.ko:
        kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
        kernel/drivers/virtio/virtio_ring.ko:
        kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
        kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko \
        kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
        kernel/fs/fuse/virtio-fs.ko.xz:
        """

    @Test func `every module comes behind what it needs, once`() {
        let (files, missing) = ModuleList(dependencies: dependencies, builtin: "").resolve(
            ["virtio_net", "virtio_fs", "virtio"])
        #expect(missing.isEmpty)
        #expect(
            files.map(ModuleList.name) == [
                "virtio_ring", "virtio", "failover", "net_failover", "virtio_net", "virtio_fs",
            ])
    }

    @Test func `what is built in needs no file, and what is nowhere is named`() {
        let list = ModuleList(dependencies: dependencies, builtin: "kernel/fs/ext4/ext4.ko\n")
        let (files, missing) = list.resolve(["ext4", "erofs"])
        #expect(files.isEmpty)
        #expect(missing == ["erofs"])
    }

    @Test func `a kernel with everything built in needs no modules, and says what it lacks`() throws {
        let directory = try Files.temporaryDirectory(prefix: "openclaw-kernel")
        defer { try? Files.removeTree(directory) }
        try Files.write("\(directory)/modules.builtin", Array("kernel/fs/ext4/ext4.ko\n".utf8))
        let kernel = Kernel(path: "\(directory)/bzImage", release: "6.1.0", modules: directory)
        #expect(try kernel.moduleFiles(["ext4"]).isEmpty)
        let error = #expect(throws: PlatformError.self) { try kernel.moduleFiles(["ext4", "erofs"]) }
        #expect(error?.message.contains("erofs") == true)
    }

    @Test func `releases sort by their numbers`() {
        #expect(Kernel.order("6.1.0-9-cloud-amd64").lexicographicallyPrecedes(Kernel.order("6.1.0-10-amd64")))
    }

    @Test func `a release is read from a header, and nothing from what is none`() {
        var head = [UInt8](repeating: 0, count: 0x300)
        #expect(Kernel.release(inHeader: head) == nil)
        head.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        (head[0x20E], head[0x20F]) = (0x80, 0)
        head.replaceSubrange(0x280..<0x28F, with: Array("6.1.0-x (a@b) #".utf8))
        #expect(Kernel.release(inHeader: head) == "6.1.0-x")
        // The offset points behind the end.
        head[0x20F] = 0xFF
        #expect(Kernel.release(inHeader: head) == nil)
        for count in 0..<0x210 { #expect(Kernel.release(inHeader: Array(head.prefix(count))) == nil) }
    }
}

@Suite struct MachineGroundTests {
    private static let but = "/dev/kvm opens, but a guest does not run: "

    @Test func `memory is tight below its share, and unknown when the kernel does not say`() {
        #expect(EmbeddedPlatform.isTight(meminfo: "MemTotal: 1000 kB\nMemAvailable: 50 kB\n") == true)
        #expect(EmbeddedPlatform.isTight(meminfo: "MemTotal: 1000 kB\nMemAvailable: 500 kB\n") == false)
        #expect(EmbeddedPlatform.isTight(meminfo: "MemTotal: 1000 kB\n") == nil)
    }

    @Test func `hardware addresses are local ones of six parts`() {
        #expect(MachineGround.hardwareAddress([0x0A, 0xFF, 0x00]) == "52:54:00:0a:ff:00")
    }

    @Test(arguments: [
        ("Linux version 6\n\(KVM.greeting)\n", false, KVM.Verdict.works(milliseconds: 5)),
        (
            "", false,
            .unusable(
                "\(Self.but)the kernel 6.1 did not say a word within 8 s")
        ),
        (
            "Linux version 6\nand then nothing", false,
            .unusable(
                "\(Self.but)the kernel 6.1 spoke, and had no first process within 30 s"
            )
        ),
        (
            "qemu: first\nqemu: failed to initialize kvm: Permission denied\n", true,
            .unusable(
                "\(Self.but)qemu: failed to initialize kvm: Permission denied")
        ),
        ("", true, .unusable("\(Self.but)it ended at once")),
    ])
    func `what a first guest said tells whether the processor runs guests`(
        text: String, isOver: Bool, verdict: KVM.Verdict
    ) {
        #expect(KVM.judge(text, isOver: isOver, took: 5, release: "6.1") == verdict)
    }

    @Test(arguments: [
        (KVM.Verdict.works(milliseconds: 5), Isolation.microvm), (.unusable("no"), .namespace),
    ])
    func `the best guests are machines where KVM was seen to run one`(
        verdict: KVM.Verdict, best: Isolation
    ) throws {
        let directory = try Files.temporaryDirectory(prefix: "openclaw-best")
        defer { try? Files.removeTree(directory) }
        let key = KVMRecord.key(kernel: try Kernel.find(), qemu: try MachineGround.programs().qemu)
        KVMRecord(verdict: verdict, at: Clock.wallMilliseconds(), key: key).write("\(directory)/kvm.json")
        #expect(MachineGround(directory: directory).best == best)
    }

    @Test func `a person may say every kind of guest, and auto`() {
        #expect(SessionConfiguration.isolationWords == ["auto"] + Isolation.allCases.map(\.rawValue))
    }

    /// The program that the KVM probe boots, run here as an ordinary one: it may not switch this machine off.
    @Test func `the probe's program says its greeting`() throws {
        let directory = try Files.temporaryDirectory(prefix: "openclaw-probe")
        defer { try? Files.removeTree(directory) }
        let path = "\(directory)/hello"
        try Files.write(path, HelloProgram.executable(saying: "hello\n"), mode: 0o755)
        let outcome = try Spawn.run(
            // As nobody, so that the call that switches a machine off is refused.
            Spawn.Command(
                ["unshare", "--user", path], timeoutMilliseconds: 500, graceMilliseconds: 10))
        #expect(outcome.stdoutText == "hello\n")
        #expect(outcome.timedOut)
    }
}
