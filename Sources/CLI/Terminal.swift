// What the terminal can show, and how text gets there.
import Glibc
import Kit
import Synchronization
import System

/// Output of a command: lines for people, JSON for programs.
struct Terminal: Sendable {
    /// How much is said.
    enum Verbosity: Int, Sendable { case quiet, normal, verbose }

    /// Standard output is a terminal, and people read it.
    let isInteractive: Bool
    /// Colours are welcome.
    let hasColors: Bool
    /// The command was asked for JSON.
    let wantsJSON: Bool
    let verbosity: Verbosity

    init(_ arguments: Arguments) {
        wantsJSON = arguments.has("json")
        isInteractive = isatty(1) == 1 && !wantsJSON
        hasColors =
            !wantsJSON
            && Self.wantsColors(arguments.value("color"), isTerminal: isatty(1) == 1, Environment.get)
        verbosity = arguments.has("quiet") ? .quiet : arguments.has("verbose") ? .verbose : .normal
    }

    /// A terminal for a test, or for output that is no terminal's.
    init(
        json: Bool = false, isInteractive: Bool = false, colors: Bool = false, verbosity: Verbosity = .normal
    ) {
        (wantsJSON, self.isInteractive, hasColors) = (json, isInteractive, colors)
        self.verbosity = verbosity
    }

    /// Whether to use colours: --color, then NO_COLOR (no-color.org), then FORCE_COLOR and CLICOLOR_FORCE,
    /// then whether it is a terminal that knows them.
    static func wantsColors(_ choice: String?, isTerminal: Bool, _ variable: (String) -> String?) -> Bool {
        switch choice {
        case "always": return true
        case "never": return false
        default: break
        }
        if !(variable("NO_COLOR") ?? "").isEmpty { return false }
        if ["FORCE_COLOR", "CLICOLOR_FORCE"].contains(where: { !["", "0"].contains(variable($0) ?? "") }) {
            return true
        }
        return isTerminal && variable("TERM") != "dumb"
    }

    /// The width of the terminal in columns; 100 where there is none.
    var columns: Int {
        guard isInteractive else { return 100 }
        return Self.measuredColumns ?? 100
    }

    /// Below this many columns a terminal does not say the truth, or nothing can be shown anyway.
    private static let leastColumns = 20

    private static var measuredColumns: Int? {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= leastColumns else { return nil }
        return Int(size.ws_col)
    }

    /// A line on standard output.
    func line(_ text: String = "") { Self.write(text + "\n", to: 1) }

    /// JSON on standard output, on one line.
    func json(_ value: JSON) { Self.write(value.text + "\n", to: 1) }

    /// What was done, in words or as JSON; nothing when only results are wanted.
    func done(_ words: String, _ value: JSON) {
        if wantsJSON { json(value) } else if verbosity != .quiet { line(words) }
    }

    /// What people may want to know besides the result, on standard error.
    func remark(_ text: String) {
        if !wantsJSON, verbosity != .quiet { Self.note(text) }
    }

    /// A line on standard error.
    static func note(_ text: String) { write(text + "\n", to: 2) }

    /// A reader that left (`| head`) ends the program quietly, as any filter does. Anything else that keeps
    /// output from its place, a full disk for example, is an error: who reads a file must not take half of it
    /// for the whole.
    static func write(_ text: String, to descriptor: Int32) {
        do throws(SystemError) {
            try IO.writeAll(descriptor, Array(text.utf8))
        } catch {
            if error.code == EPIPE { exit(0) }
            if descriptor != 2 {
                try? IO.writeAll(2, Array("openclaw: write the output: \(error)\n".utf8))
            }
            exit(ExitCode.failed.rawValue)
        }
    }

    // MARK: Colours

    func dim(_ text: String) -> String { paint("2", text) }
    func bold(_ text: String) -> String { paint("1", text) }
    func good(_ text: String) -> String { paint("32", text) }
    func bad(_ text: String) -> String { paint("31", text) }
    func attention(_ text: String) -> String { paint("33", text) }

    private func paint(_ code: String, _ text: String) -> String {
        hasColors ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    // MARK: Keys

    /// How the terminal was before a key was read; whoever ends or stops the program puts it back.
    private static let saved = Mutex<termios?>(nil)

    /// The terminal as it was. Call it before this process ends or stops.
    /// - Returns: True when a key was being read.
    @discardableResult
    static func restore() -> Bool {
        saved.withLock { saved in
            guard var before = saved else { return false }
            tcsetattr(0, TCSANOW, &before)
            return true
        }
    }

    /// Keys without echo and without waiting for the line's end.
    static func readsKeys() {
        saved.withLock { saved in
            var raw = termios()
            if let before = saved { raw = before } else if tcgetattr(0, &raw) != 0 { return }
            saved = raw
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            tcsetattr(0, TCSANOW, &raw)
        }
    }

    /// Reads a line as it is typed; nil at the end of input.
    static func readLine() -> String? { Swift.readLine(strippingNewline: true) }

    /// Reads one key press without waiting for the line's end; nil at the end of input.
    static func readKey() -> Character? {
        readsKeys()
        defer {
            restore()
            saved.withLock { $0 = nil }
        }
        var byte: UInt8 = 0
        while true {
            let count = Glibc.read(0, &byte, 1)
            // A process that was stopped and goes on is told so here.
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            return Character(Unicode.Scalar(byte))
        }
    }
}
