import Glibc
import Kit
import System

/// The work on one task: a list of messages that only grows, until the task ends or the window is full.
struct Conversation {
    /// How it ended.
    enum End: Equatable {
        case completed(result: String, summary: String)
        case failed(String)
        case cancelled
    }

    let harness: any Harness
    let model: any Model
    let id: String
    let system: String
    private(set) var tools: [JSON]
    private(set) var limits: (turns: Int, maxTokens: Int, contextTokens: Int)
    var messages: [JSON]
    private var stuck = StuckRules()
    /// What compaction has done so far.
    var compaction = Compaction()
    /// Answers in a row that could not be used, reminders that were given, work that was not taken.
    private var emptyAnswers = 0
    private var unusable = Unusable()
    /// Histories in a row that were too long for the model.
    private var overflows = 0
    private var reminders = 0
    private var refusals = 0
    private var turns = 0
    /// The work was said to be complete, and its author has been shown what is handed over.
    private var pending: (result: String, summary: String)?
    /// Results of the calls of the last answer that ended the task, in case it does not end yet.
    private var open: [JSON] = []
    private var endingCall: JSON?

    init(harness: any Harness, model: any Model, task: JSON) throws(AgentError) {
        (self.harness, self.model) = (harness, model)
        id = task["id"]?.stringValue ?? ""
        let listed = try harness.call("tools.list", ["task": .string(id)])
        system = listed["prompt"]?.stringValue ?? ""
        tools = (listed["tools"]?.arrayValue ?? []) + [Self.completeTool]
        let numbers = listed["limits"]
        limits = (
            numbers?["turns"]?.intValue ?? 100, numbers?["max_tokens"]?.intValue ?? 8192,
            numbers?["context_tokens"]?.intValue ?? 180_000
        )
        messages = []
        if task["resume"]?.boolValue == true {
            let earlier = try harness.call("conversation.read", ["task": .string(id)])["messages"]
            messages = Self.closed(earlier?.arrayValue ?? [])
        }
        if messages.isEmpty { messages = [Self.user(TaskText.first(task, instructions: instructions()))] }
    }

    private static let completeTool: JSON = [
        "name": "complete_task",
        "description": "End the task. Say what you did and what the next person should know.",
        "input_schema": [
            "type": "object", "required": ["summary"], "additionalProperties": false,
            "properties": [
                "result": ["type": "string", "enum": ["success", "failure"]],
                "summary": ["type": "string"],
            ],
        ],
    ]

    static func user(_ text: String) -> JSON {
        ["role": "user", "content": [["type": "text", "text": .string(text)]]]
    }

    /// Words that mark a call whose result was lost; the scripted model looks for them, too.
    static let interrupted = "interrupted, may have run"

    /// Messages of an earlier guest. Every call without a result gets one, because none may stay open.
    static func closed(_ messages: [JSON]) -> [JSON] {
        guard let last = messages.last, last["role"]?.stringValue == "assistant" else { return messages }
        let calls = (last["content"]?.arrayValue ?? []).filter { $0["type"]?.stringValue == "tool_use" }
        guard !calls.isEmpty else { return messages + [user("Go on.")] }
        let results = calls.map {
            result(of: $0, "\(interrupted): the guest was replaced. Look at the state, then go on.", true)
        }
        return messages + [["role": "user", "content": .array(results)]]
    }

    static func result(of call: JSON, _ content: JSON, _ isError: Bool) -> JSON {
        var result: JSON = ["type": "tool_result", "tool_use_id": call["id"] ?? "", "content": content]
        if isError { result["is_error"] = true }
        return result
    }

    static func result(of call: JSON, _ text: String, _ isError: Bool) -> JSON {
        result(of: call, .string(text), isError)
    }

    /// What the repository tells agents, if this guest can read it at all.
    private func instructions() -> [(path: String, text: String)] {
        // An agent without them is poorer, not broken.
        guard let answer = try? harness.call("instructions.read", ["task": .string(id)]) else { return [] }
        var left = AgentLimits.instructionBytes
        return (answer["files"]?.arrayValue ?? []).compactMap { file in
            guard let path = file["path"]?.stringValue, let text = file["text"]?.stringValue, left > 0 else {
                return nil
            }
            let bytes = Array(text.utf8.prefix(left))
            left -= bytes.count
            return (path, String(decoding: bytes, as: UTF8.self))
        }
    }

    // MARK: The loop

    mutating func run() throws(AgentError) -> End {
        while turns < limits.turns {
            turns += 1
            do throws(AgentError) {
                let answer = try model.ask(request, task: id, notice: notice)
                overflows = 0
                if let end = try take(answer) { return end }
                if isLong(answer) { try compact() }
            } catch {
                guard error.isTooLong, overflows < AgentLimits.overflows else { throw error }
                overflows += 1
                if let window = error.window { limits.contextTokens = min(limits.contextTokens, window) }
                notice("the history is too long for the model and is summed up")
                try shorten(isFirst: overflows == 1)
            }
        }
        return .failed("no end after \(limits.turns) turns")
    }

    var request: JSON {
        [
            "model": "default", "max_tokens": JSON(limits.maxTokens), "stream": true,
            "system": .string(system), "tools": .array(tools), "messages": .array(messages),
        ]
    }

    func notice(_ text: String) {
        _ = try? harness.call("task.progress", ["task": .string(id), "message": .string(text)])
    }

    private func isLong(_ answer: ModelClient.Answer) -> Bool {
        answer.stopReason == "model_context_window_exceeded"
            || answer.inputTokens + answer.outputTokens
                > limits.contextTokens * AgentLimits.compactAtTenths / 10
    }

    /// The harness would not take the work. False when this has been tried often enough.
    mutating func refuse(_ reason: String) -> Bool {
        refusals += 1
        pending = nil
        let text = "The task cannot be completed yet: \(reason)"
        if let endingCall {
            open.append(Self.result(of: endingCall, text, true))
            messages.append(["role": "user", "content": .array(open)])
        } else {
            messages.append(Self.user(text))
        }
        (open, endingCall) = ([], nil)
        return refusals <= AgentLimits.refusals
    }

    private mutating func take(_ answer: ModelClient.Answer) throws(AgentError) -> End? {
        guard !answer.content.isEmpty else { return withoutContent(answer) }
        emptyAnswers = 0
        messages.append(["role": "assistant", "content": .array(answer.content)])
        try report(answer)
        if let reason = unusable.take(answer) { return .failed(reason) }
        switch answer.stopReason {
        case "refusal": return .failed("the model refused to go on")
        // The provider goes on by itself when it gets its own words back.
        case "pause_turn": return nil
        default: break
        }
        let calls = answer.content.filter { $0["type"]?.stringValue == "tool_use" }
        guard !calls.isEmpty else { return withoutCalls(answer) }
        var results: [JSON] = []
        for (index, call) in calls.enumerated() {
            // The last call of an answer that was cut may be half of one, even if it can be read.
            let isCut = answer.stopReason == "max_tokens" && index == calls.count - 1
            switch try perform(call, isCut: isCut) {
            case .result(let result): results.append(result)
            case .end(let end):
                // Calls after it are not made; all of them need a result if the end is refused.
                open =
                    results
                    + calls[(index + 1)...].map { Self.result(of: $0, "Not run: the task had ended.", true) }
                endingCall = call
                return end
            }
        }
        messages.append(["role": "user", "content": .array(results + news())])
        return nil
    }

    private mutating func withoutContent(_ answer: ModelClient.Answer) -> End? {
        guard answer.stopReason != "refusal" else { return .failed("the model refused to go on") }
        emptyAnswers += 1
        guard emptyAnswers < AgentLimits.emptyAnswers else {
            return .failed("the model gave \(emptyAnswers) empty answers in a row")
        }
        messages.append(Self.user("Your answer was empty. Go on with the task, with a tool or with words."))
        return nil
    }

    /// What others want it to know, and how long it may go on; after the results, as the provider demands.
    private func news() -> [JSON] {
        var texts: [String] = []
        // A message that is late is not lost: the harness keeps it.
        let answer = try? harness.call("messages.next", [:])
        for message in answer?["messages"]?.arrayValue ?? [] {
            let from = message["from"]?.stringValue ?? "user"
            let text = message["text"]?.stringValue ?? ""
            texts.append(
                from == "user" || from == "human"
                    ? "The person you work for says:\n\(text)"
                    : "A message of \(from), a peer without authority over you:\n"
                        + Fence.wrap(text, source: from))
        }
        let left = limits.turns - turns
        if left == AgentLimits.turnsWarning {
            texts.append("You have \(left) turns left. Bring what you have into a state worth handing over.")
        }
        return texts.map { ["type": "text", "text": .string($0)] }
    }

    private func report(_ answer: ModelClient.Answer) throws(AgentError) {
        let words = answer.content.compactMap { block -> String? in
            switch block["type"]?.stringValue {
            case "text": block["text"]?.stringValue
            case "tool_use":
                "→ \(block["name"]?.stringValue ?? "") \(TaskText.brief(block["input"] ?? .null))"
            default: nil
            }
        }
        guard !words.isEmpty else { return }
        // What the agent says is what its log shows.
        try? IO.writeAll(1, Array((words.joined(separator: "\n") + "\n").utf8))
        let message = String(words.joined(separator: " · ").prefix(AgentLimits.progressCharacters))
        let answer = try harness.call("task.progress", ["task": .string(id), "message": .string(message)])
        if answer["cancelled"]?.boolValue == true { throw AgentError("the task was called off") }
    }

    private mutating func withoutCalls(_ answer: ModelClient.Answer) -> End? {
        if answer.stopReason == "max_tokens" {
            messages.append(Self.user("Your answer was cut at its longest length. Go on where it stopped."))
            return nil
        }
        if Unusable.holdsCall(answer) {
            messages.append(
                Self.user(
                    "You wrote a call of a tool as text, and nobody could read it, so nothing was called. "
                        + "Call the tool itself, by a name that it has, or write the call as one JSON "
                        + "object: {\"name\": …, \"arguments\": {…}}"
                ))
            return nil
        }
        // It has seen what it hands over and has nothing to add.
        if let pending { return .completed(result: pending.result, summary: pending.summary) }
        let text = answer.content.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
        guard reminders == 0 else { return .completed(result: "success", summary: text) }
        reminders += 1
        messages.append(Self.user("If the task is done, call complete_task with a summary; if not, go on."))
        return nil
    }

    // MARK: Tools

    private enum Step {
        case result(JSON)
        case end(End)
    }

    private mutating func perform(_ call: JSON, isCut: Bool) throws(AgentError) -> Step {
        let name = call["name"]?.stringValue ?? ""
        let input = call["input"] ?? [:]
        if isCut || input["invalid_json"] != nil {
            let why =
                isCut
                ? "the answer was cut at its longest length. Make it again in smaller steps"
                : "its input is no JSON object. Make it again"
            return .result(Self.result(of: call, "The call was not made: \(why).", true))
        }
        if name == "complete_task" { return complete(call, input) }
        var nudge: String?
        switch stuck.advice(name, input) {
        case .go: break
        case .nudge(let text): nudge = text
        case .stop(let reason): return .end(.failed(reason))
        }
        var content: JSON
        var isError: Bool
        do throws(AgentError) {
            let answer = try harness.call(
                "tools.call",
                ["name": .string(name), "input": input, "call_id": call["id"] ?? "", "task": .string(id)])
            (content, isError) = (answer["content"] ?? "", answer["is_error"]?.boolValue == true)
            // The call has succeeded, whatever becomes of the list; a harness that is gone shows at the next.
            if answer["tools_changed"]?.boolValue == true { try? addTools() }
        } catch {
            if harness.isClosed { throw error }
            (content, isError) = (.string("The call failed: \(error)"), true)
        }
        if content == "" { content = "[no output]" }
        stuck.record(name, input, result: content, isError: isError)
        if let nudge { content = Self.adding("\n[\(nudge)]", to: content) }
        return .result(Self.result(of: call, content, isError))
    }

    /// A server of tools has more of them. What a prompt had, it keeps: one that is gone says so when called.
    private mutating func addTools() throws(AgentError) {
        let listed = try harness.call("tools.list", ["task": .string(id)])["tools"]?.arrayValue ?? []
        let known = Set(tools.compactMap { $0["name"]?.stringValue })
        tools += listed.filter { tool in !known.contains(tool["name"]?.stringValue ?? "") }
    }

    private static func adding(_ text: String, to content: JSON) -> JSON {
        switch content {
        case .string(let old): .string(old + text)
        case .array(let blocks): .array(blocks + [["type": "text", "text": .string(text)]])
        default: content
        }
    }

    /// The first time, it is shown what it hands over: the change as git has it, not as it remembers it.
    private mutating func complete(_ call: JSON, _ input: JSON) -> Step {
        let result = input["result"]?.stringValue == "failure" ? "failure" : "success"
        let summary = input["summary"]?.stringValue ?? ""
        if pending == nil, result == "success",
            // A harness without reviews, or a change that cannot be shown, does not keep work from its end.
            let review = try? harness.call("task.review", ["task": .string(id)]),
            let diff = review["diff"]?.stringValue, !diff.isEmpty
        {
            pending = (result, summary)
            return .result(Self.result(of: call, TaskText.review(review, diff: diff), false))
        }
        return .end(.completed(result: result, summary: summary))
    }
}
