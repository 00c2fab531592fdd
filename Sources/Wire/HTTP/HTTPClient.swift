import Glibc
import Synchronization
public import System

/// Sends single requests over connections of their own.
public enum HTTPClient {
    /// Sends a request and reads its answer.
    /// - Parameters:
    ///   - timeoutMilliseconds: For everything without `onBody`; with it until the answer's head, after which
    ///     `idleMilliseconds` counts.
    ///   - onBody: Gets the body of a successful answer piece by piece; false ends the exchange early. The
    /// body of any
    ///     other answer is collected as usual.
    public static func send(
        _ request: HTTPRequest, to address: HTTPAddress, timeoutMilliseconds: Int = 30_000,
        idleMilliseconds: Int? = nil, maxBodyBytes: Int = 32 << 20, onBody: (([UInt8]) -> Bool)? = nil
    ) throws(HTTPError) -> HTTPResponse {
        let connection = HTTPConnection(address, keepsConnections: false)
        return try connection.send(
            request, timeoutMilliseconds: timeoutMilliseconds, idleMilliseconds: idleMilliseconds,
            maxBodyBytes: maxBodyBytes, onBody: onBody)
    }

    /// Asks to leave HTTP (WebSocket, CONNECT).
    /// - Returns: The answer; and, when it is 101 or a successful answer to CONNECT, the socket with what
    ///   already came.
    public static func upgrade(
        _ request: HTTPRequest, to address: HTTPAddress, timeoutMilliseconds: Int = 30_000
    ) throws(HTTPError) -> (response: HTTPResponse, descriptor: SharedDescriptor?, leftover: [UInt8]) {
        let call = HTTPCall(
            request: request, address: address, timeoutMilliseconds: timeoutMilliseconds,
            idleMilliseconds: nil,
            maxBodyBytes: 1 << 20)
        let socket = try address.connect(timeoutMilliseconds: timeoutMilliseconds)
        var reader = HTTPResponseParser(answering: request.method)
        let response = try call.run(on: socket, parser: &reader, mustClose: false, onBody: nil)
        let isTunnel = response.status == 101 || (request.method == "CONNECT" && response.isSuccess)
        return (response, isTunnel ? socket.descriptor : nil, isTunnel ? reader.takeRemaining() : [])
    }
}

/// Sends requests to one server over kept connections, from any thread; each request has a connection for
/// itself.
public final class HTTPConnection: Sendable {
    private struct State {
        var idle: [HTTPSocket] = []
        var active: [ObjectIdentifier: HTTPSocket] = [:]
        var isClosed = false
    }

    /// Connections kept for later.
    private static let idleLimit = 4

    public let address: HTTPAddress
    private let keepsConnections: Bool
    private let state = Mutex(State())

    public convenience init(_ address: HTTPAddress) { self.init(address, keepsConnections: true) }

    init(_ address: HTTPAddress, keepsConnections: Bool) {
        self.address = address
        self.keepsConnections = keepsConnections
    }

    deinit {
        for socket in state.withLock({ $0.idle }) { socket.descriptor.close() }
    }

    /// Ends everything under way, from any thread; later requests fail.
    public func close() {
        let sockets = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle + state.active.values
        }
        for socket in sockets { socket.interrupt() }
    }

    /// As `HTTPClient.send`. A kept connection that the server closed in the meantime is replaced; the
    /// request is sent a second time only when its method is safe to repeat (RFC 9110, section 9.2.2).
    public func send(
        _ request: HTTPRequest, timeoutMilliseconds: Int = 30_000, idleMilliseconds: Int? = nil,
        maxBodyBytes: Int = 32 << 20, onBody: (([UInt8]) -> Bool)? = nil
    ) throws(HTTPError) -> HTTPResponse {
        let call = HTTPCall(
            request: request, address: address, timeoutMilliseconds: timeoutMilliseconds,
            idleMilliseconds: idleMilliseconds, maxBodyBytes: maxBodyBytes)
        if let socket = takeIdle() {
            do throws(HTTPError) {
                return try run(call, on: socket, onBody: onBody)
            } catch {
                let isRepeatable = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].contains(request.method)
                guard error.kind == .closed, isRepeatable, onBody == nil, !isClosed else { throw error }
            }
        }
        guard !isClosed else { throw HTTPError(.closed, "\(call.name): the client was closed") }
        return try run(
            call, on: try address.connect(timeoutMilliseconds: timeoutMilliseconds), onBody: onBody)
    }

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    private func run(
        _ call: HTTPCall, on socket: HTTPSocket, onBody: (([UInt8]) -> Bool)?
    ) throws(HTTPError) -> HTTPResponse {
        let isClosed = state.withLock { state in
            state.active[ObjectIdentifier(socket)] = socket
            return state.isClosed
        }
        if isClosed { socket.interrupt() }
        var parser = HTTPResponseParser(answering: call.request.method)
        var isReusable = false
        defer { putBack(socket, isReusable: isReusable && keepsConnections) }
        let response = try call.run(on: socket, parser: &parser, mustClose: !keepsConnections, onBody: onBody)
        // A response that was ended early leaves the rest of its body on the connection.
        isReusable = parser.canReuse && parser.isBetweenMessages
        return response
    }

    private func takeIdle() -> HTTPSocket? {
        while let socket = state.withLock({ $0.idle.popLast() }) {
            if socket.isQuiet { return socket }
            socket.descriptor.close()
        }
        return nil
    }

    private func putBack(_ socket: HTTPSocket, isReusable: Bool) {
        let isKept = state.withLock { state in
            state.active[ObjectIdentifier(socket)] = nil
            guard isReusable, !state.isClosed, state.idle.count < HTTPConnection.idleLimit else {
                return false
            }
            state.idle.append(socket)
            return true
        }
        if !isKept { socket.descriptor.close() }
    }
}

/// One request on its way.
struct HTTPCall {
    let request: HTTPRequest
    let address: HTTPAddress
    let timeoutMilliseconds: Int
    let idleMilliseconds: Int?
    let maxBodyBytes: Int

    var name: String { "\(request.method) \(request.target) at \(address)" }

    private func deadline(_ milliseconds: Int) -> Int64 {
        Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
    }

    func run(
        on socket: HTTPSocket, parser: inout HTTPResponseParser, mustClose: Bool, onBody: (([UInt8]) -> Bool)?
    ) throws(HTTPError) -> HTTPResponse {
        var headers = request.headers
        if headers["Host"] == nil { headers["Host"] = address.host }
        if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            headers["Content-Length"] = request.body.count.description
        }
        if mustClose, headers["Connection"] == nil { headers["Connection"] = "close" }
        let head = try HTTPWriter.head(request, headers: headers)
        do throws(HTTPError) {
            try socket.write(head + request.body, doing: name)
        } catch {
            // A server that refuses early answers before it has read the body; that answer says more than
            // EPIPE.
            guard error.kind == .closed, let early = try? read(socket, &parser, onBody) else { throw error }
            return early
        }
        return try read(socket, &parser, onBody)
    }

    private func read(
        _ socket: HTTPSocket, _ parser: inout HTTPResponseParser, _ onBody: (([UInt8]) -> Bool)?
    ) throws(HTTPError) -> HTTPResponse {
        var limit: Int64? = deadline(timeoutMilliseconds)
        var response: HTTPResponse?
        var descriptor: SharedDescriptor?
        var body: [UInt8] = []
        while true {
            let bytes = try receive(socket, deadline: limit, descriptor: &descriptor)
            let events: [HTTPEvent<HTTPResponse>]
            do throws(HTTPError) {
                events = bytes.isEmpty ? try parser.receiveEnd() : try parser.receive(bytes)
            } catch {
                throw HTTPError(error.kind, "\(name): \(error.message)", status: error.status)
            }
            for event in events {
                switch event {
                case .head(let head):
                    response = head
                    if onBody != nil { limit = idleMilliseconds.map { deadline($0) } }
                case .body(let piece):
                    if let onBody, response?.isSuccess == true {
                        if !onBody(piece) { return finished(response, body, descriptor) }
                    } else {
                        body += piece
                    }
                    guard body.count <= maxBodyBytes else {
                        throw HTTPError(.tooLarge, "\(name): the answer is larger than \(maxBodyBytes) bytes")
                    }
                case .end: return finished(response, body, descriptor)
                }
            }
            // An error may wait behind these events; waiting for the peer first could take for ever.
            do throws(HTTPError) {
                _ = try parser.receive([])
            } catch {
                throw HTTPError(error.kind, "\(name): \(error.message)", status: error.status)
            }
            if onBody != nil, response != nil { limit = idleMilliseconds.map { deadline($0) } }
        }
    }

    private func finished(
        _ head: HTTPResponse?, _ body: [UInt8], _ descriptor: SharedDescriptor?
    ) -> HTTPResponse {
        var response = head ?? HTTPResponse(status: 500)
        response.body = body
        response.descriptor = descriptor
        return response
    }

    /// Reads with recvmsg, because a descriptor may come along with any byte of the answer.
    private func receive(
        _ socket: HTTPSocket, deadline: Int64?, descriptor: inout SharedDescriptor?
    ) throws(HTTPError) -> [UInt8] {
        do throws(SystemError) {
            var milliseconds = -1
            if let deadline {
                milliseconds = max(0, Int((deadline - Clock.monotonicNanoseconds() + 999_999) / 1_000_000))
            }
            guard try IO.waitReadable(socket.descriptor.raw, timeoutMilliseconds: milliseconds) else {
                throw SystemError(call: "recvmsg", operand: socket.name, code: ETIMEDOUT)
            }
            let (bytes, passed) = try Sockets.receive(socket.descriptor.raw).split()
            if let passed { descriptor = passed }
            return bytes
        } catch {
            switch error.code {
            case ETIMEDOUT: throw HTTPError(.timeout, "\(name): no answer in time", system: error)
            case ECONNRESET: return []
            default: throw HTTPError("\(name): reading the answer", error)
            }
        }
    }
}
