import Glibc
import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Agent

/// Servers behind HTTP that answer in every way but the right one, and one that has to be taken up again.
@Suite(.serialized) struct MCPHTTPTests {
    private static let json: HTTPHeaders = ["Content-Type": "application/json"]
    private static let stream: HTTPHeaders = ["Content-Type": "text/event-stream"]

    private static func result(_ request: HTTPRequest, _ result: JSON) -> JSON {
        let id = (try? request.json())?["id"] ?? .null
        return ["jsonrpc": "2.0", "id": id, "result": result]
    }

    /// Shakes hands and lists one tool; everything else is the test's.
    private static func sane(_ request: HTTPRequest) -> HTTPResponse? {
        guard request.method == "POST", let json = try? request.json() else { return nil }
        switch json["method"]?.stringValue {
        case "initialize":
            let version = json["params"]?["protocolVersion"] ?? ""
            var response = HTTPResponse(
                status: 200, headers: Self.json,
                body: result(request, ["protocolVersion": version, "capabilities": ["tools": [:]]])
                    .serialized())
            response.headers["Mcp-Session-Id"] = "s-1"
            return response
        case "notifications/initialized", "notifications/cancelled": return HTTPResponse(status: 202)
        case "tools/list":
            let tools: JSON = ["tools": [["name": "t", "inputSchema": ["type": "object"]]]]
            return HTTPResponse(status: 200, headers: Self.json, body: result(request, tools).serialized())
        default: return nil
        }
    }

    /// Serves over loopback; the body gets the answer to `start` and a way to call the tool.
    private func serve(
        _ answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse,
        _ body: (JSON, () -> JSON) throws -> Void
    ) throws -> [HTTPRequest] {
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        let seen = Mutex<[HTTPRequest]>([])
        let server = try HTTPServer(
            listener: listener, name: "mcp", report: { _, _ in },
            handler: { request, exchange in
                seen.withLock { $0.append(request) }
                try exchange.respond(answer(request))
            })
        server.start()
        defer { server.stop() }
        let host = MCPHost(environment: ["PATH": "/usr/bin:/bin"])
        defer { host.close() }
        let port = try Sockets.localPort(listener.raw)
        let begun = host.start([
            "servers": [
                [
                    "name": "s", "url": .string("http://127.0.0.1:\(port)/mcp"), "timeout_ms": 3000,
                    "headers": ["X-Team": "core"], "bearer": "TOKEN",
                ]
            ], "secrets": ["TOKEN": "t-123"],
        ])
        try body(begun) { host.call("mcp__s__t", ["a": "\"\n\\"]) }
        host.close()
        return seen.withLock { $0 }
    }

    @Test func `every request has the session, the version, the secret and the role's headers`() throws {
        let requests = try serve({ request in
            Self.sane(request)
                ?? HTTPResponse(
                    status: request.method == "POST" ? 200 : 405, headers: Self.json,
                    body: Self.result(request, ["content": [["type": "text", "text": "fine"]]]).serialized())
        }) { begun, call in
            #expect(begun["problems"] == [:])
            #expect(call()["content"]?.stringValue?.contains("\nfine\n") ?? false)
        }
        let posts = requests.filter { $0.method == "POST" }
        #expect(posts.count == 4)
        for request in posts {
            #expect(request.headers["Authorization"] == "Bearer t-123" && request.headers["X-Team"] == "core")
            #expect(request.headers["Accept"] == "application/json, text/event-stream")
        }
        #expect(posts[0].headers["Mcp-Session-Id"] == nil && posts[0].headers["MCP-Protocol-Version"] == nil)
        for request in posts.dropFirst() {
            #expect(request.headers["Mcp-Session-Id"] == "s-1")
            #expect(request.headers["MCP-Protocol-Version"] == .some(MCPLimits.versions[0]))
        }
        #expect(try posts[3].json()["params"]?["arguments"] == ["a": "\"\n\\"])
        #expect(requests.contains { $0.method == "DELETE" && $0.headers["Mcp-Session-Id"] == "s-1" })
    }

    @Test(arguments: [
        (307, "text/plain", "", "somewhere else"), (401, "text/plain", "who?", "missing or wrong"),
        (500, "text/plain", "broken\u{1B}[2J", "it answers 500"),
        (200, "text/html", "<p>", "neither JSON nor"),
        (200, "application/json", "{", "ended before the result"),
        (200, "application/json", "[]", "ended before the result"),
        (200, "text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n\n", "ended before"),
        (202, "text/plain", "", "ended before the result"),
    ])
    func `an answer that is none is one failed call, with its reason`(
        status: Int, type: String, body: String, words: String
    ) throws {
        _ = try serve({ request in
            Self.sane(request)
                ?? HTTPResponse(status: status, headers: ["Content-Type": type], body: Array(body.utf8))
        }) { begun, call in
            #expect(begun["problems"] == [:])
            let answer = call()
            #expect(answer["is_error"] == true)
            #expect(answer["content"]?.stringValue?.contains(words) ?? false, "\(answer)")
        }
    }

    @Test func `a stream that ends early is taken up where it ended`() throws {
        let requests = try serve({ request in
            if let answer = Self.sane(request) { return answer }
            if request.method == "POST" {
                return HTTPResponse(
                    status: 200, headers: Self.stream, body: Array("id: e-7\nretry: 10\ndata:\n\n".utf8))
            }
            guard request.headers["Last-Event-ID"] == "e-7" else { return HTTPResponse(status: 405) }
            // The fourth request of the client is the call.
            let result: JSON = [
                "jsonrpc": "2.0", "id": 3, "result": ["content": [["type": "text", "text": "late"]]],
            ]
            return HTTPResponse(
                status: 200, headers: Self.stream, body: Array("data: \(result.text)\n\n".utf8))
        }) { _, call in
            let answer = call()
            #expect(answer["content"]?.stringValue?.contains("late") ?? false, "\(answer)")
        }
        #expect(requests.contains { $0.headers["Last-Event-ID"] == "e-7" })
    }

    @Test func `a server that forgot the session is met again at the next call`() throws {
        let calls = Mutex(0)
        let requests = try serve({ request in
            if let answer = Self.sane(request) { return answer }
            guard request.method == "POST" else { return HTTPResponse(status: 405) }
            let count = calls.withLock { count in
                count += 1
                return count
            }
            guard count > 1 else { return HTTPResponse(status: 404) }
            return HTTPResponse(
                status: 200, headers: Self.json,
                body: Self.result(request, ["content": [["type": "text", "text": "again"]]]).serialized())
        }) { _, call in
            #expect(call()["is_error"] == true)
            let answer = call()
            #expect(answer["content"]?.stringValue?.contains("again") ?? false, "\(answer)")
        }
        let handshakes = requests.filter { (try? $0.json())?["method"] == "initialize" }
        #expect(handshakes.count == 2)
    }
}
