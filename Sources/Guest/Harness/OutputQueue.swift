// What waits to be sent to the host: answers, facts and log lines in the order they happened.
import Kit

/// A queue whose log lines may be dropped, but never uncounted. Pure.
///
/// A host that does not read must not block a child, so log text is bounded: what does not fit is dropped
/// where it stands, and a gap with the exact number of lines takes its place. Answers and facts are never
/// dropped; there are few.
struct OutputQueue: Sendable {
    /// One entry on its way to the host.
    enum Entry: Sendable, Hashable {
        /// An answer or a fact.
        case message(JSON)
        case log(LogLine)
        /// So many lines were dropped here.
        case gap(Int)
    }

    /// A line of output.
    struct LogLine: Sendable, Hashable {
        var stream: String
        var line: String
        var source: String
        var execID: String?
        var isPartial = false

        /// The parameters of the `log` notification.
        var params: JSON {
            var params: JSON = ["stream": .string(stream), "line": .string(line), "source": .string(source)]
            if let execID { params["exec_id"] = .string(execID) }
            if isPartial { params["partial"] = true }
            return params
        }
    }

    /// Added to the bytes of a line for what it costs to hold it.
    static let lineOverheadBytes = 128

    private let limit: Int
    private var entries: [Entry?] = []
    private var head = 0
    private var bytes = 0
    /// Lines dropped since the start.
    private(set) var dropped = 0

    init(limit: Int = Limits.logQueueBytes) { self.limit = limit }

    var isEmpty: Bool { head == entries.count }

    mutating func append(_ message: JSON) { entries.append(.message(message)) }

    mutating func append(_ line: LogLine) {
        let cost = line.line.utf8.count + Self.lineOverheadBytes
        if bytes + cost <= limit {
            bytes += cost
            entries.append(.log(line))
            return
        }
        dropped += 1
        if head < entries.count, case .gap(let count) = entries[entries.count - 1] {
            entries[entries.count - 1] = .gap(count + 1)
        } else {
            entries.append(.gap(1))
        }
    }

    mutating func next() -> Entry? {
        guard head < entries.count, let entry = entries[head] else { return nil }
        entries[head] = nil
        head += 1
        if head == entries.count || head >= 1024 {
            entries.removeFirst(head)
            head = 0
        }
        if case .log(let line) = entry { bytes -= line.line.utf8.count + Self.lineOverheadBytes }
        return entry
    }
}
