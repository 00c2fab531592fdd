public import Kit

/// A stream of lines that cannot be read on.
public enum JSONLinesError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A line is longer than the limit, in bytes.
    case lineTooLong(limit: Int)
    /// The line with this number, from 1, is not JSON.
    case notJSON(line: Int, JSONError)

    public var description: String {
        switch self {
        case .lineTooLong(let limit): "a line is longer than \(limit) bytes"
        case .notJSON(let line, let error): "line \(line): \(error)"
        }
    }
}

/// Cuts a stream into lines that hold one JSON document each. A value: no I/O.
public struct JSONLines: Sendable {
    /// The longest line, in bytes: what one message may make a peer keep in memory.
    public static let standardLimit = 1 << 20

    private let limit: Int
    private var partial: [UInt8] = []
    private var lineNumber = 0
    private var failure: JSONLinesError?

    public init(limit: Int = JSONLines.standardLimit) { self.limit = limit }

    /// True when the stream may end here.
    public var isBetweenLines: Bool { partial.isEmpty }

    /// The complete lines, without line breaks; empty lines are skipped. An error is thrown when everything
    /// before it was returned, and by every later call; so ask once more, with no bytes, before waiting for
    /// the peer.
    public mutating func lines(_ bytes: [UInt8]) throws(JSONLinesError) -> [[UInt8]] {
        try numberedLines(bytes).map(\.bytes)
    }

    /// The complete documents; errors come as from `lines`.
    public mutating func receive(_ bytes: [UInt8]) throws(JSONLinesError) -> [JSON] {
        var values: [JSON] = []
        for line in try numberedLines(bytes) {
            do throws(JSONError) {
                values.append(try JSON.parse(line.bytes))
            } catch {
                let error = JSONLinesError.notJSON(line: line.number, error)
                failure = error
                if values.isEmpty { throw error }
                return values
            }
        }
        return values
    }

    private mutating func numberedLines(
        _ bytes: [UInt8]
    ) throws(JSONLinesError) -> [(number: Int, bytes: [UInt8])] {
        if let failure { throw failure }
        var lines: [(number: Int, bytes: [UInt8])] = []
        var rest = bytes[...]
        while true {
            let end = rest.firstIndex(of: 0x0A)
            guard partial.count + ((end ?? rest.endIndex) - rest.startIndex) <= limit else {
                failure = .lineTooLong(limit: limit)
                if lines.isEmpty { throw .lineTooLong(limit: limit) }
                return lines
            }
            partial += rest[..<(end ?? rest.endIndex)]
            guard let end else { return lines }
            lineNumber += 1
            if partial.last == 0x0D { partial.removeLast() }
            if !partial.isEmpty { lines.append((lineNumber, partial)) }
            partial = []
            rest = rest[(end + 1)...]
        }
    }

    /// One document as a line with its line feed.
    public static func line(_ value: JSON) -> [UInt8] { value.serialized() + [0x0A] }
}
