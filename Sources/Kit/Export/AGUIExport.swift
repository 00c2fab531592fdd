/// Turns the events of a session into those of AG-UI, for viewers that speak it. A value: no I/O.
///
/// A run is the session, a sub-agent one life of an agent, a step one attempt at a task, a message what an
/// agent or a person said. What agents drew goes along as AG-UI's A2UI activity; everything else as CUSTOM
/// with the event's own type and data, so nothing is lost. Source: the models of ag-ui-protocol 1.0.0 (PyPI).
public struct AGUIExport {
    /// The version of the protocol that its streams are of; a run says it at its start.
    public static let protocolVersion = "1.0"

    private var session = ""
    private var agents: [String] = []
    private var steps: [(task: String, name: String)] = []
    private var isOpen = false
    /// By provider and model.
    private var usage: [String: Usage] = [:]

    /// Tokens of one model: totals, and parts of the input.
    private struct Usage {
        var provider: String?
        var model: String
        var input: Int64 = 0
        var output: Int64 = 0
        var cached: Int64 = 0
        var written: Int64 = 0

        /// Numbers of the protocol are those that JSON of every language holds.
        private static func count(_ number: Int64) -> JSON { JSON(max(0, min(number, (1 << 53) - 1))) }

        var json: JSON {
            var json: JSON = [
                "model": .string(model), "inputTokens": Self.count(input),
                "outputTokens": Self.count(output),
                "totalTokens": Self.count(input > .max - max(0, output) ? .max : input + output),
                "cachedInputTokens": Self.count(cached), "cacheWriteInputTokens": Self.count(written),
            ]
            if let provider { json["provider"] = .string(provider) }
            return json
        }
    }

    public init() {}

    /// The AG-UI events of one event of the journal, in the form of `session ID --logs --json`.
    public mutating func receive(_ event: JSON) -> [JSON] {
        let data = event["data"] ?? [:]
        let type = event["type"]?.stringValue ?? ""
        var output: [JSON] = []
        switch type {
        case "session.started":
            session = event["session"]?.stringValue ?? ""
            isOpen = true
            output.append([
                "type": "RUN_STARTED", "threadId": .string(session), "runId": .string(session),
                "protocolVersion": .string(Self.protocolVersion),
            ])
            output.append(custom(type, data))
        case "session.completed":
            output += close() + [finished("success", data)]
            isOpen = false
        case "session.cancelled":
            output += close() + [finished("cancelled", data)]
            isOpen = false
        case "session.failed":
            output += close()
            let reason = data["reason"]?.stringValue ?? "the session failed"
            output.append(["type": "RUN_ERROR", "message": .string(reason), "code": .string(type)])
            isOpen = false
        // What comes after the end (the teardown) has no place in a run.
        case _ where !isOpen: return []
        case "agent.ready": output += start(agent(data))
        case "agent.lost", "agent.retired": output += end(agent(data), type, data)
        case "task.assigned": output += begin(data)
        case "task.completed", "task.failed", "task.returned":
            output += finish(task: data["task"]?.stringValue ?? "") + [custom(type, data)]
        case "message.sent", "note.appended", "task.progressed":
            output += say(type, data, seq: event["seq"]?.int64Value ?? 0)
        case "canvas.changed": output += draw(data)
        case "model.settled":
            count(data)
            output.append(custom(type, data))
        default: output.append(custom(type, data))
        }
        return output.map { stamp($0, event) }
    }

    /// What ends the stream of a session that is not over.
    public mutating func end() -> [JSON] {
        guard isOpen else { return [] }
        isOpen = false
        return close() + [
            [
                "type": "RUN_ERROR", "message": "the session was not over when it was exported",
                "code": "session.open",
            ]
        ]
    }

    private func finished(_ outcome: String, _ data: JSON) -> JSON {
        let tokens = usage.sorted { $0.key < $1.key }.map(\.value.json)
        return [
            "type": "RUN_FINISHED", "threadId": .string(session), "runId": .string(session), "result": data,
            "outcome": ["type": .string(outcome)], "usage": .array(tokens),
        ]
    }

    private mutating func count(_ data: JSON) {
        let detail = data["detail"]
        let (provider, model) = (detail?["provider"]?.stringValue, data["model"]?.stringValue ?? "")
        var sum = usage["\(provider ?? "")/\(model)"] ?? Usage(provider: provider, model: model)
        func add(_ part: WritableKeyPath<Usage, Int64>, _ number: JSON?) {
            let (total, isTooMuch) = sum[keyPath: part].addingReportingOverflow(number?.int64Value ?? 0)
            sum[keyPath: part] = isTooMuch ? .max : total
        }
        add(\.input, data["input"])
        add(\.output, data["output"])
        add(\.cached, detail?["cache_read"])
        add(\.written, detail?["cache_write"])
        usage["\(provider ?? "")/\(model)"] = sum
    }

    private func stamp(_ json: JSON, _ event: JSON) -> JSON {
        var json = json
        json["timestamp"] = event["at"] ?? .null
        json["metadata"] = ["seq": event["seq"] ?? .null, "hash": event["hash"] ?? .null]
        return json
    }

    private func custom(_ type: String, _ data: JSON) -> JSON {
        ["type": "CUSTOM", "name": .string("openclaw.\(type)"), "value": data]
    }

    // MARK: Agents and tasks

    private func agent(_ data: JSON) -> String {
        "\(data["agent"]?.stringValue ?? "")/\(data["generation"]?.intValue ?? 1)"
    }

    private mutating func start(_ id: String) -> [JSON] {
        guard !agents.contains(id) else { return [] }
        agents.append(id)
        return [
            [
                "type": "SUBAGENT_STARTED", "subagentRunId": .string(id),
                "name": .string(String(id.prefix { $0 != "/" })),
            ]
        ]
    }

    private mutating func end(_ id: String, _ type: String, _ data: JSON) -> [JSON] {
        guard let index = agents.firstIndex(of: id) else { return [custom(type, data)] }
        agents.remove(at: index)
        guard type == "agent.lost" else {
            return [["type": "SUBAGENT_FINISHED", "subagentRunId": .string(id)]]
        }
        return [
            [
                "type": "SUBAGENT_ERROR", "subagentRunId": .string(id),
                "message": data["reason"] ?? "lost",
            ]
        ]
    }

    private mutating func begin(_ data: JSON) -> [JSON] {
        let task = data["task"]?.stringValue ?? ""
        let before = finish(task: task)
        let name = "\(task) (attempt \(data["attempt"]?.intValue ?? 1))"
        steps.append((task, name))
        return before + [["type": "STEP_STARTED", "stepName": .string(name)], custom("task.assigned", data)]
    }

    private mutating func finish(task: String) -> [JSON] {
        let ended = steps.filter { $0.task == task }
        steps.removeAll { $0.task == task }
        return ended.map { ["type": "STEP_FINISHED", "stepName": .string($0.name)] }
    }

    private mutating func close() -> [JSON] {
        let ended: [JSON] =
            steps.reversed().map { ["type": "STEP_FINISHED", "stepName": .string($0.name)] }
            + agents.reversed().map { ["type": "SUBAGENT_FINISHED", "subagentRunId": .string($0)] }
        (steps, agents) = ([], [])
        return ended
    }

    // MARK: Words and drawings

    private func say(_ type: String, _ data: JSON, seq: Int64) -> [JSON] {
        let from = (data["from"] ?? data["agent"])?.stringValue ?? ""
        let text = (data["text"] ?? data["message"])?.stringValue ?? ""
        // An empty piece of a message is none.
        guard !text.isEmpty else { return [custom(type, data)] }
        let id = JSON.string("m-\(seq)")
        return [
            [
                "type": "TEXT_MESSAGE_START", "messageId": id,
                "role": from == "user" ? "user" : "assistant", "name": .string(from),
            ],
            ["type": "TEXT_MESSAGE_CONTENT", "messageId": id, "delta": .string(text)],
            ["type": "TEXT_MESSAGE_END", "messageId": id],
        ]
    }

    private func draw(_ data: JSON) -> [JSON] {
        var operations: [String: [JSON]] = [:]
        var order: [String] = []
        for message in data["messages"]?.arrayValue ?? [] {
            let body = message.objectValue?.first { $0.key != "version" }?.value
            let surface = body?["surfaceId"]?.stringValue ?? ""
            if operations[surface] == nil { order.append(surface) }
            operations[surface, default: []].append(message)
        }
        return order.map { surface in
            [
                "type": "ACTIVITY_SNAPSHOT", "messageId": .string("a2ui-surface-\(surface)"),
                "activityType": "a2ui-surface", "replace": false,
                "content": ["a2ui_operations": .array(operations[surface] ?? [])],
            ]
        }
    }
}
