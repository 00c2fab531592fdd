import Kit
import TestSupport
import Testing
import Wire

@testable import Gateway

private func anthropic(_ pieces: [[UInt8]]) -> Outcome { read(pieces, AnthropicTranslator(name: "test")) }

private func chat(_ pieces: [[UInt8]], tools: Set<String> = []) -> Outcome {
    read(
        pieces,
        ChatTranslator(name: "test", model: "q", promptTokens: 7, tools: tools))
}

extension Outcome {
    fileprivate var message: JSON {
        var assembler = MessageAssembler()
        for event in events { assembler.receive(event) }
        return assembler.message
    }
}

@Suite struct MessagesStreamTests {
    private static let bytes = Array(Golden.message.utf8)

    @Test func `every block of an answer is kept as the provider wrote it`() throws {
        let outcome = anthropic([Self.bytes])
        #expect(outcome.failure == nil)
        let message = outcome.message
        let content = try #require(message["content"]?.arrayValue)
        #expect(
            content == [
                ["type": "thinking", "thinking": "Two and two is four – é😀.", "signature": "EqQBCgIYAhIM"],
                ["type": "redacted_thinking", "data": "b3BhcXVl"],
                [
                    "type": "text", "text": "Let me look.",
                    "citations": [["type": "char_location", "start": 1]],
                ],
                ["type": "tool_use", "id": "toolu_1", "name": "read", "input": ["file_path": "a.py"]],
                ["type": "tool_use", "id": "toolu_2", "name": "now", "input": [:]],
                ["type": "block_of_2027", "x": [1]],
            ])
        #expect(message["stop_reason"] == "tool_use")
        #expect(message["context_management"] == ["applied_edits": []])
        #expect(message["usage"]?["service_tier"] == "standard")
        #expect(message["usage"]?["output_tokens_details"]?["thinking_tokens"] == 20)
        // What is passed on is what came, unknown events included.
        #expect(outcome.events.contains { $0.type == "event_of_2027" && $0.data["z"] == 3 })
        let passedOn = outcome.events.flatMap { $0.serialized() }
        #expect(anthropic([passedOn]).message == message)
    }

    @Test func `usage is a total that replaces the one before, never a sum`() {
        var assembler = MessageAssembler()
        for event in anthropic([Self.bytes]).events { assembler.receive(event) }
        #expect(
            assembler.usage
                == TokenUsage(input: 25, cacheWrite5m: 60, cacheWrite1h: 40, cacheRead: 1000, output: 89))
        #expect(assembler.usage.prompt == 1125)
    }

    @Test func `a stream means the same however it is cut`() {
        let whole = anthropic([Self.bytes])
        #expect(anthropic(Self.bytes.map { [$0] }) == whole)
        for offset in Self.bytes.indices {
            let outcome = anthropic([Array(Self.bytes[..<offset]), Array(Self.bytes[offset...])])
            #expect(outcome == whole, "cut at \(offset)")
        }
    }

    @Test func `a stream that ends before its last event is no answer, and may have cost everything`() {
        let end = Self.bytes.count - "\n".utf8.count
        for offset in 0..<end {
            let outcome = anthropic([Array(Self.bytes[..<offset])])
            // The line break that completes the last event may be missing; nothing else.
            guard outcome.failure != nil else {
                #expect(offset >= end - 1, "cut at \(offset)")
                continue
            }
            #expect(outcome.failure?.kind == .cut, "cut at \(offset)")
            #expect(outcome.failure?.charge == .unknown, "cut at \(offset)")
            #expect(!outcome.events.contains { $0.type == "message_stop" }, "cut at \(offset)")
        }
    }

    @Test func `mutated streams never trap and never depend on how they were cut`() {
        var random = SeededRandom(seed: 11)
        for round in 0..<600 {
            let bytes = random.mutate(Self.bytes)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = anthropic([bytes])
            let halves = anthropic([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(whole.events == halves.events, "seed 11, round \(round)")
            #expect((whole.failure == nil) == (halves.failure == nil), "seed 11, round \(round)")
            _ = whole.message
        }
    }

    @Test(arguments: [
        ("overloaded_error", 529), ("rate_limit_error", 429), ("api_error", 500), ("of_2027", 500),
    ])
    func `an error in the middle fails the answer as its type says`(type: String, status: Int) {
        let head = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n"
        let error =
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"\(type)\",\"message\":\"no\"}}\n\n"
        let outcome = anthropic([Array((head + error).utf8)])
        #expect(outcome.failure?.kind == .status(status))
        // Nothing of the answer came, so nothing of it is charged.
        #expect(outcome.failure?.charge == ProviderFailure.Charge.nothing)
        let block =
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
            + "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        #expect(anthropic([Array((head + block + error).utf8)]).failure?.charge == .unknown)
    }

    @Test func `half an input of a call stays an object, and the reason says not to run it`() {
        var text = Golden.message.replacing(".py\\\"}", with: ".p")
        text = text.replacing("\"stop_reason\":\"tool_use\"", with: "\"stop_reason\":\"max_tokens\"")
        let message = anthropic([Array(text.utf8)]).message
        #expect(message["content"]?[3]?["input"] == [:])
        #expect(message["stop_reason"] == "max_tokens")
    }

    @Test func `an event of endless length ends the stream`() {
        var limits = GatewayLimits()
        limits.eventBytes = 100
        let outcome = read([Self.bytes], AnthropicTranslator(name: "test"), limits: limits)
        #expect(outcome.failure?.kind == .malformed)
    }
}

@Suite struct ChatStreamTests {
    private static let bytes = Array(Golden.chat.utf8)

    @Test func `chunks become a message of the Messages API`() throws {
        let outcome = chat([Self.bytes])
        #expect(outcome.failure == nil)
        let message = outcome.message
        #expect(
            message["content"] == [
                ["type": "thinking", "thinking": "Hm – é", "signature": "chat:reasoning_content"],
                ["type": "text", "text": "I will look 😀."],
                ["type": "tool_use", "id": "c0", "name": "read", "input": ["a": 1]],
                ["type": "tool_use", "id": "c1", "name": "now", "input": [:]],
            ])
        #expect(message["stop_reason"] == "tool_use")
        #expect(message["usage"]?["input_tokens"] == 20)
        #expect(message["usage"]?["cache_read_input_tokens"] == 30)
        #expect(message["usage"]?["output_tokens"] == 12)
    }

    @Test func `chunks mean the same however they are cut`() {
        let whole = chat([Self.bytes])
        #expect(chat(Self.bytes.map { [$0] }) == whole)
        for offset in Self.bytes.indices {
            #expect(chat([Array(Self.bytes[..<offset]), Array(Self.bytes[offset...])]) == whole)
        }
    }

    @Test func `chunks that end without a reason are no answer`() throws {
        let text = Golden.chat
        let reason = try #require(text.firstRange(of: "\"finish_reason\":\"tool_calls\""))
        let end = text.utf8.distance(from: text.startIndex, to: reason.upperBound)
        for offset in 0..<end {
            let failure = chat([Array(Self.bytes[..<offset])]).failure
            #expect(failure?.kind == .cut, "cut at \(offset)")
            #expect(failure?.charge == .unknown, "cut at \(offset)")
        }
    }

    @Test func `mutated chunks never trap and never depend on how they were cut`() {
        var random = SeededRandom(seed: 12)
        for round in 0..<600 {
            let bytes = random.mutate(Self.bytes)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = chat([bytes])
            let halves = chat([Array(bytes[..<cut]), Array(bytes[cut...])])
            // Ids that a broken stream does not have are made up by chance.
            func steady(_ outcome: Outcome) -> [MessageEvent] {
                outcome.events.filter { $0.data["content_block"] == nil && $0.data["message"] == nil }
            }
            #expect(steady(whole) == steady(halves), "seed 12, round \(round)")
        }
    }

    @Test func `an answer that its server did not count is counted here`() {
        let uncounted = Golden.chat.split(separator: "\n\n").filter { !$0.contains("\"usage\"") }
        let bytes = Array((uncounted.joined(separator: "\n\n") + "\n\n").utf8)
        let outcome = chat([bytes])
        #expect(outcome.failure == nil)
        // Estimated: what was given, and a token for four bytes.
        #expect(outcome.message["usage"]?["input_tokens"] == 7)
        #expect((outcome.message["usage"]?["output_tokens"]?.intValue ?? 0) > 0)
    }

    @Test(arguments: [
        (#"{"error":{"message":"full","code":503}}"#, 503), (#"{"error":"boom"}"#, 500),
        (#"{"error":{"message":"odd","code":"x"}}"#, 500),
    ])
    func `an error among the chunks fails the answer`(chunk: String, status: Int) {
        #expect(chat([Array("data: \(chunk)\n\n".utf8)]).failure?.kind == .status(status))
    }

    @Test func `servers that give arguments as an object, and stop as the reason, are understood`() {
        let call =
            #"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"a":[1]}}}]}}]}"#
        let end = #"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#
        let text = "data: \(call)\n\ndata: \(end)\n\ndata: [DONE]\n\n"
        let message = chat([Array(text.utf8)]).message
        #expect(message["content"]?[0]?["input"] == ["a": [1]])
        #expect(message["stop_reason"] == "tool_use")
    }
}
