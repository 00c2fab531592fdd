// Stream sockets: Unix and TCP.
import CSystem
import Glibc

/// Socket calls. Nothing here raises SIGPIPE.
public enum Sockets {
    /// How many connections may wait to be accepted: the kernel's own default limit (net.core.somaxconn).
    public static let backlog: Int32 = 4096

    /// Listens on a path; a stale socket there is replaced. The mode is set before the first connection can
    /// come.
    public static func listenUnix(_ path: String, mode: UInt32 = 0o600) throws(SystemError) -> FileDescriptor
    {
        let socket = try make(AF_UNIX)
        if let old = try? Files.status(path, followLinks: false), old.mode & S_IFMT == S_IFSOCK {
            try Files.remove(path)
        }
        try check("bind", path) { cs_unix_bind(socket.raw, path) }
        try Files.chmod(path, mode)
        try check("listen", path) { listen(socket.raw, backlog) }
        return socket
    }

    /// Connects to a path.
    public static func connectUnix(_ path: String) throws(SystemError) -> FileDescriptor {
        let socket = try make(AF_UNIX)
        try check("connect", path) { cs_unix_connect(socket.raw, path) }
        return socket
    }

    /// Listens on an address ("127.0.0.1", "0.0.0.0", "::1").
    /// - Parameter port: 0 lets the kernel choose; see `localPort`.
    public static func listenTCP(_ host: String, port: UInt16) throws(SystemError) -> FileDescriptor {
        let operand = "\(host):\(port)"
        guard let address = Address(host) else {
            throw SystemError(call: "listen", operand: operand, code: EINVAL)
        }
        let socket = try make(address.family)
        try check("bind", operand) { cs_inet_bind(socket.raw, address.family, address.bytes, port) }
        try check("listen", operand) { listen(socket.raw, backlog) }
        return socket
    }

    /// Connects to a name or address; the addresses of a name are tried in turn within the one timeout.
    public static func connectTCP(
        _ host: String, port: UInt16, timeoutMilliseconds: Int = 10_000
    ) throws(SystemError) -> FileDescriptor {
        let operand = "\(host):\(port)"
        let deadline = Clock.monotonicNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        var last = SystemError(call: "connect", operand: operand, code: EHOSTUNREACH)
        for address in try Address.resolve(host) {
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            if left <= 0 { throw SystemError(call: "connect", operand: operand, code: ETIMEDOUT) }
            do throws(SystemError) {
                return try connect(address, port: port, operand, timeoutMilliseconds: left)
            } catch {
                last = error
            }
        }
        throw last
    }

    /// Connects to an address that is known already.
    public static func connectTCP(
        _ address: Address, port: UInt16, timeoutMilliseconds: Int = 10_000
    ) throws(SystemError) -> FileDescriptor {
        try connect(address, port: port, "\(address):\(port)", timeoutMilliseconds: timeoutMilliseconds)
    }

    private static func connect(
        _ address: Address, port: UInt16, _ operand: String, timeoutMilliseconds: Int
    ) throws(SystemError) -> FileDescriptor {
        let socket = try make(address.family)
        try IO.setNonBlocking(socket.raw)
        if cs_inet_connect(socket.raw, address.family, address.bytes, port) != 0 {
            let code = cs_errno()
            guard code == EINPROGRESS || code == EINTR else {
                throw SystemError(call: "connect", operand: operand, code: code)
            }
            guard try IO.waitWritable(socket.raw, timeoutMilliseconds: timeoutMilliseconds) else {
                throw SystemError(call: "connect", operand: operand, code: ETIMEDOUT)
            }
            let result = try option(socket.raw, SOL_SOCKET, SO_ERROR)
            if result != 0 { throw SystemError(call: "connect", operand: operand, code: result) }
        }
        try IO.setNonBlocking(socket.raw, false)
        setNoDelay(socket.raw)
        return socket
    }

    /// The next connection. Linux: accept4(2)
    public static func accept(_ fd: Int32) throws(SystemError) -> FileDescriptor {
        while true {
            do throws(SystemError) {
                let socket = FileDescriptor(adopting: try check("accept", "fd \(fd)") { cs_accept(fd) })
                setNoDelay(socket.raw)
                return socket
            } catch {
                // A client that left before it was accepted is not the listener's problem.
                if error.code != ECONNABORTED { throw error }
            }
        }
    }

    /// The port a TCP socket is bound to. Linux: getsockname(2)
    public static func localPort(_ fd: Int32) throws(SystemError) -> UInt16 {
        UInt16(try check("getsockname", "fd \(fd)") { cs_local_port(fd) })
    }

    /// Two connected Unix sockets. Linux: socketpair(2)
    /// - Parameter messages: Whether each `send` arrives as one `receive` (SOCK_SEQPACKET) or as a stream.
    public static func socketPair(messages: Bool = false) throws(SystemError) -> Pair {
        var ends: [Int32] = [-1, -1]
        try check("socketpair") { cs_socket_pair(messages ? 5 : 1, &ends) }
        return Pair(first: FileDescriptor(adopting: ends[0]), second: FileDescriptor(adopting: ends[1]))
    }

    /// Brings the loopback of this network namespace up. Linux: netdevice(7) SIOCSIFFLAGS
    public static func bringLoopbackUp() throws(SystemError) {
        try check("ioctl(SIOCSIFFLAGS)", "lo") { cs_loopback_up() }
    }

    /// Two connected sockets.
    public struct Pair: ~Copyable, Sendable {
        /// One end.
        public var first: FileDescriptor
        /// The other end.
        public var second: FileDescriptor

        /// Takes both ends apart.
        public consuming func split() -> (first: SharedDescriptor, second: SharedDescriptor) {
            (SharedDescriptor(first), SharedDescriptor(second))
        }
    }

    /// Lets reads fail with EAGAIN after this time; 0 means never. Linux: socket(7) SO_RCVTIMEO
    public static func setReceiveTimeout(_ fd: Int32, milliseconds: Int) throws(SystemError) {
        try setTimeout(fd, SO_RCVTIMEO, milliseconds)
    }

    /// Lets writes fail with EAGAIN after this time; 0 means never. Linux: socket(7) SO_SNDTIMEO
    public static func setSendTimeout(_ fd: Int32, milliseconds: Int) throws(SystemError) {
        try setTimeout(fd, SO_SNDTIMEO, milliseconds)
    }

    private static func setTimeout(_ fd: Int32, _ name: Int32, _ milliseconds: Int) throws(SystemError) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        try check("setsockopt", "fd \(fd)") {
            setsockopt(fd, SOL_SOCKET, name, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Sends small messages at once. Best effort: a Unix socket has no such option and needs none.
    public static func setNoDelay(_ fd: Int32) {
        var on: Int32 = 1
        _ = setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    private static func option(_ fd: Int32, _ level: Int32, _ name: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length: socklen_t = 4
        try check("getsockopt", "fd \(fd)") { getsockopt(fd, level, name, &value, &length) }
        return value
    }

    private static func make(_ family: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("socket") { cs_socket(family, 1) })
    }
}
