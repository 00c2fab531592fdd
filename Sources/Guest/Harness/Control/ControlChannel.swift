// The line to the host.
import Glibc
import Kit
import System
import Wire

/// The control connection, used on the loop's thread only. It never blocks: what the host does not read
/// waits in the bounded queue.
final class ControlChannel {
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
                // A host that has gone is EPIPE: the harness ignores SIGPIPE.
                Glibc.write(descriptor.raw, $0.baseAddress, $0.count)
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
