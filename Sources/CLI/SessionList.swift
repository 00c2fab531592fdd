// openclaw sessions.
import Kit
import Service
import System

extension Command {
    static let sessions = Command(
        name: "sessions", operands: "", summary: "all sessions, the ones that wait for you first",
        operandLimit: 0,
        options: [
            OptionSpec("all", short: "a", "also those that have been over for long"),
            OptionSpec("filter", value: "KEY=VALUE", "state, repo, task, model or since; may be given again"),
            OptionSpec("disk", "how much each takes on the disk"),
        ],
        notes: """
            Without --all and --filter these are the sessions that are not over, and the ten that ended last.
            Conditions of --filter: state=waiting, active, completed, failed, cancelled or another state;
            repo=WORD, task=WORD, model=WORD; since=AGE, where an age is 30m, 12h or 7d.
            """,
        examples: ["openclaw sessions --filter state=failed --filter since=7d"]
    ) { (arguments) throws(CLIError) in try SessionList(arguments).run() }
}

struct SessionList {
    private let arguments: Arguments
    private let terminal: Terminal

    /// Sessions that are over and shown without being asked for.
    private static let recentCount = 10

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        let filter = try SessionFilter(arguments.values("filter"), now: Clock.wallMilliseconds())
        let home = Home()
        let client = CoordinatorClient(home: home)
        try client.start()
        let all = try client.call("GET", "/v1/sessions")["sessions"]?.arrayValue ?? []
        let shown =
            arguments.has("all") || arguments.has("filter") ? all.filter(filter.holds) : Self.current(all)
        if terminal.wantsJSON {
            for session in shown {
                terminal.json(arguments.has("disk") ? Self.adding(disk(session, home), to: session) : session)
            }
            return .done
        }
        guard !shown.isEmpty else {
            terminal.line(
                all.isEmpty
                    ? "no sessions yet; start one with: openclaw run \"…\" --repo ."
                    : "no session is like that; openclaw sessions --all shows all \(all.count)")
            return .done
        }
        let waiting = shown.filter(Self.isWaiting)
        let others = shown.filter { !Self.isWaiting($0) }
        let rows = (waiting + others).map { row($0, home) }
        let titles =
            ["SESSION", "STATE", "COST", "STARTED"] + (arguments.has("disk") ? ["DISK"] : []) + ["TASK"]
        let limit = terminal.isInteractive ? terminal.columns : nil
        for line in Show.table([titles.map(terminal.dim)] + rows, limit: limit) { terminal.line(line) }
        let hidden = all.count - shown.count
        if hidden > 0, !arguments.has("filter") {
            terminal.remark("and \(hidden) older; openclaw sessions --all shows them")
        }
        return .done
    }

    /// Somebody has to say yes or no before it goes on.
    static func isWaiting(_ session: JSON) -> Bool {
        let isAsking = !(session["permissions"]?.arrayValue ?? []).isEmpty
        return isAsking || session["approval"].map { !$0.isNull } ?? false
    }

    /// Those that are not over, and the ones that ended last; the order stays.
    static func current(_ sessions: [JSON]) -> [JSON] {
        var left = recentCount
        return sessions.filter { session in
            guard session["ended_at"]?.int64Value != nil else { return true }
            left -= 1
            return left >= 0
        }
    }

    private func disk(_ session: JSON, _ home: Home) -> Int64? {
        DiskUse.of(session["id"]?.stringValue ?? "", home)
    }

    private static func adding(_ bytes: Int64?, to session: JSON) -> JSON {
        var session = session
        session["disk_bytes"] = bytes.map { JSON($0) } ?? .null
        return session
    }

    private func row(_ session: JSON, _ home: Home) -> [String] {
        let state = session["state"]?.stringValue ?? "?"
        var cells = [
            session["id"]?.stringValue ?? "?",
            Self.isWaiting(session)
                ? terminal.attention("waits for you") : state == "failed" ? terminal.bad(state) : state,
            Show.money(session["spent_microusd"]?.int64Value ?? 0),
            Show.age(since: session["started_at"]?.int64Value ?? 0),
        ]
        if arguments.has("disk") { cells.append(disk(session, home).map(Show.bytes) ?? "?") }
        return cells + [Terminal.cut(Terminal.harmless(session["task"]?.stringValue ?? ""), to: 60)]
    }
}
