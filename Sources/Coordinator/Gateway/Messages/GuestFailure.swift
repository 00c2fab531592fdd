// What a guest is told when it gets no answer.
import Kit
import Wire

/// A failed call in the form of the Messages API.
struct GuestFailure: Error, Sendable, Hashable {
    let status: Int
    /// `invalid_request_error`, `rate_limit_error` ….
    let type: String
    let message: String
    /// What SDKs act on.
    var details: JSON?
    /// OpenAI's name for it, where that is another one.
    var code: String?
    /// Whether the guest should ask again. Mostly not: what is worth another try, the gateway has tried. But
    /// it cannot take back an answer that has begun, nor go on when the coordinator ends.
    var isWorthRetrying: Bool

    init(_ status: Int, _ message: String, type: String? = nil, isWorthRetrying: Bool = false) {
        (self.status, self.message, self.isWorthRetrying) = (status, message, isWorthRetrying)
        self.type = type ?? GuestFailure.type(ofStatus: status)
    }

    static func invalid(_ message: String) -> GuestFailure { GuestFailure(400, message) }

    /// The names of Anthropic's API.
    static func type(ofStatus status: Int) -> String {
        switch status {
        case 400, 422: "invalid_request_error"
        case 401: "authentication_error"
        case 402: "billing_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 504: "timeout_error"
        case 529: "overloaded_error"
        default: status < 500 ? "invalid_request_error" : "api_error"
        }
    }

    /// The status that stands for an `error` event in the middle of a stream.
    static func status(ofType type: String) -> Int {
        switch type {
        case "invalid_request_error": 400
        case "authentication_error": 401
        case "billing_error": 402
        case "permission_error": 403
        case "not_found_error": 404
        case "request_too_large": 413
        case "rate_limit_error": 429
        case "timeout_error": 504
        case "overloaded_error": 529
        default: 500
        }
    }

    func json(requestID: String) -> JSON {
        var error: JSON = ["type": .string(type), "message": .string(message)]
        if let details { error["details"] = details }
        // A stream has sent its headers already.
        return [
            "type": "error", "error": error, "request_id": .string(requestID),
            "should_retry": JSON(isWorthRetrying),
        ]
    }

    /// As OpenAI's clients expect it.
    var openAIJSON: JSON {
        [
            "error": [
                "message": .string(message), "type": .string(type), "param": nil,
                "code": .string(code ?? type),
            ]
        ]
    }
}
