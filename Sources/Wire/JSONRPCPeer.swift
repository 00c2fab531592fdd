import Glibc
public import Kit
import Synchronization
public import System

/// Why a call brought no result.
public enum JSONRPCCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The peer answered with an error.
    case remote(method: String, JSONRPCError)
    case timeout(method: String, milliseconds: Int)
    /// The connection ended, for this reason, before the answer came.
    case closed(method: String, reason: String)

    public var description: String {
        switch self {
        case .remote(let method, let error): "\(method): \(error)"
        case .timeout(let method, let milliseconds): "\(method): no answer within \(milliseconds) ms"
        case .closed(let method, let reason): "\(method): \(reason)"
        }
    }
}

/// One end of a stream of JSON-RPC lines. Both ends may call; calls may come from any thread.
///
/// Requests of the peer run on a thread each, so a long one delays no other; notifications run in order on
/// the thread that reads, so they must be quick and must not call.
public final class JSONRPCPeer: Sendable {
    public struct Limits: Sendable, Hashable {
        /// The longest line, in bytes.
        public var lineBytes = JSONLines.standardLimit
        /// Requests of the peer that run at once; more are answered with an error.
        public var requests = 64
        /// How long the peer may take nothing before the connection counts as dead. Sockets only.
        public var writeMilliseconds = 30_000

        public init() {}
    }

    private struct State {
        var nextID: Int64 = 1
        var waiting: Set<Int64> = []
        var answers: [Int64: Result<JSON, JSONRPCError>] = [:]
        var running = 0
        var endReason: String?
        var isReading = false
    }

    private let input: SharedDescriptor
    private let output: SharedDescriptor
    private let name: String
    private let limits: Limits
    private let onRequest: @Sendable (String, JSON) throws -> JSON
    private let onNotification: @Sendable (String, JSON) -> Void
    private let onEnd: @Sendable (String) -> Void
    private let onDescriptor: (@Sendable (SharedDescriptor) -> Void)?
    private let state = Condition(State())
    private let writing = Mutex(())

    /// - Parameters:
    ///   - input: Where lines come from; `output` may be the same socket.
    ///   - name: Of the threads; 15 bytes are shown.
    ///   - onRequest: Answers a method with its result; a `JSONRPCError` it throws is sent as it is.
    ///   - onEnd: Called once when the stream ended, with the reason.
    ///   - onDescriptor: Gets what the peer passes with a notification, before that one is heard. Without it,
    ///     nothing can be passed. Unix sockets only.
    public init(
        input: SharedDescriptor, output: SharedDescriptor, name: String = "rpc", limits: Limits = Limits(),
        onRequest: @escaping @Sendable (String, JSON) throws -> JSON = { method, _ in
            throw JSONRPCError.methodNotFound(method)
        },
        onNotification: @escaping @Sendable (String, JSON) -> Void = { _, _ in },
        onEnd: @escaping @Sendable (String) -> Void = { _ in },
        onDescriptor: (@Sendable (SharedDescriptor) -> Void)? = nil
    ) {
        self.input = input
        self.output = output
        self.name = name
        self.limits = limits
        self.onRequest = onRequest
        self.onNotification = onNotification
        self.onEnd = onEnd
        self.onDescriptor = onDescriptor
    }

    /// Starts the thread that reads. A second call does nothing.
    @discardableResult
    public func start() -> Worker? {
        let isFirst = state.withLock { state in
            defer { state.isReading = true }
            return !state.isReading
        }
        guard isFirst else { return nil }
        // Pipes have no such option; their writers wait.
        try? Sockets.setSendTimeout(output.raw, milliseconds: limits.writeMilliseconds)
        return Worker.start(name, stackBytes: 1 << 20) { self.end(self.read()) }
    }

    /// Ends the stream from any thread. Whoever waits for an answer gets `closed`.
    public func close() {
        end("the connection was closed here")
        // A pipe is not woken by this; its reader ends when the peer closes.
        IO.shutdown(input.raw)
        IO.shutdown(output.raw)
    }

    /// Why the stream ended; nil while it is open.
    public var endReason: String? { state.withLock { $0.endReason } }

    /// Calls a method of the peer and waits for its result.
    /// - Parameter timeoutMilliseconds: Nil waits until the stream ends.
    public func call(
        _ method: String, _ params: JSON = [:], timeoutMilliseconds: Int? = 30_000
    ) throws(JSONRPCCallError) -> JSON {
        let id = try state.withLock { (state) throws(JSONRPCCallError) -> Int64 in
            if let reason = state.endReason { throw .closed(method: method, reason: reason) }
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
        send(.request(id: .number(id), method: method, params: params))
        let answer = state.wait(timeoutMilliseconds: timeoutMilliseconds) {
            state -> Result<JSON, JSONRPCCallError>? in
            switch state.answers[id] {
            case .success(let result): return .success(result)
            case .failure(let error): return .failure(.remote(method: method, error))
            case nil: return state.endReason.map { .failure(.closed(method: method, reason: $0)) }
            }
        }
        guard let answer else { throw .timeout(method: method, milliseconds: timeoutMilliseconds ?? 0) }
        return try answer.get()
    }

    /// Tells the peer something. When the stream is dead this does nothing; `onEnd` has told or will tell so.
    /// - Parameter descriptor: Goes along (SCM_RIGHTS) and stays open here; Unix sockets only.
    public func notify(_ method: String, _ params: JSON = [:], passing descriptor: Int32? = nil) {
        send(.notification(method: method, params: params), passing: descriptor)
    }

    /// A failed write ends the stream, which wakes every caller.
    private func send(_ message: JSONRPCMessage, passing descriptor: Int32? = nil) {
        let line = JSONLines.line(message.json)
        guard line.count <= limits.lineBytes else {
            refuseToSend(message, bytes: line.count)
            return
        }
        let failure = writing.withLock { _ -> SystemError? in
            do throws(SystemError) {
                try JSONRPCPeer.write(output.raw, line, passing: descriptor)
                return nil
            } catch {
                return error
            }
        }
        if let failure { end("writing to the peer failed: \(failure)") }
    }

    /// A line that the peer's own limit would end the stream on fails only the call it belongs to.
    private func refuseToSend(_ message: JSONRPCMessage, bytes: Int) {
        let error = JSONRPCError.server(
            "a message of \(bytes) bytes is over the limit of \(limits.lineBytes)")
        switch message {
        case .request(.number(let id), _, _): state.withLock { $0.answers[id] = .failure(error) }
        case .response(let id, _): send(.failure(id: id, error))
        default: end("\(error)")
        }
    }

    private static func write(_ fd: Int32, _ line: [UInt8], passing descriptor: Int32?) throws(SystemError) {
        do throws(SystemError) {
            try Sockets.send(fd, line, passing: descriptor)
        } catch {
            guard error.code == ENOTSOCK, descriptor == nil else { throw error }
            try IO.writeAll(fd, line)
        }
    }

    private func end(_ reason: String) {
        let isFirst = state.withLock { state in
            defer { if state.endReason == nil { state.endReason = reason } }
            return state.endReason == nil
        }
        guard isFirst else { return }
        onEnd(reason)
    }

    /// Reads until the stream ends and says why it did.
    private func read() -> String {
        var lines = JSONLines(limit: limits.lineBytes)
        do {
            while true {
                let bytes = try readBytes()
                if bytes.isEmpty {
                    return lines.isBetweenLines
                        ? "the peer closed" : "the peer closed in the middle of a line"
                }
                for line in try lines.lines(bytes) { receive(line) }
                // An error may wait behind these lines.
                _ = try lines.lines([])
            }
        } catch {
            return "reading from the peer failed: \(error)"
        }
    }

    private func readBytes() throws(SystemError) -> [UInt8] {
        guard let onDescriptor else { return try IO.read(input.raw) }
        let (bytes, descriptor) = try Sockets.receive(input.raw).split()
        if let descriptor { onDescriptor(descriptor) }
        return bytes
    }

    private func receive(_ line: [UInt8]) {
        let message: JSONRPCMessage
        do {
            message = try JSONRPCMessage(try JSON.parse(line))
        } catch let error as JSONRPCError {
            return send(.failure(id: nil, error))
        } catch {
            return send(
                .failure(id: nil, JSONRPCError(code: JSONRPCError.parseErrorCode, message: "\(error)")))
        }
        switch message {
        case .notification(let method, let params): onNotification(method, params)
        case .request(let id, let method, let params): run(id, method, params)
        case .response(let id, let result): settle(id, .success(result))
        case .failure(let id?, let error): settle(id, .failure(error))
        // The peer could not read something of ours and does not know what: no call can be told.
        case .failure(nil, let error): onNotification("rpc.failure", ["message": .string("\(error)")])
        }
    }

    private func settle(_ id: JSONRPCMessage.ID, _ answer: Result<JSON, JSONRPCError>) {
        guard case .number(let number) = id else { return }
        // Answers that nobody waits for came after their timeout.
        state.withLock { if $0.waiting.contains(number) { $0.answers[number] = answer } }
    }

    private func run(_ id: JSONRPCMessage.ID, _ method: String, _ params: JSON) {
        let isAllowed = state.withLock { state in
            guard state.running < limits.requests else { return false }
            state.running += 1
            return true
        }
        guard isAllowed else {
            return send(.failure(id: id, .server("more than \(limits.requests) requests at once")))
        }
        Worker.start(name, stackBytes: 1 << 20) {
            defer { self.state.withLock { $0.running -= 1 } }
            do {
                self.send(.response(id: id, result: try self.onRequest(method, params)))
            } catch let error as JSONRPCError {
                self.send(.failure(id: id, error))
            } catch {
                self.send(.failure(id: id, .server("\(error)")))
            }
        }
    }
}
