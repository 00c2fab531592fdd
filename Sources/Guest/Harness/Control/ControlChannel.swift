// The line to the host.
import Glibc
import Kit
import System
import Wire

/// The control connection, used on the loop's thread only. It never blocks: what the host does not read
/// waits in the bounded queue.
final class ControlChannel {
    /// MSG_NOSIGNAL: a host that has gone is an error, not SIGPIPE. Linux: send(2)
    private static let noSignal: Int32 = 0x4000

    let descriptor: SharedDescriptor
    private var reader = JSONLines(limit: Limits.controlLineBytes)
    private var queue = OutputQueue()
    private var outgoing: ArraySlice<UInt8> = []
    /// What is secret in this guest, which no line tells the host.
    var redactor = Redactor()

    init(_ descriptor: SharedDescriptor) throws(SystemError) {
        self.descriptor = descriptor
        try IO.setNonBlocking(descriptor.raw)
    }

    /// Connects as the environment says: an inherited descriptor, or a TCP address of the host.
    static func connect() throws(HarnessError) -> ControlChannel {
        if let number = Environment.get("AEGIS_CONTROL_FD").flatMap({ Int32($0) }) {
            return try attempt("open the control channel") { () throws(SystemError) in
                try IO.setCloseOnExec(number)
                return try ControlChannel(SharedDescriptor(adopting: number))
            }
        }
        guard let address = Environment.get("AEGIS_HOST_ADDR"), let colon = address.lastIndex(of: ":"),
            let port = UInt16(address[address.index(after: colon)...])
        else {
            throw HarnessError(
                "open the control channel", "neither AEGIS_CONTROL_FD nor AEGIS_HOST_ADDR is set",
                hint: "the platform starts the harness; to try it by hand, set AEGIS_HOST_ADDR=127.0.0.1:PORT"
            )
        }
        var last = SystemError(call: "connect", operand: address, code: ETIMEDOUT)
        // The host may be slower than the guest: the real platform's harness tries 30 times, half a second
        // apart.
        for _ in 0..<30 {
            do throws(SystemError) {
                let socket = try Sockets.connectTCP(
                    String(address[..<colon]), port: port, timeoutMilliseconds: 2000)
                return try ControlChannel(socket.shared())
            } catch {
                last = error
                usleep(500_000)
            }
        }
        throw HarnessError("open the control channel", last)
    }

    /// Lines dropped because the host did not read.
    var dropped: Int { queue.dropped }
    var hasOutput: Bool { !queue.isEmpty || !outgoing.isEmpty }

    func send(_ message: JSONRPCMessage) { queue.append(message.json) }
    func notify(_ method: String, _ params: JSON) { send(.notification(method: method, params: params)) }
    func log(_ line: OutputQueue.LogLine) {
        var line = line
        line.line = redactor.redact(line.line)
        queue.append(line)
    }

    /// Writes what the host takes now.
    /// - Returns: False when the host has gone.
    func flush() -> Bool {
        while hasOutput {
            if outgoing.isEmpty { fill() }
            let count = outgoing.withUnsafeBytes {
                Glibc.send(descriptor.raw, $0.baseAddress, $0.count, Self.noSignal)
            }
            if count >= 0 {
                outgoing = outgoing.dropFirst(count)
                continue
            }
            if errno == EAGAIN { return true }
            if errno != EINTR { return false }
        }
        return true
    }

    private func fill() {
        var bytes: [UInt8] = []
        while bytes.count < Limits.writeBatchBytes, let entry = queue.next() {
            switch entry {
            case .message(let json): bytes += JSONLines.line(json)
            case .log(let entry): bytes += line(of: "log", entry.params)
            case .gap(let count): bytes += line(of: "gap", ["dropped": JSON(count)])
            }
        }
        outgoing = bytes[...]
    }

    private func line(of method: String, _ params: JSON) -> [UInt8] {
        JSONLines.line(JSONRPCMessage.notification(method: method, params: params).json)
    }

    /// The complete lines that have come; nil when the host has closed.
    func receive() throws(HarnessError) -> [[UInt8]]? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try IO.read(descriptor.raw)
        } catch {
            if error.code == EAGAIN { return [] }
            if error.code == ECONNRESET { return nil }
            throw HarnessError("read from the host", error)
        }
        if bytes.isEmpty { return nil }
        do throws(JSONLinesError) {
            return try reader.lines(bytes)
        } catch {
            throw HarnessError("read from the host", error.description)
        }
    }
}
