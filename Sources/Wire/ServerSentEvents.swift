// Server-sent events as the HTML standard defines them (section 9.2): how models stream their answers, and
// how the canvas follows a session without a WebSocket.

/// One event.
public struct ServerSentEvent: Sendable, Hashable {
    /// "message" when the stream named none.
    public var event: String
    public var data: String
    /// The id in force when the event was dispatched; empty when none was ever sent.
    public var id: String

    public init(event: String = "message", data: String, id: String = "") {
        self.event = event
        self.data = data
        self.id = id
    }

    /// The bytes of this event. Line breaks in names and ids, which would end them early, become spaces.
    public func serialized() -> [UInt8] {
        var text = ""
        if event != "message" { text += "event: \(ServerSentEvent.oneLine(event))\n" }
        if !id.isEmpty { text += "id: \(ServerSentEvent.oneLine(id))\n" }
        for line in ServerSentEvent.lines(data) { text += "data: \(line)\n" }
        return Array((text + "\n").utf8)
    }

    /// A comment, which keeps a silent connection alive and is not seen by readers.
    public static let keepAlive = Array(":\n\n".utf8)

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    private static func lines(_ text: String) -> [String] {
        var lines: [[UInt8]] = [[]]
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == 0x0D || (byte == 0x0A && previous != 0x0D) {
                lines.append([])
            } else if byte != 0x0A {
                lines[lines.count - 1].append(byte)
            }
            previous = byte
        }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// An event that would not fit.
public struct ServerSentEventError: Error, Sendable, Hashable, CustomStringConvertible {
    /// In bytes.
    public let limit: Int
    public var description: String { "a server-sent event is longer than \(limit) bytes" }
}

/// Reads events from bytes that may be cut anywhere. A value: no I/O, no clock.
public struct ServerSentEventParser: Sendable {
    private let limit: Int
    private var line: [UInt8] = []
    private var data = ""
    private var hasData = false
    private var event = ""
    private var previousWasReturn = false
    private var isFirstLine = true
    private var failure: ServerSentEventError?

    /// The last id that the stream sent.
    public private(set) var lastEventID = ""
    /// What the stream asked for with `retry`, in milliseconds.
    public private(set) var retryMilliseconds: Int?

    /// - Parameter limit: The longest line and the most data of one event, in bytes.
    public init(limit: Int = 8 << 20) { self.limit = limit }

    /// Takes bytes and returns the events that they completed. What a stream ends with in the middle is no
    /// event. An error is thrown when everything before it was returned, and by every later call.
    public mutating func receive(_ bytes: [UInt8]) throws(ServerSentEventError) -> [ServerSentEvent] {
        if let failure { throw failure }
        var events: [ServerSentEvent] = []
        do throws(ServerSentEventError) {
            try receive(bytes, &events)
        } catch {
            failure = error
            if events.isEmpty { throw error }
        }
        return events
    }

    private mutating func receive(
        _ bytes: [UInt8], _ events: inout [ServerSentEvent]
    ) throws(ServerSentEventError) {
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == 0x0A || byte == 0x0D {
            // The line feed of a CRLF ends nothing, also when the pair was cut.
            let isSecondHalf = byte == 0x0A && previousWasReturn && index == start
            if !isSecondHalf {
                try extend(bytes[start..<index])
                if let done = try endLine() { events.append(done) }
            }
            start = index + 1
            previousWasReturn = byte == 0x0D
        }
        if start < bytes.count {
            try extend(bytes[start...])
            previousWasReturn = false
        }
    }

    private mutating func extend(_ bytes: ArraySlice<UInt8>) throws(ServerSentEventError) {
        guard line.count + bytes.count <= limit else { throw ServerSentEventError(limit: limit) }
        line += bytes
    }

    private mutating func endLine() throws(ServerSentEventError) -> ServerSentEvent? {
        defer {
            line.removeAll(keepingCapacity: true)
            isFirstLine = false
        }
        var bytes = line[...]
        if isFirstLine, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        if bytes.isEmpty { return dispatch() }
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        var value = bytes[colon...].dropFirst()
        if value.first == 0x20 { value.removeFirst() }
        try field(String(decoding: bytes[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        return nil
    }

    private mutating func field(_ name: String, _ value: String) throws(ServerSentEventError) {
        switch name {
        case "event": event = value
        case "data":
            guard data.utf8.count + value.utf8.count < limit else { throw ServerSentEventError(limit: limit) }
            if hasData { data += "\n" }
            data += value
            hasData = true
        case "id": if !value.utf8.contains(0) { lastEventID = value }
        case "retry":
            if !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(value)
            {
                retryMilliseconds = number
            }
        default: break
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer { (data, hasData, event) = ("", false, "") }
        guard hasData else { return nil }
        return ServerSentEvent(event: event.isEmpty ? "message" : event, data: data, id: lastEventID)
    }
}
