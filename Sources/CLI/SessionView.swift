import Kit
import System

/// A session in words, from its summary.
struct SessionView {
    private let summary: JSON
    private let terminal: Terminal

    init(_ summary: JSON, _ terminal: Terminal) { (self.summary, self.terminal) = (summary, terminal) }

    private func text(_ field: String) -> String { Terminal.harmless(summary[field]?.stringValue ?? "") }
    private var questions: [JSON] { summary["permissions"]?.arrayValue ?? [] }
    private var isWaiting: Bool {
        !questions.isEmpty || summary["approval"].map { !$0.isNull } ?? false
    }

    /// What a command that watched this session exits with.
    var exitCode: ExitCode {
        switch summary["state"]?.stringValue {
        case "completed": .done
        case "failed": failure(summary["failure"]?["reason"]?.stringValue ?? "")
        case "cancelled": .interrupted
        default: isWaiting ? .waiting : .done
        }
    }

    private func failure(_ reason: String) -> ExitCode {
        if reason.contains(ModelRefusal.credentials) { return .credentials }
        return reason.contains("deadline") ? .deadline : .failed
    }

    /// The whole page.
    /// - Parameter disk: What it takes on the disk, in bytes; nil when that is not known.
    func lines(totals: SessionTotals = SessionTotals(), disk: Int64? = nil) -> [String] {
        var lines = [
            "\(terminal.bold(text("id")))  "
                + "\(isWaiting ? terminal.attention("waits for your approval") : text("state"))",
            "  task:    \(text("task"))", "  from:    \(text("repository")) at \(text("base").prefix(12))",
            "  model:   \(text("model"))", "  cost:    \(cost)\(totals.perAgent)", "  time:    \(time)",
        ]
        if let queue { lines.append("  queue:   \(queue)") }
        if let disk { lines.append("  disk:    \(Show.bytes(disk))") }
        lines += totals.lines.map { "  \($0)" }
        lines += table(
            "tasks",
            (summary["tasks"]?.arrayValue ?? []).map { task in
                let attempt = task["attempt"]?.intValue ?? 0
                return [
                    word(task, "id"), word(task, "state"), word(task, "agent"),
                    attempt > 1 ? "attempt \(attempt)" : "", Terminal.cut(word(task, "title"), to: 60),
                ]
            })
        lines += table(
            "agents",
            (summary["agents"]?.arrayValue ?? []).map { agent in
                [word(agent, "id"), word(agent, "state"), word(agent, "guest"), word(agent, "task")]
            })
        return lines + ending
    }

    private func word(_ json: JSON, _ field: String) -> String {
        Terminal.harmless(json[field]?.stringValue ?? "")
    }

    private func table(_ title: String, _ rows: [[String]]) -> [String] {
        rows.isEmpty ? [] : ["  \(title):"] + Show.table(rows).map { "    " + $0 }
    }

    /// What the merge queue did; nil when it had nothing to do.
    private var queue: String? {
        let statistics = summary["merge_queue"] ?? [:]
        func count(_ field: String) -> Int { statistics[field]?.intValue ?? 0 }
        guard count("batches") > 0 else { return nil }
        let parts = [
            ("gates", "gate", "gates"), ("red_gates", "red", "red"), ("flaky_gates", "flaky", "flaky"),
            ("conflicts", "conflict", "conflicts"), ("deferred", "put off", "put off"),
            ("returned", "sent back", "sent back"), ("escalated", "escalated", "escalated"),
            ("forecasts", "overlap told early", "overlaps told early"),
            ("voided", "review void", "reviews void"),
        ].filter { count($0.0) > 0 }.map { Show.count(count($0.0), $0.1, $0.2) }
        let batches = Show.count(count("batches"), "batch", "batches")
        return (["\(count("merged")) merged in \(batches)"] + parts).joined(separator: ", ")
    }

    private var time: String {
        let start = summary["started_at"]?.int64Value ?? 0
        let age = "started \(Show.age(since: start))"
        guard let end = summary["ended_at"]?.int64Value else { return age }
        return "\(Show.duration(milliseconds: end - start)), \(age)"
    }

    private var cost: String {
        let spent = Show.money(summary["spent_microusd"]?.int64Value ?? 0)
        guard let budget = summary["budget_microusd"]?.int64Value else { return spent }
        return "\(spent) of \(Show.money(budget))"
    }

    /// What came of it, and what to do next.
    var ending: [String] {
        let id = text("id")
        if let question = questions.first {
            return [
                "  asked:   \(word(question, "id")): \(Terminal.cut(word(question, "summary"), to: 200))",
                "           openclaw approve \(id)   or   openclaw deny \(id) REASON",
            ]
        }
        if isWaiting {
            return [
                "  next:    openclaw diff \(id)",
                "           openclaw approve \(id)   or   openclaw deny \(id)",
            ]
        }
        if let failure = summary["failure"], !failure.isNull {
            return [
                "  \(terminal.bad("failed")):  \(Terminal.harmless(failure["reason"]?.stringValue ?? ""))",
                "  next:    \(Terminal.harmless(failure["hint"]?.stringValue ?? ""))",
            ]
        }
        guard let delivery = summary["delivery"], !delivery.isNull else { return [] }
        let branch = delivery["branch"]?.stringValue ?? ""
        guard delivery["merged"]?.boolValue != true else { return ["  result:  \(branch), merged"] }
        var lines = ["  result:  the branch \(branch) (\(delivery["reason"]?.stringValue ?? ""))"]
        if let command = delivery["command"]?.stringValue { lines.append("  next:    \(command)") }
        return lines
    }
}
