// run --dry-run: what would happen, without making anything.
import Kit

/// A session that was checked and not started, in words.
struct DryRun {
    private let preview: JSON
    private let terminal: Terminal

    init(_ preview: JSON, _ terminal: Terminal) { (self.preview, self.terminal) = (preview, terminal) }

    var lines: [String] {
        let configuration = preview["configuration"] ?? [:]
        func text(_ field: String) -> String { Terminal.harmless(configuration[field]?.stringValue ?? "") }
        var rows = [
            ["task", text("task")], ["from", place(configuration)],
            ["model", text("model")],
            ["tests", text("test_command").isEmpty ? "none found; --test gives them" : text("test_command")],
            ["agents", agents], ["guests", text("isolation")],
            ["budget", configuration["budget_microusd"]?.int64Value.map(Show.money) ?? "no limit"],
            ["estimate", estimate],
            [
                "result",
                configuration["auto_approve"]?.boolValue == true
                    ? "approved when everything is green" : "waits for your approval",
            ],
        ]
        if configuration["merge"]?.boolValue == true {
            rows.append(["merge", "fast-forwards \(text("base_branch"))"])
        }
        for warning in preview["warnings"]?.arrayValue ?? [] {
            rows.append(["note", Terminal.harmless(warning.stringValue ?? "")])
        }
        return [terminal.bold("nothing was started; this would happen:")] + Show.table(rows).map { "  " + $0 }
            + waves
    }

    private var agents: String {
        let names = (preview["agents"]?.arrayValue ?? []).compactMap(\.stringValue)
        return Terminal.harmless(names.joined(separator: ", "))
    }

    private var estimate: String {
        guard let cost = preview["estimate"], let low = cost["low_microusd"]?.int64Value,
            let high = cost["high_microusd"]?.int64Value, let count = cost["sessions"]?.intValue
        else { return "unknown: no session like it is over yet" }
        let basis = count == 1 ? "one session" : "\(count) sessions"
        return "\(Show.money(low)) to \(Show.money(high)), from \(basis) with this model"
    }

    /// The tasks in the order in which they can begin.
    private var waves: [String] {
        let waves = preview["waves"]?.arrayValue ?? []
        guard !waves.isEmpty else { return ["  an architect makes the plan first"] }
        return waves.enumerated().flatMap { index, wave -> [String] in
            let rows = (wave.arrayValue ?? []).map { task -> [String] in
                func text(_ field: String) -> String { Terminal.harmless(task[field]?.stringValue ?? "") }
                let after = (task["depends_on"]?.arrayValue ?? []).compactMap(\.stringValue)
                return [
                    text("id"), text("role"),
                    text("title") + (text("model").isEmpty ? "" : " with \(text("model"))")
                        + (after.isEmpty
                            ? "" : Terminal.harmless(" (after \(after.joined(separator: ", ")))")),
                ]
                    + [checks(task)]
            }
            return ["  \(index == 0 ? "first" : "then")"] + Show.table(rows).map { "    " + $0 }
        }
    }

    private func checks(_ task: JSON) -> String {
        let commands = (task["checks"]?.arrayValue ?? []).compactMap(\.stringValue)
        return commands.isEmpty ? "" : Terminal.harmless("checks: \(commands.joined(separator: "; "))")
    }

    private func place(_ configuration: JSON) -> String {
        func text(_ field: String) -> String { configuration[field]?.stringValue ?? "" }
        let directory = text("subdir").isEmpty ? "" : ", directory \(text("subdir"))"
        return Terminal.harmless(
            "\(text("repository")) at \(text("base_commit").prefix(12))\(directory)")
    }
}
