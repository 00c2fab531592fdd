// openclaw cost: where the money of a session went.
import Kit
import Service
import System

extension Command {
    static let cost = Command(
        name: "cost", operands: "[SESSION]",
        summary: "what a session cost, by agent, role, model and task; without SESSION, all of them",
        group: .look, operandKinds: [.session], operandLimit: 1, options: [],
        notes: """
            SAVED is what the provider's cache spared. The estimate of a solo run counts the coders' calls
            in one conversation, and nothing of the architect, the reviewer and the tester; it knows nothing
            of what they prevented.
            """
    ) { (arguments) throws(CLIError) in try CostCommand(arguments).run() }
}

/// One `openclaw cost`.
struct CostCommand {
    private let arguments: Arguments
    private let terminal: Terminal
    private let client = CoordinatorClient(home: Home())

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        try client.start()
        guard let id = arguments.positional.first else { return try all() }
        let cost = try report(id)
        if terminal.wantsJSON { terminal.json(cost) } else { show(cost) }
        return .done
    }

    private func report(_ id: String) throws(CLIError) -> JSON {
        try client.call("GET", "/v1/sessions/\(SessionCommand.segment(id))/cost")
    }

    private func all() throws(CLIError) -> ExitCode {
        let sessions = try client.call("GET", "/v1/sessions")["sessions"]?.arrayValue ?? []
        var rows = [["SESSION", "COST", "SAVED", "CALLS", "SOLO"]]
        for session in sessions {
            let cost = try report(session["id"]?.stringValue ?? "")
            if terminal.wantsJSON { terminal.json(cost) }
            rows.append([
                cost["session"]?.stringValue ?? "?", money(cost, "microusd"),
                money(cost, "cache_savings_microusd"), number(cost, "calls"),
                money(cost, "solo_estimate_microusd"),
            ])
        }
        if !terminal.wantsJSON { for line in Show.table(rows) { terminal.line(line) } }
        return .done
    }

    private func show(_ cost: JSON) {
        let budget = cost["budget_microusd"]?.int64Value.map { " of \(Show.money($0))" } ?? ""
        terminal.line("\(terminal.bold(money(cost, "microusd")))\(budget), \(number(cost, "calls")) calls")
        terminal.line("  saved by the provider's cache: \(money(cost, "cache_savings_microusd"))")
        if let solo = cost["solo_estimate_microusd"]?.int64Value {
            terminal.line("  one agent alone, estimated:    \(Show.money(solo))")
        }
        for dimension in ["role", "agent", "model", "task"] {
            let list = cost["by"]?[dimension]?.arrayValue ?? []
            guard !list.isEmpty else { continue }
            terminal.line()
            var rows = [[dimension.uppercased(), "COST", "SAVED", "CALLS", "IN", "FROM CACHE", "OUT"]]
            for row in list {
                rows.append([
                    Terminal.harmless(row["name"]?.stringValue ?? "?"), money(row, "microusd"),
                    money(row, "cache_savings_microusd"), number(row, "calls"),
                    number(row, "input_tokens"), number(row, "cache_read_tokens"),
                    number(row, "output_tokens"),
                ])
            }
            for line in Show.table(rows) { terminal.line(line) }
        }
    }

    private func money(_ json: JSON, _ field: String) -> String {
        guard let amount = json[field]?.int64Value else { return "-" }
        return amount < 0 ? "-" + Show.money(-amount) : Show.money(amount)
    }

    private func number(_ json: JSON, _ field: String) -> String { "\(json[field]?.intValue ?? 0)" }
}
