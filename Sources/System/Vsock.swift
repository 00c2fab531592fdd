// Sockets between a machine and its host.
import CSystem
import Glibc

/// Stream sockets of AF_VSOCK. Linux: vsock(7)
public enum Vsock {
    /// The context of the host, as a machine has it.
    public static let host: UInt32 = 2
    /// Contexts below this one have a meaning of their own.
    public static let firstGuest: UInt32 = 3
    private static let family: Int32 = 40

    /// Connects to a port of the host or of another context.
    public static func connect(context: UInt32, port: UInt32) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        try check("connect", "vsock \(context):\(port)") { cs_vsock_connect(socket.raw, context, port) }
        return socket
    }

    /// Listens for machines on a port of the kernel's choice. Every context may call there: look at who does.
    public static func listen() throws(SystemError) -> FileDescriptor {
        let socket = try make()
        try check("bind", "vsock") { cs_vsock_bind(socket.raw) }
        try check("listen", "vsock") { Glibc.listen(socket.raw, 16) }
        return socket
    }

    /// The port of a listener. Linux: getsockname(2)
    public static func localPort(_ fd: Int32) throws(SystemError) -> UInt32 {
        var port: UInt32 = 0
        try check("getsockname", "fd \(fd)") { cs_vsock_local_port(fd, &port) }
        return port
    }

    /// The next connection, and the context that it comes from, which no machine can pretend.
    public static func accept(_ fd: Int32) throws(SystemError) -> (socket: SharedDescriptor, context: UInt32)
    {
        var context: UInt32 = 0
        let socket = try check("accept", "fd \(fd)") { cs_vsock_accept(fd, &context) }
        return (SharedDescriptor(adopting: socket), context)
    }

    /// Gives the machine behind an open `/dev/vhost-vsock` its context.
    /// - Throws: EADDRINUSE when another one has it. Linux: drivers/vhost/vsock.c
    public static func setContext(_ context: UInt32, of device: Int32) throws(SystemError) {
        try check("ioctl(VHOST_VSOCK_SET_GUEST_CID)", "\(context)") {
            cs_vhost_vsock_set_cid(device, UInt64(context))
        }
    }

    private static func make() throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("socket(AF_VSOCK)") { cs_socket(family, 1) })
    }
}
