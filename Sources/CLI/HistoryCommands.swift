// Past sessions: search, replay, gc.
import Glibc
import Kit
import Service
import System

extension Command {
    static let search = Command(
        name: "search", operands: "WORDS…", summary: "find words in what happened in all sessions",
        group: .look,
        options: [
            OptionSpec("limit", value: "N", "at most so many places; 50 by default"),
            OptionSpec("transcripts", "look into what models were told and said, not into events"),
        ],
        examples: [
            "openclaw search signature expired", "openclaw search token.js --limit 5",
            "openclaw search --transcripts off by one",
        ]
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        let words = arguments.positional.joined(separator: " ")
        guard !words.isEmpty else {
            throw CLIError(.usage, "which words?", hint: "openclaw search signature expired")
        }
        let limit = try arguments.integer("limit", in: 1...200) ?? 50
        let client = CoordinatorClient(home: Home())
        try client.start()
        let answer = try client.call(
            "GET",
            "/v1/search?q=\(percentEncoded(words))&limit=\(limit)&transcripts=\(arguments.has("transcripts"))"
        )
        let hits = answer["hits"]?.arrayValue ?? []
        guard !terminal.wantsJSON else {
            for hit in hits { terminal.json(hit) }
            return .done
        }
        var session = ""
        for hit in hits {
            func text(_ field: String) -> String { Terminal.harmless(hit[field]?.stringValue ?? "") }
            if text("session") != session {
                session = text("session")
                terminal.line("\(terminal.bold(session))  \(Show.age(since: hit["at"]?.int64Value ?? 0))")
            }
            let line = "  \(hit["seq"]?.intValue ?? 0)  \(text("type"))  \(text("agent"))  \(text("excerpt"))"
            terminal.line(terminal.isInteractive ? Terminal.fitted(line, to: terminal.columns) : line)
        }
        if hits.isEmpty { terminal.remark("nothing holds all of: \(words)") }
        if answer["truncated"]?.boolValue == true {
            terminal.remark("there may be more; --limit shows up to 200")
        }
        return hits.isEmpty ? .failed : .done
    }

    static let replay = Command(
        name: "replay", operands: "ID", summary: "show a session again as it happened", group: .look,
        operandKinds: [.session], operandLimit: 1,
        options: [
            OptionSpec(
                "speed", value: "FACTOR", kind: .words(["1", "10", "100", "max"]),
                "how much faster than it was; 10 by default, max does not wait")
        ],
        notes: "Waits are shortened to at most two seconds. Ctrl-C ends the replay and changes nothing.",
        examples: ["openclaw replay fix-auth-bug-4k2p --speed 100"]
    ) { (arguments) throws(CLIError) in
        guard let id = arguments.positional.first else {
            throw CLIError(.usage, "which session?", hint: "openclaw sessions --all lists them")
        }
        let speed = arguments.value("speed") ?? "10"
        guard speed == "max" || (Int(speed).map { (1...100_000).contains($0) } ?? false) else {
            throw CLIError(.usage, "--speed \(speed): expected a whole number, or max")
        }
        let client = CoordinatorClient(home: Home())
        try client.start()
        let follower = SessionFollower(
            client: client, terminal: Terminal(arguments), id: id, isInteractive: false)
        return try follower.replay(speed: Int(speed))
    }

    static let gc = Command(
        name: "gc", operands: "", summary: "make room: remove what sessions left that are over for long",
        group: .setup,
        operandLimit: 0,
        options: [
            OptionSpec("dry-run", short: "n", "say what would be removed, and remove nothing"),
            OptionSpec("keep-days", value: "N", "keep what is younger; gc.keep_days of the settings, or 14"),
            OptionSpec("keep-sessions", value: "N", "keep the newest in any case; gc.keep_sessions, or 10"),
            OptionSpec("whole", "remove these sessions whole: result, report and journal too"),
        ],
        notes: """
            Removed are workspaces (clones, builds, dependencies) and transcripts of models. The change, the
            report and the journal stay: diff, search and replay work as before. With --whole nothing of
            these sessions stays here; branches that were delivered are in your repository. Sessions that are
            not over are left alone.
            """,
        examples: [
            "openclaw gc --dry-run", "openclaw gc --keep-days 0 --keep-sessions 0",
            "openclaw gc --whole --keep-days 365 --dry-run",
        ]
    ) { (arguments) throws(CLIError) in
        let terminal = Terminal(arguments)
        let home = Home()
        let settings = try SettingsFile(home: home).read()
        let days = try arguments.integer("keep-days", in: 0...3650) ?? settings.integer("gc.keep_days") ?? 14
        let count =
            try arguments.integer("keep-sessions", in: 0...100_000) ?? settings.integer("gc.keep_sessions")
            ?? 10
        let client = CoordinatorClient(home: home)
        try client.start()
        let answer = try client.call(
            "POST", "/v1/gc",
            [
                "keep_days": JSON(days), "keep_sessions": JSON(count),
                "dry_run": JSON(arguments.has("dry-run")), "whole": JSON(arguments.has("whole")),
            ])
        guard !terminal.wantsJSON else {
            terminal.json(answer)
            return .done
        }
        let rows = (answer["removed"]?.arrayValue ?? []).map { session -> [String] in
            [
                Terminal.harmless(session["id"]?.stringValue ?? ""),
                Show.bytes(session["bytes"]?.int64Value ?? 0),
                Show.age(since: session["ended_at"]?.int64Value ?? 0),
                Terminal.cut(Terminal.harmless(session["task"]?.stringValue ?? ""), to: 60),
            ]
        }
        for line in Show.table(rows, limit: terminal.isInteractive ? terminal.columns : nil) {
            terminal.line(line)
        }
        let verb = arguments.has("dry-run") ? "would be removed" : "removed"
        let size = Show.bytes(answer["bytes"]?.int64Value ?? 0)
        let sessions = rows.count == 1 ? "one session" : "\(rows.count) sessions"
        terminal.line("\(size) \(verb), of \(sessions); kept: \(days) days and the \(count) newest")
        return .done
    }

    /// For a query (RFC 3986, section 2.1).
    static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_.~".utf8.contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(Character(Unicode.Scalar(byte))) : "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}

/// Which sessions `openclaw sessions` shows.
struct SessionFilter {
    private enum Condition {
        case state(String), repository(String), task(String), model(String), since(Int64)
    }

    private var conditions: [Condition] = []
    static let states = [
        "queued", "planning", "working", "verifying", "approving", "delivering", "paused", "completed",
        "failed",
        "cancelled",
        "waiting", "active",
    ]

    /// - Parameter texts: `state=failed`, `repo=WORD`, `task=WORD`, `model=WORD`, `since=7d`; all must hold.
    init(_ texts: [String], now: Int64) throws(CLIError) {
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Self.usage(text) }
            switch parts[0] {
            case "state":
                guard Self.states.contains(parts[1]) else {
                    throw CLIError(
                        .usage, "--filter \(text): there is no such state",
                        hint: nearest(parts[1], of: Self.states).map { "did you mean \($0)?" }
                            ?? "states: \(Self.states.joined(separator: ", "))")
                }
                conditions.append(.state(parts[1]))
            case "repo": conditions.append(.repository(parts[1].lowercased()))
            case "task": conditions.append(.task(parts[1].lowercased()))
            case "model": conditions.append(.model(parts[1].lowercased()))
            case "since":
                guard let age = Self.milliseconds(parts[1]) else { throw Self.usage(text) }
                conditions.append(.since(now - age))
            default: throw Self.usage(text)
            }
        }
    }

    private static func usage(_ text: String) -> CLIError {
        CLIError(
            .usage, "--filter \(text): expected state=STATE, repo=WORD, task=WORD, model=WORD or since=AGE",
            hint: "an age is a number with m, h or d: since=7d")
    }

    /// `30m`, `12h`, `7d`.
    static func milliseconds(_ text: String) -> Int64? {
        guard let unit = text.last, let number = Int64(text.dropLast()), (0...100_000).contains(number) else {
            return nil
        }
        switch unit {
        case "m": return number * 60_000
        case "h": return number * 3_600_000
        case "d": return number * 86_400_000
        default: return nil
        }
    }

    /// True when a summary fulfils every condition.
    func holds(_ summary: JSON) -> Bool {
        func text(_ field: String) -> String { (summary[field]?.stringValue ?? "").lowercased() }
        return conditions.allSatisfy { condition in
            switch condition {
            case .state("waiting"): SessionList.isWaiting(summary)
            case .state("active"): !["completed", "failed", "cancelled"].contains(text("state"))
            case .state(let state): text("state") == state
            case .repository(let word): text("repository").contains(word)
            case .task(let word): text("task").contains(word)
            case .model(let word): text("model").contains(word)
            case .since(let time): (summary["started_at"]?.int64Value ?? 0) >= time
            }
        }
    }
}
