import Synchronization
import System

/// Passes a request on to another server and its answer back, WebSockets included. Nothing is changed but the
/// headers that are about one connection.
public enum HTTPRelay {
    /// What one relay may keep and wait for.
    public struct Limits: Sendable, Hashable {
        /// The largest answer that is not a WebSocket, in bytes.
        public var answerBytes = 64 << 20
        /// Until the other server begins to answer.
        public var answerMilliseconds = 60_000
        /// How long one side may take nothing before both are cut.
        public var writeMilliseconds = 30_000

        public init() {}
    }

    /// Headers of one hop (RFC 9110, section 7.6.1), and those that are written anew.
    private static let hop = [
        "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "TE", "Trailer", "Upgrade",
        "Content-Length",
    ]

    /// Asks the other server and answers with what it says. Throws before anything was answered when the
    /// other server cannot be reached.
    public static func forward(
        _ request: HTTPRequest, _ exchange: HTTPExchange, to address: HTTPAddress,
        adding headers: HTTPHeaders = [:], limits: Limits = Limits()
    ) throws(HTTPError) {
        var passed = HTTPRequest(request.method, request.target.raw, body: request.body)
        for field in request.headers.fields where !isHop(field.name) {
            passed.headers.add(field.name, field.value)
        }
        guard request.headers.tokens("Connection").contains("upgrade") else {
            var response = try HTTPClient.send(
                passed, to: address, timeoutMilliseconds: limits.answerMilliseconds,
                maxBodyBytes: limits.answerBytes)
            response.headers = kept(response.headers, headers)
            return try exchange.respond(response)
        }
        passed.headers["Connection"] = "Upgrade"
        passed.headers["Upgrade"] = request.headers["Upgrade"]
        let answer = try HTTPClient.upgrade(
            passed, to: address, timeoutMilliseconds: limits.answerMilliseconds)
        guard let other = answer.descriptor else {
            var response = answer.response
            response.headers = kept(response.headers, headers)
            return try exchange.respond(response)
        }
        var given = kept(answer.response.headers, headers)
        given["Connection"] = "Upgrade"
        given["Upgrade"] = answer.response.headers["Upgrade"]
        let (client, leftover) = try exchange.upgrade(headers: given)
        splice(client, leftover, other, answer.leftover, limits)
    }

    private static func isHop(_ name: String) -> Bool { hop.contains { HTTPHeaders.isEqual($0, name) } }

    private static func kept(_ headers: HTTPHeaders, _ more: HTTPHeaders) -> HTTPHeaders {
        HTTPHeaders(
            (headers.fields.filter { !isHop($0.name) } + more.fields).map { ($0.name, $0.value) })
    }

    /// Moves bytes both ways until one side ends; each direction holds one piece at a time, so a slow side
    /// slows the other.
    private static func splice(
        _ left: SharedDescriptor, _ fromLeft: [UInt8], _ right: SharedDescriptor, _ fromRight: [UInt8],
        _ limits: Limits
    ) {
        try? Sockets.setSendTimeout(left.raw, milliseconds: limits.writeMilliseconds)
        try? Sockets.setSendTimeout(right.raw, milliseconds: limits.writeMilliseconds)
        let back = Worker.start("relay", stackBytes: 256 << 10) { pump(right, left, fromRight) }
        pump(left, right, fromLeft)
        back.join()
    }

    private static func pump(_ source: SharedDescriptor, _ target: SharedDescriptor, _ first: [UInt8]) {
        var bytes = first
        do throws(SystemError) {
            while true {
                if !bytes.isEmpty { try Sockets.send(target.raw, bytes) }
                bytes = try IO.read(source.raw)
                if bytes.isEmpty { break }
            }
        } catch {
            // Either side left; both ends are shut below, which is how the other learns of it.
        }
        IO.shutdown(source.raw)
        IO.shutdown(target.raw)
    }
}
