import Kit
import System

/// Serves one connection, request after request, on the thread that calls `run`.
final class HTTPServerConnection {
    private let socket: HTTPSocket
    private let server: HTTPServer
    private let isRefused: Bool
    private var parser: HTTPRequestParser
    private var events: ArraySlice<HTTPEvent<HTTPRequest>> = []

    init(socket: HTTPSocket, server: HTTPServer, isRefused: Bool) {
        self.socket = socket
        self.server = server
        self.isRefused = isRefused
        parser = HTTPRequestParser(limits: server.limits.parser)
    }

    func run() {
        do throws(HTTPError) {
            while let request = try nextHead() {
                switch try serve(request) {
                case .keep: events += try parser.startNext()
                case .close:
                    socket.closeGently(milliseconds: server.limits.lingerMilliseconds)
                    return
                case .cut:
                    socket.descriptor.close()
                    return
                case .upgraded: return
                }
            }
            socket.descriptor.close()
        } catch {
            refuse(error)
        }
    }

    private enum Outcome {
        case keep, close, cut, upgraded
    }

    /// Answers a request that could not be read, if there is anyone left to answer.
    private func refuse(_ error: HTTPError) {
        guard !server.isStopping, error.kind != .closed, error.kind != .system else {
            socket.descriptor.close()
            return
        }
        server.report(error, nil)
        let response = HTTPResponse.error(error.status, code: "bad_request", message: error.message)
        do throws(HTTPError) {
            try answer(response)
            socket.closeGently(milliseconds: server.limits.lingerMilliseconds)
        } catch {
            // The peer is told why only if it still listens.
            socket.descriptor.close()
        }
    }

    /// Sends a whole response that ends the connection.
    private func answer(_ response: HTTPResponse) throws(HTTPError) {
        var headers = response.headers
        headers["Content-Length"] = response.body.count.description
        headers["Connection"] = "close"
        let head = try HTTPWriter.head(status: response.status, headers: headers)
        try socket.write(head + response.body, doing: "refusing a request")
    }

    /// The head of the next request; nil when the client is done or was idle for too long.
    private func nextHead() throws(HTTPError) -> HTTPRequest? {
        var deadline = now(plus: server.limits.idleMilliseconds)
        while true {
            if case .head(let request) = events.first {
                events.removeFirst()
                return request
            }
            events += try parser.receive([])
            let wasIdle = parser.isBetweenMessages
            let bytes: [UInt8]
            do throws(HTTPError) {
                bytes = try socket.read(deadline: deadline, doing: "reading a request")
            } catch {
                if wasIdle { return nil }
                throw error
            }
            if bytes.isEmpty {
                if wasIdle { return nil }
                throw HTTPError(.closed, "a client closed in the middle of a request")
            }
            if wasIdle { deadline = now(plus: server.limits.headMilliseconds) }
            events += try parser.receive(bytes)
        }
    }

    private func now(plus milliseconds: Int) -> Int64 {
        Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
    }

    /// The next bytes of the body; empty at its end.
    func readBody() throws(HTTPError) -> [UInt8] {
        while true {
            switch events.first {
            case .body(let bytes):
                events.removeFirst()
                return bytes
            case .end, .head: return []
            case nil:
                // An error may wait behind what was returned before.
                events += try parser.receive([])
                let deadline = now(plus: server.limits.bodyMilliseconds)
                let bytes = try socket.read(deadline: deadline, doing: "reading the body of a request")
                if bytes.isEmpty {
                    throw HTTPError(.closed, "the client closed in the middle of the body of a request")
                }
                events += try parser.receive(bytes)
            }
        }
    }

    /// What follows the head, for a connection that changes its protocol.
    func takeRemaining() -> [UInt8] { parser.takeRemaining() }

    private func serve(_ head: HTTPRequest) throws(HTTPError) -> Outcome {
        var request = head
        let expectations = request.headers.tokens("Expect")
        guard expectations.allSatisfy({ $0 == "100-continue" }) else {
            throw HTTPError(.unsupported, "the expectation \(expectations)", status: 417)
        }
        if isRefused {
            try answer(
                .error(
                    503, code: "too_many_connections", message: "the server has no connection to spare",
                    hint: "Try again in a moment."))
            return .close
        }
        let exchange = HTTPExchange(
            request: request, socket: socket, connection: self,
            mustContinue: request.isVersion11 && !expectations.isEmpty)
        if case .collect(let limit) = server.bodyPlan(request) {
            request.body = try exchange.collectBody(limit: limit)
        }
        do {
            try server.handler(request, exchange)
        } catch {
            server.report(error, head)
            exchange.fail(error)
        }
        return finish(exchange)
    }

    private func finish(_ exchange: HTTPExchange) -> Outcome {
        switch exchange.close() {
        case .unanswered:
            server.report(HTTPError(.misuse, "the handler gave no answer"), exchange.request)
            exchange.fail(HTTPError(.misuse, "the handler gave no answer"))
            return .close
        case .cut: return .cut
        case .upgraded: return .upgraded
        case .close: return .close
        case .keep: break
        }
        if server.isStopping { return .close }
        do throws(HTTPError) {
            return try skipBody(exchange) ? .keep : .close
        } catch {
            return .close
        }
    }

    /// True when the rest of the body is out of the way, so that the next request can be read.
    private func skipBody(_ exchange: HTTPExchange) throws(HTTPError) -> Bool {
        var skipped = 0
        // A client that still waits for "100 Continue" may send its body or not; only closing is unambiguous.
        if exchange.isContinuePending, events.first == nil { return false }
        while skipped <= server.limits.skippedBytes {
            let bytes = try readBody()
            if bytes.isEmpty {
                if case .end = events.first { events.removeFirst() }
                return true
            }
            skipped += bytes.count
        }
        return false
    }
}
