import Kit
import Testing
import Wire

@testable import Gateway

/// What `openclaw models check` finds out, of servers that can all, some and nothing.
@Suite struct ProbeTests {
    private static func probe(_ provider: StubProvider) throws -> ModelReport {
        defer { provider.stop() }
        return try Gateway(configuration: GatewayConfiguration(limits: quick), recorder: Records())
            .probe(spec: "openai:q@\(provider.url)/v1")
    }

    /// Answers as a model would that can all of it.
    private static func able(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        let body = try request.json()
        let last = body["messages"]?.arrayValue?.last ?? .null
        func call(_ id: String, _ a: Int, _ b: Int) -> JSON {
            let arguments = JSON.object(["a": JSON(a), "b": JSON(b)]).text
            return [
                "id": .string(id), "function": ["name": "add_numbers", "arguments": .string(arguments)],
            ]
        }
        let usage: JSON = ["prompt_tokens": 9, "completion_tokens": 3]
        var finish = "stop"
        let delta: JSON
        if last["role"] == "tool" {
            delta = ["content": "It is 42."]
        } else if last.text.contains("twice") {
            delta = ["tool_calls": [call("a", 1, 2), call("b", 3, 4)]]
        } else if body["tools"] != nil {
            delta = ["tool_calls": [call("a", 19, 23)]]
        } else if last.text.contains("image_url") {
            delta = ["content": "Red."]
        } else if last.text.contains("Who are you") {
            delta = ["content": "Zebulon"]
        } else {
            if body["max_tokens"] == 16 { finish = "length" }
            delta = ["content": "ready"]
        }
        try localChunks([delta], finish: finish, usage: usage)(request, exchange)
    }

    @Test func `a server that can all of it is found to, in ten calls at most`() throws {
        let provider = try StubProvider(
            Self.able, facts: ["/props": ["default_generation_settings": ["n_ctx": 4096]]])
        let report = try Self.probe(provider)
        #expect(report.isUsable && report.findings.allSatisfy(\.isGood), "\(report.findings)")
        #expect(report.calls <= 10 && provider.requests.count == report.calls)
        #expect(report.findings.contains { $0.name == "tells its window" && $0.detail == "4096 tokens" })
    }

    @Test func `a server whose model only talks is not usable, and the reason is what it said`() throws {
        let report = try Self.probe(try StubProvider(localChunks([["content": "19 + 23 = 42"]])))
        #expect(!report.isUsable)
        let calls = try #require(report.findings.first { $0.name == "calls tools" })
        #expect(!calls.isGood && calls.isNeeded && calls.detail.contains("19 + 23"))
        #expect(report.findings.contains { $0.name == "sees pictures" && !$0.isGood && !$0.isNeeded })
    }

    @Test func `a server that wants a key is asked once`() throws {
        let provider = try StubProvider(localRefusal(401, ["message": "who are you"]))
        let report = try Self.probe(provider)
        #expect(report.isRefused && !report.isUsable && report.calls == 1)
    }
}
