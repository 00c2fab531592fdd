// What the programs of the field send (Claude Code 2.1.327, Codex 0.163.0), recorded from them; texts are
// shortened.
import Kit
import Synchronization
import System
import TestSupport
import Testing
import Wire

@testable import Gateway

/// A recorded request.
private struct Recorded {
    let path: String
    let headers: [(String, String)]
    let body: JSON

    init(_ name: String) throws {
        let json = try JSON.parse(Golden.load("requests/\(name).json"))
        path = json["path"]?.stringValue ?? ""
        headers = (json["headers"]?.objectValue ?? [:]).map { ($0.key, $0.value.stringValue ?? "") }
        body = json["body"] ?? .null
    }

    func send(to stage: Stage) throws -> (response: HTTPResponse, events: [ServerSentEvent]) {
        try stage.stream(body, to: path, headers: headers)
    }
}

private let recorded = [
    "claude-first", "claude-tools", "claude-subagent", "codex-default", "codex-custom", "codex-namespace",
]

/// An answer with one call of a tool.
private func call(_ name: String, _ input: String) -> [UInt8] {
    let events: [MessageEvent] = [
        .start(id: "msg_1", model: "m", usage: TokenUsage(input: 10)),
        .blockStart(0, ["type": "tool_use", "id": "toolu_9", "name": .string(name), "input": [:]]),
        .input(0, String(input.prefix(9))), .input(0, String(input.dropFirst(9))), .blockStop(0),
        .delta(stopReason: "tool_use", usage: TokenUsage(input: 10, output: 5)), .stop,
    ]
    return events.flatMap { $0.serialized() }
}

@Suite struct ProgramTests {
    @Test(arguments: recorded)
    func `what a program sends is answered, through the Messages API and through chat`(name: String) throws {
        let anthropic = try StubProvider(StubProvider.stream(Golden.text("four")))
        let (answer, events) = try Recorded(name).send(to: try Stage(anthropic))
        let ends = ["message_stop", "response.completed"]
        #expect(answer.status == 200 && ends.contains(events.last?.event ?? ""), "\(events)")
        let chat = try StubProvider(StubProvider.stream(Array(Golden.chat.utf8)))
        let local = try Stage(
            GatewayConfiguration(limits: quick), caller: .test("openai:m@\(chat.url)/v1"))
        #expect(try Recorded(name).send(to: local).response.status == 200)
        let messages = try #require(chat.requests.first).json()["messages"]?.arrayValue ?? []
        let roles = messages.compactMap { $0["role"]?.stringValue }
        // Many servers refuse a system message in the middle, and two of a user in a row.
        #expect(roles.dropFirst().allSatisfy { $0 != "system" }, "\(roles)")
        #expect(zip(roles, roles.dropFirst()).allSatisfy { $0 != $1 || $0 == "tool" }, "\(roles)")
    }

    @Test func `Claude Code's own values, tools and messages reach the provider unchanged`() throws {
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let request = try Recorded("claude-tools")
        #expect(try request.send(to: try Stage(provider)).response.status == 200)
        let asked = try #require(provider.requests.first)
        #expect(asked.headers["anthropic-beta"] == request.headers.first { $0.0 == "anthropic-beta" }?.1)
        let body = try asked.json()
        #expect(body["messages"] == request.body["messages"])
        // Only their order is ours, so that the prompt begins in the same way every time.
        let sorted = request.body["tools"]?.arrayValue?
            .sorted { ($0["name"]?.stringValue ?? "") < ($1["name"]?.stringValue ?? "") }
        #expect(body["tools"]?.arrayValue == sorted)
    }

    @Test func `a value of anthropic-beta that is not known is dropped, and the transcript says so once`()
        throws
    {
        let home = "/tmp/openclaw-programs-\(Random.hex(6))"
        defer { try? Files.removeTree(home) }
        let provider = try StubProvider(StubProvider.stream(Golden.text("four")))
        let stage = try Stage(provider, conversations: home)
        let beta = [("anthropic-beta", "effort-2025-11-24,context-1m-2025-08-07,flying-2027-01-01")]
        for _ in 1...2 { #expect(try stage.send(question, headers: beta).status == 200) }
        #expect(try #require(provider.requests.last).headers["anthropic-beta"] == "effort-2025-11-24")
        let lines = try Files.readText("\(home)/t1.jsonl").split(separator: "\n")
        let notes = try lines.map { try JSON.parse(String($0))["notes"]?.arrayValue ?? [] }
        #expect(notes.map { $0.count } == [2, 0])
        #expect(notes[0][0].stringValue?.contains("context-1m-2025-08-07 was dropped") == true)
        #expect(stage.records.state.withLock { $0.noted.count } == 2)
    }

    @Test func `a reference to a tool is reserved for with the tool's length`() throws {
        let tool: JSON = [
            "name": "big", "input_schema": [:], "description": .string(String(repeating: "x", count: 4000)),
        ]
        func request(_ count: Int) throws -> MessagesRequest {
            let reference: JSON = ["type": "tool_reference", "tool_name": "big"]
            return try MessagesRequest([
                "max_tokens": 1, "tools": [tool],
                "messages": [
                    [
                        "role": "user",
                        "content": [
                            [
                                "type": "tool_result", "tool_use_id": "t",
                                "content": .array(Array(repeating: reference, count: count)),
                            ]
                        ],
                    ]
                ],
            ])
        }
        let more = try #require(request(3).promptTokens) - #require(request(1).promptTokens)
        #expect(more > 2 * 4000)
    }

    @Test func `tools may change in the middle, but only to such as run in the guest`() throws {
        func check(_ tool: JSON, role: String = "system") throws(GuestFailure) {
            _ = try MessagesRequest([
                "max_tokens": 1,
                "messages": [
                    ["role": "user", "content": "hi"],
                    ["role": .string(role), "content": [["type": "tool_addition", "tool": tool]]],
                ],
            ])
        }
        let own: JSON = ["type": "tool_definition", "definition": ["name": "a", "input_schema": [:]]]
        #expect(throws: Never.self) { try check(own) }
        #expect(throws: Never.self) { try check(["type": "tool_reference", "name": "a"]) }
        #expect(throws: GuestFailure.self) { try check(own, role: "user") }
        for type in ["web_search_20260209", "code_execution_20260521"] {
            #expect(throws: GuestFailure.self) {
                try check(["type": "tool_definition", "definition": ["type": .string(type)]])
            }
        }
        #expect(throws: GuestFailure.self) { try check(["type": "mcp_toolset_reference", "name": "m"]) }
    }

    @Test func `Codex gets its free-text tool back as the call that it knows`() throws {
        let provider = try StubProvider(
            StubProvider.stream(call("exec", #"{"input":"text(\"hi\")\n"}"#)),
            StubProvider.stream(call("clock__sleep", #"{"seconds":1}"#)),
            StubProvider.stream(Golden.text("done")))
        let stage = try Stage(provider)
        let request = try Recorded("codex-default")
        let (_, events) = try request.send(to: stage)
        let asked = try #require(provider.requests.first).json()
        let names = asked["tools"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        #expect(names.contains("exec") && names.contains("clock__sleep"), "\(names)")
        let exec = asked["tools"]?.arrayValue?.first { $0["name"] == "exec" }
        #expect(exec?["description"]?.stringValue?.contains("start: ") == true)
        let data = try events.map { try JSON.parse($0.data) }
        let done = try #require(data.first { $0["type"] == "response.output_item.done" }?["item"])
        #expect(done["type"] == "custom_tool_call" && done["name"] == "exec" && done["call_id"] == "toolu_9")
        #expect(done["input"] == "text(\"hi\")\n")
        let deltas = data.filter { $0["type"] == "response.custom_tool_call_input.delta" }
        #expect(deltas.compactMap { $0["delta"]?.stringValue }.joined() == "text(\"hi\")\n")

        var body = request.body
        let output: JSON = ["type": "custom_tool_call_output", "call_id": "toolu_9", "output": "hi"]
        body["input"] = .array((body["input"]?.arrayValue ?? []) + [done, output])
        let (_, second) = try stage.stream(body, to: request.path, headers: request.headers)
        let messages = try #require(provider.requests.last).json()["messages"]?.arrayValue ?? []
        let use = messages[messages.count - 2]["content"]?[0]
        #expect(use?["name"] == "exec" && use?["input"] == ["input": "text(\"hi\")\n"])
        #expect(messages.last?["content"]?[0]?["content"] == "hi")
        let sleep = try second.map { try JSON.parse($0.data) }
            .first { $0["type"] == "response.output_item.done" }?["item"]
        #expect(sleep?["type"] == "function_call" && sleep?["name"] == "sleep")
        #expect(sleep?["namespace"] == "clock" && sleep?["arguments"] == #"{"seconds":1}"#)

        body["input"] = .array(
            (body["input"]?.arrayValue ?? []) + [sleep ?? .null]
                + [["type": "function_call_output", "call_id": "toolu_9", "output": "ok"]])
        _ = try stage.stream(body, to: request.path, headers: request.headers)
        let last = try #require(provider.requests.last).json()["messages"]?.arrayValue ?? []
        #expect(last[last.count - 2]["content"]?[0]?["name"] == "clock__sleep")
    }

    @Test func `tools that reach out are left out with a note, and everything else works`() throws {
        let body = try Recorded("codex-custom").body
        let request = try ResponsesRequest.messages(from: body, defaultOutputTokens: 9)
        let names = request.json["tools"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        #expect(names.contains("apply_patch") && names.contains("exec_command"))
        #expect(names.allSatisfy { !$0.contains("search") })
        #expect(request.notes.count { $0.contains("web_search") } == 1)
        #expect(request.notes.count { $0.contains("tool_search") } == 1)
    }

    @Test(
        arguments: [
            "prompt_cache_key": "k", "safety_identifier": "s", "service_tier": "auto", "verbosity": "low",
            "logprobs": true, "top_logprobs": 0, "prompt_cache_retention": "24h", "client_metadata": [:],
            "store": false, "seed": 7, "background": false, "metadata": [:], "user": "u",
            "logit_bias": [:], "max_tool_calls": 3,
        ] as [String: JSON])
    func `both of OpenAI's languages take what costs nothing and reaches nowhere`(
        field: String, value: JSON
    ) throws {
        var chat: JSON = ["model": "x", "messages": [["role": "user", "content": "hi"]]]
        chat[field] = value
        var responses: JSON = ["model": "x", "input": "hi"]
        responses[field] = value
        let one = try ChatRequest.messages(from: chat, defaultOutputTokens: 9)
        let other = try ResponsesRequest.messages(from: responses, defaultOutputTokens: 9)
        #expect(one.notes == other.notes)
        #expect(one.json == other.json)
    }

    @Test func `chat completions have free-text tools and JSON objects, too`() throws {
        let provider = try StubProvider(StubProvider.stream(call("note", #"{"input":"hello there"}"#)))
        let stage = try Stage(provider)
        let custom: JSON = ["name": "note", "format": ["type": "text"]]
        let body: JSON = [
            "model": "x", "tools": [["type": "custom", "custom": custom]],
            "messages": [["role": "user", "content": "hi"]], "response_format": ["type": "json_object"],
            "modalities": ["text"],
        ]
        let path = "/openai/v1/chat/completions"
        let whole = try stage.send(body, to: path).json()["choices"]?[0]?["message"]
        let expected: JSON = [
            "id": "toolu_9", "type": "custom", "custom": ["name": "note", "input": "hello there"],
        ]
        #expect(whole?["tool_calls"] == [expected])
        #expect(try #require(provider.requests.first).json()["system"]?.text.contains("JSON object") == true)
        let pieces = try stage.stream(body, to: path).events.compactMap { try? JSON.parse($0.data) }
            .compactMap { $0["choices"]?[0]?["delta"]?["tool_calls"]?[0] }
        var first = expected
        first["index"] = 0
        #expect(pieces == [first])
        var next = body
        next["messages"] = [
            ["role": "user", "content": "hi"], ["role": "assistant", "tool_calls": [expected]],
            ["role": "tool", "tool_call_id": "toolu_9", "content": "ok"],
        ]
        _ = try stage.send(next, to: path)
        let asked = try #require(provider.requests.last).json()["messages"]
        #expect(asked?[1]?["content"]?[0]?["input"] == ["input": "hello there"])
    }

    @Test func `calls and results of the oldest form are read, each result with its call`() throws {
        func turn(_ number: Int) -> [JSON] {
            [
                [
                    "role": "assistant", "content": nil,
                    "function_call": ["name": "add", "arguments": .string("{\"n\":\(number)}")],
                ], ["role": "function", "name": "add", "content": .string("got \(number)")],
            ]
        }
        let request = try ChatRequest.messages(
            from: ["messages": .array([["role": "user", "content": "hi"]] + turn(1) + turn(2))],
            defaultOutputTokens: 9)
        let messages = request.json["messages"]?.arrayValue ?? []
        #expect(messages.count == 5)
        for (index, number) in [(1, 1), (3, 2)] {
            let (call, result) = (messages[index]["content"]?[0], messages[index + 1]["content"]?[0])
            #expect(call?["input"] == ["n": JSON(number)] && call?["id"] == result?["tool_use_id"])
            #expect(result?["content"] == .string("got \(number)"))
        }
    }

    @Test(arguments: ["prediction", "audio", "web_search_options", "functions"])
    func `what changes the answer or reaches out is refused by name`(field: String) throws {
        var body: JSON = ["model": "x", "messages": [["role": "user", "content": "hi"]]]
        body[field] = ["a": 1]
        let failure = #expect(throws: GuestFailure.self) {
            try ChatRequest.messages(from: body, defaultOutputTokens: 9)
        }
        #expect(failure?.message.hasPrefix("\(field): ") == true)
    }

    @Test func `a stranger is told so in the language of its program, and not to ask again`() throws {
        let messages = Gateway.unauthorized(path: "/anthropic/v1/messages", message: "no")
        #expect(messages.status == 401 && messages.headers["x-should-retry"] == "false")
        let json = try messages.json()
        #expect(json["type"] == "error" && json["error"]?["type"] == "authentication_error")
        let openAI = try Gateway.unauthorized(path: "/openai/v1/responses", message: "no").json()
        #expect(openAI["error"]?["code"] == "authentication_error" && openAI["type"] == nil)
    }
}

@Suite struct SubagentTests {
    private let claude: [(String, String)] = [("x-claude-code-session-id", "s")]

    private func body(_ texts: String...) -> JSON {
        var body = question
        body["messages"] = .array(
            texts.enumerated().map { index, text in
                [
                    "role": index % 2 == 0 ? "user" : "assistant",
                    "content": [["type": "text", "text": .string(text)]],
                ]
            })
        return body
    }

    private func notes(_ json: JSON) -> Int {
        json.text.split(separator: "<budget-note").count - 1
    }

    @Test(arguments: [true, false])
    func `a subagent has a transcript and notes of its own, named or not`(isNamed: Bool) throws {
        let home = "/tmp/openclaw-programs-\(Random.hex(6))"
        defer { try? Files.removeTree(home) }
        // The first call costs 10·4 + 5000·20 = 100,040 of 150,000, the others next to nothing.
        let provider = try StubProvider(
            StubProvider.stream(Golden.text("four", output: 5000)), StubProvider.stream(Golden.text("four")))
        let stage = try Stage(
            provider, spec: "claude-opus-5-5?cache=off", budget: 150_000, conversations: home)
        let main = isNamed ? claude : []
        let sub = isNamed ? claude + [("x-claude-code-agent-id", "a/../1")] : []
        #expect(try stage.send(body("begin"), headers: main).status == 200)
        #expect(try stage.send(body("begin", "four", "go on"), headers: main).status == 200)
        let before = try #require(provider.requests.last).json()["messages"]
        #expect(notes(before ?? .null) == 1)
        #expect(try stage.send(body("say hi"), headers: sub).status == 200)
        #expect(
            try stage.send(body("begin", "four", "go on", "four", "on"), headers: main).status == 200)
        let after = try #require(provider.requests.last).json()["messages"]
        // What the provider has in its cache stays as it was.
        #expect(Array((after?.arrayValue ?? []).prefix(3)) == before?.arrayValue)
        #expect(notes(.array(Array((after?.arrayValue ?? []).prefix(3)))) == 1)
        let files = try Files.list(home).sorted()
        #expect(files.count == 2 && files.contains("t1.jsonl"), "\(files)")
        let lines = try Files.readText("\(home)/t1.jsonl").split(separator: "\n")
        #expect(try lines.map { try JSON.parse(String($0))["keep"]?.intValue } == [0, 2, 4])
    }

    @Test func `a history that begins anew goes on as the main conversation`() {
        var beginnings = ThreadBeginnings()
        #expect(beginnings.thread("a", isStart: true) == nil)
        #expect(beginnings.thread("b", isStart: true) == "b")
        #expect(beginnings.thread("a", isStart: false) == nil)
        #expect(beginnings.thread("b", isStart: false) == "b")
        #expect(beginnings.thread("summed up", isStart: false) == nil)
        for index in 0..<1000 { _ = beginnings.thread("\(index)", isStart: true) }
        #expect(beginnings.thread("one more", isStart: true) == nil)
    }
}
