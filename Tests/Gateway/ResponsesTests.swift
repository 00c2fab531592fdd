import Kit
import TestSupport
import Testing
import Wire

@testable import Gateway

private func responses(_ pieces: [[UInt8]]) -> Outcome {
    read(pieces, ResponsesTranslator(name: "test", model: "gpt-x"))
}

private let path = "/openai/v1/responses"

@Suite struct ResponsesStreamTests {
    private static let bytes = Array(Golden.responses.utf8)

    @Test func `the events of a response become a message of the Messages API`() throws {
        let outcome = responses([Self.bytes])
        #expect(outcome.failure == nil)
        var assembler = MessageAssembler()
        for event in outcome.events { assembler.receive(event) }
        let content = try #require(assembler.message["content"]?.arrayValue)
        #expect(content.count == 3)
        #expect(content[0]["type"] == "redacted_thinking")
        #expect(content[1] == ["type": "text", "text": "Let me look é😀."])
        #expect(content[2] == ["type": "tool_use", "id": "call_1", "name": "read", "input": ["a": 1]])
        #expect(assembler.message["stop_reason"] == "tool_use")
        #expect(assembler.usage == TokenUsage(input: 20, cacheRead: 30, output: 12))
    }

    @Test func `they mean the same however they are cut, and nothing without their end`() {
        let whole = responses([Self.bytes])
        for offset in Self.bytes.indices {
            let (head, tail) = (Array(Self.bytes[..<offset]), Array(Self.bytes[offset...]))
            #expect(responses([head, tail]) == whole, "cut at \(offset)")
            guard offset < Self.bytes.count - 1 else { continue }
            #expect(responses([head]).failure?.kind == .cut, "cut at \(offset)")
        }
    }

    @Test func `mutated events never trap and never depend on how they were cut`() {
        var random = SeededRandom(seed: 13)
        for round in 0..<600 {
            let bytes = random.mutate(Self.bytes)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            func steady(_ outcome: Outcome) -> [MessageEvent] {
                outcome.events.filter { $0.data["content_block"] == nil && $0.data["message"] == nil }
            }
            let halves = responses([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(steady(responses([bytes])) == steady(halves), "seed 13, round \(round)")
        }
    }

    /// How servers say one call: in pieces, whole at its end, both ways, at its item's end, at the answer's.
    private static let ways: [[JSON]] = {
        let item: JSON = ["type": "function_call", "call_id": "c", "name": "read", "arguments": ""]
        var whole = item
        whole["arguments"] = "{\"a\":1}"
        let added: JSON = ["type": "response.output_item.added", "output_index": 0, "item": item]
        let pieces = ["{\"a\"", ":1}"].map { text -> JSON in
            ["type": "response.function_call_arguments.delta", "output_index": 0, "delta": .string(text)]
        }
        let done: JSON = [
            "type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{\"a\":1}",
        ]
        let end: JSON = ["type": "response.output_item.done", "output_index": 0, "item": whole]
        let empty: JSON = ["type": "response.output_item.done", "output_index": 0, "item": item]
        var object = whole
        object["arguments"] = ["a": 1]
        return [
            [added] + pieces + [empty], [added, done, empty], [added] + pieces + [done, end], [added, end],
            [end],
            [["type": "response.output_item.done", "output_index": 0, "item": object]], [],
        ]
    }()

    @Test(arguments: ways)
    func `a call has its arguments, however the server gives them`(events: [JSON]) throws {
        let text: JSON = ["type": "output_text", "text": "Look."]
        let call: JSON = ["type": "function_call", "call_id": "c", "name": "read", "arguments": "{\"a\":1}"]
        let last: JSON = [
            "type": "response.completed",
            "response": [
                "output": [call, ["type": "message", "content": [text]]],
                "usage": ["input_tokens": 3, "output_tokens": 4],
            ],
        ]
        let bytes = ([["type": "response.created", "response": ["id": "r"]]] + events + [last]).flatMap {
            ServerSentEvent(event: $0["type"]?.stringValue ?? "", data: $0.text).serialized()
        }
        var assembler = MessageAssembler()
        for event in responses([bytes]).events { assembler.receive(event) }
        let content = assembler.message["content"]?.arrayValue ?? []
        #expect(content.count == 2 && content[0]["input"] == ["a": 1], "\(content)")
        #expect(content.last?["text"] == "Look." && assembler.message["stop_reason"] == "tool_use")
    }

    @Test(arguments: [
        (#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#, 429),
        (#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#, 500),
    ])
    func `an error among the events fails the answer`(event: String, status: Int) {
        #expect(responses([Array("data: \(event)\n\n".utf8)]).failure?.kind == .status(status))
    }
}

@Suite struct ResponsesGuestTests {
    private let tools: JSON = [
        ["type": "function", "name": "read", "parameters": ["type": "object", "properties": [:]]]
    ]

    @Test func `a guest is answered in its language, whole and as a stream alike`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider)
        let body: JSON = ["model": "x", "input": "hi", "instructions": "be brief", "tools": tools]
        let whole = try stage.send(body, to: path).json()
        let types = whole["output"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
        #expect(types == ["reasoning", "reasoning", "message", "function_call", "function_call"])
        #expect(whole["output"]?[3]?["arguments"] == #"{"file_path":"a.py"}"#)
        #expect(whole["usage"]?["input_tokens"] == 1125)
        #expect(whole["status"] == "completed")
        let (_, events) = try stage.stream(body, to: path)
        let data = try events.map { try JSON.parse($0.data) }
        #expect(data.compactMap { $0["sequence_number"]?.intValue } == Array(0..<events.count))
        #expect(events.first?.event == "response.created")
        let last = try #require(data.last)
        #expect(last["type"] == "response.completed")
        let streamed = last["response"]?["output"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
        #expect(streamed == types)
        let text = data.filter { $0["type"] == "response.output_text.delta" }
        #expect(text.compactMap { $0["delta"]?.stringValue }.joined() == "Let me look.")
        // Every item that begins ends, at the same place.
        func places(_ type: String) -> [Int] {
            data.filter { $0["type"] == .string(type) }.compactMap { $0["output_index"]?.intValue }
        }
        #expect(places("response.output_item.added") == places("response.output_item.done"))
        let asked = try #require(provider.requests.first).json()
        #expect(asked["system"]?[0]?["text"] == "be brief")
        #expect(asked["tools"]?[0]?["name"] == "read")
    }

    @Test func `what a guest got it can send back: thoughts, calls and results in one turn each`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider)
        let first = try stage.send(["model": "x", "input": "hi"], to: path).json()
        var input: [JSON] = [["role": "user", "content": "hi"]]
        input += first["output"]?.arrayValue ?? []
        input += ["toolu_1", "toolu_2"].map {
            ["type": "function_call_output", "call_id": .string($0), "output": "done"]
        }
        #expect(try stage.send(["model": "x", "input": .array(input)], to: path).status == 200)
        let messages = try #require(provider.requests.last).json()["messages"]?.arrayValue ?? []
        #expect(messages.count == 3)
        #expect(messages[1]["content"]?[0]?["signature"] == "EqQBCgIYAhIM")
        let types = messages[1]["content"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
        #expect(types == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"])
        #expect(messages[2]["content"]?.arrayValue?.count == 2)
    }

    @Test(
        arguments: [
            ("previous_response_id", "r"), ("background", true), ("conversation", "c"), ("input", []),
            ("input", [["type": "item_reference", "id": "x"]]),
            ("prompt", ["id": "p"]), ("text", ["format": ["type": "xml"]]),
        ] as [(String, JSON)])
    func `what refers to something stored, or reaches out, is refused`(field: String, value: JSON) throws {
        var body: JSON = ["model": "x", "input": "hi"]
        body[field] = value
        #expect(throws: GuestFailure.self) {
            try ResponsesRequest.messages(from: body, defaultOutputTokens: 100)
        }
    }

    @Test func `an answer that was cut is incomplete`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four", stop: "max_tokens")))
        let response = try Stage(provider).send(["model": "x", "input": "hi"], to: path).json()
        #expect(response["status"] == "incomplete")
        #expect(response["incomplete_details"]?["reason"] == "max_output_tokens")
    }
}

@Suite struct OpenAIServerTests {
    private func stage(_ provider: StubProvider, _ query: String = "") throws -> Stage {
        try Stage(
            GatewayConfiguration(openAIKey: "sk-open", openAIURL: provider.url + "/v1", limits: quick),
            caller: .test("openai:qwen3\(query)"))
    }

    private let ask: JSON = [
        "model": "default", "max_tokens": 100, "system": "be brief",
        "tools": [["name": "read", "description": "reads", "input_schema": ["type": "object"]]],
        "messages": [
            ["role": "user", "content": "hi"],
            [
                "role": "assistant",
                "content": [
                    ["type": "text", "text": "I look"],
                    ["type": "tool_use", "id": "c1", "name": "read", "input": ["a": 1]],
                ],
            ],
            [
                "role": "user",
                "content": [
                    ["type": "tool_result", "tool_use_id": "c1", "content": "x", "is_error": true],
                    ["type": "text", "text": "go on"],
                ],
            ],
        ],
    ]

    @Test func `a server of chat completions is asked in its language`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.chat.utf8)))
        let answer = try stage(provider).send(ask).json()
        #expect(answer["content"]?[2]?["input"] == ["a": 1])
        let request = try #require(provider.requests.first)
        #expect(request.path == "/v1/chat/completions")
        #expect(request.headers["authorization"] == "Bearer sk-open")
        let body = try request.json()
        let roles = body["messages"]?.arrayValue?.compactMap { $0["role"]?.stringValue }
        #expect(roles == ["system", "user", "assistant", "tool", "user"])
        #expect(body["messages"]?[3]?["content"] == "Error: x")
        #expect(body["tools"]?[0]?["function"]?["name"] == "read")
        #expect(body["stream_options"]?["include_usage"] == true)
    }

    @Test func `a server of responses is asked in its language, and gets its thoughts back`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.responses.utf8)))
        let stage = try stage(provider, "?api=responses&effort=high")
        let answer = try stage.send(ask).json()
        #expect(answer["stop_reason"] == "tool_use")
        var next = ask
        next["messages"] = .array([
            ["role": "user", "content": "hi"], ["role": "assistant", "content": answer["content"] ?? []],
            [
                "role": "user",
                "content": [["type": "tool_result", "tool_use_id": "call_1", "content": "x"]],
            ],
        ])
        _ = try stage.send(next)
        let body = try #require(provider.requests.last).json()
        #expect(provider.requests.last?.path == "/v1/responses")
        let types = body["input"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
        #expect(types == ["message", "reasoning", "message", "function_call", "function_call_output"])
        #expect(body["input"]?[1]?["encrypted_content"] == "c2VhbGVk")
        #expect(body["instructions"] == "be brief")
        #expect(body["reasoning"]?["effort"] == "high")
        #expect(body["store"] == false)
    }

    @Test(arguments: [
        (400, "registry.ollama.ai/library/gemma:latest does not support tools"),
        (500, "tools param requires --jinja flag"),
        (400, "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"),
    ])
    func `a model without tools is told as that, once`(status: Int, message: String) throws {
        let provider = try StubProvider({ _, exchange in
            try exchange.respond(
                status, json: ["error": ["message": .string(message), "code": JSON(status)]])
        })
        let response = try stage(provider).send(ask)
        #expect(response.status == 400)
        #expect(try response.json()["error"]?["message"]?.stringValue?.contains("takes no tools") == true)
        #expect(provider.requests.count == 1)
    }

    @Test func `effort goes to a server only when somebody asked for it`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.chat.utf8)))
        _ = try stage(provider).send(ask)
        _ = try stage(provider, "?effort=low").send(ask)
        let efforts = try provider.requests.map { try $0.json()["reasoning_effort"]?.stringValue }
        #expect(efforts == [nil, "low"])
    }
}
