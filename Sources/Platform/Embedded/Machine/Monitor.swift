// The line to the monitor of a virtual machine.
import Kit
import System
import Wire

/// QEMU's machine protocol over a socket of its own: stops and continues the processors of a machine. Who has
/// broken out of the machine may sit at the other end, so every line is bounded and every wait has an end.
/// QEMU: docs/interop/qmp-spec
final class Monitor: Sendable {
    private struct State {
        var next = 1
        var answers: [Int: JSON] = [:]
        var isGreeted = false
        var end: String?
    }

    /// Longest line, in bytes: the greeting is the longest that we ask for, with some hundred.
    private static let lineBytes = 64 * 1024
    /// Answers that nobody waits for any more; a monitor that sends more is none.
    private static let unclaimed = 16
    /// Time for an answer, in milliseconds: QEMU answers between two pieces of emulation, on a busy machine
    /// late.
    private static let answerMilliseconds = 10_000

    private let socket: SharedDescriptor
    private let state = Condition(State())

    /// Starts to listen; the first call waits for the greeting.
    init(_ socket: SharedDescriptor) {
        self.socket = socket
        try? Sockets.setSendTimeout(socket.raw, milliseconds: Self.answerMilliseconds)
        Worker.start("monitor", stackBytes: 256 * 1024) { [socket, state] in
            let reason = Self.read(socket, state)
            state.withLock { $0.end = reason }
        }
    }

    /// Wakes the reader, which ends.
    func close() { IO.shutdown(socket.raw) }

    /// The processors stand still; so do the clocks of the machine.
    func stop() throws(PlatformError) {
        try greet()
        try call("stop")
    }

    func proceed() throws(PlatformError) {
        try greet()
        try call("cont")
    }

    private func greet() throws(PlatformError) {
        let isGreeted = state.wait(timeoutMilliseconds: Self.answerMilliseconds) { state -> Bool? in
            state.isGreeted || state.end != nil ? state.isGreeted : nil
        }
        guard isGreeted == true else { throw Self.failure("it does not greet", state.withLock { $0.end }) }
        // Said again it is refused, and nothing changes.
        if state.withLock({ $0.next }) == 1 { try call("qmp_capabilities") }
    }

    private func call(_ command: String) throws(PlatformError) {
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        do throws(SystemError) {
            try Sockets.send(
                socket.raw, JSONLines.line(["execute": .string(command), "id": JSON(id)]))
        } catch {
            throw Self.failure(command, error.description)
        }
        let answer = state.wait(timeoutMilliseconds: Self.answerMilliseconds) { state -> JSON? in
            if let answer = state.answers.removeValue(forKey: id) { return answer }
            return state.end.map { _ in JSON.null }
        }
        guard answer?["return"] != nil else {
            let reason = answer?["error"]?["desc"]?.stringValue ?? state.withLock { $0.end }
            throw Self.failure(command, reason)
        }
    }

    private static func failure(_ what: String, _ reason: String?) -> PlatformError {
        PlatformError("monitor", "the machine's monitor: \(what): \(reason ?? "no answer in time")")
    }

    /// Reads until the other end has gone, and says why it stopped.
    private static func read(_ socket: SharedDescriptor, _ state: Condition<State>) -> String {
        var lines = JSONLines(limit: lineBytes)
        do {
            while true {
                let bytes = try IO.read(socket.raw)
                if bytes.isEmpty { return "the machine has ended" }
                for message in try lines.receive(bytes) {
                    let isSane = state.withLock { state in
                        if message["QMP"] != nil { state.isGreeted = true }
                        // Events have no id, and nobody waits for them.
                        if let id = message["id"]?.intValue { state.answers[id] = message }
                        return state.answers.count <= unclaimed
                    }
                    if !isSane { return "it answers what nobody asked" }
                }
            }
        } catch {
            return "\(error)"
        }
    }
}
