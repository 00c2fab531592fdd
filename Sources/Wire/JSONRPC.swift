public import Kit

/// An error as JSON-RPC 2.0 says it (section 5.1), thrown by handlers and received from peers.
public struct JSONRPCError: Error, Sendable, Hashable, CustomStringConvertible {
    public var code: Int
    public var message: String
    public var data: JSON?

    public init(code: Int, message: String, data: JSON? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    public static let parseErrorCode = -32700
    public static let invalidRequestCode = -32600
    public static let methodNotFoundCode = -32601
    public static let invalidParamsCode = -32602
    public static let internalErrorCode = -32603
    /// The first of the codes that are free for a server.
    public static let serverErrorCode = -32000

    public static func methodNotFound(_ method: String) -> JSONRPCError {
        JSONRPCError(code: methodNotFoundCode, message: "there is no method \(method)")
    }

    public static func invalidParams(_ reason: String) -> JSONRPCError {
        JSONRPCError(code: invalidParamsCode, message: reason)
    }

    public static func server(_ reason: String, data: JSON? = nil) -> JSONRPCError {
        JSONRPCError(code: serverErrorCode, message: reason, data: data)
    }

    public var description: String { "\(message) (JSON-RPC error \(code))" }
}

/// One message of JSON-RPC 2.0. Batches are not spoken: a line is a message.
public enum JSONRPCMessage: Sendable, Hashable {
    public enum ID: Sendable, Hashable {
        case number(Int64)
        case string(String)

        var json: JSON {
            switch self {
            case .number(let number): .integer(number)
            case .string(let text): .string(text)
            }
        }
    }

    case request(id: ID, method: String, params: JSON)
    case notification(method: String, params: JSON)
    case response(id: ID, result: JSON)
    /// Without an id when the peer could not read the request.
    case failure(id: ID?, JSONRPCError)

    /// Reads a message; the error is the one to answer with.
    public init(_ json: JSON) throws(JSONRPCError) {
        func invalid(_ reason: String) -> JSONRPCError {
            JSONRPCError(code: JSONRPCError.invalidRequestCode, message: reason)
        }
        guard case .object(let members) = json else { throw invalid("a message is an object") }
        guard members["jsonrpc"] == .some("2.0") else { throw invalid("a message says \"jsonrpc\":\"2.0\"") }
        let id: ID?
        switch members["id"] {
        case nil, .some(.null): id = nil
        case .some(.integer(let number)): id = .number(number)
        case .some(.string(let text)): id = .string(text)
        default: throw invalid("an id is an integer or a string")
        }
        if let method = members["method"] {
            guard case .string(let name) = method else { throw invalid("a method is a string") }
            guard members["result"] == nil, members["error"] == nil else {
                throw invalid("a request has neither result nor error")
            }
            let params = members["params"] ?? [:]
            switch params {
            case .object, .array: break
            default: throw invalid("params are an object or an array")
            }
            guard let id else {
                // An id of null is a request whose answer could not be told apart from a failure to read.
                guard members["id"] == nil else { throw invalid("the id of a request is not null") }
                self = .notification(method: name, params: params)
                return
            }
            self = .request(id: id, method: name, params: params)
        } else if let result = members["result"], let id, members["error"] == nil {
            self = .response(id: id, result: result)
        } else if case .some(.object(let error)) = members["error"], members["result"] == nil {
            guard let code = error["code"]?.intValue, let message = error["message"]?.stringValue else {
                throw invalid("an error has a code and a message")
            }
            self = .failure(id: id, JSONRPCError(code: code, message: message, data: error["data"]))
        } else {
            throw invalid("a message has a method, a result or an error")
        }
    }

    public var json: JSON {
        var json: JSON = ["jsonrpc": "2.0"]
        switch self {
        case .request(let id, let method, let params):
            json["id"] = id.json
            json["method"] = .string(method)
            json["params"] = params
        case .notification(let method, let params):
            json["method"] = .string(method)
            json["params"] = params
        case .response(let id, let result):
            json["id"] = id.json
            json["result"] = result
        case .failure(let id, let error):
            json["id"] = id?.json ?? .null
            var body: JSON = ["code": JSON(error.code), "message": .string(error.message)]
            body["data"] = error.data
            json["error"] = body
        }
        return json
    }
}
