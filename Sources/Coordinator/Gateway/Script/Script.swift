// A model that says what a file tells it to: for demos, tests and benches, and to misbehave on purpose.
import Kit
import System

/// The turns of a scripted model.
struct Script: Sendable, Hashable {
    /// What a request must have for a conversation to be its.
    struct Match: Sendable, Hashable, CustomStringConvertible {
        var role: String?
        var kind: String?
        var agent: String?
        var task: String?
        var attempt: Int?
        /// All of them must stand in the first message of the user.
        var contains: [String] = []

        func accepts(_ caller: Caller, firstMessage: String) -> Bool {
            func fits<T: Equatable>(_ wanted: T?, _ given: T?) -> Bool { wanted == nil || wanted == given }
            return fits(role, caller.role) && fits(kind, caller.taskKind) && fits(agent, caller.agent)
                && fits(task, caller.task) && fits(attempt, caller.attempt)
                && contains.allSatisfy { firstMessage.contains($0) }
        }

        var description: String {
            let parts = [
                role.map { "role \($0)" }, kind.map { "kind \($0)" }, agent.map { "agent \($0)" },
                task.map { "task \($0)" }, attempt.map { "attempt \($0)" },
            ]
            let words = parts.compactMap { $0 } + contains.map { "contains \"\($0)\"" }
            return words.isEmpty ? "anything" : words.joined(separator: ", ")
        }
    }

    struct Tool: Sendable, Hashable {
        var name: String
        var input: JSON
    }

    /// A way to misbehave, so many times.
    struct Fault: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            /// An error in place of an answer.
            case status(Int, retryAfterSeconds: Double?)
            /// The stream ends after so many bytes.
            case cut(bytes: Int)
            /// Nothing for so long, then the answer.
            case silence(milliseconds: Int)
            /// What is no answer.
            case malformed(String)
        }

        var kind: Kind
        var times: Int
    }

    struct Turn: Sendable, Hashable {
        var text: String?
        var tools: [Tool] = []
        var delayMilliseconds = 0
        var usage: TokenUsage?
        var stopReason: String?
        var fault: Fault?
    }

    struct Conversation: Sendable, Hashable {
        var match = Match()
        var turns: [Turn] = []
    }

    var name: String
    /// A model whose list prices the answers have; without it they are free.
    var priceAs: String?
    var conversations: [Conversation]
    /// What `${file:PATH}` stands for.
    var files: [String: String] = [:]

    /// Size of a script, and of each file that it names, in bytes.
    static let sizeLimit = 1 << 20

    /// Reads a script, YAML or (when its name ends so) JSON, and the files it names.
    static func load(_ file: String) throws(GatewayError) -> Script {
        let text: String
        do throws(SystemError) {
            text = try Files.readText(file, limit: sizeLimit)
        } catch {
            throw .script(file: file, problems: ["\(error)"])
        }
        return try parse(text, file: file)
    }

    /// - Parameter file: For messages, and as the place of what the script names.
    static func parse(_ text: String, file: String) throws(GatewayError) -> Script {
        let json: JSON
        var node: YAMLNode?
        do {
            if file.hasSuffix(".json") {
                json = try JSON.parse(text)
            } else {
                let parsed = try YAML.parse(text, source: Files.name(of: file))
                (json, node) = (parsed.json, parsed)
            }
        } catch {
            throw .script(file: file, problems: ["\(error)"])
        }
        var reader = ScriptReader(directory: Files.parent(of: file), node: node)
        return try reader.read(json, file: file)
    }
}

extension Script {
    /// The conversation of a request and the turn that answers it. Past the last turn there is none.
    /// - Returns: Nil when no conversation fits.
    func find(_ caller: Caller, _ messages: [JSON]) -> (conversation: Int, turn: Int)? {
        let first = Script.text(of: messages.first { $0["role"] == "user" })
        guard let index = conversations.firstIndex(where: { $0.match.accepts(caller, firstMessage: first) })
        else { return nil }
        let answers = messages.count { $0["role"] == "assistant" }
        // A call that was interrupted is made again, so each interruption holds the script back by a turn.
        let interruptions = messages.count { message in
            (message["content"]?.arrayValue ?? []).contains { block in
                block["type"] == "tool_result"
                    && ChatRequest.text(of: block["content"]).contains(Conversations.interruption)
            }
        }
        return (index, max(0, answers - interruptions))
    }

    /// What the script says when nothing of it fits: what was asked, and what there is.
    func noMatch(_ caller: Caller, _ messages: [JSON]) -> String {
        let first = Script.text(of: messages.first { $0["role"] == "user" })
        let asked = Match(
            role: caller.role, kind: caller.taskKind, agent: caller.agent, task: caller.task,
            attempt: caller.attempt)
        let known = conversations.enumerated().map { "\($0.offset + 1): \($0.element.match)" }
        return "the script \(name) has no conversation for \(asked), whose first message begins "
            + "\"\(first.prefix(160))\"; it has " + known.joined(separator: "; ")
    }

    /// Replaces `${task.id}`, `${agent}`, `${last_result}` and `${file:PATH}`; whatever else looks like a
    /// template is text, because scripts write programs.
    func fill(_ text: String, _ caller: Caller, lastResult: String) -> String {
        guard text.contains("${") else { return text }
        var output = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            output += rest[..<start.lowerBound]
            let name = String(rest[start.upperBound..<end])
            let value: String? =
                switch name {
                case "task.id": caller.task ?? ""
                case "agent": caller.agent
                case "last_result": lastResult
                default: name.hasPrefix("file:") ? files[String(name.dropFirst(5))] : nil
                }
            guard let value else {
                output += "${"
                rest = rest[start.upperBound...]
                continue
            }
            output += value
            rest = rest[rest.index(after: end)...]
        }
        return output + rest
    }

    func fill(_ json: JSON, _ caller: Caller, lastResult: String) -> JSON {
        switch json {
        case .string(let text): .string(fill(text, caller, lastResult: lastResult))
        case .array(let elements): .array(elements.map { fill($0, caller, lastResult: lastResult) })
        case .object(let members): .object(members.mapValues { fill($0, caller, lastResult: lastResult) })
        default: json
        }
    }

    static func text(of message: JSON?) -> String { ChatRequest.text(of: message?["content"]) }

    /// The text of the last result of a tool.
    static func lastResult(_ messages: [JSON]) -> String {
        for message in messages.reversed() where message["role"] == "user" {
            let results = (message["content"]?.arrayValue ?? []).filter { $0["type"] == "tool_result" }
            if let last = results.last { return ChatRequest.text(of: last["content"]) }
        }
        return ""
    }
}
