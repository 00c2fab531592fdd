import Kit
import Synchronization
import System
import TestSupport
import Testing
import Wire

@testable import Agent

/// A stream as a provider sends it: thinking with its signature, text, a call, usage told twice.
private let stream: [JSON] = [
    [
        "type": "message_start",
        "message": [
            "usage": [
                "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
                "output_tokens": 1,
            ]
        ],
    ],
    [
        "type": "content_block_start", "index": 0,
        "content_block": ["type": "thinking", "thinking": "", "signature": ""],
    ],
    ["type": "content_block_delta", "index": 0, "delta": ["type": "thinking_delta", "thinking": "Hm"]],
    ["type": "content_block_delta", "index": 0, "delta": ["type": "signature_delta", "signature": "sig"]],
    ["type": "content_block_stop", "index": 0],
    [
        "type": "content_block_start", "index": 1,
        "content_block": ["type": "redacted_thinking", "data": "opaque"],
    ],
    ["type": "content_block_stop", "index": 1],
    ["type": "ping"],
    [
        "type": "content_block_start", "index": 2,
        "content_block": ["type": "tool_use", "id": "t", "name": "bash", "input": [:]],
    ],
    [
        "type": "content_block_delta", "index": 2,
        "delta": ["type": "input_json_delta", "partial_json": "{\"command\":"],
    ],
    [
        "type": "content_block_delta", "index": 2,
        "delta": ["type": "input_json_delta", "partial_json": "\"ls\"}"],
    ],
    ["type": "content_block_stop", "index": 2],
    ["type": "message_delta", "delta": ["stop_reason": "tool_use"], "usage": ["output_tokens": 10]],
    ["type": "message_delta", "delta": [:], "usage": ["output_tokens": 12]],
    ["type": "message_stop"],
]

private func assemble(_ events: [JSON]) -> AnswerAssembler {
    var assembler = AnswerAssembler()
    for event in events {
        assembler.take(ServerSentEvent(event: event["type"]?.stringValue ?? "", data: event.text))
    }
    return assembler
}

@Suite struct AnswerTests {
    @Test(arguments: [
        JSON(Int64.max), JSON(Int64.min), .double(1e300), .double(-1e300), .double(0.5), "9", .null,
    ])
    func `an answer with any counts is an answer, and its length a number`(count: JSON) throws {
        let usage: JSON = [
            "input_tokens": count, "cache_read_input_tokens": count, "cache_creation_input_tokens": count,
            "output_tokens": count,
        ]
        let answer = try #require(
            assemble([
                ["type": "message_start", "message": ["usage": usage]],
                ["type": "message_delta", "delta": ["stop_reason": "end_turn"], "usage": usage],
                ["type": "message_stop"],
            ]).answer)
        // The arithmetic of a conversation.
        #expect(answer.inputTokens + answer.outputTokens >= 0)
    }

    @Test func `an answer is put together with everything that must go back`() throws {
        let answer = try #require(assemble(stream).answer)
        #expect(answer.stopReason == "tool_use")
        #expect(answer.inputTokens == 125)
        #expect(answer.outputTokens == 12)
        #expect(
            answer.content == [
                ["type": "thinking", "thinking": "Hm", "signature": "sig"],
                ["type": "redacted_thinking", "data": "opaque"],
                ["type": "tool_use", "id": "t", "name": "bash", "input": ["command": "ls"]],
            ])
    }

    @Test func `an answer that is cut anywhere is no answer`() {
        for count in 0..<stream.count { #expect(assemble(Array(stream.prefix(count))).answer == nil) }
    }

    @Test func `an error in the stream and input that is no JSON are told`() {
        let failed = assemble(stream.dropLast() + [["type": "error", "error": ["message": "overloaded"]]])
        #expect(failed.failure == "overloaded" && failed.answer == nil)
        var events = stream
        events[10] = [
            "type": "content_block_delta", "index": 2,
            "delta": ["type": "input_json_delta", "partial_json": "oops"],
        ]
        #expect(assemble(events).answer?.content[2]["input"]?["invalid_json"] == "{\"command\":oops")
    }

    @Test(arguments: ["[1,2]", "\"ls\"", "7", "null", "true"])
    func `input that is JSON but no object goes back as what it is not`(input: String) {
        var events = stream
        events[9] = [
            "type": "content_block_delta", "index": 2,
            "delta": ["type": "input_json_delta", "partial_json": .string(input)],
        ]
        events.remove(at: 10)
        #expect(assemble(events).answer?.content[2]["input"] == ["invalid_json": .string(input)])
    }

    @Test func `random streams never crash`() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2000 {
            var events = stream
            for _ in 0..<3 {
                let (a, b) = (
                    Int.random(in: 0..<events.count, using: &random),
                    Int.random(in: 0..<events.count, using: &random)
                )
                events.swapAt(a, b)
            }
            var assembler = AnswerAssembler()
            for event in events {
                let bytes =
                    Bool.random(using: &random) ? event.serialized() : random.mutate(event.serialized())
                assembler.take(ServerSentEvent(event: "x", data: String(decoding: bytes, as: UTF8.self)))
            }
            _ = assembler.answer
        }
    }
}

@Suite struct ModelClientTests {
    /// Serves answers over loopback, one a request.
    private func serve(_ answers: [HTTPResponse], _ body: (ModelClient) throws -> Void) throws
        -> [HTTPRequest]
    {
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        let state = Mutex<(left: [HTTPResponse], seen: [HTTPRequest])>((answers, []))
        let server = try HTTPServer(
            listener: listener, name: "model", report: { _, _ in },
            handler: { request, exchange in
                let answer = state.withLock { state in
                    state.seen.append(request)
                    return state.left.count > 1 ? state.left.removeFirst() : state.left[0]
                }
                try exchange.respond(answer)
            })
        server.start()
        defer { server.stop() }
        try body(
            try ModelClient(
                baseURL: "http://127.0.0.1:\(try Sockets.localPort(listener.raw))/anthropic/", key: "k"))
        return state.withLock { $0.seen }
    }

    private func whole(_ events: [JSON]) -> HTTPResponse {
        let text = events.map { "event: \($0["type"]?.stringValue ?? "")\ndata: \($0.text)\n\n" }.joined()
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "text/event-stream"], body: Array(text.utf8))
    }

    @Test func `it asks again after an overload and after an answer that was cut`() throws {
        let overloaded = HTTPResponse.error(529, code: "overloaded_error", message: "busy")
        let requests = try serve([overloaded, whole(stream.dropLast(2)), whole(stream)]) { client in
            var notices: [String] = []
            let answer = try client.ask(["model": "default"], task: "t1") { notices.append($0) }
            #expect(answer.content.count == 3)
            #expect(notices.count == 2 && notices[0].contains("busy") && notices[1].contains("cut off"))
        }
        #expect(requests.count == 3)
        #expect(requests[0].path == "/anthropic/v1/messages")
        #expect(requests[0].headers["x-api-key"] == "k" && requests[0].headers["x-openclaw-task"] == "t1")
    }

    @Test func `an answer that always breaks off is not begun for ever`() throws {
        let requests = try serve([whole(stream.dropLast(2))]) { client in
            var client = client
            client.firstPauseMilliseconds = 1
            #expect { try client.ask([:], task: "t") { _ in } } throws: {
                "\($0)".contains("broke off \(AgentLimits.brokenAnswers) times")
            }
        }
        #expect(requests.count == AgentLimits.brokenAnswers)
    }

    @Test(arguments: [429, 500, 502, 504, 529])
    func `a status that the gateway says is not worth another try is not tried again`(status: Int) throws {
        var gone = HTTPResponse.error(status, code: "x_error", message: "tried three times")
        gone.headers["x-should-retry"] = "false"
        let requests = try serve([gone]) { client in
            #expect { try client.ask([:], task: "t") { _ in } } throws: {
                "\($0)".contains("tried three times")
            }
        }
        #expect(requests.count == 1)
        gone.headers["x-should-retry"] = "true"
        let again = try serve([gone, whole(stream)]) { client in
            let answer = try client.ask([:], task: "t") { _ in }
            #expect(answer.content.count == 3)
        }
        #expect(again.count == 2)
    }

    @Test func `a stream that ends with an error is tried again unless the error says otherwise`() throws {
        func error(_ more: JSON = [:]) -> [JSON] {
            var event: JSON = ["type": "error", "error": ["type": "api_error", "message": "cut"]]
            event["should_retry"] = more["should_retry"]
            return stream.prefix(2) + [event]
        }
        let requests = try serve([whole(error()), whole(stream)]) { client in
            let answer = try client.ask([:], task: "t") { _ in }
            #expect(answer.content.count == 3)
        }
        #expect(requests.count == 2)
        let last = try serve([whole(error(["should_retry": false]))]) { client in
            #expect { try client.ask([:], task: "t") { _ in } } throws: { "\($0)".contains("cut") }
        }
        #expect(last.count == 1)
    }

    @Test func `what is refused for good is not asked again`() throws {
        let requests = try serve([.error(402, code: "budget", message: "the budget is used up")]) { client in
            #expect { try client.ask([:], task: "t") { _ in } } throws: {
                "\($0)".contains("the budget is used up")
            }
        }
        #expect(requests.count == 1)
    }
}
