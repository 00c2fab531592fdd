import Kit
import Testing

@testable import Harness

@Suite struct MachinePlanTests {
    static let valid: JSON = [
        "accelerator": "tcg", "memory_mb": 1024, "cpus": 2, "kernel": "/boot/vmlinuz", "initramfs": "/i.cpio",
        "qemu": "/usr/bin/qemu-system-x86_64", "virtiofsd": "/usr/lib/qemu/virtiofsd",
        "mac": "52:54:00:01:02:03",
        "disk": "/d", "tsc_khz": 2_300_000,
    ]

    @Test func `the machine has what the manifest allows and no more`() throws {
        let words = try MachinePlan(Self.valid).machineCommand
        func value(_ option: String) -> String? { words.firstIndex(of: option).map { words[$0 + 1] } }
        #expect(value("-m") == "1024")
        #expect(value("-smp") == "2")
        #expect(value("-accel") == "tcg,thread=multi")
        #expect(words.contains("-no-reboot") && words.contains("-nodefaults"))
        #expect(words.contains { $0.contains("mac=52:54:00:01:02:03") })
    }

    @Test func `an emulated kernel is told its clock, a real one finds it`() throws {
        #expect(try MachinePlan(Self.valid).kernelCommandLine.contains("tsc_early_khz=2300000"))
        var json = Self.valid
        json["accelerator"] = "kvm"
        let plan = try MachinePlan(json)
        #expect(!plan.kernelCommandLine.contains("tsc_early_khz"))
        #expect(!plan.kernelCommandLine.contains("mitigations=off"))
        #expect(plan.machineCommand.contains("host"))
    }

    @Test func `what is cached never changes, and the volume is never cached`() throws {
        let plan = try MachinePlan(Self.valid)
        #expect(plan.shares.map(\.tag) == ["system", "share"])
        #expect(plan.shareCommand(tag: "share", source: "/share").contains { $0.contains("cache=none") })
        #expect(plan.shareCommand(tag: "system", source: "/guest").contains { $0.contains("cache=always") })
    }

    @Test func `an image replaces the host's system`() throws {
        var json = Self.valid
        json["image"] = "/image.erofs"
        let plan = try MachinePlan(json)
        #expect(plan.shares.map(\.tag) == ["share"])
        #expect(plan.kernelCommandLine.contains("AEGIS_ROOT=image"))
        #expect(plan.machineCommand.contains { $0.contains("readonly=on") })
    }

    @Test func `a machine that calls by vsock has that device, and no serial port to the host`() throws {
        var json = Self.valid
        json["vsock"] = ["context": 4_000_000_000, "port": 77]
        json["monitor"] = true
        let plan = try MachinePlan(json)
        #expect(plan.descriptors == [Launcher.vsockDescriptor, Launcher.monitorDescriptor])
        #expect(plan.kernelCommandLine.contains("AEGIS_VSOCK_PORT=77"))
        #expect(!plan.kernelCommandLine.contains("AEGIS_CONTROL_PORT"))
        #expect(plan.machineCommand.contains("vhost-vsock-device,guest-cid=4000000000,vhostfd=6"))
        #expect(!plan.machineCommand.contains { $0.contains("virtserialport") })
        let serial = try MachinePlan(Self.valid)
        #expect(serial.descriptors == [Launcher.controlDescriptor])
        #expect(serial.machineCommand.contains { $0.contains("virtserialport") })
    }

    @Test(arguments: [
        ("vsock", ["context": 2, "port": 1] as JSON), ("vsock", ["context": 3] as JSON),
        ("accelerator", JSON("xen")), ("memory_mb", JSON(1)), ("cpus", JSON(0)), ("kernel", JSON("relative")),
        ("qemu", JSON.null), ("mac", JSON("52:54:00:01:02")), ("mac", JSON("52:54:00:01:02:zz,x=y")),
    ])
    func `a wrong field is named`(field: String, value: JSON) {
        var json = Self.valid
        json[field] = value
        let error = #expect(throws: HarnessError.self) { try MachinePlan(json) }
        #expect(error?.description.contains("/machine/\(field)") == true)
    }
}
