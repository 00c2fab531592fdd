// A harness and a model that do what a test says.
import Kit
import Synchronization
import System

@testable import Agent

/// Answers by method, and remembers what it was asked.
final class FakeHarness: Harness {
    private let calls = Mutex<[(method: String, params: JSON)]>([])
    private let answers: @Sendable (String, JSON) throws(AgentError) -> JSON

    init(_ answers: @escaping @Sendable (String, JSON) throws(AgentError) -> JSON) { self.answers = answers }

    /// Tools that say what they were called with, and nothing else out of the ordinary.
    static func plain(
        _ tool: @escaping @Sendable (String, JSON) -> JSON = { name, _ in
            ["content": .string("ran \(name)"), "is_error": false]
        }
    ) -> FakeHarness {
        FakeHarness { (method, params) throws(AgentError) in
            switch method {
            case "tools.list":
                return [
                    "tools": [["name": "bash"]], "prompt": "You are a coder.",
                    "limits": ["turns": 30, "max_tokens": 100, "context_tokens": 1000],
                ]
            case "tools.call": return tool(params["name"]?.stringValue ?? "", params["input"] ?? [:])
            case "task.progress", "task.complete", "task.fail": return [:]
            default: throw AgentError("there is no method \(method)")
            }
        }
    }

    func call(_ method: String, _ params: JSON) throws(AgentError) -> JSON {
        calls.withLock { $0.append((method, params)) }
        return try answers(method, params)
    }

    var isClosed: Bool { false }

    /// The parameters of all calls of one method.
    func asked(_ method: String) -> [JSON] {
        calls.withLock { $0.filter { $0.method == method }.map(\.params) }
    }
}

/// Gives one answer after the other, and remembers the requests.
final class FakeModel: Model {
    private let state: Mutex<(answers: [ModelClient.Answer], requests: [JSON])>
    private let refusals: [Int: AgentError]

    /// - Parameter refusals: By the number of the request, counted from 0; they use up no answer.
    init(_ answers: [ModelClient.Answer], refusals: [Int: AgentError] = [:]) {
        state = Mutex((answers, []))
        self.refusals = refusals
    }

    func ask(_ body: JSON, task: String, notice: (String) -> Void) throws(AgentError) -> ModelClient.Answer {
        let number = state.withLock { state in
            state.requests.append(body)
            return state.requests.count - 1
        }
        if let refusal = refusals[number] { throw refusal }
        let answer = state.withLock { state in
            state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        guard let answer else { throw AgentError("the test has no more answers") }
        return answer
    }

    var requests: [JSON] { state.withLock { $0.requests } }
    var messages: [JSON] { requests.last?["messages"]?.arrayValue ?? [] }
}

extension ModelClient.Answer {
    static func make(_ content: [JSON], _ stop: String = "tool_use", tokens: Int = 10) -> Self {
        .init(content: content, stopReason: stop, inputTokens: tokens, outputTokens: 1)
    }

    static func say(_ text: String, _ stop: String = "end_turn") -> Self {
        make([["type": "text", "text": .string(text)]], stop)
    }

    static func run(_ command: String, id: String = "c1", tokens: Int = 10) -> Self {
        make([call("bash", ["command": .string(command)], id: id)], tokens: tokens)
    }

    static func complete(_ summary: String = "done it", _ result: String = "success") -> Self {
        make([call("complete_task", ["summary": .string(summary), "result": .string(result)], id: "end")])
    }

    static func call(_ name: String, _ input: JSON, id: String) -> JSON {
        ["type": "tool_use", "id": .string(id), "name": .string(name), "input": input]
    }
}

/// Text of a tool's result in a message.
func results(_ message: JSON?) -> [String] {
    (message?["content"]?.arrayValue ?? []).filter { $0["type"] == "tool_result" }
        .map { $0["content"]?.stringValue ?? "" }
}

/// A directory that is the working directory of nobody: tools get absolute paths.
final class Scratch {
    let path: String

    init() throws { path = try Files.temporaryDirectory(prefix: "agent") }
    deinit { try? Files.removeTree(path) }

    func file(_ name: String, _ text: String) throws -> String {
        let place = "\(path)/\(name)"
        try Files.makeDirectories(Files.parent(of: place))
        try Files.write(place, Array(text.utf8))
        return place
    }

    func text(_ name: String) throws -> String { try Files.readText("\(path)/\(name)") }
}

/// What a tool says, or its problem.
func tool(_ name: String, _ input: JSON) -> String {
    do throws(ToolProgram.Problem) {
        let answer = try ToolProgram.run(name, input)
        return answer.stringValue ?? answer.text
    } catch {
        return "problem: \(error.text)"
    }
}
