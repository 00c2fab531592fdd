// What does not fit: prompts and answers that are too long, budgets that are too small.
import Kit
import Synchronization
import Testing
import Wire

@testable import Gateway

@Suite struct WindowTests {
    /// The server, its words, the window, the prompt.
    private static let words: [(String, Int, JSON, Complaint)] = [
        (
            "llama.cpp", 400,
            [
                "code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096,
                "message": "the request exceeds the available context size, try increasing it",
            ], .window(4096, prompt: 9000)
        ),
        (
            "llama.cpp, words alone", 400,
            [
                "message": .string(
                    "request (9000 tokens) exceeds the available context size (4096 tokens), try "
                        + "increasing it")
            ], .window(4096, prompt: 9000)
        ),
        (
            "vLLM", 400,
            [
                "object": "error", "type": "BadRequestError", "code": 400,
                "message": .string(
                    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                        + "(3000 in the messages, 2000 in the completion). Please reduce the length of the "
                        + "messages."),
            ], .window(4096, prompt: 3000)
        ),
        (
            "vLLM, newer", 400,
            [
                "message": .string(
                    "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum "
                        + "context length is 4096 tokens and your request has 3000 input tokens (2000 > 4096 "
                        + "- "
                        + "3000).")
            ], .window(4096, prompt: 3000)
        ),
        (
            "OpenAI", 400,
            [
                "code": "context_length_exceeded", "type": "invalid_request_error",
                "message": "Your input exceeds the context window of this model. Please adjust your input.",
            ], .window(nil, prompt: nil)
        ),
        (
            "OpenAI, the answer", 400,
            [
                "message": .string(
                    "max_tokens is too large: 99999. This model supports at most 16384 completion tokens, "
                        + "whereas you provided 99999.")
            ], .output(16384)
        ),
        (
            "Ollama", 400, ["message": "the input length exceeds the context length"],
            .window(nil, prompt: nil)
        ),
        (
            "LM Studio", 400,
            [
                "message": .string(
                    "Trying to keep the first 9000 tokens when context the overflows. However, the model is "
                        + "loaded with context length of only 4096 tokens, which is not enough.")
            ], .window(4096, prompt: 9000)
        ),
        (
            "Anthropic", 400,
            [
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            ],
            .window(200000, prompt: 210000)
        ),
        (
            "Anthropic, with its answer", 400,
            [
                "message": .string(
                    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease "
                        + "input length or `max_tokens` and try again")
            ], .window(200000, prompt: 190000)
        ),
        (
            "Anthropic, the answer", 400,
            ["message": "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens"],
            .output(64000)
        ),
        ("any proxy", 413, ["message": "Request Entity Too Large"], .window(nil, prompt: nil)),
    ]

    @Test(arguments: words)
    func `that a request does not fit is understood in every server's words`(
        server: String, status: Int, error: JSON, complaint: Complaint
    ) {
        var failure = ProviderFailure(
            .status(status), "\(server) answered \(status): \(error["message"]?.stringValue ?? "")")
        failure.details = error
        failure.type = error["type"]?.stringValue
        #expect(Complaint(failure, hasPictures: false) == complaint)
    }

    @Test(arguments: [
        (400, "messages.1.content.0: unexpected field"), (401, "context window of your key"),
        (429, "max_tokens: 9 > 5"),
        (500, "image could not be read"), (404, "model not found"),
    ])
    func `other refusals are none of that`(status: Int, text: String) {
        #expect(Complaint(ProviderFailure(.status(status), text), hasPictures: false) == nil)
    }

    @Test func `an answer that does not fit is asked for shorter, and the limit is remembered`() throws {
        let no = localRefusal(
            400,
            [
                "message": .string(
                    "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens "
                        + "(1000 in the messages, 8000 in the completion).")
            ])
        let provider = try StubProvider(no, localChunks([["content": "ok"]]))
        let stage = try Stage(local: provider)
        for _ in 1...2 { #expect(try stage.send(localAsk(maxTokens: 8000)).status == 200) }
        let asked = try provider.requests.map { try $0.json()["max_tokens"]?.intValue ?? 0 }
        #expect(asked.count == 3 && asked[0] == 8000 && asked[1] == 4096 - 1000 - 16 && asked[2] < 4096)
    }

    /// A server that lies about its window and the prompt, in fields and in words.
    @Test(arguments: [Int64.min, -1, 0, 1, 4096, 1 << 40, .max], [Int64.min, -1, 0, 9000, .max])
    func `no length that a server names ends the gateway`(window: Int64, prompt: Int64) throws {
        let words = "request (\(prompt) tokens) exceeds the available context size (\(window) tokens)"
        let fields = localRefusal(
            400,
            [
                "type": "exceed_context_size_error", "n_prompt_tokens": JSON(prompt), "n_ctx": JSON(window),
                "message": "exceeds",
            ])
        let provider = try StubProvider(
            fields, localRefusal(400, ["message": .string(words)]), localChunks([["content": "ok"]]))
        defer { provider.stop() }
        let answer = try Stage(local: provider).send(localAsk(maxTokens: 8000))
        #expect([200, 400].contains(answer.status))
        for request in provider.requests where request.method == "POST" {
            let asked = try request.json()["max_tokens"]?.intValue ?? 1
            #expect((1...8000).contains(asked))
        }
    }

    @Test func `a prompt that does not fit is said in the words that programs sum up at`() throws {
        let no = localRefusal(
            400,
            [
                "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096,
                "message": "exceeds",
            ])
        let provider = try StubProvider(no)
        defer { provider.stop() }
        let stage = try Stage(local: provider)
        let answer = try stage.send(localAsk())
        let text = try answer.json()["error"]?["message"]?.stringValue ?? ""
        #expect(answer.status == 400 && text.hasPrefix("prompt is too long: 9000 tokens > 4096 maximum"))
        let chat = try stage.send(
            ["model": "x", "messages": [["role": "user", "content": "hi"]]], to: "/openai/v1/chat/completions"
        )
        #expect(try chat.json()["error"]?["code"] == "context_length_exceeded")
    }

    @Test(
        arguments: [
            ("llama.cpp", "/props", ["default_generation_settings": ["n_ctx": 4096]]),
            (
                "vLLM", "/v1/models",
                ["data": [["id": "q", "max_model_len": 4096], ["id": "r", "max_model_len": 9]]]
            ),
            (
                "LM Studio", "/v1/models",
                ["data": [["id": "q", "loaded_context_length": 4096, "max_context_length": 9999]]]
            ),
            (
                "Ollama", "/api/show",
                ["parameters": "stop \"x\"\nnum_ctx 4096", "model_info": ["qwen2.context_length": 32768]]
            ),
            ("Ollama, running", "/api/ps", ["models": [["name": "q", "context_length": 4096]]]),
        ] as [(String, String, JSON)])
    func `a server is asked for its window once, and what cannot fit is not sent`(
        server: String, path: String, fact: JSON
    ) throws {
        var facts = [path: fact]
        if path == "/api/ps" { facts["/api/show"] = ["model_info": ["qwen2.context_length": 32768]] }
        let provider = try StubProvider(localChunks([["content": "ok"]]), facts: facts)
        let stage = try Stage(local: provider)
        #expect(try stage.send(localAsk(maxTokens: 8000)).status == 200)
        #expect((try #require(provider.requests.last).json()["max_tokens"]?.intValue ?? 0) < 4096)
        let long = try stage.send(localAsk(String(repeating: "word ", count: 4096)))
        #expect(long.status == 400)
        #expect(try long.json()["error"]?["message"]?.stringValue?.contains("> 4096 maximum") == true)
        #expect(provider.requests.count == 1)
        #expect(provider.asked.filter { $0 == path }.count == 1, "\(provider.asked)")
    }

    @Test func `a window in the model's name holds, and nobody is asked`() throws {
        let provider = try StubProvider(
            localChunks([["content": "ok"]]),
            facts: ["/props": ["default_generation_settings": ["n_ctx": 99_999]]]
        )
        let stage = try Stage(local: provider, query: "?context=4096")
        #expect(try stage.send(localAsk(maxTokens: 8000)).status == 200)
        #expect((try #require(provider.requests.last).json()["max_tokens"]?.intValue ?? 0) < 4096)
        #expect(provider.asked == [])
        #expect(throws: GatewayError.self) { try ModelRoute.parse("openai:q@http://h/v1?context=many") }
    }

    @Test(arguments: [-1, 0, 2_199_023_255_552, "4096"] as [JSON])
    func `a window that is no number is no window`(number: JSON) throws {
        let provider = try StubProvider(
            localChunks([["content": "ok"]]),
            facts: ["/props": ["default_generation_settings": ["n_ctx": number]]]
        )
        #expect(try Stage(local: provider).send(localAsk(maxTokens: 8000)).status == 200)
        #expect(try #require(provider.requests.last).json()["max_tokens"] == 8000)
    }
}

@Suite struct FitTests {
    @Test func `a budget that cannot pay the longest answer gets a shorter one, down to a floor`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        var body = question
        body["max_tokens"] = 128_000
        // 128,000 tokens of opus-5-5 would cost $2.56.
        let stage = try Stage(provider, budget: 100_000)
        #expect(try stage.send(body).status == 200)
        let most = try #require(provider.requests.last).json()["max_tokens"]?.intValue ?? 0
        #expect((1024..<5000).contains(most))
        #expect(
            stage.records.state.withLock { $0.noted.first ?? "" }.hasPrefix(
                "max_tokens was lowered from 128000"))
        // Too little for an answer that is worth a call.
        let poor = try Stage(provider, budget: 15_000)
        #expect(try poor.send(body).status == 402)
        // A guest that asks for less than the floor is content with less.
        #expect(try poor.send(question).status == 200)
    }

    @Test func `a budget for thoughts shrinks with the answer`() throws {
        let request = try MessagesRequest([
            "max_tokens": 32_000, "thinking": ["type": "enabled", "budget_tokens": 30_000],
            "messages": [["role": "user", "content": "x"]],
        ])
        let half = request.limited(to: 10_000, because: "y")
        #expect(half.json["max_tokens"] == 10_000 && half.json["thinking"]?["budget_tokens"] == 5000)
        #expect(half.outputTokens == 10_000)
        let little = request.limited(to: 1500, because: "y")
        #expect(little.json["max_tokens"] == 1500 && little.json["thinking"] == nil)
        // Interleaved: beside the answer.
        let beside = try MessagesRequest([
            "max_tokens": 8000, "thinking": ["type": "enabled", "budget_tokens": 100_000],
            "messages": [["role": "user", "content": "x"]],
        ]).limited(to: 50_000, because: "y")
        let (most, thoughts) = (
            beside.json["max_tokens"]?.intValue, beside.json["thinking"]?["budget_tokens"]?.intValue
        )
        #expect((most ?? .max) + (thoughts ?? .max) <= 50_001 && (thoughts ?? .max) < most ?? 0)
    }

    @Test func `a document is reserved for with what its provider counts, once`() throws {
        let provider = try StubProvider({ request, exchange in
            if request.path.hasSuffix("/count_tokens") {
                return try exchange.respond(HTTPResponse(status: 200, json: ["input_tokens": 3000]))
            }
            try StubProvider.stream(Golden.text("four"))(request, exchange)
        })
        let document: JSON = [
            "type": "document",
            "source": ["type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"],
        ]
        var body = question
        body["messages"] = [["role": "user", "content": [document, ["type": "text", "text": "Sum it up"]]]]
        let stage = try Stage(provider, budget: 100_000)
        for _ in 1...2 { #expect(try stage.send(body).status == 200) }
        let paths = provider.requests.map(\.path)
        #expect(paths.map { $0.hasSuffix("/count_tokens") } == [true, false, false])
        let reserved = stage.records.state.withLock { $0.reserved.values.max() ?? 0 }
        #expect(reserved >= 3300 * 4 && reserved < 50_000)
        // A text is no document of pages.
        body["messages"] = [
            [
                "role": "user",
                "content": [["type": "document", "source": ["type": "text", "data": "plain"]]],
            ]
        ]
        #expect(try MessagesRequest(body).documents.isEmpty)
        #expect(try MessagesRequest(body).promptTokens != nil)
    }
}
