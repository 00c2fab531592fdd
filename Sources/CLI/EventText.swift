import Kit

/// An event in one line, for people; nil for what only programs care about.
enum EventText {
    /// The types that may have a line; a test walks through them.
    static let types = [
        "session.started", "plan.accepted", "plan.changed", "plan.rejected", "agent.ready", "agent.lost",
        "task.assigned", "task.progressed", "task.completed", "task.failed", "task.returned", "task.merged",
        "merge.conflicted", "gate.started", "gate.passed", "gate.failed", "review.requested", "comment.made",
        "review.submitted", "tests.reported", "approval.requested", "approval.granted", "approval.denied",
        "delivery.merged", "artifact.stored", "artifact.received", "artifact.refused", "model.refused",
        "model.waited", "message.sent", "message.edited", "agent.taken", "agent.returned", "agents.scaled",
        "spawn.delayed",
        "language.hosted", "language.shared", "peer.unreachable", "peer.reachable",
        "session.paused",
        "permission.requested", "permission.granted", "permission.denied", "changes.requested",
        "approval.voided", "change.inspected", "approval.held", "review.voided", "gate.retried",
        "gate.flaked", "merge.batched",
        "overlap.forecast",
        "acceptance.checked", "gate.counted",
        "task.escalated", "pull.opened", "checks.reported", "session.queued", "plan.edited", "plan.withdrawn",
        "session.resumed", "session.completed", "session.failed", "session.cancelled", "agent.paused",
        "agent.resumed",
    ]

    static func line(_ type: String, _ data: JSON, _ terminal: Terminal) -> String? {
        func text(_ field: String) -> String { Terminal.harmless(data[field]?.stringValue ?? "") }
        let agent = text("agent")
        let task = text("task")
        switch type {
        case "session.started":
            return "session \(Terminal.harmless(data["configuration"]?["session"]?.stringValue ?? ""))"
        case "plan.accepted": return plan(data)
        case "plan.changed":
            return "plan: \(Terminal.harmless(data["task"]?["title"]?.stringValue ?? "")) was added"
        case "plan.rejected": return "the plan of \(agent) is refused; it tries again"
        case "agent.ready": return "\(agent) is there (\(text("instance")))"
        case "agent.lost": return terminal.attention("\(agent) was lost: \(text("reason"))")
        case "agent.paused": return terminal.dim("\(agent) sleeps: \(text("reason"))")
        case "agent.resumed": return terminal.dim("\(agent) goes on")
        case "task.assigned":
            let attempt = data["attempt"]?.intValue ?? 1
            return "\(agent) starts \(task) (\(text("kind"))\(attempt > 1 ? ", attempt \(attempt)" : ""))"
        case "task.progressed": return terminal.dim("\(agent) · \(text("message"))")
        case "task.completed": return "\(agent) is done with \(task): \(text("summary"))"
        case "task.failed": return terminal.attention("\(agent) could not do \(task): \(text("reason"))")
        case "task.returned": return terminal.attention("\(task) goes back to its author: \(text("reason"))")
        case "task.merged": return terminal.good("\(task) is merged")
        case "merge.conflicted": return "\(task) conflicts in \(files(data))"
        case "gate.started": return "the gate runs \(text("command")) on the merged tree"
        case "gate.passed": return text("command").isEmpty ? nil : terminal.good("the gate is green")
        case "gate.failed": return terminal.bad("the gate is red (exit \(data["exit_code"]?.intValue ?? 1))")
        case "review.requested": return "review, round \(data["round"]?.intValue ?? 1)"
        case "comment.made":
            let comment = data["comment"]
            let body = Terminal.harmless(comment?["body"]?.stringValue ?? "")
            return "\(agent) on \(Terminal.harmless(comment?["file"]?.stringValue ?? "")): \(body)"
        case "review.submitted":
            let verdict =
                text("verdict") == "approve"
                ? terminal.good("approves") : terminal.attention("asks for changes")
            return "\(agent) \(verdict): \(text("summary"))"
        case "tests.reported":
            let isGreen = data["exit_code"]?.intValue == 0
            let counts = data["passed"]?.intValue.map { ", \($0) passed" } ?? ""
            return
                "\(agent) ran \(text("command")): "
                + "\(isGreen ? terminal.good("green") : terminal.bad("red"))\(counts)"
        case "approval.requested": return terminal.bold("ready: the change waits for approval")
        case "approval.granted": return "approved by \(text("by"))"
        case "approval.denied": return "denied by \(text("by")) \(text("reason"))"
        case "delivery.merged": return "delivered: \(text("branch"))"
        case "artifact.stored":
            guard let size = data["size"]?.int64Value else { return "report: \(text("path"))" }
            return "\(agent) has \(text("name")) for its peers (\(Show.bytes(size)))"
        case "artifact.received": return terminal.dim("\(agent) got \(text("name")) of \(text("owner"))")
        case "artifact.refused":
            return terminal.attention("\(agent) did not get \(text("name")): \(text("reason"))")
        case "model.refused":
            return terminal.attention("\(agent): the model call was refused: \(text("reason"))")
        case "model.waited": return terminal.dim("\(agent) waited for the model: \(text("reason"))")
        case "egress.denied":
            return terminal.attention("\(agent) may not reach \(text("host")): \(text("reason"))")
        case "message.sent": return "\(text("from")) to \(text("to")): \(text("text"))"
        case "agents.scaled":
            let count = data["limit"]?.intValue ?? 1
            return "\(count == 1 ? "one agent" : "\(count) agents") for the plan's tasks: \(text("reason"))"
        case "language.hosted": return terminal.dim("\(agent) runs the \(text("language")) server")
        case "language.shared":
            return terminal.dim("\(agent) asks the \(text("language")) server of \(text("host"))")
        case "peer.unreachable":
            return terminal.attention("\(agent) does not reach \(text("peer")): \(text("reason"))")
        case "peer.reachable": return "\(agent) reaches \(text("peer")) again"
        case "agent.taken": return terminal.attention("\(text("by")) is in the place of \(agent)")
        case "agent.returned":
            return "\(agent) goes on; \(text("by")) changed \(files(data).isEmpty ? "nothing" : files(data))"
        case "spawn.delayed":
            return terminal.dim("\(agent) starts later: \(text("reason"))")
        case "message.edited": return "\(text("by")) changed \(text("id")): \(text("text"))"
        case "session.paused": return "paused"
        default: return delivery(type, data, terminal) ?? ending(type, data, terminal)
        }
    }

    /// What a person is asked, the merge queue, and the way out.
    private static func delivery(_ type: String, _ data: JSON, _ terminal: Terminal) -> String? {
        func text(_ field: String) -> String { Terminal.harmless(data[field]?.stringValue ?? "") }
        switch type {
        case "permission.requested":
            let summary = data["permission"]?["summary"]?.stringValue ?? ""
            let id = Terminal.harmless(data["permission"]?["id"]?.stringValue ?? "")
            return terminal.bold("asked \(id): \(Terminal.harmless(summary))")
        case "permission.granted": return "\(text("by")) says yes to \(text("id"))"
        case "permission.denied": return "\(text("by")) says no to \(text("id")) \(text("reason"))"
        case "changes.requested": return "\(text("by")) asks for changes"
        case "approval.voided": return terminal.attention("the approval is void: \(text("reason"))")
        case "change.inspected":
            let lines = ChangeView.attention(data["inspection"], terminal)
            return lines.isEmpty ? nil : (["what the diff cannot show"] + lines).joined(separator: "\n")
        case "approval.held":
            let reasons = (data["reasons"]?.arrayValue ?? []).compactMap(\.stringValue).map {
                Terminal.harmless($0)
            }
            return terminal.attention("--yes does not approve this: \(reasons.joined(separator: "; "))")
        case "review.voided": return "the review is void: \(text("reason"))"
        case "acceptance.checked":
            let isGreen = data["exit_code"]?.intValue == 0
            return "\(text("task")) demands \(text("command")): "
                + (isGreen ? terminal.good("holds") : terminal.bad("does not hold"))
        case "gate.counted":
            func count(_ field: String) -> Int { data["tests"]?[field]?.intValue ?? 0 }
            return "tests: \(count("passed")) passed, \(count("failed")) failed, \(count("skipped")) skipped"
        case "gate.retried": return "the gate is red; the same tree is tested once more"
        case "gate.flaked": return terminal.attention("the gate is flaky: red, then green on the same tree")
        case "merge.batched":
            let tasks = (data["tasks"]?.arrayValue ?? []).compactMap(\.stringValue)
            return tasks.count > 1
                ? "\(Terminal.harmless(tasks.joined(separator: ", "))) are merged as one" : nil
        case "overlap.forecast":
            return terminal.attention("\(text("task")) will meet \(text("other")) in \(files(data))")
        case "task.escalated": return terminal.attention("\(text("to")) is asked about \(text("task"))")
        case "pull.opened":
            let isDraft = data["is_draft"]?.boolValue == true
            return "\(isDraft ? "draft" : "pull request"): \(text("url"))"
        case "checks.reported": return "the pull request's checks: \(text("summary"))"
        case "session.queued": return "waits for another session on this repository to end"
        case "plan.edited": return "the plan was edited by \(text("by"))"
        case "plan.withdrawn": return "\(text("by")) wants another plan: \(text("reason"))"
        default: return nil
        }
    }

    private static func ending(_ type: String, _ data: JSON, _ terminal: Terminal) -> String? {
        func text(_ field: String) -> String { Terminal.harmless(data[field]?.stringValue ?? "") }
        switch type {
        case "session.resumed": return "goes on"
        case "session.completed": return terminal.good("completed")
        case "session.failed": return terminal.bad("failed: \(text("reason"))")
        case "session.cancelled": return "cancelled by \(text("by"))"
        default: return nil
        }
    }

    private static func files(_ data: JSON) -> String {
        Terminal.harmless((data["files"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", "))
    }

    private static func plan(_ data: JSON) -> String {
        let tasks = (data["plan"]?["tasks"]?.arrayValue ?? []).map { task -> String in
            let after = (task["depends_on"]?.arrayValue ?? []).compactMap(\.stringValue)
            let wait = after.isEmpty ? "" : " (after \(Terminal.harmless(after.joined(separator: ", "))))"
            return "\n           \(Terminal.harmless(task["id"]?.stringValue ?? ""))  "
                + Terminal.harmless(task["title"]?.stringValue ?? "") + wait
        }
        return "plan: \(Terminal.harmless(data["plan"]?["summary"]?.stringValue ?? ""))\(tasks.joined())"
    }
}
