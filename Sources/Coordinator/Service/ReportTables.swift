// Two folds over a session's events for its report: the merge queue, and what happened when.
import Core
import Kit

/// What the merge queue did with each task.
struct QueueReport {
    private struct Row {
        var tries = 0
        var conflicts = 0
        var returned = 0
        var queuedAt: Int64?
        /// From its publication to the session branch, over all its tries.
        var waited: Int64 = 0
        var isMerged = false
    }

    private var rows: [String: Row] = [:]

    init(_ events: [Event]) {
        for event in events {
            switch event.body {
            case .mergeQueued(let task, _):
                rows[task, default: Row()].tries += 1
                rows[task]?.queuedAt = event.at
            case .mergeConflicted(let task, _): rows[task, default: Row()].conflicts += 1
            case .taskReturned(let task, _, _):
                leave(task, at: event.at)
                rows[task]?.returned += 1
            case .taskMerged(let task, _, _, _):
                leave(task, at: event.at)
                rows[task]?.isMerged = true
            default: break
            }
        }
    }

    private mutating func leave(_ task: String, at: Int64) {
        guard let since = rows[task]?.queuedAt else { return }
        rows[task]?.waited += at - since
        rows[task]?.queuedAt = nil
    }

    func json(_ state: SessionState) -> JSON {
        var json = state.statistics.json
        json["tasks"] = .array(
            state.order.compactMap { id in
                rows[id].map { row in
                    [
                        "task": .string(id), "tries": JSON(row.tries), "conflicts": JSON(row.conflicts),
                        "returned": JSON(row.returned), "in_queue_ms": JSON(row.waited),
                        "merged": JSON(row.isMerged),
                    ]
                }
            })
        return json
    }
}

/// Who was at what, and when; in milliseconds from the session's start.
struct Timeline {
    private var spans: [JSON] = []
    private var events: [JSON] = []
    private var open: [String: (task: String, kind: String, from: Int64)] = [:]
    private let start: Int64

    private static let shown: Set<String> = [
        "task", "merge", "gate", "acceptance", "review", "tests", "approval", "agent", "plan", "session",
        "delivery", "pull", "permission", "checks",
    ]
    /// What a page can show; the journal has everything.
    private static let limit = 5000

    init(_ all: [Event]) {
        start = all.first?.at ?? 0
        for event in all { take(event) }
        for agent in open.keys.sorted() { close(agent, "open", at: (all.last?.at ?? 0) - start) }
    }

    private mutating func take(_ event: Event) {
        let at = event.at - start
        switch event.body {
        case .taskAssigned(let task, _, let agent, _, let kind): open[agent] = (task, kind.rawValue, at)
        case .taskCompleted(_, _, let agent, _, _): close(agent, "completed", at: at)
        case .taskFailed(_, _, let agent, _): close(agent, "failed", at: at)
        case .agentLost(let agent, _, _): close(agent, "lost", at: at)
        case .gatePassed: close("gate", "passed", at: at)
        case .gateStarted(let task, _, _): open["gate"] = (task, "gate", at)
        case .gateFailed, .gateRetried: close("gate", "failed", at: at)
        default: break
        }
        let (type, data) = event.body.json
        let noun = type.split(separator: ".").first.map(String.init) ?? ""
        guard Self.shown.contains(noun), type != "task.progressed", type != "session.started",
            events.count < Self.limit
        else { return }
        events.append([
            "ms": JSON(at), "event": .string(type), "who": data["agent"] ?? data["by"] ?? "coordinator",
            "task": data["task"]?.stringValue.map { .string($0) } ?? "",
        ])
    }

    private mutating func close(_ who: String, _ end: String, at: Int64) {
        guard let span = open.removeValue(forKey: who), spans.count < Self.limit else { return }
        spans.append([
            "who": .string(who), "task": .string(span.task), "kind": .string(span.kind),
            "from_ms": JSON(span.from), "to_ms": JSON(at), "end": .string(end),
        ])
    }

    var json: JSON { ["spans": .array(spans), "events": .array(events)] }
}
