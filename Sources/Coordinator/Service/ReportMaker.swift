import Core
import Delivery
import Journal
import Kit
import System

/// The session's report, from the journal and the session repository, through the kit's on_publish hook.
struct ReportMaker: Sendable {
    let session: SessionRunner

    /// - Returns: The path of the page for people.
    func make(_ commit: String) throws(ServiceError) -> String {
        let state = session.state
        do {
            let changes = try session.repository.diff(from: session.repository.base, to: commit)
            let events = try session.world.journal.events(session.id)
            var artifacts: [SessionReport.Artifact] = [
                .init(.summary, name: "summary.json", json: summary(state, changes)),
                .init(.diff, name: "changes.patch", bytes: Array(changes.patch.utf8)),
                .init(.cost, name: "cost.json", json: costs(events)),
                .init(.timeline, name: "timeline.json", json: timeline(events)),
            ]
            if let graph = RequestGraph.text(events) {
                artifacts.append(.init(.timeline, name: "requests.txt", bytes: Array(graph.utf8)))
            }
            let (tests, reviews) = judgements(events)
            if !tests.isEmpty { artifacts.append(.init(.tests, name: "tests.json", json: .array(tests))) }
            if !reviews.isEmpty {
                artifacts.append(.init(.review, name: "review.json", json: .array(reviews)))
            }
            let report = SessionReport(
                sessionDirectory: session.world.home.session(session.id),
                hook: session.world.home.hook("on_publish"))
            return try report.make(
                session: session.id, release: session.id, commit: commit, artifacts: artifacts
            ).markdown
        } catch {
            throw ServiceError("make the report: \(error)")
        }
    }

    private func summary(_ state: SessionState, _ changes: ChangeSet) -> JSON {
        var summary: JSON = [
            "task": .string(state.configuration?.task ?? ""), "plan": .string(state.plan?.summary ?? ""),
            "branch": .string(session.repository.branch), "commit": .string(state.head),
            "tree": .string(state.tree),
            "files": JSON(changes.files.count), "added": JSON(changes.added),
            "removed": JSON(changes.removed),
            "agents": JSON(state.agents.keys.sorted()), "cost_microusd": JSON(state.spent),
        ]
        if let failure = state.failure {
            summary["failure"] = .string("\(failure.reason)\n\(failure.hint)")
        }
        return summary
    }

    private func costs(_ events: [Event]) -> JSON {
        var rows: [String: (amount: Int64, input: Int, output: Int, calls: Int)] = [:]
        for event in events {
            guard case .modelSettled(let agent, _, _, let amount, let input, let output, _) = event.body
            else {
                continue
            }
            let old = rows[agent] ?? (0, 0, 0, 0)
            rows[agent] = (old.amount + amount, old.input + input, old.output + output, old.calls + 1)
        }
        return .array(
            rows.sorted { $0.key < $1.key }.map { agent, row in
                [
                    "agent": .string(agent), "calls": JSON(row.calls), "input_tokens": JSON(row.input),
                    "output_tokens": JSON(row.output), "microusd": JSON(row.amount),
                ]
            })
    }

    private func timeline(_ events: [Event]) -> JSON {
        let start = events.first?.at ?? 0
        let shown = [
            "task", "merge", "gate", "review", "tests", "approval", "agent", "plan", "session", "delivery",
        ]
        return .array(
            events.compactMap { event in
                let (type, data) = event.body.json
                guard shown.contains(type.split(separator: ".").first.map(String.init) ?? ""),
                    type != "task.progressed", type != "session.started"
                else { return nil }
                return [
                    "ms": JSON(event.at - start), "event": .string(type),
                    "who": data["agent"] ?? data["by"] ?? "coordinator",
                    "task": data["task"]?.stringValue.map { .string($0) } ?? "",
                ]
            })
    }

    private func judgements(_ events: [Event]) -> (tests: [JSON], reviews: [JSON]) {
        var tests: [JSON] = []
        var reviews: [JSON] = []
        for event in events {
            switch event.body {
            case .gatePassed(let task, let tree, let command?, let time):
                tests.append([
                    "where": "gate", "task": .string(task), "tree": .string(tree),
                    "command": .string(command),
                    "result": "passed", "ms": JSON(time),
                ])
            case .gateFailed(let task, let tree, let command, let code, _):
                tests.append([
                    "where": "gate", "task": .string(task), "tree": .string(tree),
                    "command": .string(command),
                    "result": .string("failed with \(code)"), "ms": 0,
                ])
            case .testsReported(let agent, let tree, let command, let code, _, _, _, _):
                tests.append([
                    "where": .string(agent), "task": "", "tree": .string(tree), "command": .string(command),
                    "result": code == 0 ? "passed" : .string("failed with \(code)"), "ms": 0,
                ])
            case .reviewSubmitted(let agent, let tree, let verdict, let summary):
                reviews.append([
                    "agent": .string(agent), "tree": .string(tree), "verdict": .string(verdict.rawValue),
                    "summary": .string(summary),
                ])
            default: break
            }
        }
        return (tests, reviews)
    }
}
