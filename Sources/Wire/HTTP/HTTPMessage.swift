public import Kit
public import System

/// A request, on either side.
public struct HTTPRequest: Sendable, Hashable {
    /// In capitals: "GET".
    public var method: String
    public var target: HTTPTarget
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// False for HTTP/1.0, which has neither chunks nor connections that stay.
    public var isVersion11: Bool

    public init(
        _ method: String, _ target: String, headers: HTTPHeaders = [:], body: [UInt8] = []
    ) {
        self.init(method, HTTPTarget(target), headers: headers, body: body)
    }

    public init(
        _ method: String, _ target: HTTPTarget, headers: HTTPHeaders = [:], body: [UInt8] = [],
        isVersion11: Bool = true
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.isVersion11 = isVersion11
    }

    /// A request whose body is JSON.
    public init(_ method: String, _ target: String, headers: HTTPHeaders = [:], json: JSON) {
        self.init(method, target, headers: headers, body: json.serialized())
        self.headers["Content-Type"] = "application/json"
    }

    /// The decoded path.
    public var path: String { target.path }
    /// The decoded parameters.
    public var query: [String: String] { target.query }

    /// The body as JSON; 400 when it is none.
    public func json(limits: JSON.Limits = .standard) throws(HTTPError) -> JSON {
        do throws(JSONError) {
            return try JSON.parse(body, limits: limits)
        } catch {
            throw HTTPError(.malformed, "the body of \(method) \(target): \(error)")
        }
    }

    /// The token of `Authorization: Bearer TOKEN`.
    public var bearerToken: String? { Authorization.bearerToken(headers) }
}

/// A response, on either side.
public struct HTTPResponse: Sendable, Equatable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// A descriptor that came with the response over a Unix socket (SCM_RIGHTS).
    public var descriptor: SharedDescriptor?

    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response whose body is JSON.
    public init(status: Int, headers: HTTPHeaders = [:], json: JSON) {
        self.init(status: status, headers: headers, body: json.serialized())
        self.headers["Content-Type"] = "application/json"
    }

    /// The form all our services give their errors: `{"error":{"code","message","hint"}}`.
    public static func error(
        _ status: Int, code: String, message: String, hint: String? = nil
    ) -> HTTPResponse {
        var error: JSON = ["code": .string(code), "message": .string(message)]
        if let hint { error["hint"] = .string(hint) }
        return HTTPResponse(status: status, json: ["error": error])
    }

    public var isSuccess: Bool { (200..<300).contains(status) }

    /// The body as JSON.
    public func json(limits: JSON.Limits = .standard) throws(HTTPError) -> JSON {
        do throws(JSONError) {
            return try JSON.parse(body, limits: limits)
        } catch {
            throw HTTPError(.malformed, "the body of a response with status \(status): \(error)")
        }
    }

    public static func == (left: HTTPResponse, right: HTTPResponse) -> Bool {
        left.status == right.status && left.headers == right.headers && left.body == right.body
            && left.descriptor === right.descriptor
    }
}

/// The `Authorization` header.
public enum Authorization {
    /// The value of the header for a token.
    public static func bearer(_ token: String) -> String { "Bearer \(token)" }

    /// The token of the only `Authorization: Bearer` header; nil when there is none, or more than one.
    public static func bearerToken(_ headers: HTTPHeaders) -> String? {
        let values = headers.all("Authorization")
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let token = HTTPHeaders.trim(parts[1])
        return token.isEmpty ? nil : token
    }
}

/// Turns heads into bytes.
enum HTTPWriter {
    static func head(_ request: HTTPRequest, headers: HTTPHeaders) throws(HTTPError) -> [UInt8] {
        guard HTTPGrammar.isToken(Array(request.method.utf8)) else {
            throw HTTPError(.misuse, "the method \(request.method) is no token")
        }
        return try head("\(request.method) \(request.target.raw) HTTP/1.1", headers)
    }

    static func head(status: Int, headers: HTTPHeaders) throws(HTTPError) -> [UInt8] {
        guard (100..<1000).contains(status) else { throw HTTPError(.misuse, "\(status) is no HTTP status") }
        return try head("HTTP/1.1 \(status) \(reason(status))", headers)
    }

    private static func head(_ line: String, _ headers: HTTPHeaders) throws(HTTPError) -> [UInt8] {
        var output = Array(line.utf8) + [0x0D, 0x0A]
        for field in headers.fields {
            // What came from elsewhere must not be able to add lines of its own.
            guard HTTPGrammar.isToken(Array(field.name.utf8)),
                HTTPGrammar.isFieldValue(Array(field.value.utf8))
            else {
                throw HTTPError(.misuse, "the header \(field.name) cannot be sent: a line break or control")
            }
            output += Array(field.name.utf8) + [0x3A, 0x20] + Array(field.value.utf8) + [0x0D, 0x0A]
        }
        return output + [0x0D, 0x0A]
    }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array(String(bytes.count, radix: 16).utf8) + [0x0D, 0x0A] + bytes + [0x0D, 0x0A]
    }

    static let lastChunk = Array("0\r\n\r\n".utf8)

    /// RFC 9110, section 15; those that are used here.
    static func reason(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
