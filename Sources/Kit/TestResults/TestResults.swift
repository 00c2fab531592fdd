// What a test run printed, in numbers and names. It informs people and models; whether the run was green is
// its exit code's to say, never this module's.

/// Counts and failures, as far as the output names them.
public struct TestResults: Sendable, Hashable {
    /// One test that failed.
    public struct Failure: Sendable, Hashable {
        public var name: String
        public var message: String
        /// Where, as the runner says it: FILE:LINE.
        public var place: String?

        public init(name: String, message: String = "", place: String? = nil) {
            (self.name, self.message, self.place) = (name, message, place)
        }
    }

    /// Whose output it is: junit, tap, node, pytest, unittest, go, cargo, xctest, swift-testing.
    public var format: String
    public var passed = 0
    public var failed = 0
    public var skipped = 0
    public var failures: [Failure] = []

    public init(
        format: String, passed: Int = 0, failed: Int = 0, skipped: Int = 0, failures: [Failure] = []
    ) {
        (self.format, self.passed, self.failed, self.skipped) = (format, passed, failed, skipped)
        self.failures = failures
    }

    /// Bounds of what is read and kept: output is written by whoever wrote the tests.
    static let lineLimit = 200_000
    static let lineCharacters = 2000
    static let failureLimit = 50
    static let messageCharacters = 500
    /// A count larger than this is no count.
    static let countLimit = 100_000_000

    var isEmpty: Bool { passed + failed + skipped == 0 && failures.isEmpty }

    /// Reads a run's output and the JUnit reports that it left. Reports come first: they are made for it.
    /// - Returns: Nil when nothing in it looks like tests.
    public static func read(output: String, reports: [String] = []) -> TestResults? {
        if let found = JUnitReport.read(reports), !found.isEmpty { return found }
        let lines = Array(
            output.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(lineLimit)
                .map { Line(Substring($0)) })
        let readers: [([Line]) -> TestResults?] = [
            CargoOutput.read, GoOutput.read, SwiftTestingOutput.read, XCTestOutput.read, PytestOutput.read,
            UnittestOutput.read, NodeOutput.read, TAPOutput.read,
        ]
        for reader in readers {
            if let found = reader(lines), !found.isEmpty { return found }
        }
        return nil
    }

    mutating func note(_ failure: Failure) {
        guard failures.count < Self.failureLimit else { return }
        var failure = failure
        failure.name = String(failure.name.prefix(200))
        failure.message = String(failure.message.prefix(Self.messageCharacters))
        failures.append(failure)
    }
}

/// A line of output without colours, and what a reader asks of it.
struct Line {
    let text: Substring

    init(_ raw: Substring) {
        var raw = Substring(raw.utf8.prefix(TestResults.lineCharacters))
        if raw.utf8.contains(0x1B) { raw = Substring(Line.plain(raw)) }
        while let last = raw.last, last == " " || last == "\r" || last == "\t" { raw.removeLast() }
        text = raw
    }

    private static func plain(_ text: Substring) -> String {
        var result: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == 0x1B else {
                result.append(byte)
                continue
            }
            if bytes.first == 0x5B {
                bytes.removeFirst()
                while let next = bytes.popFirst(), !(0x40...0x7E).contains(next) {}
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What follows a beginning.
    func after(_ prefix: String) -> Substring? {
        text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : nil
    }

    var words: [Substring] { text.split(separator: " ") }

    /// The number that stands before a word: `3 passed`.
    func count(before word: String) -> Int? {
        let words = text.split { !$0.isLetter && !$0.isNumber && $0 != "." }
        for (number, next) in zip(words, words.dropFirst()) where next == word {
            if let count = Line.count(number) { return count }
        }
        return nil
    }

    /// A plain count.
    static func count(_ text: Substring) -> Int? {
        guard let number = Int(text), (0...TestResults.countLimit).contains(number) else { return nil }
        return number
    }
}
