// Messages on sockets, descriptors among them.
import CSystem
import Glibc

extension Sockets {
    /// What came with one `receive`.
    public struct Message: ~Copyable, Sendable {
        /// The bytes; empty at the end of the stream.
        public var bytes: [UInt8]
        /// The descriptor that was passed along, close-on-exec.
        public var descriptor: FileDescriptor?

        /// Takes the descriptor out.
        public consuming func split() -> (bytes: [UInt8], descriptor: SharedDescriptor?) {
            let bytes = bytes
            if let descriptor { return (bytes, SharedDescriptor(descriptor)) }
            return (bytes, nil)
        }
    }

    /// The process at the other end of a Unix socket, at the time it connected.
    public struct Peer: Sendable, Hashable {
        /// Its process, in our pid namespace; 0 when it has none there.
        public var process: Int32
        /// Its effective user and group, in our user namespace.
        public var user: UInt32
        public var group: UInt32
    }

    /// Sends all bytes; the descriptor goes with the first of them. Linux: sendmsg(2), unix(7)
    /// - Parameter descriptor: Stays open here. Needs at least one byte to travel with.
    public static func send(
        _ fd: Int32, _ bytes: some Collection<UInt8>, passing descriptor: Int32? = nil
    ) throws(SystemError) {
        let copy = ContiguousArray(bytes)
        guard !copy.isEmpty || descriptor == nil else { throw SystemError(call: "sendmsg", code: EINVAL) }
        var sent = 0
        while sent < copy.count {
            let passing = sent == 0 ? descriptor ?? -1 : -1
            do throws(SystemError) {
                sent += try check("sendmsg", "fd \(fd)") {
                    copy.withUnsafeBytes {
                        cs_send(fd, $0.baseAddress.map { $0 + sent }, $0.count - sent, passing)
                    }
                }
            } catch {
                // A non-blocking socket is waited for; on a blocking one EAGAIN is the send timeout.
                let isNonBlocking = error.code == EAGAIN && cs_fcntl(fd, F_GETFL, 0) & O_NONBLOCK != 0
                if !isNonBlocking { throw error }
                try IO.waitWritable(fd)
            }
        }
    }

    /// Up to `max` bytes, and a descriptor when one came with them. Linux: recvmsg(2), unix(7)
    public static func receive(_ fd: Int32, _ max: Int = IO.chunkBytes) throws(SystemError) -> Message {
        var passed: Int32 = -1
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max, alignment: 1)
        defer { buffer.deallocate() }
        let count = try check("recvmsg", "fd \(fd)") { cs_receive(fd, buffer, max, &passed) }
        let bytes = Array(UnsafeRawBufferPointer(start: buffer, count: count))
        return Message(bytes: bytes, descriptor: passed < 0 ? nil : FileDescriptor(adopting: passed))
    }

    /// Who is at the other end of a Unix socket. Linux: unix(7) SO_PEERCRED
    public static func peerCredentials(_ fd: Int32) throws(SystemError) -> Peer {
        var (process, user, group): (pid_t, uid_t, gid_t) = (0, 0, 0)
        try check("getsockopt(SO_PEERCRED)", "fd \(fd)") { cs_peer_credentials(fd, &process, &user, &group) }
        return Peer(process: process, user: user, group: group)
    }
}
