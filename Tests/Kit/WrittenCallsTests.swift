import Testing

@testable import Kit

/// What servers hand on as text when they do not know how their model writes a call, and the right reading of
/// it.
@Suite struct WrittenCallsTests {
    private typealias Call = WrittenCalls.Call

    private static func read(_ pieces: [String], isCut: Bool = false) -> (text: String, calls: [Call]) {
        var written = WrittenCalls(tools: ["bash", "read"])
        var text = ""
        for piece in pieces { text += written.receive(piece) }
        let end = written.end(isCut: isCut)
        return (text + end.text, end.calls)
    }

    private static let ls = Call(name: "bash", arguments: #"{"command":"ls"}"#)
    private static let cat = Call(name: "read", arguments: #"{"file_path":"a.py"}"#)

    /// The model that writes so, what it wrote, the text that stays and the calls.
    private static let recorded: [(String, String, String, [WrittenCalls.Call])] = [
        ("qwen2.5-coder", #"{"name": "bash", "arguments": {"command": "ls"}}"#, "", [ls]),
        (
            "qwen2.5-coder, fenced",
            "I look first.\n```json\n{\n  \"name\": \"bash\",\n  \"arguments\": "
                + "{\"command\": \"ls\"}\n}\n```\n",
            "I look first.\n", [ls]
        ),
        (
            "qwen2.5-coder, two lines",
            "{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n"
                + "{\"name\": \"read\", \"arguments\": {\"file_path\": \"a.py\"}}", "", [ls, cat]
        ),
        (
            "hermes",
            "Well.\n<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>\n"
                + "<tool_call>\n{\"arguments\": {\"file_path\": \"a.py\"}, \"name\": \"read\"}\n"
                + "</tool_call><|im_end|>",
            "Well.\n", [ls, cat]
        ),
        (
            "hermes, its end is missing",
            #"<tool_call>{"name": "bash", "arguments": {"command": "ls"}}"#, "", [ls]
        ),
        (
            "qwen3-coder",
            "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
            "",
            [ls]
        ),
        ("llama 3", #"<|python_tag|>{"name": "bash", "parameters": {"command": "ls"}}<|eom_id|>"#, "", [ls]),
        ("llama 3, bare", #"{"name": "bash", "parameters": {"command": "ls"}}<|eot_id|>"#, "", [ls]),
        (
            "llama 3, two",
            #"{"name": "bash", "parameters": {"command": "ls"}}; {"name": "read", "#
                + #""parameters": {"file_path": "a.py"}}"#, "", [ls, cat]
        ),
        ("llama 3.1, a function of its own", #"<function=bash>{"command": "ls"}</function>"#, "", [ls]),
        (
            "mistral",
            #"[TOOL_CALLS][{"name": "bash", "arguments": {"command": "ls"}}, "#
                + #"{"name": "read", "arguments": {"file_path": "a.py"}}]</s>"#, "", [ls, cat]
        ),
        (
            "mistral, newer",
            #"[TOOL_CALLS]bash[ARGS]{"command": "ls"}[TOOL_CALLS]read{"file_path": "a.py"}"#, "",
            [ls, cat]
        ),
        (
            "openai's nesting", #"{"function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}"#, "",
            [ls]
        ),
        (
            "braces in a text", #"{"name": "bash", "arguments": {"command": "echo \"}{\""}}"#, "",
            [Call(name: "bash", arguments: #"{"command":"echo \"}{\""}"#)]
        ),
    ]

    private static func same(_ calls: [WrittenCalls.Call], _ others: [WrittenCalls.Call]) throws -> Bool {
        guard calls.map(\.name) == others.map(\.name) else { return false }
        return try zip(calls, others).allSatisfy { try JSON.parse($0.arguments) == JSON.parse($1.arguments) }
    }

    @Test(arguments: recorded)
    func `a call in the model's own way of writing is a call`(
        model: String, text: String, rest: String, calls: [WrittenCalls.Call]
    ) throws {
        let whole = Self.read([text])
        let isSame = try Self.same(whole.calls, calls)
        #expect(whole.text.trimmed == rest.trimmed && isSame, "\(whole)")
        for index in text.indices {
            let cut = Self.read([String(text[..<index]), String(text[index...])])
            #expect(
                cut.text == whole.text && cut.calls == whole.calls, "\(model) cut behind \(text[..<index])")
        }
        // Half an answer is no call.
        #expect(Self.read([text], isCut: true).calls.isEmpty)
        #expect(Self.read([text], isCut: true).text == text)
    }

    @Test(arguments: [
        "", "done", "{\"name\": \"other\", \"arguments\": {}}", "{\"name\": \"bash\", \"arguments\": 7}",
        "The mark `<tool_call>` begins a call.", "```python\nprint({})\n```", "{\"a\": 1}", "{",
        "```json\n{\"name\": \"bash\", \"arguments\": {}}\n```\n```json\n{}\n```", "[TOOL_CALLS] nothing",
        "<tool_call>{\"name\": </tool_call>", "<|python_tag|>search.call(query=\"x\")",
        "I call {\"name\": \"bash\", \"arguments\": {}} now", "<function=>{}</function>", "[{}]", "[]",
    ])
    func `what is no call stays as it was written`(text: String) {
        let (rest, calls) = Self.read(text.map { String($0) })
        #expect(rest == text && calls.isEmpty)
    }

    @Test func `without tools all text is text, at once`() {
        var written = WrittenCalls(tools: [])
        let text = #"{"name": "bash", "arguments": {}}"#
        #expect(written.receive(text) == text)
        #expect(written.end(isCut: false).text == "")
    }

    @Test(arguments: [
        ("<tool_call>\nbash(ls)\n</tool_call>", true), ("Now:\n  [TOOL_CALLS] bash ls", true),
        ("{\"name\": \"execute\", \"arguments\": {\"command\": \"ls\"}}", true),
        ("```json\n{\"name\": \"execute\", \"parameters\": {}}\n```", true),
        ("I taught the parser what `<tool_call>` means.", false), ("{\"name\": \"openclaw\"}", false),
        ("All tests pass.", false), ("", false),
    ])
    func `a call that nobody can read is told from words about one`(text: String, isUnread: Bool) {
        #expect(WrittenCalls.isUnread(text) == isUnread)
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
