import Kit

/// The requests of a session to its models over time, drawn with letters: it shows whether the team went at
/// an even pace, waited for a limit, or stormed it.
enum RequestGraph {
    /// Rows at most; the first of these spans in seconds that needs no more of them is a row's.
    private static let rowLimit = 40
    private static let spans: [Int64] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
    ]
    /// The longest bar.
    private static let width = 40

    private struct Row {
        var requests = 0
        var failed = 0
        var tokens = 0
        var waits = 0
        var waited: Int64 = 0
    }

    /// Nil for a session that asked no model.
    static func text(_ events: [Event]) -> String? {
        let start = events.first?.at ?? 0
        var begun: [String: Int64] = [:]
        var marks: [(at: Int64, change: (inout Row) -> Void)] = []
        for event in events {
            switch event.body {
            case .modelReserved(_, _, let call, _, _): begun[call] = event.at
            case .modelSettled(_, _, _, _, let input, let output, let detail):
                // A model without a price reserves nothing; then its end must do.
                let at = detail.flatMap { begun[$0.call] } ?? event.at
                let isAnswered = detail?.isAnswered ?? true
                marks.append(
                    (
                        at,
                        {
                            $0.requests += 1
                            $0.tokens += input + output
                            if !isAnswered { $0.failed += 1 }
                        }
                    ))
            case .modelWaited(_, let milliseconds, _) where milliseconds > 0:
                marks.append(
                    (
                        event.at - milliseconds,
                        {
                            $0.waits += 1
                            $0.waited += milliseconds
                        }
                    ))
            default: break
            }
        }
        guard let first = marks.map(\.at).min(), let last = marks.map(\.at).max() else { return nil }
        let seconds = (last - first) / 1000 + 1
        let span = spans.first { seconds / $0 < Int64(rowLimit) } ?? seconds / Int64(rowLimit) + 1
        var rows = [Row](repeating: Row(), count: Int((last - first) / 1000 / span) + 1)
        for mark in marks { mark.change(&rows[Int((mark.at - first) / 1000 / span)]) }
        return draw(rows, span: span, offset: (first - start) / 1000)
    }

    private static func draw(_ rows: [Row], span: Int64, offset: Int64) -> String {
        let most = max(1, rows.map(\.requests).max() ?? 1)
        var lines = [
            "Requests to models, every \(span) s: \(rows.map(\.requests).reduce(0, +)) in all, "
                + "at most \(most) in a row"
        ]
        for (index, row) in rows.enumerated() {
            let length = row.requests == 0 ? 0 : max(1, row.requests * width / most)
            let bar = String(repeating: "█", count: length) + String(repeating: " ", count: width - length)
            var facts = "\(row.requests)"
            if row.failed > 0 { facts += ", \(row.failed) without an answer" }
            if row.tokens > 0 { facts += ", \(row.tokens) tokens" }
            if row.waits > 0 { facts += ", \(row.waits) waited \((row.waited + 500) / 1000) s" }
            lines.append("\(time(offset + Int64(index) * span)) │\(bar)│ \(facts)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Hours, minutes and seconds since the session began.
    private static func time(_ seconds: Int64) -> String {
        [seconds / 3600, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }
}
