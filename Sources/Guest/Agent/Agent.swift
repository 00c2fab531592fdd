// openclaw-agent: takes tasks from its harness and works on each with a model, until the harness says stop.
import Glibc
import Kit
import System
import Wire

/// The program: `openclaw-agent` is the agent, `openclaw-agent tool NAME` runs in the tools' sandbox,
/// `openclaw-agent mcp` offers the tools to other programs, `openclaw-agent program` and `openclaw-agent
/// command` have one of those in the agent's place.
public enum Agent {
    public static func main() -> Int32 {
        let arguments = Environment.arguments()
        if arguments.count == 3, arguments[1] == "tool" { return ToolProgram.main(arguments[2]) }
        if arguments.count == 2, arguments[1] == "mcp" { return MCPServer.main() }
        Signals.ignoreSIGPIPE()
        do {
            let harness = try HarnessClient()
            if arguments.count == 2, ["program", "command"].contains(arguments[1]) {
                try ProgramLoop(harness: harness, speaksForItself: arguments[1] == "command").run()
                return 0
            }
            try AgentLoop(harness: harness, model: try ModelClient()).run()
            return 0
        } catch {
            try? IO.writeAll(2, Array("openclaw-agent: \(error)\n".utf8))
            return 1
        }
    }
}

/// What an agent cannot go on after.
struct AgentError: Error, CustomStringConvertible {
    let description: String
    /// The prompt did not fit into the model's window; a shorter one would.
    var isTooLong = false
    /// That window in tokens, when it was told.
    var window: Int?

    init(_ description: String) { self.description = description }

    /// The reason of a refusal as the gateway words it: "prompt is too long: N tokens > M maximum".
    init(refusal message: String) {
        self.init("the model refuses: \(message)")
        guard let mark = message.firstRange(of: "prompt is too long: ") else { return }
        isTooLong = true
        let rest = message[mark.upperBound...]
        if let sign = rest.firstRange(of: " tokens > ") {
            window = Int(rest[sign.upperBound...].prefix { $0.isASCII && $0.isNumber })
        }
    }
}

/// Takes one task after the other.
struct AgentLoop: Sendable {
    let harness: any Harness
    let model: any Model

    func run() throws(AgentError) {
        while !harness.isClosed {
            let answer = try harness.call("task.next", ["wait_ms": 60_000])
            guard let task = answer["task"], !task.isNull else { continue }
            try work(on: task)
        }
    }

    /// One task to its end, and the end told to the harness.
    func work(on task: JSON) throws(AgentError) {
        let id = task["id"] ?? ""
        var conversation: Conversation
        do throws(AgentError) {
            conversation = try Conversation(harness: harness, model: model, task: task)
        } catch {
            try fail(id, "begin: \(error)")
            return
        }
        while true {
            let end: Conversation.End
            do throws(AgentError) {
                end = try conversation.run()
            } catch {
                if harness.isClosed { throw error }
                end = .failed(error.description)
            }
            switch end {
            case .failed(let reason): return try fail(id, reason)
            case .cancelled: return
            case .completed(let result, let summary):
                do throws(AgentError) {
                    _ = try harness.call(
                        "task.complete",
                        ["task": id, "result": .string(result), "summary": .string(summary), "artifacts": []])
                    return
                } catch {
                    if harness.isClosed { throw error }
                    // Conflict markers that are left, for example: the model can do something about it.
                    guard conversation.refuse("\(error)") else { return try fail(id, "\(error)") }
                }
            }
        }
    }

    private func fail(_ id: JSON, _ reason: String) throws(AgentError) {
        _ = try harness.call("task.fail", ["task": id, "reason": .string(reason)])
    }
}
