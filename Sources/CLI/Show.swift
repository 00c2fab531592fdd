// Amounts, times and tables in the words people read.
import System

/// Amounts and times in the words people read.
enum Show {
    /// Micro-dollars as dollars, to the cent from a dollar on.
    static func money(_ micro: Int64) -> String {
        let digits = micro >= 1_000_000 ? 2 : 4
        let unit: Int64 = digits == 2 ? 10_000 : 100
        let rounded = (micro + unit / 2) / unit
        let scale: Int64 = digits == 2 ? 100 : 10_000
        let fraction = String(rounded % scale)
        return "$\(rounded / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// A number and what is counted.
    static func count(_ number: Int, _ one: String, _ more: String) -> String {
        "\(number) \(number == 1 ? one : more)"
    }

    /// A duration.
    static func duration(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        if seconds < 10 { return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        if seconds < 86_400 { return "\(seconds / 3600) h \(seconds % 3600 / 60) min" }
        return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
    }

    /// How long ago.
    static func age(since milliseconds: Int64) -> String {
        duration(milliseconds: max(0, Clock.wallMilliseconds() - milliseconds)) + " ago"
    }

    /// Bytes in the units that people read.
    static func bytes(_ count: Int64) -> String {
        var value = Double(max(0, count))
        for unit in ["B", "KB", "MB", "GB"] {
            if value < 1000 {
                let tenths = Int64(value * 10 + 0.5)
                return unit == "B" || tenths >= 100
                    ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
            }
            value /= 1000
        }
        return "\(Int64(value + 0.5)) TB"
    }

    /// Columns, aligned. The last one is cut where the terminal ends, unless `limit` is nil.
    static func table(_ rows: [[String]], gap: Int = 2, limit: Int? = nil) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.count > column ? visibleWidth($0[column]) : 0 }.max() ?? 0
        }
        return rows.map { row in
            let line = row.enumerated().map { index, cell in
                index == row.count - 1
                    ? cell
                    : cell + String(repeating: " ", count: widths[index] - visibleWidth(cell) + gap)
            }.joined()
            return limit.map { Terminal.fitted(line, to: $0) } ?? line
        }
    }

    /// Names and what they mean: side by side where there is room, else one below the other; wrapped.
    static func definitions(_ rows: [(name: String, meaning: String)], columns: Int) -> [String] {
        let longest = rows.map { Terminal.width($0.name) }.max() ?? 0
        let column = min(longest, max(12, columns / 3)) + 2
        guard columns >= 60 else {
            return rows.flatMap { row in
                Terminal.wrap(row.name, to: columns - 4).enumerated().map {
                    ($0.offset == 0 ? "" : "    ") + $0.element
                }
                    + Terminal.wrap(row.meaning, to: max(20, columns - 6)).map { "      " + $0 }
            }
        }
        return rows.flatMap { row -> [String] in
            let meaning = Terminal.wrap(row.meaning, to: columns - column)
            let width = Terminal.width(row.name)
            let indent = String(repeating: " ", count: column)
            guard width + 2 <= column else { return [row.name] + meaning.map { indent + $0 } }
            let first = row.name + String(repeating: " ", count: column - width) + (meaning.first ?? "")
            return [first] + meaning.dropFirst().map { indent + $0 }
        }
    }

    /// The cells of a text; sequences that set colours take none.
    private static func visibleWidth(_ text: String) -> Int {
        guard text.contains("\u{1B}") else { return Terminal.width(text) }
        var isEscape = false
        var width = 0
        for character in text {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { width += Terminal.width(character) }
            if character == "m" { isEscape = false }
        }
        return width
    }
}
