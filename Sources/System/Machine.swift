// A machine as its owner sees it, and the cables of a virtual one.
import CSystem
import Glibc

/// Calls of PID 1 of a machine.
public enum Machine {
    /// How a machine is told to go away; which one works differs from one virtual machine monitor to the
    /// next.
    public enum PowerVerb: String, Sendable, CaseIterable {
        /// Cloud Hypervisor, QEMU.
        case powerOff = "poweroff"
        /// Firecracker on x86, libkrun: a reset ends them.
        case restart = "reboot"
    }

    /// Loads a kernel module; one that is loaded already is no error. Linux: finit_module(2)
    public static func loadModule(_ path: String, parameters: String = "") throws(SystemError) {
        let file = try Files.open(path)
        do throws(SystemError) {
            try check("finit_module", path) { cs_load_module(file.raw, parameters, 0) }
        } catch {
            if error.code != EEXIST { throw error }
        }
    }

    /// Does not come back when it works. Call sync(2) first. Linux: reboot(2)
    public static func end(_ verb: PowerVerb) throws(SystemError) {
        switch verb {
        case .powerOff: try check("reboot", "power off") { cs_power_off() }
        case .restart: try check("reboot", "restart") { cs_restart() }
        }
    }

    /// Moves the root, a mount, from the initial memory file system onto "/": pivot_root(2) cannot leave that
    /// one. Linux: mount(2), chroot(2)
    public static func switchRoot(_ newRoot: String) throws(SystemError) {
        try check("chdir", newRoot) { chdir(newRoot) }
        try Mounts.mount(".", "/", flags: .move)
        try check("chroot", newRoot) { cs_chroot(".") }
        try check("chdir", "/") { chdir("/") }
    }

    /// Sets the wall clock. Linux: clock_settime(2)
    public static func setWallClock(milliseconds: Int64) throws(SystemError) {
        try check("clock_settime") { cs_set_clock(milliseconds * 1_000_000) }
    }
}

extension Sockets {
    /// A new tap of the network namespace of the calling thread; the link goes away with the descriptor.
    /// Linux: tuntap.rst
    public static func openTap(_ name: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("open tap", name) { cs_tap_open("/dev/net/tun", name) })
    }
}

extension Clock {
    /// The frequency of the processor's time stamp counter, measured against the monotonic clock; nil where
    /// there is no such counter. Good to some ten parts in a million.
    public static let timeStampKilohertz: Int? = {
        let (ticks, start) = (cs_time_stamp(), monotonicNanoseconds())
        guard ticks != 0 else { return nil }
        usleep(50_000)
        let (later, end) = (cs_time_stamp(), monotonicNanoseconds())
        guard later > ticks, end > start else { return nil }
        return Int((later - ticks) * 1_000_000 / UInt64(end - start))
    }()
}

extension Files {
    /// Makes a file this long; what is added takes no room. Linux: ftruncate(2)
    public static func truncate(_ fd: Int32, bytes: Int64) throws(SystemError) {
        try check("ftruncate", "fd \(fd)") { ftruncate(fd, Int(bytes)) }
    }
}
