import Glibc
public import System

/// One connected socket with deadlines; the blocking half of both HTTP sides and of WebSocket.
final class HTTPSocket: Sendable {
    let descriptor: SharedDescriptor
    /// How messages call the peer.
    let name: String

    /// - Parameter writeMilliseconds: How long a peer may take nothing before a write fails.
    init(_ descriptor: SharedDescriptor, name: String, writeMilliseconds: Int) throws(HTTPError) {
        self.descriptor = descriptor
        self.name = name
        do throws(SystemError) {
            try Sockets.setSendTimeout(descriptor.raw, milliseconds: writeMilliseconds)
        } catch {
            throw HTTPError("preparing the connection to \(name)", error)
        }
    }

    /// Up to one chunk; empty when the peer closed. A peer that resets is a peer that closed.
    /// - Parameter deadline: On the monotonic clock, in nanoseconds; nil waits without end.
    func read(deadline: Int64?, doing action: String) throws(HTTPError) -> [UInt8] {
        var milliseconds = -1
        if let deadline {
            let left = deadline - Clock.monotonicNanoseconds()
            milliseconds = left <= 0 ? 0 : Int(left / 1_000_000) + 1
        }
        let bytes: [UInt8]?
        do throws(SystemError) {
            bytes = try IO.readWithTimeout(descriptor.raw, timeoutMilliseconds: milliseconds)
        } catch {
            if error.code == ECONNRESET { return [] }
            throw HTTPError("\(action): reading from \(name)", error)
        }
        guard let bytes else { throw HTTPError(.timeout, "\(action): \(name) was silent for too long") }
        return bytes
    }

    /// - Parameter passing: A descriptor that goes along; Unix sockets only.
    func write(_ bytes: [UInt8], passing: Int32? = nil, doing action: String) throws(HTTPError) {
        do throws(SystemError) {
            try Sockets.send(descriptor.raw, bytes, passing: passing)
        } catch {
            switch error.code {
            case EPIPE, ECONNRESET: throw HTTPError(.closed, "\(action): \(name) closed", system: error)
            case EAGAIN: throw HTTPError(.timeout, "\(action): \(name) takes nothing", system: error)
            default: throw HTTPError("\(action): writing to \(name)", error)
            }
        }
    }

    /// True when the peer closed its end or the connection broke. Bytes that wait do not matter.
    var peerIsGone: Bool {
        // Linux has POLLRDHUP; the Glibc module does not show it without _GNU_SOURCE.
        let readHangUp: Int16 = 0x2000
        var entries = [pollfd(fd: descriptor.raw, events: readHangUp, revents: 0)]
        do throws(SystemError) {
            try IO.poll(&entries, timeoutMilliseconds: 0)
        } catch {
            return true
        }
        return entries[0].revents & (readHangUp | Int16(POLLHUP) | Int16(POLLERR) | Int16(POLLNVAL)) != 0
    }

    /// True when nothing waits to be read and the peer is there: an idle connection that may be used again.
    var isQuiet: Bool {
        do throws(SystemError) {
            return try !IO.waitReadable(descriptor.raw, timeoutMilliseconds: 0) && !peerIsGone
        } catch {
            return false
        }
    }

    /// Wakes whoever is blocked on the connection. The number stays taken until `close`, so nobody reads
    /// another's.
    func interrupt() {
        let raw = descriptor.raw
        if raw >= 0 { IO.shutdown(raw) }
    }

    /// Closes so that the peer can still read what was sent: closing with unread bytes would reset the
    /// connection.
    func closeGently(milliseconds: Int) {
        IO.shutdown(descriptor.raw, read: false, write: true)
        let deadline = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        var drained = 0
        while drained < 1 << 20, let bytes = try? read(deadline: deadline, doing: "closing"), !bytes.isEmpty {
            drained += bytes.count
        }
        descriptor.close()
    }
}

/// Where a server listens.
public enum HTTPAddress: Sendable, CustomStringConvertible {
    /// A Unix socket's path.
    case unix(String)
    /// A name or address, and a port.
    case tcp(String, UInt16)
    /// A socket that is connected already; it serves one request, or one pool.
    case descriptor(SharedDescriptor)

    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): "\(host):\(port)"
        case .descriptor(let descriptor): "fd \(descriptor.raw)"
        }
    }

    /// The value of the Host header.
    var host: String {
        switch self {
        case .unix, .descriptor: "localhost"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    func connect(timeoutMilliseconds: Int) throws(HTTPError) -> HTTPSocket {
        let descriptor: SharedDescriptor
        do throws(SystemError) {
            switch self {
            case .unix(let path): descriptor = SharedDescriptor(try Sockets.connectUnix(path))
            case .tcp(let host, let port):
                descriptor = SharedDescriptor(
                    try Sockets.connectTCP(host, port: port, timeoutMilliseconds: timeoutMilliseconds))
            case .descriptor(let given): descriptor = given
            }
        } catch {
            throw HTTPError("connecting to \(self)", error)
        }
        return try HTTPSocket(descriptor, name: description, writeMilliseconds: timeoutMilliseconds)
    }
}
