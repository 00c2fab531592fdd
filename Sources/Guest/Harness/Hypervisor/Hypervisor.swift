// PID 1 of the jail around a virtual machine.
import Glibc
import Kit
import System

/// `openclaw-harness vmm`: starts virtiofsd and QEMU, and is there as long as the machine is.
///
/// It runs where a namespace guest's harness would: in a user, mount, pid and network namespace of its own,
/// with the same read-only view of the host. So a guest that breaks out of QEMU or of virtiofsd finds
/// itself in a namespace guest, and whoever of the three dies takes the others along.
struct Hypervisor {
    static let variable = "AEGIS_MACHINE"
    private static let bridge = "br0"
    private static let tap = "tap0"
    /// Time for virtiofsd to make its socket, in milliseconds; it takes 20 on an idle machine.
    private static let socketMilliseconds = 20_000

    let plan: MachinePlan

    static func run() -> Int32 {
        do {
            guard let text = Environment.get(variable), let json = try? JSON.parse(Array(text.utf8)) else {
                throw HarnessError("start the machine", "\(variable) holds no plan")
            }
            return try Hypervisor(plan: try MachinePlan(json)).run()
        } catch {
            Harness.say("\(error)")
            return Launcher.failureCode
        }
    }

    private func run() throws -> Int32 {
        Signals.ignoreSIGPIPE()
        let signals = try Signals([SIGCHLD, SIGTERM, SIGINT])
        // virtiofsd holds a descriptor for every file that the guest has looked at.
        let limit = try System.Limits.get(.openFiles)
        try System.Limits.set(.openFiles, soft: limit.hard, hard: limit.hard)
        let tap = try connectNetwork()
        for descriptor in plan.descriptors { try IO.setCloseOnExec(descriptor) }
        var names: [Int32: String] = [:]
        for (tag, source) in plan.shares {
            let child = try Spawn.start(
                Spawn.Command(
                    plan.shareCommand(tag: tag, source: source), stdout: .inherit, stderr: .inherit))
            names[child.pid] = "virtiofsd of \(tag)"
        }
        for (tag, _) in plan.shares { try awaitSocket(MachinePlan.socket(tag)) }
        let machine = try Spawn.start(
            Spawn.Command(
                plan.machineCommand, stdout: .inherit, stderr: .inherit,
                descriptors: plan.descriptors.map { ($0, $0) } + [(tap.raw, MachinePlan.tapDescriptor)]))
        tap.close()
        // Only QEMU holds them from now on: its end is the host's end of file.
        for descriptor in plan.descriptors { _ = close(descriptor) }
        while true {
            let signal = try signals.next()
            // The host asks the guest over the control channel first; this is the last word.
            if signal == SIGTERM || signal == SIGINT { try machine.kill(SIGKILL) }
            while let ended = (try? Processes.reapAny()) ?? nil {
                if ended.pid == machine.pid { return ended.status.shellCode }
                guard let name = names[ended.pid] else { continue }
                // It also ends when QEMU closes its socket, so QEMU's own end is looked for first.
                if let last = try machine.wait(timeoutMilliseconds: 1000) { return last.shellCode }
                Harness.say("\(name) ended with \(ended.status): the machine has lost its files")
                return Launcher.failureCode
            }
        }
    }

    /// A bridge between the tap and the eth0 that the platform puts here when the guest joins a group.
    private func connectNetwork() throws -> SharedDescriptor {
        let link = try Netlink()
        try link.linkUp("lo")
        // On one segment with the group's bridge, whose address is another.
        try link.createBridge(Self.bridge, hardwareAddress: [0x02, 0x00, 0x0A, 0xFF] + Random.bytes(2))
        let tap = SharedDescriptor(try Sockets.openTap(Self.tap))
        try link.setMaster(Self.tap, bridge: Self.bridge)
        try link.linkUp(Self.tap)
        try link.linkUp(Self.bridge)
        return tap
    }

    private func awaitSocket(_ path: String) throws(HarnessError) {
        let deadline = Supervisor.now + Int64(Self.socketMilliseconds)
        while !Files.exists(path) {
            guard Supervisor.now < deadline else {
                throw HarnessError("start virtiofsd", "it made no \(path)", hint: "see the lines above")
            }
            usleep(2000)
        }
    }
}
