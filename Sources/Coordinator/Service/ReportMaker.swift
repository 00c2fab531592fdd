import Core
import Delivery
import Gateway
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
                .init(.summary, name: "summary.json", json: summary(state, changes, events)),
                .init(.diff, name: "changes.patch", bytes: Array(changes.patch.utf8)),
                .init(.queue, name: "queue.json", json: QueueReport(events).json(state)),
                .init(.cost, name: "cost.json", json: costs(events)),
                .init(.timeline, name: "timeline.json", json: Timeline(events).json),
            ]
            let inspection = session.inspection(of: commit)
            if !inspection.items.isEmpty {
                artifacts.append(.init(.inspection, name: "inspection.json", json: Self.rows(inspection)))
            }
            if let graph = RequestGraph.text(events) {
                artifacts.append(.init(.timeline, name: "requests.txt", bytes: Array(graph.utf8)))
            }
            // The files themselves stay where they are: they may be large, and their digests are here.
            let files = session.artifacts
            if !files.isEmpty { artifacts.append(.init(.files, name: "files.json", json: .array(files))) }
            let judgements = Judgements(events)
            if !judgements.tests.isEmpty {
                artifacts.append(.init(.tests, name: "tests.json", json: .array(judgements.tests)))
            }
            if !judgements.reviews.isEmpty {
                artifacts.append(.init(.review, name: "review.json", json: judgements.review))
            }
            artifacts += reports(events, tree: state.tree)
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

    private func summary(_ state: SessionState, _ changes: ChangeSet, _ events: [Event]) -> JSON {
        var summary: JSON = [
            "task": .string(state.configuration?.task ?? ""), "plan": .string(state.plan?.summary ?? ""),
            "branch": .string(session.repository.branch), "commit": .string(state.head),
            "tree": .string(state.tree),
            "files": JSON(changes.files.count), "added": JSON(changes.added),
            "removed": JSON(changes.removed),
            "agents": JSON(state.agents.keys.sorted()), "cost_microusd": JSON(state.spent),
            "cost": .string(Money.text(state.spent)),
            "took_ms": JSON((events.last?.at ?? 0) - (events.first?.at ?? 0)),
        ]
        if let failure = state.failure {
            summary["failure"] = .string("\(failure.reason)\n\(failure.hint)")
        }
        return summary
    }

    /// What the diff cannot show, one row an item.
    private static func rows(_ inspection: ChangeInspection) -> JSON {
        .array(
            inspection.items.map { item in
                [
                    "kind": .string(item.kind.rawValue), "path": .string(item.path),
                    "what": .string(item.detail),
                    "yes": .string(
                        item.allowedBy.map { "allowed by \($0)" }
                            ?? (item.kind.needsPerson ? "needs a person" : "")),
                ]
            }
                + (inspection.omitted ?? [:]).sorted { $0.key < $1.key }.map {
                    ["kind": .string($0.key), "path": "", "what": .string("\($0.value) more"), "yes": ""]
                })
    }

    private func costs(_ events: [Event]) -> JSON {
        let report = CostReport(events)
        var json = Self.row(report.total)
        for dimension in ["role", "agent", "model", "task"] {
            let rows = (report.by[dimension] ?? [:]).sorted { $0.key < $1.key }
            json["by_\(dimension)"] = .array(
                rows.map { name, row in
                    var json = Self.row(row)
                    json[dimension] = .string(name)
                    return json
                })
        }
        return json
    }

    private static func row(_ row: CostReport.Row) -> JSON {
        [
            "calls": JSON(row.calls), "input_tokens": JSON(row.input), "output_tokens": JSON(row.output),
            "cache_read_tokens": JSON(row.cacheRead), "microusd": JSON(row.amount),
            "cost": .string(Money.text(row.amount)),
        ]
    }

    /// The JUnit reports of the delivered tree, with the bytes that were counted.
    private func reports(_ events: [Event], tree: String) -> [SessionReport.Artifact] {
        var files: [GateTests.File] = []
        for case .gateCounted(_, let counted, let tests) in events.lazy.map(\.body) where counted == tree {
            files = tests.files
        }
        let directory = GateReports.directory(session.world.home.session(session.id), tree: tree)
        return files.compactMap { file in
            guard let bytes = try? Files.read("\(directory)/\(file.name)", limit: file.bytes),
                Digest.sha256Hex(bytes) == file.sha256
            else { return nil }
            return .init(.junit, name: file.name, bytes: bytes)
        }
    }
}

/// Gates, checks, test runs and verdicts, in their order.
private struct Judgements {
    private(set) var tests: [JSON] = []
    private(set) var reviews: [JSON] = []
    private var comments: [JSON] = []

    var review: JSON { ["verdicts": .array(reviews), "comments": .array(comments)] }

    init(_ events: [Event]) {
        for event in events { take(event.body) }
    }

    private mutating func take(_ body: EventBody) {
        switch body {
        case .gatePassed(let task, let tree, let command?, let time):
            add("gate", task, tree, command, 0, time)
        case .gateFailed(let task, let tree, let command, let code, _):
            add("gate", task, tree, command, code, nil)
        case .gateFlaked(let task, let tree, let command):
            tests.append(row("gate", task, tree, command, "flaky: red, then green", nil))
        case .acceptanceChecked(let task, let tree, let command, let code, let time):
            add("check", task, tree, command, code, time)
        case .gateCounted(let task, let tree, let tests):
            let words = "\(tests.passed) passed, \(tests.failed) failed, \(tests.skipped) skipped"
            self.tests.append(row("gate", task, tree, "(\(tests.format))", words, nil))
        case .testsReported(let agent, let tree, let command, let code, _, _, _, _):
            add(agent, "", tree, command, code, nil)
        case .commentMade(let agent, let comment):
            comments.append([
                "agent": .string(agent), "file": .string(comment.file),
                "line": comment.line.map { JSON($0) } ?? "", "body": .string(comment.body),
                "severity": .string(comment.severity),
            ])
        case .reviewSubmitted(let agent, let tree, let verdict, let summary):
            reviews.append([
                "agent": .string(agent), "tree": .string(tree), "verdict": .string(verdict.rawValue),
                "summary": .string(summary),
            ])
        default: break
        }
    }

    private mutating func add(
        _ place: String, _ task: String, _ tree: String, _ command: String, _ code: Int, _ time: Int64?
    ) {
        tests.append(row(place, task, tree, command, code == 0 ? "passed" : "failed with \(code)", time))
    }

    private func row(
        _ place: String, _ task: String, _ tree: String, _ command: String, _ result: String, _ time: Int64?
    ) -> JSON {
        [
            "where": .string(place), "task": .string(task), "tree": .string(String(tree.prefix(12))),
            "command": .string(command), "result": .string(result), "ms": time.map { JSON($0) } ?? "",
        ]
    }
}
