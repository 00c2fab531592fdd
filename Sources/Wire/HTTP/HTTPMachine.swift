// The part of HTTP/1.1 framing (RFC 9112) that requests and responses share. Everything that intermediaries
// are known to read differently, which is how requests are smuggled, is an error: bare LF, folded lines,
// both lengths at once.

/// What a parser reports.
public enum HTTPEvent<Head: Sendable & Equatable>: Sendable, Equatable {
    /// The first line and the headers.
    case head(Head)
    /// The next bytes of the body, never empty.
    case body([UInt8])
    /// The message is complete. What follows is kept until `startNext`.
    case end
}

/// What the parsers accept at most.
public struct HTTPParserLimits: Sendable, Hashable {
    /// First line and headers together, in bytes; trailers again as much.
    public var headBytes: Int
    /// Number of header lines.
    public var headers: Int

    public init(headBytes: Int = 64 << 10, headers: Int = 128) {
        self.headBytes = headBytes
        self.headers = headers
    }
}

struct HTTPMachine {
    enum Framing {
        case none, chunked, untilClose
        case fixed(Int)
    }

    enum Piece {
        case head(line: [UInt8], headers: HTTPHeaders)
        case body([UInt8])
        case end
    }

    private enum State {
        case head, chunkSize, chunkEnd, trailers, untilClose, ending, finished
        case fixed(Int)
        case chunk(Int)
    }

    /// The longest line that announces a chunk, extensions included, in bytes.
    private static let chunkLineLimit = 256

    private let limits: HTTPParserLimits
    private var state = State.head
    private var buffer: [UInt8] = []
    private var position = 0
    /// How many bytes from the position on hold no line feed.
    private var scanned = 0
    private var headBytes = 0
    private var firstLine: [UInt8]?
    private var headers = HTTPHeaders()

    init(limits: HTTPParserLimits) { self.limits = limits }

    /// True when a message ended or none has started.
    var isBetweenMessages: Bool {
        switch state {
        case .finished: true
        case .head: firstLine == nil && position == buffer.count
        default: false
        }
    }

    var isFinished: Bool { if case .finished = state { true } else { false } }
    var isReadingUntilClose: Bool { if case .untilClose = state { true } else { false } }

    mutating func append(_ bytes: [UInt8]) {
        if position > 0 {
            buffer.removeFirst(position)
            position = 0
        }
        buffer += bytes
    }

    mutating func startNext() {
        state = .head
        (headBytes, firstLine, headers) = (0, nil, HTTPHeaders())
    }

    /// The bytes that follow the message.
    mutating func takeRemaining() -> [UInt8] {
        defer { (buffer, position, scanned) = ([], 0, 0) }
        return Array(buffer[position...])
    }

    mutating func beginBody(_ framing: Framing) {
        (headBytes, headers) = (0, HTTPHeaders())
        switch framing {
        case .none: state = .ending
        case .fixed(let count): state = count == 0 ? .ending : .fixed(count)
        case .chunked: state = .chunkSize
        case .untilClose: state = .untilClose
        }
    }

    mutating func endAtClose() { state = .ending }

    /// The next piece, or nil when more bytes are needed. After a head, `beginBody` must be called.
    mutating func step() throws(HTTPError) -> Piece? {
        while true {
            switch state {
            case .head:
                guard let line = try line(limit: limits.headBytes) else { return nil }
                if let piece = try headLine(line) { return piece }
            case .fixed(let left):
                guard let bytes = take(left) else { return nil }
                state = bytes.count == left ? .ending : .fixed(left - bytes.count)
                return .body(bytes)
            case .untilClose:
                return take(.max).map { .body($0) }
            case .chunkSize:
                headBytes = 0
                guard let line = try line(limit: HTTPMachine.chunkLineLimit) else { return nil }
                let size = try chunkSize(line)
                headBytes = 0
                state = size == 0 ? .trailers : .chunk(size)
            case .chunk(let left):
                guard let bytes = take(left) else { return nil }
                state = bytes.count == left ? .chunkEnd : .chunk(left - bytes.count)
                return .body(bytes)
            case .chunkEnd:
                guard try takeChunkEnd() else { return nil }
                state = .chunkSize
            case .trailers:
                guard let line = try line(limit: limits.headBytes) else { return nil }
                // Trailers are checked and dropped: nothing here needs one, and some are dangerous to merge.
                if line.isEmpty { state = .ending } else { try add(line) }
            case .ending:
                state = .finished
                return .end
            case .finished:
                return nil
            }
        }
    }

    private mutating func headLine(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Piece? {
        guard let first = firstLine else {
            guard !line.isEmpty else {
                throw HTTPError(.malformed, "an empty line where a message should start")
            }
            firstLine = Array(line)
            return nil
        }
        if line.isEmpty { return .head(line: first, headers: headers) }
        try add(line)
        return nil
    }

    private mutating func add(_ line: ArraySlice<UInt8>) throws(HTTPError) {
        let field = try HTTPGrammar.field(line)
        guard headers.fields.count < limits.headers else {
            throw HTTPError(.tooLarge, "more than \(limits.headers) headers", status: 431)
        }
        headers.add(field.name, field.value)
    }

    private mutating func take(_ max: Int) -> [UInt8]? {
        let count = min(max, buffer.count - position)
        guard count > 0 else { return nil }
        defer { position += count }
        if position == 0, count == buffer.count {
            defer { (buffer, position) = ([], -count) }
            return buffer
        }
        return Array(buffer[position..<(position + count)])
    }

    /// The next line without its CRLF.
    private mutating func line(limit: Int) throws(HTTPError) -> ArraySlice<UInt8>? {
        var index = position + scanned
        while index < buffer.count, buffer[index] != 0x0A { index += 1 }
        let length = index - position
        // A carriage return may only be the last byte so far: its line feed can still come. Only what the
        // limit admits is looked at, so that the error does not depend on how much came at once.
        let start = position + max(scanned - 1, 0)
        let end = max(start, min(index, position + limit - headBytes))
        if let wild = buffer[start..<end].firstIndex(of: 0x0D), wild < end - 1 {
            throw HTTPError(.malformed, "a carriage return without a line feed")
        }
        guard headBytes + length <= limit else {
            throw HTTPError(.tooLarge, "more than \(limit) bytes of headers", status: 431)
        }
        guard index < buffer.count else {
            scanned = length
            return nil
        }
        guard length > 0, buffer[index - 1] == 0x0D else {
            throw HTTPError(.malformed, "a line feed without a carriage return")
        }
        let line = buffer[position..<(index - 1)]
        headBytes += length + 1
        position = index + 1
        scanned = 0
        return line
    }

    /// False when more bytes are needed.
    private mutating func takeChunkEnd() throws(HTTPError) -> Bool {
        let bytes = buffer[position...].prefix(2)
        guard bytes.elementsEqual([0x0D, 0x0A].prefix(bytes.count)) else {
            throw HTTPError(.malformed, "a chunk is longer than it said")
        }
        guard bytes.count == 2 else { return false }
        position += 2
        return true
    }

    private func chunkSize(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Int {
        // Extensions are allowed by the grammar and mean nothing to us.
        let digits = line.prefix { $0 != UInt8(ascii: ";") }
        let extensionBytes = line[digits.endIndex...]
        guard (1...15).contains(digits.count), HTTPGrammar.isFieldValue(extensionBytes),
            digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw HTTPError(.malformed, "a chunk without a hexadecimal size") }
        return size
    }
}
