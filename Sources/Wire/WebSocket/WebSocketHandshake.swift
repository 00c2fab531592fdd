import Kit

/// The handshake of RFC 6455, section 4.
public enum WebSocketHandshake {
    private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// What a server answers to a key.
    public static func accept(key: String) -> String { Base64.encode(SHA1.digest(Array((key + magic).utf8))) }

    /// The headers of the 101 with which a server accepts a request; the error has the status to refuse with.
    public static func answer(_ request: HTTPRequest) throws(HTTPError) -> HTTPHeaders {
        guard request.method == "GET", request.isVersion11,
            request.headers.tokens("Upgrade").contains("websocket"),
            request.headers.tokens("Connection").contains("upgrade")
        else {
            throw HTTPError(
                .malformed, "\(request.target) is a WebSocket; ask with Upgrade: websocket", status: 426)
        }
        guard request.headers.all("Sec-WebSocket-Version") == ["13"] else {
            throw HTTPError(.malformed, "only version 13 of WebSocket is spoken", status: 426)
        }
        let keys = request.headers.all("Sec-WebSocket-Key")
        guard keys.count == 1, Base64.decode(keys[0])?.count == 16 else {
            throw HTTPError(.malformed, "Sec-WebSocket-Key is not 16 bytes in Base64")
        }
        return [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept(key: keys[0]),
        ]
    }

    /// A client's request.
    /// - Parameter key: 16 random bytes in Base64.
    public static func request(_ target: String, key: String, headers: HTTPHeaders = [:]) -> HTTPRequest {
        var request = HTTPRequest("GET", target, headers: headers)
        request.headers["Upgrade"] = "websocket"
        request.headers["Connection"] = "Upgrade"
        request.headers["Sec-WebSocket-Version"] = "13"
        request.headers["Sec-WebSocket-Key"] = key
        return request
    }

    /// Checks a server's answer.
    public static func verify(_ response: HTTPResponse, key: String) throws(HTTPError) {
        guard response.status == 101 else {
            throw HTTPError(
                .unsupported, "the server answered \(response.status) instead of opening a WebSocket")
        }
        let headers = response.headers
        guard headers.tokens("Upgrade").contains("websocket"),
            headers.tokens("Connection").contains("upgrade"),
            headers.all("Sec-WebSocket-Accept") == [accept(key: key)]
        else { throw HTTPError(.malformed, "the server's WebSocket handshake does not match the request") }
        guard headers["Sec-WebSocket-Extensions"] == nil, headers["Sec-WebSocket-Protocol"] == nil else {
            throw HTTPError(.unsupported, "the server chose an extension or protocol that was not offered")
        }
    }
}
