// What a session cost, by everything that it can be counted by: a fold over its events.
import Core
import Gateway
import Journal
import Kit
import System

/// The money and the tokens of one session.
struct CostReport {
    /// A sum over calls.
    struct Row {
        var calls = 0
        var failed = 0
        var amount: Int64 = 0
        var uncached: Int64 = 0
        var input = 0
        var cacheRead = 0
        var cacheWrite = 0
        var output = 0

        mutating func add(_ call: Call) {
            calls += 1
            if !call.isAnswered { failed += 1 }
            amount.addClamped(call.amount)
            uncached.addClamped(call.uncached)
            input += call.input
            cacheRead += call.cacheRead
            cacheWrite += call.cacheWrite
            output += call.output
        }

        /// As the canvas shows it.
        var brief: JSON {
            [
                "microusd": JSON(amount), "input": JSON(input), "output": JSON(output),
                "calls": JSON(calls),
            ]
        }

        var json: JSON {
            [
                "calls": JSON(calls), "failed_calls": JSON(failed), "microusd": JSON(amount),
                "cache_savings_microusd": JSON(uncached - amount), "input_tokens": JSON(input),
                "cache_read_tokens": JSON(cacheRead), "cache_write_tokens": JSON(cacheWrite),
                "output_tokens": JSON(output),
            ]
        }
    }

    struct Call {
        var agent: String
        var role: String
        var task: String
        var model: String
        var amount: Int64
        var uncached: Int64
        var input: Int
        var cacheRead: Int
        var cacheWrite: Int
        var output: Int
        var isAnswered: Bool
    }

    private(set) var total = Row()
    private(set) var by: [String: [String: Row]] = [:]
    private(set) var calls: [Call] = []
    private(set) var waitedMilliseconds: Int64 = 0
    private(set) var warnings = 0
    private var configuration: SessionConfiguration?
    private var roles: [String: String] = [:]

    /// What it looks at; the rest of a session is most of it.
    static let types: Set<String> = [
        "session.started", "agent.requested", "model.waited", "model.warned", "model.settled",
    ]

    init(_ events: some Sequence<Event>) {
        for event in events { take(event.body) }
    }

    private mutating func take(_ body: EventBody) {
        switch body {
        case .sessionStarted(let configuration): self.configuration = configuration
        case .agentRequested(let agent, let role, _): roles[agent] = role
        case .modelWaited(_, let milliseconds, _): waitedMilliseconds += milliseconds
        case .modelWarned: warnings += 1
        case .modelSettled(let agent, let task, let model, let amount, let input, let output, let detail):
            add(
                Call(
                    agent: agent, role: detail?.role ?? roles[agent] ?? "?", task: task ?? "none",
                    model: model, amount: amount, uncached: detail?.uncached ?? amount, input: input,
                    cacheRead: detail?.cacheRead ?? 0, cacheWrite: detail?.cacheWrite ?? 0, output: output,
                    isAnswered: detail?.isAnswered ?? true))
        default: break
        }
    }

    private mutating func add(_ call: Call) {
        calls.append(call)
        total.add(call)
        let keys = ["agent": call.agent, "role": call.role, "model": call.model, "task": call.task]
        for (dimension, name) in keys { by[dimension, default: [:]][name, default: Row()].add(call) }
    }

    // MARK: Alone

    /// What one agent alone would have cost, as an estimate: the calls of the coders and nothing of the
    /// others, but in one conversation, so that every task also carries what the tasks before it left behind,
    /// read from the provider's cache.
    /// - Returns: Nil when there were no coders, or there was only one agent anyway.
    func solo(_ prices: PriceList, atMilliseconds now: Int64) -> Int64? {
        guard configuration?.isSolo != true else { return nil }
        let coding = calls.filter { $0.role == "coder" && $0.isAnswered }
        guard !coding.isEmpty else { return nil }
        var order: [String] = []
        for call in coding where !order.contains(call.task) { order.append(call.task) }
        var carried = 0
        var sum: Int64 = 0
        for task in order {
            let own = coding.filter { $0.task == task }
            for call in own {
                let model = prices.model(call.model)
                let rates = model?.rates(atMilliseconds: now, prompt: call.input + carried)
                let read = rates?.cost(TokenUsage(cacheRead: carried)) ?? 0
                sum.addClamped(call.amount.addingClamped(read))
            }
            let first = own.first?.input ?? 0
            let last = own.last.map { $0.input + $0.output } ?? 0
            carried = min(ForeignNumber.most, carried + max(0, last - first))
        }
        return sum
    }

    func json(_ session: String, prices: PriceList, atMilliseconds now: Int64) -> JSON {
        var json = total.json
        json["session"] = .string(session)
        json["budget_microusd"] = configuration?.budget.map { JSON($0) } ?? .null
        json["waited_ms"] = JSON(waitedMilliseconds)
        json["warnings"] = JSON(warnings)
        json["solo_estimate_microusd"] = solo(prices, atMilliseconds: now).map { JSON($0) } ?? .null
        json["total"] = total.brief
        for (name, dimension) in [("agents", "agent"), ("models", "model"), ("tasks", "task")] {
            json[name] = .object((by[dimension] ?? [:]).mapValues(\.brief))
        }
        json["by"] = .object(
            by.mapValues { rows in
                .array(
                    rows.sorted { ($1.value.amount, $0.key) < ($0.value.amount, $1.key) }.map { name, row in
                        var json = row.json
                        json["name"] = .string(name)
                        return json
                    })
            })
        return json
    }
}

extension SessionRunner {
    /// What `openclaw cost` shows.
    func cost() throws(ServiceError) -> JSON {
        do throws(JournalError) {
            return CostReport(try world.journal.events(id, types: CostReport.types)).json(
                id, prices: gateway.configuration.prices, atMilliseconds: Clock.wallMilliseconds())
        } catch {
            throw ServiceError("count the cost of \(id): \(error)")
        }
    }
}
