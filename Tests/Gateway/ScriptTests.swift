import Kit
import Testing

@testable import Gateway

private let caller = Caller(
    session: "s", agent: "coder-1", role: "coder", task: "t1", taskKind: "implement", attempt: 2, spec: "")

private func script(_ text: String) throws -> Script { try Script.parse(text, file: "model.yaml") }

@Suite struct ScriptTests {
    private static let story = """
        name: story
        conversations:
          - match: {role: reviewer}
            turns: [{text: "looks good"}]
          - match: {role: coder, attempt: 2, contains: [bug]}
            turns:
              - text: "task ${task.id} of ${agent}, ${unknown}"
                tools: [{name: bash, input: {command: "echo ${last_result}"}}]
              - text: done
        """

    @Test func `a request finds its conversation and its turn`() throws {
        let script = try script(Self.story)
        let first: JSON = ["role": "user", "content": "fix the bug"]
        let answer: JSON = ["role": "assistant", "content": "ok"]
        #expect(script.find(caller, [first])?.conversation == 1)
        #expect(script.find(caller, [first])?.turn == 0)
        #expect(script.find(caller, [first, answer, first])?.turn == 1)
        #expect(script.find(caller, [["role": "user", "content": "nothing"]]) == nil)
        let words = script.noMatch(caller, [["role": "user", "content": "nothing"]])
        #expect(words.contains("attempt 2") && words.contains("role reviewer"))
    }

    @Test func `a call that was interrupted is made again`() throws {
        let messages: [JSON] = [
            ["role": "user", "content": "bug"], ["role": "assistant", "content": "ok"],
            [
                "role": "user",
                "content": [
                    ["type": "tool_result", "tool_use_id": "1", "content": "interrupted, may have run"]
                ],
            ],
        ]
        #expect(try script(Self.story).find(caller, messages)?.turn == 0)
    }

    @Test func `templates are filled, what only looks like one stays`() throws {
        let text = try script(Self.story).fill("${task.id} ${agent} ${x} $", caller, lastResult: "")
        #expect(text == "t1 coder-1 ${x} $")
    }

    @Test(arguments: [
        ("conversations: []", "conversations"),
        ("conversations: [{turns: [{txt: a}]}]", "txt"),
        ("conversations: [{turns: [{tools: [{input: {}}]}]}]", "name"),
        ("conversations: [{match: {rol: x}, turns: []}]", "rol"),
        ("a: [", "line"),
    ])
    func `a script with a mistake is refused with its place`(text: String, place: String) {
        let error = #expect(throws: GatewayError.self) { _ = try script(text) }
        #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
    }
}

@Suite struct ModelSpecTests {
    @Test(arguments: [
        ("anthropic", ModelSpec.anthropic(model: nil)),
        ("claude-opus-5-5", .anthropic(model: "claude-opus-5-5")),
        ("anthropic:x", .anthropic(model: "x")), ("script:a b.yaml", .script(file: "a b.yaml")),
        ("openai:gpt", .openAI(model: "gpt", url: nil)),
        ("openai:q@http://h:1/v1", .openAI(model: "q", url: "http://h:1/v1")),
    ])
    func `models are named in these forms`(text: String, spec: ModelSpec) throws {
        #expect(try ModelSpec.parse(text) == spec)
    }

    @Test(arguments: [
        "", "gpt", "x:y", "script:", "anthropic:", "openai:q@ftp://h", "openai:a b", "replay:s",
    ])
    func `what names no model is refused with what would`(text: String) {
        let error = #expect(throws: GatewayError.self) { _ = try ModelSpec.parse(text) }
        #expect(error?.hint.contains("anthropic") == true)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8/v1", true), ("http://localhost", true), ("http://10.1.2.3", true),
        ("http://192.168.1.1", true), ("http://172.16.0.1", true), ("http://172.32.0.1", false),
        ("https://api.openai.com/v1", false), ("http://box", true), ("http://[::1]:80", true),
        ("http://127.0.0.1.example.com", false), ("http://8.8.8.8", false),
    ])
    func `only this machine and private networks send no bill`(url: String, isLocal: Bool) throws {
        #expect(try #require(ProviderURL(url)).isLocal == isLocal)
    }

    @Test(arguments: [
        "http://user@host", "http://h/#x", "http://h?x", "h", "ftp://h", "http://", "http://h:99999",
    ])
    func `addresses that could hide another are none`(url: String) { #expect(ProviderURL(url) == nil) }
}
