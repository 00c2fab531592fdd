// What the terminal can show, and how text gets there.
import Glibc
import Kit
import System

/// Output of a command: lines for people, JSON for programs.
struct Terminal: Sendable {
    /// Standard output is a terminal.
    let isInteractive: Bool
    /// Colours are welcome: a terminal, and NO_COLOR is not set (no-color.org).
    let hasColors: Bool
    /// The command was asked for JSON.
    let wantsJSON: Bool

    init(json: Bool = false) {
        isInteractive = isatty(1) == 1 && !json
        hasColors =
            isInteractive && (Environment.get("NO_COLOR") ?? "").isEmpty && Environment.get("TERM") != "dumb"
        wantsJSON = json
    }

    /// The width of the terminal in columns; 100 where there is none.
    var columns: Int {
        var size = winsize()
        guard isInteractive, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 100 }
        return Int(size.ws_col)
    }

    /// A line on standard output.
    func line(_ text: String = "") { Self.write(text + "\n", to: 1) }

    /// JSON on standard output, on one line.
    func json(_ value: JSON) { Self.write(value.text + "\n", to: 1) }

    /// A line on standard error.
    static func note(_ text: String) { write(text + "\n", to: 2) }

    /// A reader that left (`| head`) ends the program quietly, as any filter does.
    static func write(_ text: String, to descriptor: Int32) {
        do throws(SystemError) {
            try IO.writeAll(descriptor, Array(text.utf8))
        } catch {
            exit(error.code == EPIPE ? 0 : 1)
        }
    }

    // MARK: Colours

    func dim(_ text: String) -> String { hasColors ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    func bold(_ text: String) -> String { hasColors ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func good(_ text: String) -> String { hasColors ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
    func bad(_ text: String) -> String { hasColors ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
    func attention(_ text: String) -> String { hasColors ? "\u{1B}[33m\(text)\u{1B}[0m" : text }

    /// Text from a guest, a model or a repository, made harmless for a terminal: control characters, among
    /// them the start of every escape sequence, become visible symbols.
    static func harmless(_ text: String, keepsLines: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A where keepsLines, 0x09: result.append(scalar)
            case 0x0A, 0x0D: result.append(" ")
            case 0..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
            case 0x7F: result.append("\u{2421}")
            // C1 controls, and the marks that reorder what is shown (Trojan Source, CVE-2021-42574).
            case 0x80..<0xA0, 0x202A...0x202E, 0x2066...0x2069: result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// The text, cut to a width, with a mark where it was cut.
    static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(1, width - 1)) + "…"
    }

    /// Reads one key press without waiting for the line's end; nil at the end of input or when a signal came.
    static func readKey() -> Character? {
        var saved = termios()
        guard tcgetattr(0, &saved) == 0 else { return nil }
        var raw = saved
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(0, TCSANOW, &raw)
        defer { tcsetattr(0, TCSANOW, &saved) }
        var byte: UInt8 = 0
        guard Glibc.read(0, &byte, 1) == 1 else { return nil }
        return Character(Unicode.Scalar(byte))
    }
}

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

    /// A duration.
    static func duration(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        if seconds < 10 { return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }

    /// How long ago.
    static func age(since milliseconds: Int64) -> String {
        duration(milliseconds: max(0, Clock.wallMilliseconds() - milliseconds)) + " ago"
    }

    /// Columns, aligned.
    static func table(_ rows: [[String]], gap: Int = 2) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + gap)
            }.joined()
        }
    }
}
