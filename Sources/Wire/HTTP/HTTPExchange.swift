public import Kit
import Synchronization
public import System

/// One request and the way to answer it: whole with `respond`, in pieces with `begin`, `write` and `end`,
/// or by giving the connection to another protocol with `upgrade`.
///
/// Answers may come from any thread, one at a time; the body is read on the handler's thread only.
// SAFETY: `connection` is used only by `readBody`, `collectBody` and `upgrade`, which the documentation
// binds to the handler's thread; everything that other threads may call goes through `state` and the socket.
public final class HTTPExchange: @unchecked Sendable {
    private enum Phase {
        case unanswered, streaming, ended, upgraded, broken
    }

    private struct State {
        var phase = Phase.unanswered
        var mustContinue: Bool
        var isClosing: Bool
        var isChunked = false
        /// Of an answer of known length: bytes that are still owed.
        var owed: Int64?
    }

    enum Outcome {
        case unanswered, keep, close, cut, upgraded
    }

    /// Without the body.
    public let request: HTTPRequest
    private let socket: HTTPSocket
    private let connection: HTTPServerConnection
    private let state: Mutex<State>

    init(request: HTTPRequest, socket: HTTPSocket, connection: HTTPServerConnection, mustContinue: Bool) {
        self.request = request
        self.socket = socket
        self.connection = connection
        let isClosing = !request.isVersion11 || request.headers.tokens("Connection").contains("close")
        state = Mutex(State(mustContinue: mustContinue, isClosing: isClosing))
    }

    /// The number of the connection's socket, for `Sockets.peerCredentials`.
    public var rawDescriptor: Int32 { socket.descriptor.raw }

    /// True when the client closed: there is nobody to stream to.
    public var peerIsGone: Bool { socket.peerIsGone }

    /// True once an answer was begun or given.
    public var hasAnswered: Bool {
        state.withLock { if case .unanswered = $0.phase { false } else { true } }
    }

    var isContinuePending: Bool { state.withLock { $0.mustContinue } }

    // MARK: The body

    /// The next bytes of the body; empty at its end. Only with `BodyPlan.stream`, on the handler's thread.
    public func readBody() throws(HTTPError) -> [UInt8] {
        let mustContinue = state.withLock { state in
            defer { state.mustContinue = false }
            return state.mustContinue
        }
        if mustContinue {
            let line = try HTTPWriter.head(status: 100, headers: [:])
            try socket.write(line, doing: "asking for the body of \(request.method) \(request.target)")
        }
        return try connection.readBody()
    }

    /// The rest of the body.
    /// - Parameter limit: In bytes; more is an error that is answered 413.
    public func collectBody(limit: Int) throws(HTTPError) -> [UInt8] {
        let tooLarge = HTTPError(
            .tooLarge, "the body of \(request.method) \(request.target.path) is larger than \(limit) bytes")
        if let length = request.headers["Content-Length"].flatMap({ Int($0) }) {
            if length > limit { throw tooLarge }
            if length == 0 { return [] }
        } else if request.headers["Transfer-Encoding"] == nil {
            return []
        }
        var body: [UInt8] = []
        while true {
            let bytes = try readBody()
            if bytes.isEmpty { return body }
            body += bytes
            if body.count > limit { throw tooLarge }
        }
    }

    // MARK: The answer

    /// Gives the whole answer.
    /// - Parameter descriptor: Goes along with it (SCM_RIGHTS) and stays open here; Unix sockets only.
    public func respond(_ response: HTTPResponse, passing descriptor: Int32? = nil) throws(HTTPError) {
        var headers = response.headers
        let hasBody = response.status != 204 && response.status != 304 && response.status >= 200
        if hasBody { headers["Content-Length"] = response.body.count.description }
        var bytes = try open(status: response.status, headers: headers, then: .ended)
        if hasBody, request.method != "HEAD" { bytes += response.body }
        try send(bytes, passing: descriptor)
    }

    /// Gives the whole answer as JSON.
    public func respond(_ status: Int, json: JSON) throws(HTTPError) {
        try respond(HTTPResponse(status: status, json: json))
    }

    /// Begins an answer; `write` and `end` follow.
    /// - Parameter length: Of the body, when it is known: more cannot be written, and less cuts the
    ///   connection, so that nobody takes it for the whole.
    public func begin(_ status: Int, headers: HTTPHeaders = [:], length: Int64? = nil) throws(HTTPError) {
        var headers = headers
        headers["Content-Length"] = length?.description
        if let length {
            state.withLock { $0.owed = request.method == "HEAD" ? 0 : length }
            return try send(try open(status: status, headers: headers, then: .streaming))
        }
        let isChunked = request.isVersion11
        if isChunked { headers["Transfer-Encoding"] = "chunked" }
        // A client of HTTP/1.0 sees the end of the body by the end of the connection.
        state.withLock {
            $0.isChunked = isChunked
            if !isChunked { $0.isClosing = true }
        }
        try send(try open(status: status, headers: headers, then: .streaming))
    }

    /// Sends a piece at once. Fails when the client is gone or takes nothing for the server's write timeout.
    public func write(_ bytes: [UInt8]) throws(HTTPError) {
        let isChunked = try streaming(then: .streaming)
        // An empty chunk would end the body.
        if bytes.isEmpty || request.method == "HEAD" { return }
        try state.withLock { (state) throws(HTTPError) in
            guard let owed = state.owed else { return }
            guard bytes.count <= owed else {
                throw HTTPError(.misuse, "\(request.method) \(request.target) is answered with too much")
            }
            state.owed = owed - Int64(bytes.count)
        }
        try send(isChunked ? HTTPWriter.chunk(bytes) : bytes)
    }

    /// Ends an answer that was begun.
    public func end() throws(HTTPError) {
        let isShort = state.withLock { state in
            if state.owed ?? 0 > 0 { state.phase = .broken }
            return state.owed ?? 0 > 0
        }
        if isShort { throw HTTPError(.misuse, "\(request.method) \(request.target) was not answered whole") }
        let isChunked = try streaming(then: .ended)
        if isChunked, request.method != "HEAD" { try send(HTTPWriter.lastChunk) }
    }

    /// Answers and takes the connection out of HTTP: 101 for WebSocket, 200 for CONNECT. The socket lives
    /// as long as the caller holds it, also past the handler's return; stopping the server interrupts it
    /// until then.
    /// - Returns: The socket, and what the client already sent.
    public func upgrade(
        status: Int = 101, headers: HTTPHeaders = [:]
    ) throws(HTTPError) -> (descriptor: SharedDescriptor, leftover: [UInt8]) {
        guard request.headers["Transfer-Encoding"] == nil, (request.headers["Content-Length"] ?? "0") == "0"
        else {
            throw HTTPError(.malformed, "\(request.method) \(request.target) has a body and cannot upgrade")
        }
        let bytes = try open(status: status, headers: headers, then: .upgraded)
        try send(bytes)
        return (socket.descriptor, connection.takeRemaining())
    }

    private func open(
        status: Int, headers: HTTPHeaders, then phase: Phase
    ) throws(HTTPError) -> [UInt8] {
        var headers = headers
        let isClosing = state.withLock { $0.isClosing }
        if isClosing, phase != .upgraded { headers["Connection"] = "close" }
        // Written first: what cannot be sent must leave the exchange unanswered.
        let head = try HTTPWriter.head(status: status, headers: headers)
        try state.withLock { (state) throws(HTTPError) in
            guard case .unanswered = state.phase else {
                throw HTTPError(.misuse, "\(request.method) \(request.target) was answered already")
            }
            state.phase = phase
        }
        return head
    }

    private func streaming(then phase: Phase) throws(HTTPError) -> Bool {
        try state.withLock { (state) throws(HTTPError) -> Bool in
            guard case .streaming = state.phase else {
                throw HTTPError(.misuse, "\(request.method) \(request.target) has no answer that was begun")
            }
            state.phase = phase
            return state.isChunked
        }
    }

    private func send(_ bytes: [UInt8], passing: Int32? = nil) throws(HTTPError) {
        do throws(HTTPError) {
            try socket.write(bytes, passing: passing, doing: "answering \(request.method) \(request.target)")
        } catch {
            state.withLock { $0.phase = .broken }
            throw error
        }
    }

    // MARK: For the connection

    /// Answers for a handler that threw or forgot to; what was begun is cut instead, so that it cannot pass
    /// for whole.
    func fail(_ error: any Error) {
        let canAnswer = state.withLock { state in
            state.isClosing = true
            if case .unanswered = state.phase { return true }
            if case .streaming = state.phase { state.phase = .broken }
            return false
        }
        guard canAnswer else { return }
        let known = error as? HTTPError
        let response = HTTPResponse.error(
            known?.status ?? 500, code: (known?.status ?? 500) < 500 ? "bad_request" : "internal",
            message: "\(error)")
        // The error itself went to the server's report; a client that left needs no answer.
        try? respond(response)
    }

    /// What becomes of the connection.
    func close() -> Outcome {
        state.withLock { state in
            switch state.phase {
            case .unanswered: .unanswered
            case .ended: state.isClosing ? .close : .keep
            case .upgraded: .upgraded
            case .streaming, .broken: .cut
            }
        }
    }
}
