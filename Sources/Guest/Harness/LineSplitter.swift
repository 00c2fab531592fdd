// A stream of bytes cut into lines for the log.

/// Cuts a stream into lines of bounded length. Pure.
struct LineSplitter: Sendable {
    /// A whole line, or a piece of one that is too long.
    struct Line: Sendable, Hashable {
        var text: String
        /// True when the line goes on in the next piece.
        var isPartial = false
    }

    private let limit: Int
    private var pending: [UInt8] = []

    init(limit: Int = Limits.logLineBytes) { self.limit = limit }

    /// The lines that these bytes complete. A carriage return before the line feed is dropped.
    mutating func receive(_ bytes: some Sequence<UInt8>) -> [Line] {
        var lines: [Line] = []
        for byte in bytes {
            if byte == 0x0A {
                if pending.last == 0x0D { pending.removeLast() }
                lines.append(take(isPartial: false))
                continue
            }
            if pending.count >= limit { lines.append(takePiece()) }
            pending.append(byte)
        }
        return lines
    }

    /// What is left when the stream ends.
    mutating func finish() -> Line? { pending.isEmpty ? nil : take(isPartial: false) }

    private mutating func take(isPartial: Bool) -> Line {
        defer { pending.removeAll(keepingCapacity: pending.count < 4096) }
        return Line(text: String(decoding: pending, as: UTF8.self), isPartial: isPartial)
    }

    /// A full piece; a character that the cut would split goes to the next one.
    private mutating func takePiece() -> Line {
        var end = pending.count
        while end > pending.count - 4, end > 1, pending[end - 1] & 0xC0 == 0x80 { end -= 1 }
        // `end` is now behind a lead byte or an ASCII byte; keep an unfinished sequence together.
        if end < pending.count || pending[end - 1] >= 0xC0 { end -= 1 }
        if end == 0 || isComplete(from: end) { end = pending.count }
        let rest = pending[end...]
        let text = String(decoding: pending[..<end], as: UTF8.self)
        pending = Array(rest)
        return Line(text: text, isPartial: true)
    }

    /// True when the sequence that starts at `start` is whole.
    private func isComplete(from start: Int) -> Bool {
        guard start < pending.count else { return true }
        let length =
            switch pending[start] {
            case 0xF0...: 4
            case 0xE0...: 3
            case 0xC0...: 2
            default: 1
            }
        return pending.count - start >= length
    }
}
