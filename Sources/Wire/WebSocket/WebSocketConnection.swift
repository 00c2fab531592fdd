import Kit
import Synchronization
public import System

/// A WebSocket over a connected socket: one thread receives, any thread sends.
public final class WebSocketConnection: Sendable {
    public struct Limits: Sendable, Hashable {
        /// The largest message, in bytes.
        public var messageBytes = 16 << 20
        /// How long the peer may take nothing before a send fails.
        public var writeMilliseconds = 30_000
        /// How long the peer gets to answer a close frame.
        public var closeMilliseconds = 5000

        public init() {}
    }

    private struct State {
        var proto: WebSocketProtocol
        var inbox: [WebSocketMessage] = []
        var end: (code: UInt16, reason: String)?
        var leftover: [UInt8]
        var closeDeadline: Int64?
    }

    private let socket: HTTPSocket
    private let limits: Limits
    private let state: Mutex<State>
    /// Held while a frame is written, so that frames of several threads do not mix.
    private let writing = Mutex(())

    /// Takes over a socket after its handshake.
    /// - Parameter leftover: What was read beyond the handshake.
    public init(
        _ descriptor: SharedDescriptor, leftover: [UInt8] = [], role: WebSocketProtocol.Role,
        limits: Limits = Limits()
    ) throws(HTTPError) {
        socket = try HTTPSocket(descriptor, name: "a WebSocket", writeMilliseconds: limits.writeMilliseconds)
        self.limits = limits
        let proto = WebSocketProtocol(role: role, messageLimit: limits.messageBytes)
        state = Mutex(State(proto: proto, leftover: leftover))
    }

    /// Accepts a request as a WebSocket; what is wrong with it is thrown with its status, for the server to
    /// answer.
    public static func accept(
        _ exchange: HTTPExchange, limits: Limits = Limits()
    ) throws(HTTPError) -> WebSocketConnection {
        let headers = try WebSocketHandshake.answer(exchange.request)
        let (descriptor, leftover) = try exchange.upgrade(headers: headers)
        return try WebSocketConnection(descriptor, leftover: leftover, role: .server, limits: limits)
    }

    /// Connects and makes the handshake.
    public static func connect(
        to address: HTTPAddress, target: String, headers: HTTPHeaders = [:],
        timeoutMilliseconds: Int = 10_000,
        limits: Limits = Limits()
    ) throws(HTTPError) -> WebSocketConnection {
        let key = Base64.encode(Digest.randomBytes(16))
        let request = WebSocketHandshake.request(target, key: key, headers: headers)
        let answer = try HTTPClient.upgrade(request, to: address, timeoutMilliseconds: timeoutMilliseconds)
        try WebSocketHandshake.verify(answer.response, key: key)
        guard let descriptor = answer.descriptor else {
            throw HTTPError(.unsupported, "\(address) did not open a WebSocket at \(target)")
        }
        return try WebSocketConnection(descriptor, leftover: answer.leftover, role: .client, limits: limits)
    }

    /// Sends a message whole.
    public func send(_ message: WebSocketMessage) throws(HTTPError) { try write { $0.send(message) } }

    public func ping(_ payload: [UInt8] = []) throws(HTTPError) { try write { $0.ping(payload) } }

    /// Begins to close; `receive` then returns nil when the peer agreed or took too long.
    public func close(code: UInt16 = WebSocketProtocol.CloseCode.normal, reason: String = "")
        throws(HTTPError)
    {
        state.withLock { state in
            if state.closeDeadline == nil {
                state.closeDeadline =
                    Clock.monotonicNanoseconds() + Int64(limits.closeMilliseconds) * 1_000_000
            }
        }
        try write { $0.close(code: code, reason: reason) }
    }

    /// Ends the connection at once, from any thread; `receive` returns nil.
    public func interrupt() { socket.interrupt() }

    /// Why the connection ended; nil while it is open.
    public var end: (code: UInt16, reason: String)? { state.withLock { $0.end } }

    private func write(_ frame: (inout WebSocketProtocol) -> [UInt8]) throws(HTTPError) {
        try writing.withLock { (_) throws(HTTPError) in
            let bytes = state.withLock { frame(&$0.proto) }
            if !bytes.isEmpty { try socket.write(bytes, doing: "sending a frame") }
        }
    }

    /// The next message, or nil when the connection ended; pings are answered on the way.
    /// - Parameter timeoutMilliseconds: Passing it is an error of kind `timeout`; the connection stays
    ///   usable.
    public func receive(timeoutMilliseconds: Int? = nil) throws(HTTPError) -> WebSocketMessage? {
        let limit = timeoutMilliseconds.map { Clock.monotonicNanoseconds() + Int64($0) * 1_000_000 }
        while true {
            let (message, isEnded, closeDeadline) = state.withLock { state in
                let message = state.inbox.isEmpty ? nil : state.inbox.removeFirst()
                return (message, state.end != nil, state.closeDeadline)
            }
            if let message { return message }
            if isEnded { return nil }
            try pump(
                deadline: [limit, closeDeadline].compactMap { $0 }.min(), isClosing: closeDeadline != nil)
        }
    }

    private func pump(deadline: Int64?, isClosing: Bool) throws(HTTPError) {
        var bytes = state.withLock { state in
            defer { state.leftover = [] }
            return state.leftover
        }
        var isEnd = false
        if bytes.isEmpty {
            do throws(HTTPError) {
                bytes = try socket.read(deadline: deadline, doing: "receiving a message")
                isEnd = bytes.isEmpty
            } catch {
                guard isClosing, error.kind == .timeout else { throw error }
                isEnd = true
            }
        }
        let actions = state.withLock { isEnd ? $0.proto.receiveEnd() : $0.proto.receive(bytes) }
        for action in actions {
            switch action {
            case .deliver(let message): state.withLock { $0.inbox.append(message) }
            case .pong: break
            case .send(let bytes): try write { _ in bytes }
            case .close(let code, let reason):
                socket.closeGently(milliseconds: 100)
                state.withLock { $0.end = (code, reason) }
            }
        }
    }
}
