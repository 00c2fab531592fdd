// The dialects of servers that people run themselves, each as it was recorded or as its source says it.
import Kit
import Synchronization
import Testing
import Wire

@testable import Gateway

/// A stream of chat completions with these deltas.
func localChunks(_ deltas: [JSON], finish: String = "stop", usage: JSON? = nil) -> StubProvider.Answer {
    var events: [JSON] = deltas.map { ["id": "c", "model": "q", "choices": [["index": 0, "delta": $0]]] }
    events.append(["id": "c", "choices": [["index": 0, "delta": [:], "finish_reason": .string(finish)]]])
    if let usage { events.append(["id": "c", "choices": [], "usage": usage]) }
    let text = events.map { "data: \($0.text)\n\n" }.joined() + "data: [DONE]\n\n"
    return StubProvider.stream(Array(text.utf8))
}

func localRefusal(_ status: Int, _ error: JSON) -> StubProvider.Answer {
    { _, exchange in try exchange.respond(HTTPResponse(status: status, json: ["error": error])) }
}

private let tools: JSON = [["name": "bash", "input_schema": ["type": "object"]]]

func localAsk(_ text: String = "go on", maxTokens: Int = 100, more: [JSON] = []) -> JSON {
    [
        "max_tokens": JSON(maxTokens), "tools": tools,
        "messages": .array([["role": "user", "content": .string(text)]] + more),
    ]
}

extension Stage {
    convenience init(
        local provider: StubProvider, query: String = "", prices: PriceList = .embedded, budget: Int64? = nil
    ) throws {
        try self.init(
            GatewayConfiguration(prices: prices, limits: quick),
            caller: .test("openai:q@\(provider.url)/v1\(query)"), budget: budget)
    }
}

@Suite struct LocalServerTests {
    @Test func `a call that a server hands on as text is a call, and its text streams until there`() throws {
        let answer = localChunks([
            ["content": "I look.\n"], ["content": "{\"name\": \"bash\", \"argu"],
            ["content": "ments\": {\"command\": \"ls\"}}"],
        ])
        let provider = try StubProvider(answer)
        defer { provider.stop() }
        let message = try Stage(local: provider).send(localAsk()).json()
        #expect(message["stop_reason"] == "tool_use")
        #expect(message["content"]?[0] == ["type": "text", "text": "I look.\n"])
        #expect(message["content"]?[1]?["name"] == "bash")
        #expect(message["content"]?[1]?["input"] == ["command": "ls"])
    }

    @Test func `several calls under one index, or under none, are several calls`() throws {
        func piece(_ id: String, _ arguments: String, index: Int?) -> JSON {
            var call: JSON = [
                "id": .string(id), "type": "function",
                "function": ["name": "bash", "arguments": .string(arguments)],
            ]
            if let index { call["index"] = JSON(index) }
            return ["tool_calls": [call]]
        }
        for index in [0, nil] {
            let answer = localChunks([
                piece("a", "{\"n\":1}", index: index), piece("b", "{\"n\":2}", index: index),
            ])
            let provider = try StubProvider(answer)
            defer { provider.stop() }
            let message = try Stage(local: provider).send(localAsk()).json()
            let calls = message["content"]?.arrayValue ?? []
            #expect(calls.map { $0["id"] } == ["a", "b"])
            #expect(calls.map { $0["input"]?["n"] } == [1, 2])
        }
        // Without ids, too, when a name follows a call that is whole.
        let nameless = localChunks([piece("", "{\"n\":1}", index: 0), piece("", "{\"n\":2}", index: 0)])
        let provider = try StubProvider(nameless)
        defer { provider.stop() }
        let calls = try Stage(local: provider).send(localAsk()).json()["content"]?.arrayValue ?? []
        #expect(calls.count == 2 && calls[0]["id"] != calls[1]["id"])
    }

    @Test(arguments: ["reasoning_content", "reasoning"])
    func `thoughts before a call go back to the server, in its own field`(field: String) throws {
        let thoughts: [JSON] = [[field: "I must "], [field: "look."]].map {
            JSON.object($0.mapValues { .string($0) })
        }
        let call: JSON = [
            "tool_calls": [["index": 0, "id": "a", "function": ["name": "bash", "arguments": "{}"]]]
        ]
        let provider = try StubProvider(
            localChunks(thoughts + [call], finish: "tool_calls"), localChunks([["content": "ok"]]))
        let stage = try Stage(local: provider)
        let message = try stage.send(localAsk()).json()
        let content = try #require(message["content"]?.arrayValue)
        #expect(content.map { $0["type"] } == ["thinking", "tool_use"])
        let result: JSON = ["type": "tool_result", "tool_use_id": "a", "content": "x"]
        let more: [JSON] = [
            ["role": "assistant", "content": .array(content)], ["role": "user", "content": [result]],
        ]
        #expect(try stage.send(localAsk(more: more)).status == 200)
        let sent = try #require(provider.requests.last).json()["messages"]?.arrayValue ?? []
        #expect(sent.first { $0["role"] == "assistant" }?[field] == "I must look.")
    }

    @Test(
        arguments: [
            (
                "total beside completion",
                ["prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 11_010], 10_010
            ),
            (
                "a total that fits", ["prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010],
                10
            ),
            ("negative", ["prompt_tokens": -5, "completion_tokens": -7], nil),
            ("a fraction", ["prompt_tokens": 1.5, "completion_tokens": 1.5], nil),
            ("a text", ["prompt_tokens": "7", "completion_tokens": "7"], nil), ("empty", [:], nil),
            ("no object", 7, nil),
        ] as [(String, JSON, Int?)])
    func `tokens are counted, and never as nothing`(name: String, usage: JSON, output: Int?) throws {
        let words = String(repeating: "word ", count: 400)
        let priced = PriceList(models: ["q": try #require(PriceList.embedded.model("claude-opus-5-5"))])
        let provider = try StubProvider(localChunks([["content": .string(words)]], usage: usage))
        defer { provider.stop() }
        let stage = try Stage(local: provider, prices: priced, budget: 10_000_000)
        let told = try stage.send(localAsk(words)).json()["usage"]
        if let output {
            #expect(told?["output_tokens"]?.intValue == output)
            #expect(told?["input_tokens"] == 1000)
        } else {
            // Ours: four bytes are about a token.
            #expect((told?["output_tokens"]?.intValue ?? 0) >= 500)
            #expect((told?["input_tokens"]?.intValue ?? 0) >= 500)
        }
        #expect(try stage.ledger.spent >= 500 * 4 + 10 * 20)
    }

    @Test(
        arguments: [
            ["prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 60],
            ["prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": ["cached_tokens": 60]],
        ] as [JSON])
    func `what a server read from its cache is told as such`(usage: JSON) throws {
        let provider = try StubProvider(localChunks([["content": "x"]], usage: usage))
        defer { provider.stop() }
        let stage = try Stage(local: provider)
        let told = try stage.send(localAsk()).json()["usage"]
        #expect(told?["input_tokens"] == 40 && told?["cache_read_input_tokens"] == 60)
    }

    @Test func `what was written to the cache has the price of that`() throws {
        let usage = ChatUsage.read(
            [
                "prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
                "prompt_tokens_details": ["cached_tokens": 60, "cache_write_tokens": 30],
            ], promptTokens: 1, outputTokens: 1)
        #expect(usage == TokenUsage(input: 10, cacheWrite5m: 30, cacheRead: 60, output: 5))
        let responses = ChatUsage.read(
            ChatUsage.renamed([
                "input_tokens": 100, "output_tokens": 5,
                "input_tokens_details": [
                    "cached_tokens": 60, "cache_write_tokens": 30,
                    "cache_write_tokens_details": ["ttl_12h_tokens": 20, "ttl_30m_tokens": 10],
                ],
            ]), promptTokens: 1, outputTokens: 1)
        #expect(
            responses == TokenUsage(input: 10, cacheWrite5m: 10, cacheWrite1h: 20, cacheRead: 60, output: 5))
    }

    @Test func `a picture that a model refuses is replaced by a sentence, for that model alone`() throws {
        let image: JSON = [
            "type": "image", "source": ["type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="],
        ]
        let no = localRefusal(400, ["message": "image input is not supported - hint: provide the mmproj"])
        let provider = try StubProvider(no, localChunks([["content": "ok"]]))
        let stage = try Stage(local: provider)
        let body = localAsk(more: [
            ["role": "assistant", "content": "a"], ["role": "user", "content": [image]],
        ])
        for _ in 1...2 { #expect(try stage.send(body).status == 200) }
        let sent = try provider.requests.map { try $0.json().text.contains("image_url") }
        #expect(sent == [true, false, false])
        #expect(try #require(provider.requests.last).json().text.contains("A picture stood here"))
        #expect(stage.records.state.withLock { $0.noted.count } == 1)
    }

    @Test func `documents become words where a server takes none, and the transcript says so`() throws {
        func document(_ source: JSON) -> JSON { ["type": "document", "source": source] }
        let pages = document(["type": "base64", "media_type": "application/pdf", "data": "JVBERi0="])
        let plain = document(["type": "text", "media_type": "text/plain", "data": "Plain words."])
        let parts = document(["type": "content", "content": [["type": "text", "text": "Some parts."]]])
        let result: JSON = ["type": "tool_result", "tool_use_id": "a", "content": [pages]]
        let call: JSON = ["type": "tool_use", "id": "a", "name": "bash", "input": [:]]
        for query in ["", "?api=responses"] {
            let provider = try StubProvider(localChunks([["content": "ok"]]))
            let stage = try Stage(local: provider, query: query)
            _ = try stage.send(
                localAsk(more: [
                    ["role": "assistant", "content": [call]],
                    ["role": "user", "content": [result, plain, parts]],
                ]))
            let sent = try #require(provider.requests.first).json().text
            for words in [PlainMessages.noDocument, "Plain words.", "Some parts."] {
                #expect(sent.contains(words), "\(query) \(words)")
            }
            #expect(!sent.contains("JVBERi0="))
            if query.isEmpty { #expect(stage.records.state.withLock { $0.noted.count } == 1) }
        }
    }

    @Test func `a server that wants a key is told of as such, with the line that gives it one`() throws {
        let provider = try StubProvider(localRefusal(401, ["message": "missing key"]))
        defer { provider.stop() }
        let stage = try Stage(local: provider)
        let answer = try stage.send(localAsk())
        let text = try answer.json()["error"]?["message"]?.stringValue ?? ""
        #expect(answer.status == 502 && text.hasPrefix(ModelRefusal.credentials))
        #expect(text.contains("No key was sent") && text.contains("OPENAI_BASE_URL=http://127.0.0.1:"))
    }
}
