import Kit

/// Who was at what, drawn: a row for each agent and one for the gates, a bar for each piece of work.
/// Plain SVG in the page; nothing in it comes from outside but numbers, and texts that are escaped.
struct TimelineChart {
    private struct Bar {
        let row: Int
        let from: Int64
        let to: Int64
        let task: String
        let kind: String
        let end: String
    }

    private var rows: [String] = []
    private var bars: [Bar] = []
    private var last: Int64 = 1

    /// In pixels.
    private static let (left, width, rowHeight, bar) = (110, 900, 22, 16)
    private static let (rowLimit, barLimit) = (64, 2000)
    private static let ends: Set<String> = ["completed", "passed", "failed", "lost", "open"]

    init(_ content: JSON) {
        for span in (content["spans"]?.arrayValue ?? []).prefix(Self.barLimit) {
            guard let who = span["who"]?.stringValue, let from = span["from_ms"]?.int64Value,
                let to = span["to_ms"]?.int64Value, from >= 0, to >= from, to < 1 << 50
            else { continue }
            guard let row = row(of: who) else { continue }
            let end = span["end"]?.stringValue ?? ""
            bars.append(
                Bar(
                    row: row, from: from, to: to, task: span["task"]?.stringValue ?? "",
                    kind: span["kind"]?.stringValue ?? "", end: Self.ends.contains(end) ? end : "open"))
            last = max(last, to)
        }
    }

    private mutating func row(of who: String) -> Int? {
        if let known = rows.firstIndex(of: who) { return known }
        guard rows.count < Self.rowLimit else { return nil }
        rows.append(who)
        return rows.count - 1
    }

    /// Nothing when there is nothing to draw.
    var blocks: [Report.Block] { bars.isEmpty ? [] : [.chart(self)] }

    var svg: String {
        let height = rows.count * Self.rowHeight + 24
        let total = Self.left + Self.width + 10
        var output =
            "<svg viewBox=\"0 0 \(total) \(height)\" role=\"img\" aria-label=\"who was at what, and when\">\n"
        for (index, who) in rows.enumerated() {
            let y = index * Self.rowHeight
            output += "<text x=\"0\" y=\"\(y + 13)\">\(ReportText.html(who.prefix(24)))</text>\n"
            output += "<line x1=\"0\" x2=\"\(total)\" y1=\"\(y + 19)\" y2=\"\(y + 19)\"/>\n"
        }
        for bar in bars {
            let x = place(bar.from)
            let title = "\(bar.kind) \(bar.task): \(bar.end), \(bar.from) to \(bar.to) ms"
            output +=
                "<g><title>\(ReportText.html(title))</title><rect class=\"\(bar.end)\" x=\"\(x)\" "
                + "y=\"\(bar.row * Self.rowHeight + 1)\" width=\"\(max(2, place(bar.to) - x))\" "
                + "height=\"\(Self.bar)\" rx=\"3\"/>"
            output +=
                "<text x=\"\(x + 3)\" y=\"\(bar.row * Self.rowHeight + 13)\">"
                + "\(ReportText.html(label(bar)))</text></g>\n"
        }
        let y = height - 6
        output += "<text x=\"\(Self.left)\" y=\"\(y)\">0 s</text>\n"
        output += "<text x=\"\(total - 70)\" y=\"\(y)\">\(last / 1000).\(last % 1000 / 100) s</text>\n"
        return output + "</svg>\n"
    }

    private func place(_ milliseconds: Int64) -> Int {
        Self.left + Int(milliseconds * Int64(Self.width) / last)
    }

    /// As much of the task's name as its bar has room for.
    private func label(_ bar: Bar) -> Substring {
        bar.task.prefix(max(0, (place(bar.to) - place(bar.from)) / 7))
    }
}
