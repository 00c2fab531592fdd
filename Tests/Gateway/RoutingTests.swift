import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Gateway

@Suite struct ModelRouteTests {
    @Test func `how a model is used stands behind a question mark`() throws {
        let text =
            "claude-opus-5-5?effort=high&fallback=claude-opus-5,claude-opus-4-8"
            + "&escalate=claude-fable-5&cache=off"
        let route = try ModelRoute.parse(text)
        #expect(route.spec == .anthropic(model: "claude-opus-5-5"))
        #expect(route.effort == "high" && !route.caches && route.api == .chat)
        #expect(try ModelRoute.parse("\(route)") == route)
        #expect(route.models(primary: "p", attempt: 1) == ["p", "claude-opus-5", "claude-opus-4-8"])
        #expect(route.models(primary: "p", attempt: 2).first == "claude-fable-5")
        #expect(try ModelRoute.parse("openai:q@http://h/v1?api=responses").api == .responses)
    }

    @Test(arguments: [
        "anthropic?effort=huge", "anthropic?", "anthropic?x=1", "anthropic?fallback=", "anthropic?api=x",
    ])
    func `a mistake in it is refused`(text: String) {
        #expect(throws: GatewayError.self) { _ = try ModelRoute.parse(text) }
    }
}

@Suite struct RequestShapeTests {
    private func user(_ texts: String...) -> JSON {
        ["role": "user", "content": .array(texts.map { ["type": "text", "text": .string($0)] })]
    }

    private let answer: JSON = ["role": "assistant", "content": [["type": "text", "text": "ok"]]]

    private func marks(_ json: JSON) -> [String] {
        var places: [String] = []
        if json["system"]?.arrayValue?.last?["cache_control"] != nil { places.append("system") }
        if json["tools"]?.arrayValue?.last?["cache_control"] != nil { places.append("tools") }
        for (m, message) in (json["messages"]?.arrayValue ?? []).enumerated() {
            for (b, block) in (message["content"]?.arrayValue ?? []).enumerated()
            where block["cache_control"] != nil {
                places.append("\(m).\(b)")
            }
        }
        return places
    }

    @Test func `marks stand behind the system prompt, the question before, and the end`() {
        let request: JSON = [
            "system": "be brief", "tools": [["name": "b"]],
            "messages": [user("a"), answer, user("b", "c")],
        ]
        #expect(marks(RequestShape.markingCache(request)) == ["system", "0.0", "2.1"])
        let bare: JSON = ["tools": [["name": "b"]], "messages": [["role": "user", "content": "a"]]]
        #expect(marks(RequestShape.markingCache(bare)) == ["tools", "0.0"])
    }

    @Test func `the prefix of the next call is what this one marked`() {
        var messages = [user("a")]
        var before = RequestShape.markingCache(["system": "s", "messages": .array(messages)])
        for turn in 0..<6 {
            messages += [answer, user("b\(turn)")]
            let now = RequestShape.markingCache(["system": "s", "messages": .array(messages)])
            let last = marks(before).last ?? ""
            #expect(marks(now).contains(last), "turn \(turn)")
            #expect(marks(now).count <= 4)
            before = now
        }
    }

    @Test func `a long turn has a mark on its way, and never more than four are set`() {
        let long: JSON = [
            "role": "user",
            "content": .array(
                (0..<40).map { ["type": "tool_result", "tool_use_id": "\($0)", "content": "x"] }),
        ]
        let request: JSON = ["system": "s", "messages": [user("a"), answer, long]]
        #expect(marks(RequestShape.markingCache(request)) == ["system", "0.0", "2.13", "2.39"])
    }

    @Test func `a guest that marks by itself is left alone`() {
        let own: JSON = [
            "messages": [
                [
                    "role": "user",
                    "content": [["type": "text", "text": "a", "cache_control": ["type": "ephemeral"]]],
                ]
            ]
        ]
        #expect(RequestShape.markingCache(own) == own)
        let top: JSON = ["cache_control": ["type": "ephemeral"], "messages": [user("a")]]
        #expect(RequestShape.markingCache(top) == top)
    }

    @Test func `thinking and empty texts take no mark`() {
        let request: JSON = [
            "messages": [
                user("a"),
                [
                    "role": "assistant",
                    "content": [["type": "text", "text": "x"], ["type": "thinking", "thinking": "t"]],
                ],
                ["role": "user", "content": [["type": "text", "text": ""]]],
            ]
        ]
        #expect(marks(RequestShape.markingCache(request)) == ["0.0", "1.0"])
    }

    @Test func `tools have one order, whatever order they come in`() {
        let tools: [JSON] = ["write", "bash", "read"].map { ["name": .string($0)] }
        let sorted = RequestShape.sortingTools(["tools": .array(tools)])
        #expect(sorted == RequestShape.sortingTools(["tools": .array(tools.reversed())]))
        #expect(sorted["tools"]?[0]?["name"] == "bash")
    }
}

@Suite struct ConversationTests {
    private func ask(_ turns: Int, maxTokens: Int = 100) -> JSON {
        var messages: [JSON] = [["role": "user", "content": "Add two numbers"]]
        for turn in 0..<turns {
            messages += [
                ["role": "assistant", "content": "four"],
                ["role": "user", "content": .string("more \(turn)")],
            ]
        }
        return ["model": "default", "max_tokens": JSON(maxTokens), "messages": .array(messages)]
    }

    private func texts(_ provider: StubProvider) throws -> [String] {
        try provider.requests.map { try $0.json().text }
    }

    @Test func `the model is told of the budget at each threshold once, and the note stays in its place`()
        throws
    {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four", output: 5000)))
        // A call costs 10·4 + 5000·20 = 100,040, and may cost some 15,000 more.
        let stage = try Stage(provider, spec: "claude-opus-5-5?cache=off", budget: 100_040 * 10 + 30_000)
        for turn in 0..<10 { #expect(try stage.send(ask(turn, maxTokens: 5000)).status == 200) }
        #expect(try stage.send(ask(10, maxTokens: 5000)).status == 402)
        let asked = try texts(provider)
        let notes = asked.map { $0.ranges(of: "budget-note from").count }
        #expect(notes == notes.sorted())
        #expect(notes.first == 0)
        let warned = stage.records.state.withLock { $0.warned.map(\.percent) }
        // The last one belongs to the call that was refused.
        #expect(warned == [50, 75, 90])
        #expect(notes.last == 2)
        // Every prompt begins with the one before it.
        let messages = try provider.requests.map { try $0.json()["messages"]?.arrayValue ?? [] }
        for (before, after) in zip(messages, messages.dropFirst()) {
            #expect(Array(after.prefix(before.count)) == before)
        }
    }

    @Test func `a model that is away at the start of a conversation is replaced, and the replacement stays`()
        throws
    {
        let away = StubProvider.failure(529, "overloaded_error")
        let answer = StubProvider.stream(Golden.text("four"))
        let provider = try StubProvider(away, away, away, answer, answer)
        let stage = try Stage(provider, spec: "claude-opus-5-5?fallback=claude-opus-4-8")
        #expect(try stage.send(ask(0)).status == 200)
        #expect(try stage.send(ask(1)).status == 200)
        let models = try provider.requests.map { try $0.json()["model"]?.stringValue ?? "" }
        #expect(
            models == Array(repeating: "claude-opus-5-5", count: 3) + ["claude-opus-4-8", "claude-opus-4-8"])
    }

    @Test func `a conversation that has begun keeps its model, whatever happens`() throws {
        let away = StubProvider.failure(529, "overloaded_error")
        let answer = StubProvider.stream(Golden.text("four"))
        let provider = try StubProvider(answer, away, away, away, away, answer)
        let stage = try Stage(provider, spec: "claude-opus-5-5?fallback=claude-opus-4-8")
        #expect(try stage.send(ask(0)).status == 200)
        #expect(try stage.send(ask(1)).status == 200)
        let models = Set(try provider.requests.map { try $0.json()["model"]?.stringValue ?? "" })
        #expect(models == ["claude-opus-5-5"])
        #expect(provider.requests.count == 6)
    }

    @Test func `the second attempt at a task begins with the stronger model and a word about the first`()
        throws
    {
        let directory = "/tmp/openclaw-gateway-test-\(Random.hex(6))"
        defer { try? Files.removeTree(directory) }
        let provider = try StubProvider(StubProvider.stream(Golden.text("I could not find it")))
        let configuration = GatewayConfiguration(anthropicKey: "k", anthropicURL: provider.url, limits: quick)
        let spec = "claude-sonnet-5-5?escalate=claude-opus-5-5"
        let first = try Stage(configuration, caller: .test(spec), conversations: directory)
        _ = try first.send(ask(0))
        var caller = Caller.test(spec)
        caller.attempt = 2
        let second = try Stage(configuration, caller: caller, conversations: directory)
        _ = try second.send(ask(0))
        _ = try second.send(ask(1))
        let bodies = try provider.requests.map { try $0.json() }
        #expect(
            bodies.map { $0["model"]?.stringValue ?? "" } == [
                "claude-sonnet-5-5", "claude-opus-5-5", "claude-opus-5-5",
            ])
        #expect(!bodies[0].text.contains("hand-over"))
        #expect(bodies[1].text.contains("I could not find it"))
        // It stays where it was, so that the prefix does.
        #expect(
            bodies[2]["messages"]?[0]?["content"]?[1]?["text"]?.stringValue?.contains("hand-over") == true)
    }

    @Test func `effort is the route's unless the guest says another`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider, spec: "claude-opus-5-5?effort=low")
        _ = try stage.send(ask(0))
        var own = ask(0)
        own["output_config"] = ["effort": "max"]
        _ = try stage.send(own)
        let efforts = try provider.requests.map { try $0.json()["output_config"]?["effort"] }
        #expect(efforts == ["low", "max"])
    }

    @Test func `thinking that a guest's language loses is put back for the model`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider)
        let chat: JSON = ["model": "x", "messages": [["role": "user", "content": "hi"]]]
        let path = "/openai/v1/chat/completions"
        let first = try stage.send(chat, to: path).json()
        let answer = try #require(first["choices"]?[0]?["message"])
        var next = chat
        var messages: [JSON] = [["role": "user", "content": "hi"], answer]
        for call in answer["tool_calls"]?.arrayValue ?? [] {
            messages.append(["role": "tool", "tool_call_id": call["id"] ?? "", "content": "1"])
        }
        next["messages"] = .array(messages)
        #expect(try stage.send(next, to: path).status == 200)
        let asked = try #require(provider.requests.last).json()
        let content = try #require(asked["messages"]?[1]?["content"]?.arrayValue)
        #expect(content[0]["signature"] == "EqQBCgIYAhIM")
        #expect(content[1]["type"] == "redacted_thinking")
    }

    @Test func `a limit of an agent stops that agent and no other`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four", output: 100)))
        let configuration = GatewayConfiguration(anthropicKey: "k", anthropicURL: provider.url, limits: quick)
        let stage = try Stage(
            configuration, caller: .test("claude-opus-5-5"), limits: [.agent("coder-1"): 1])
        #expect(try stage.send(ask(0)).status == 402)
        #expect(try stage.send(ask(0), headers: [("x-test-agent", "coder-2")]).status == 200)
    }
}
