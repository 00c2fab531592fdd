// What the events of a session come to, for its page.
import Kit
import Service
import System

/// A fold over a session's events.
struct SessionTotals {
    private var costs: [String: Int64] = [:]
    private var calls = 0
    private var gates = (passed: 0, failed: 0)
    private var conflicts = 0
    private var comments = 0
    private var verdicts: [String] = []
    private var tests: String?
    private var files: Set<String> = []
    private var report: String?

    mutating func add(_ event: JSON) {
        let data = event["data"] ?? [:]
        func text(_ field: String) -> String { data[field]?.stringValue ?? "" }
        switch event["type"]?.stringValue {
        case "model.settled":
            costs[text("agent"), default: 0] += data["microusd"]?.int64Value ?? 0
            calls += 1
        case "gate.passed": if !text("command").isEmpty { gates.passed += 1 }
        case "gate.failed": gates.failed += 1
        case "merge.conflicted": conflicts += 1
        case "comment.made": comments += 1
        case "review.submitted":
            verdicts.append(text("verdict") == "approve" ? "approved" : "asked for changes")
        case "tests.reported":
            tests = data["exit_code"]?.intValue == 0 ? "green" : "red"
            if let count = data["passed"]?.intValue { tests = "\(tests ?? ""), \(count) passed" }
        case "task.merged": files.formUnion((data["files"]?.arrayValue ?? []).compactMap(\.stringValue))
        case "artifact.stored": if text("name") == "report" { report = text("path") }
        default: break
        }
    }

    /// After the whole cost.
    var perAgent: String {
        let spent = costs.filter { $0.value > 0 }.sorted { $0.value > $1.value }
        guard spent.count > 1 else {
            return calls > 0 ? " in " + Show.count(calls, "model call", "model calls") : ""
        }
        let parts = spent.map { "\($0.key) \(Show.money($0.value))" }.joined(separator: ", ")
        return Terminal.harmless(" in \(Show.count(calls, "model call", "model calls")): \(parts)")
    }

    /// What there is to say; nothing about what did not happen.
    var lines: [String] {
        var lines: [String] = []
        if gates.passed + gates.failed > 0 {
            lines.append(
                "gates:   \(gates.passed) green, \(gates.failed) red"
                    + (conflicts > 0 ? ", " + Show.count(conflicts, "conflict", "conflicts") : ""))
        }
        if !verdicts.isEmpty {
            let words = verdicts.joined(separator: ", then ")
            lines.append(
                "review:  \(words)" + (comments > 0 ? "; " + Show.count(comments, "comment", "comments") : "")
            )
        }
        if let tests { lines.append("tests:   \(tests)") }
        if !files.isEmpty {
            let shown = files.sorted().prefix(6).map { Terminal.harmless($0) }.joined(separator: ", ")
            lines.append("files:   \(shown)" + (files.count > 6 ? " and \(files.count - 6) more" : ""))
        }
        if let report { lines.append("report:  \(Terminal.harmless(report))") }
        return lines
    }
}

/// What sessions take on the disk.
enum DiskUse {
    /// Of one session, in bytes; nil when du does not say.
    static func of(_ id: String, _ home: Home) -> Int64? {
        let path = home.session(SessionCommand.segment(id))
        guard Files.exists(path), let outcome = try? Spawn.run(Spawn.Command(["du", "-sk", "--", path]))
        else { return nil }
        return outcome.stdoutText.split(separator: "\t").first.flatMap { Int64($0) }.map { $0 * 1024 }
    }
}
