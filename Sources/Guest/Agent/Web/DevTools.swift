import Glibc
import Kit
import Synchronization
import System

/// Cuts the browser's pipe into messages: JSON, each ended by a zero byte. A value: no I/O.
struct DevToolsMessages {
    private let limit: Int
    private var partial: [UInt8] = []

    /// - Parameter limit: Bytes of one message; a screenshot is one.
    init(limit: Int = 32 << 20) { self.limit = limit }

    /// What is wrong with the stream; nothing more can be read from it.
    enum Problem: Error, Equatable { case tooLong, notJSON }

    mutating func receive(_ bytes: some Collection<UInt8>) throws(Problem) -> [JSON] {
        partial += bytes
        guard partial.contains(0) else {
            guard partial.count <= limit else { throw .tooLong }
            return []
        }
        var pieces = partial.split(separator: 0, omittingEmptySubsequences: false)
        let rest = Array(pieces.removeLast())
        var messages: [JSON] = []
        for piece in pieces where !piece.isEmpty {
            guard piece.count <= limit else { throw .tooLong }
            guard let json = try? JSON.parse(Array(piece)), json.objectValue != nil else { throw .notJSON }
            messages.append(json)
        }
        partial = rest
        guard partial.count <= limit else { throw .tooLong }
        return messages
    }
}

/// The DevTools protocol over a browser's pipe: calls with answers, and the events that somebody waits for.
final class DevTools: Sendable {
    private struct State {
        var nextID: Int64 = 1
        var waiting: Set<Int64> = []
        var answers: [Int64: JSON] = [:]
        /// Events of the page since the last `forget`, by name; only how often.
        var events: [String: Int] = [:]
        var endReason: String?
    }

    private let input: SharedDescriptor
    private let output: SharedDescriptor
    private let state = Condition(State())
    private let writing = Mutex(())

    /// Events that count; others of a hostile page must not fill the memory.
    private static let known: Set<String> = [
        "Page.loadEventFired", "Page.domContentEventFired", "Page.frameNavigated",
        "Page.frameStoppedLoading", "Inspector.targetCrashed",
    ]

    init(input: SharedDescriptor, output: SharedDescriptor) {
        (self.input, self.output) = (input, output)
        Worker.start("devtools", stackBytes: 1 << 20) { [self] in read() }
    }

    private func read() {
        var messages = DevToolsMessages()
        var reason = "the browser ended"
        do {
            while true {
                let bytes = try IO.read(input.raw)
                if bytes.isEmpty { break }
                for message in try messages.receive(bytes) { take(message) }
            }
        } catch {
            reason = "the browser's pipe: \(error)"
        }
        state.withLock { $0.endReason = reason }
    }

    /// A dialog stops the page until somebody answers it; nobody is there.
    private func dismiss(_ session: String) {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let message: JSON = [
            "id": JSON(id), "method": "Page.handleJavaScriptDialog", "params": ["accept": false],
            "sessionId": .string(session),
        ]
        // A browser that has gone shows no dialog.
        try? writing.withLock { _ in try IO.writeAll(output.raw, message.serialized() + [0]) }
    }

    private func take(_ message: JSON) {
        if message["method"] == "Page.javascriptDialogOpening",
            let session = message["sessionId"]?.stringValue
        {
            return dismiss(session)
        }
        state.withLock { state in
            if let id = message["id"]?.int64Value {
                if state.waiting.contains(id) { state.answers[id] = message }
            } else if let method = message["method"]?.stringValue, Self.known.contains(method) {
                state.events[method, default: 0] += 1
            }
        }
    }

    /// Calls a method, of the browser or of a page's session.
    func call(_ method: String, _ params: JSON = [:], session: String? = nil, milliseconds: Int = 30_000)
        throws(ToolProgram.Problem) -> JSON
    {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            state.waiting.insert(state.nextID)
            return state.nextID
        }
        defer {
            state.withLock { state in
                state.waiting.remove(id)
                state.answers[id] = nil
            }
        }
        var message: JSON = ["id": JSON(id), "method": .string(method), "params": params]
        if let session { message["sessionId"] = .string(session) }
        try ToolProgram.system("talk to the browser") { () throws(SystemError) in
            try writing.withLock { (_) throws(SystemError) in
                try IO.writeAll(output.raw, message.serialized() + [0])
            }
        }
        let answer = state.wait(timeoutMilliseconds: milliseconds) { state -> JSON? in
            state.answers[id] ?? state.endReason.map { ["error": ["message": .string($0)]] }
        }
        guard let answer else {
            throw ToolProgram.Problem("The browser did not answer \(method) for \(milliseconds / 1000) s.")
        }
        if let error = answer["error"] {
            throw ToolProgram.Problem("\(method): \(error["message"]?.stringValue ?? error.text)")
        }
        return answer["result"] ?? [:]
    }

    func forget(_ event: String) { state.withLock { $0.events[event] = nil } }

    /// True when the event came in time.
    func wait(for event: String, milliseconds: Int) -> Bool {
        state.wait(timeoutMilliseconds: milliseconds) { state -> Bool? in
            if state.events[event] ?? 0 > 0 { return true }
            return state.endReason == nil ? nil : false
        } ?? false
    }

    var endReason: String? { state.withLock { $0.endReason } }
}
