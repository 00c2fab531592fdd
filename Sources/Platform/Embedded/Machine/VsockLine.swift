// The line to a machine over vsock.
import Glibc
import Kit
import System

/// The host's end of one machine's control channel, before the machine has called: its device, its context,
/// and where it is to call.
struct VsockLine: Sendable {
    /// `/dev/vhost-vsock`, opened for this machine; QEMU gets it.
    let device: SharedDescriptor
    let context: UInt32
    let port: UInt32
    private let listener: SharedDescriptor

    private static let devicePath = "/dev/vhost-vsock"
    /// Contexts to try; a second one is needed when two machines of the host drew the same of two thousand
    /// million.
    private static let attempts = 8
    /// How often it is seen whether anybody still waits, in milliseconds.
    private static let lookMilliseconds = 200

    /// Nil where this host has no vsock for machines, or not for this user.
    static func open() -> VsockLine? {
        guard Environment.get("AEGIS_CONTROL_CHANNEL") != "virtio-serial" else { return nil }
        return try? VsockLine()
    }

    private init() throws(SystemError) {
        device = try Files.open(Self.devicePath, O_RDWR).shared()
        listener = try Vsock.listen().shared()
        try IO.setNonBlocking(listener.raw)
        port = try Vsock.localPort(listener.raw)
        context = try Self.takeContext(device)
    }

    private static func takeContext(_ device: SharedDescriptor) throws(SystemError) -> UInt32 {
        var last = SystemError(call: "ioctl", operand: devicePath, code: EADDRINUSE)
        for _ in 0..<attempts {
            let context = UInt32.random(in: Vsock.firstGuest...UInt32(Int32.max))
            do throws(SystemError) {
                try Vsock.setContext(context, of: device.raw)
                return context
            } catch {
                last = error
            }
        }
        throw last
    }

    /// Waits for the machine to call. Whoever else calls is hung up on: the kernel says who it is.
    /// - Returns: Nil when nobody waits any more.
    func answer(while isWanted: () -> Bool) throws(SystemError) -> SharedDescriptor? {
        while isWanted() {
            guard try IO.waitReadable(listener.raw, timeoutMilliseconds: Self.lookMilliseconds) else {
                continue
            }
            do throws(SystemError) {
                let (socket, caller) = try Vsock.accept(listener.raw)
                if caller == context { return socket }
            } catch {
                // A caller that left before it was answered.
                guard error.code == EAGAIN || error.code == ECONNABORTED else { throw error }
            }
        }
        return nil
    }
}
