/// Reads requests from the bytes of one connection. A value: no I/O, no clock.
public struct HTTPRequestParser: Sendable {
    private var machine: HTTPMachine
    private var failure: HTTPError?

    public init(limits: HTTPParserLimits = HTTPParserLimits()) { machine = HTTPMachine(limits: limits) }

    /// True when the connection may be closed without cutting off a request.
    public var isBetweenMessages: Bool { machine.isBetweenMessages }

    /// Takes bytes and says what they completed. The head's body is empty; it follows as events. After
    /// `.end` further bytes are kept until `startNext`. An error is thrown when everything before it was
    /// returned, and by every later call; so ask once more, with no bytes, before waiting for the peer.
    public mutating func receive(_ bytes: [UInt8]) throws(HTTPError) -> [HTTPEvent<HTTPRequest>] {
        if let failure { throw failure }
        machine.append(bytes)
        return try events()
    }

    /// Goes on with the next request; what came in advance is read now.
    public mutating func startNext() throws(HTTPError) -> [HTTPEvent<HTTPRequest>] {
        guard machine.isFinished else { throw HTTPError(.misuse, "the request is not complete") }
        machine.startNext()
        return try receive([])
    }

    /// What follows the request, for a connection that changes its protocol.
    public mutating func takeRemaining() -> [UInt8] { machine.takeRemaining() }

    private mutating func events() throws(HTTPError) -> [HTTPEvent<HTTPRequest>] {
        var events: [HTTPEvent<HTTPRequest>] = []
        do throws(HTTPError) {
            while let piece = try machine.step() {
                switch piece {
                case .head(let line, let headers):
                    let request = try HTTPRequestParser.request(line, headers)
                    machine.beginBody(try HTTPRequestParser.framing(request))
                    events.append(.head(request))
                case .body(let bytes): events.append(.body(bytes))
                case .end: events.append(.end)
                }
            }
        } catch {
            failure = error
            if events.isEmpty { throw error }
        }
        return events
    }

    private static func request(_ line: [UInt8], _ headers: HTTPHeaders) throws(HTTPError) -> HTTPRequest {
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, HTTPGrammar.isToken(words[0]) else {
            throw HTTPError(.malformed, "the first line is not METHOD TARGET HTTP/1.1")
        }
        let isVersion11 = try version(words[2])
        let method = String(decoding: words[0], as: UTF8.self)
        let target = try HTTPTarget.validated(words[1], method: method)
        guard headers.all("Host").count == 1 || (!isVersion11 && headers["Host"] == nil) else {
            throw HTTPError(.malformed, "a request needs exactly one Host header")
        }
        return HTTPRequest(method, target, headers: headers, isVersion11: isVersion11)
    }

    static func version(_ word: ArraySlice<UInt8>) throws(HTTPError) -> Bool {
        if word.elementsEqual("HTTP/1.1".utf8) { return true }
        if word.elementsEqual("HTTP/1.0".utf8) { return false }
        if word.starts(with: "HTTP/".utf8) {
            throw HTTPError(.unsupported, "a version of HTTP other than 1.0 and 1.1", status: 505)
        }
        throw HTTPError(.malformed, "the first line does not name HTTP/1.1")
    }

    private static func framing(_ request: HTTPRequest) throws(HTTPError) -> HTTPMachine.Framing {
        try declaredFraming(request.headers, isVersion11: request.isVersion11) ?? .none
    }

    /// What the headers say about the body (RFC 9112, section 6), nil when they say nothing.
    static func declaredFraming(
        _ headers: HTTPHeaders, isVersion11: Bool
    ) throws(HTTPError) -> HTTPMachine.Framing? {
        let codings = headers.all("Transfer-Encoding")
        let lengths = headers.all("Content-Length")
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                throw HTTPError(.malformed, "both Transfer-Encoding and Content-Length")
            }
            guard isVersion11 else { throw HTTPError(.malformed, "Transfer-Encoding in HTTP/1.0") }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw HTTPError(.unsupported, "the transfer coding \(codings.joined(separator: ", "))")
            }
            return .chunked
        }
        guard let length = lengths.first else { return nil }
        guard lengths.count == 1, (1...18).contains(length.utf8.count),
            length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(length)
        else { throw HTTPError(.malformed, "Content-Length is not one decimal number") }
        return .fixed(count)
    }
}

/// Reads responses from the bytes of one connection. A value: no I/O, no clock.
public struct HTTPResponseParser: Sendable {
    private var machine: HTTPMachine
    private var method: String
    private var failure: HTTPError?
    /// False once the peer said that the connection ends with this response.
    public private(set) var canReuse = true

    /// - Parameter method: Of the request: the answer to HEAD has no body, the answer to CONNECT is a tunnel.
    public init(answering method: String, limits: HTTPParserLimits = HTTPParserLimits()) {
        machine = HTTPMachine(limits: limits)
        self.method = method
    }

    public var isBetweenMessages: Bool { machine.isBetweenMessages }

    /// Takes bytes and says what they completed. Interim responses (1xx but 101) are skipped. Errors come
    /// as with requests: after everything before them, and again from every later call.
    public mutating func receive(_ bytes: [UInt8]) throws(HTTPError) -> [HTTPEvent<HTTPResponse>] {
        if let failure { throw failure }
        machine.append(bytes)
        return try events()
    }

    /// The peer closed: the end of some bodies, an error everywhere else.
    public mutating func receiveEnd() throws(HTTPError) -> [HTTPEvent<HTTPResponse>] {
        if let failure { throw failure }
        canReuse = false
        if machine.isReadingUntilClose {
            machine.endAtClose()
            return try events()
        }
        guard machine.isFinished else {
            throw HTTPError(.closed, "the peer closed before the response ended")
        }
        return []
    }

    /// Goes on with the response to the next request.
    public mutating func startNext(answering method: String) throws(HTTPError) -> [HTTPEvent<HTTPResponse>] {
        guard machine.isFinished else { throw HTTPError(.misuse, "the response is not complete") }
        self.method = method
        machine.startNext()
        return try receive([])
    }

    /// What follows the response, for a connection that changed its protocol.
    public mutating func takeRemaining() -> [UInt8] { machine.takeRemaining() }

    private mutating func events() throws(HTTPError) -> [HTTPEvent<HTTPResponse>] {
        var events: [HTTPEvent<HTTPResponse>] = []
        do throws(HTTPError) {
            while let piece = try machine.step() {
                switch piece {
                case .head(let line, let headers):
                    if let response = try head(line, headers) { events.append(.head(response)) }
                case .body(let bytes): events.append(.body(bytes))
                case .end: events.append(.end)
                }
            }
        } catch {
            failure = error
            canReuse = false
            if events.isEmpty { throw error }
        }
        return events
    }

    /// Nil for an interim response.
    private mutating func head(_ line: [UInt8], _ headers: HTTPHeaders) throws(HTTPError) -> HTTPResponse? {
        let (response, isVersion11) = try HTTPResponseParser.response(line, headers)
        if (100..<200).contains(response.status), response.status != 101 {
            machine.startNext()
            return nil
        }
        machine.beginBody(try framing(response, isVersion11: isVersion11))
        if !isVersion11 || headers.tokens("Connection").contains("close") { canReuse = false }
        return response
    }

    private mutating func framing(
        _ response: HTTPResponse, isVersion11: Bool
    ) throws(HTTPError) -> HTTPMachine.Framing {
        let declared = try HTTPRequestParser.declaredFraming(response.headers, isVersion11: isVersion11)
        let isTunnel = response.status == 101 || (method == "CONNECT" && response.isSuccess)
        if isTunnel { canReuse = false }
        if isTunnel || method == "HEAD" || response.status == 204 || response.status == 304 { return .none }
        if let declared { return declared }
        canReuse = false
        return .untilClose
    }

    private static func response(
        _ line: [UInt8], _ headers: HTTPHeaders
    ) throws(HTTPError) -> (HTTPResponse, Bool) {
        let words = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[1].count == 3, let first = words[1].first, first >= 0x31, first <= 0x39,
            let status = Int(String(decoding: words[1], as: UTF8.self)),
            words.count == 2 || HTTPGrammar.isFieldValue(words[2])
        else { throw HTTPError(.malformed, "the first line is not HTTP/1.1 STATUS REASON") }
        let isVersion11 = try HTTPRequestParser.version(words[0])
        return (HTTPResponse(status: status, headers: headers), isVersion11)
    }
}
