import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Gateway

/// Delays as short as tests need them.
let quick: GatewayLimits = {
    var limits = GatewayLimits()
    (limits.firstDelayMilliseconds, limits.longestDelayMilliseconds) = (4, 20)
    (limits.sliceMilliseconds, limits.idleMilliseconds) = (5, 1000)
    return limits
}()

extension Stage {
    /// In front of a stub of Anthropic's API.
    convenience init(
        _ provider: StubProvider, spec: String = "claude-opus-5-5", budget: Int64? = nil,
        limits: GatewayLimits = quick, conversations: String? = nil
    ) throws {
        try self.init(
            GatewayConfiguration(
                anthropicKey: "sk-secret", anthropicURL: provider.url, limits: limits),
            caller: .test(spec), budget: budget, conversations: conversations)
    }
}

@Suite struct CallTests {
    @Test func `a stream goes through unchanged, with the key of the coordinator`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider)
        let (response, events) = try stage.stream(question, headers: [("x-api-key", "of the guest")])
        #expect(response.status == 200)
        var parser = ServerSentEventParser()
        let sent = try parser.receive(Array(Golden.message.utf8)).filter { $0.event != "ping" }
        #expect(events.filter { $0.event != "ping" } == sent)
        let asked = try #require(provider.requests.first)
        #expect(asked.headers["x-api-key"] == "sk-secret")
        #expect(asked.headers["anthropic-version"] == "2023-06-01")
        let body = try asked.json()
        // The session says which model it is, not the guest.
        #expect(body["model"] == "claude-opus-5-5")
        #expect(body["stream"] == true)
        #expect(try stage.ledger.spent == 100 + 300 + 320 + 200 + 1780)
    }

    @Test func `a guest that wants the answer whole gets the message`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider)
        let response = try stage.send(question)
        let message = try response.json()
        #expect(response.status == 200)
        #expect(message["content"] == [["type": "text", "text": "four"]])
        #expect(message["usage"]?["output_tokens"] == 5)
        #expect(message["stop_reason"] == "end_turn")
    }

    @Test func `an overloaded provider is asked again, and only the answer is charged`() throws {
        let provider = try StubProvider(
            StubProvider.failure(529, "overloaded_error"), StubProvider.failure(500, "api_error"),
            StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider)
        let (response, events) = try stage.stream(question)
        #expect(response.status == 200)
        #expect(events.last?.event == "message_stop")
        #expect(provider.requests.count == 3)
        #expect(try stage.ledger.spent == 10 * 4 + 5 * 20)
        let records = stage.records.state.withLock {
            ($0.reserved.count, $0.settled.map(\.microUSD), $0.waited)
        }
        #expect(records.0 == 3)
        #expect(records.1 == [0, 0, 140])
        #expect(records.2.contains { $0.reason.contains("529") })
    }

    @Test func `a Retry-After of a 429 is waited for and told`() throws {
        let provider = try StubProvider(
            StubProvider.failure(429, "rate_limit_error", headers: ["retry-after-ms": "150"]),
            StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider)
        let begin = Clock.monotonicNanoseconds()
        #expect(try stage.send(question).status == 200)
        #expect(Clock.monotonicNanoseconds() - begin >= 150_000_000)
        let waits = stage.records.state.withLock { $0.waited }
        #expect(waits.contains { $0.reason.contains("429") && $0.milliseconds >= 149 })
    }

    @Test func `a limit on spending is not waited for`() throws {
        let provider = try StubProvider(
            StubProvider.failure(
                429, "rate_limit_error", details: ["error_code": "enforced_spend_limit_reached"]))
        let stage = try Stage(provider)
        let response = try stage.send(question)
        #expect(response.status == 429)
        #expect(response.headers["x-should-retry"] == "false")
        #expect(provider.requests.count == 1)
    }

    @Test(arguments: [400, 402, 403, 404, 413])
    func `what cannot get better is asked once`(status: Int) throws {
        let provider = try StubProvider(StubProvider.failure(status, "x_error"))
        let stage = try Stage(provider)
        let response = try stage.send(question)
        // A refusal of the coordinator's own key is not the guest's to cure.
        // What is too large is said as a prompt that is too long, which programs know what to do about.
        #expect(response.status == [403: 502, 413: 400][status, default: status])
        #expect(provider.requests.count == 1)
        #expect(try stage.ledger.spent == 0)
        #expect(stage.records.state.withLock { $0.refused.count } == 1)
    }

    @Test func `an answer that breaks off is charged as the most that it can have cost`() throws {
        let whole = Golden.text("four")
        let cut = Array(whole[..<(whole.count / 2)])
        let provider = try StubProvider(StubProvider.stream(cut), StubProvider.stream(whole))
        let stage = try Stage(provider)
        let (response, events) = try stage.stream(question)
        #expect(response.status == 200)
        let settled = stage.records.state.withLock { $0.settled.map(\.microUSD) }
        // Once text was sent it cannot be taken back: the stream ends with an error.
        if settled.count == 1 {
            #expect(events.last?.event == "error")
        } else {
            #expect(settled == [10 * 4 + 100 * 20, 140])
            #expect(events.last?.event == "message_stop")
        }
        #expect(settled[0] == 10 * 4 + 100 * 20)
    }

    @Test func `a call that could pass the budget is not made`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider, budget: 2000)
        let response = try stage.send(question)
        #expect(response.status == 402)
        #expect(try response.json()["error"]?["type"] == "billing_error")
        #expect(provider.requests.isEmpty)
        #expect(try stage.ledger.spent == 0)
    }

    @Test(
        arguments: [
            ("container", "x"), ("mcp_servers", []), ("messages", []), ("max_tokens", "many"),
            ("tools", [["type": "web_search_20250305", "name": "web_search"]]),
            (
                "messages",
                [
                    [
                        "role": "user",
                        "content": [["type": "image", "source": ["type": "url", "url": "http://evil/"]]],
                    ]
                ]
            ),
        ] as [(String, JSON)])
    func `what would reach further or cost more than can be bounded is refused`(
        field: String, value: JSON
    ) throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider)
        var body = question
        body[field] = value
        let response = try stage.send(body)
        #expect(response.status == 400)
        #expect(try response.json()["error"]?["message"]?.stringValue?.contains(field) == true)
        #expect(provider.requests.isEmpty)
    }

    @Test func `a silent provider is given up, in the guest's words`() throws {
        var limits = quick
        limits.attempts = 1
        let provider = try StubProvider({ _, exchange in
            try exchange.begin(200, headers: ["Content-Type": "text/event-stream"])
            let hang = Condition(false)
            while !exchange.peerIsGone {
                _ = hang.wait(timeoutMilliseconds: 50) { $0 ? true : nil }
            }
        })
        let stage = try Stage(provider, limits: limits)
        let response = try stage.send(question)
        #expect(response.status == 504)
        #expect(try response.json()["error"]?["type"] == "timeout_error")
        // It may have worked all the time: the reservation is what it costs.
        let state = stage.records.state.withLock { ($0.reserved.values.first, $0.settled.first?.microUSD) }
        #expect(state.0 == state.1)
    }

    @Test func `turns are on disk, and a guest that starts over finds them`() throws {
        let directory = "/tmp/openclaw-gateway-test-\(Random.hex(6))"
        defer { try? Files.removeTree(directory) }
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider, conversations: directory)
        _ = try stage.stream(question)
        let store = try #require(stage.gateway.conversations(of: "s"))
        let (messages, interrupted) = try store.messages(task: "t1")
        #expect(messages.count == 2)
        #expect(interrupted)
        // Thinking is there unchanged: the provider refuses a conversation whose thinking was touched.
        #expect(messages[1]["content"]?[0]?["signature"] == "EqQBCgIYAhIM")
        #expect(messages[1]["content"]?[1]?["data"] == "b3BhcXVl")
        let closed = Conversations.closeOpenCalls(messages)
        #expect(closed.count == 3)
        #expect(closed[2]["content"]?.arrayValue?.count == 2)
    }

    @Test func `a model has a list price or is not used`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let error = #expect(throws: GatewayError.self) { _ = try Stage(provider, spec: "claude-of-2027") }
        #expect(error == .unpriced(model: "claude-of-2027", provider: "anthropic"))
        let noKey = #expect(throws: GatewayError.self) {
            _ = try Stage(GatewayConfiguration(), caller: .test("anthropic"))
        }
        #expect(noKey?.isCredentials == true)
    }

    @Test func `a key is not sent in the clear over a network`() throws {
        let error = #expect(throws: GatewayError.self) {
            _ = try Stage(
                GatewayConfiguration(anthropicKey: "k", anthropicURL: "http://api.example.com"),
                caller: .test("anthropic"))
        }
        #expect(error?.description.contains("https://") == true)
    }
}
