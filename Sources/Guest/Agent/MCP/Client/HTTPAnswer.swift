import Kit
import Wire

/// The answer to one HTTP request as curl prints it: a head, then a body that is not chunked any more. A
/// value: no I/O.
struct HTTPAnswer {
    /// What came to light with the last bytes.
    enum Piece: Equatable {
        case message(JSON)
        case stray(String)
    }

    /// What is wrong with the answer; nothing more can be read from it.
    struct Problem: Error, Equatable {
        let text: String
    }

    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var events = ServerSentEventParser(limit: MCPLimits.messageBytes)
    private var total = 0
    /// Zero until the head is whole.
    private(set) var status = 0
    private(set) var headers = HTTPHeaders([])

    /// Where a stream that ended early is taken up.
    var lastEventID: String { events.lastEventID }
    var retryMilliseconds: Int? { events.retryMilliseconds }

    private var type: String {
        String((headers["content-type"] ?? "").prefix { $0 != ";" }).lowercased()
    }
    private var isStream: Bool { status == 200 && type == "text/event-stream" }

    mutating func receive(_ bytes: [UInt8]) throws(Problem) -> [Piece] {
        total += bytes.count
        guard total <= MCPLimits.exchangeBytes else {
            throw Problem(text: "its answer is longer than \(MCPLimits.exchangeBytes) bytes")
        }
        var rest = bytes
        if status == 0 {
            head += bytes
            guard let end = Self.end(of: head) else {
                guard head.count <= MCPLimits.headBytes else {
                    throw Problem(text: "the head of its answer is longer than \(MCPLimits.headBytes) bytes")
                }
                return []
            }
            try read(head[..<end.start])
            rest = Array(head[end.next...])
            head = []
        }
        guard isStream else {
            body += rest
            guard body.count <= MCPLimits.messageBytes else {
                throw Problem(text: "its answer is longer than \(MCPLimits.messageBytes) bytes")
            }
            return []
        }
        do throws(ServerSentEventError) {
            return try events.receive(rest).compactMap { Self.piece(Array($0.data.utf8)) }
        } catch {
            throw Problem(text: "\(error)")
        }
    }

    /// The answer is over.
    mutating func finish() throws(Problem) -> [Piece] {
        guard status != 0 else { throw Problem(text: "it closed the connection before an answer") }
        guard status == 200, !isStream, !body.isEmpty else { return [] }
        guard type == "application/json" else {
            throw Problem(
                text: "it answers with \(type.prefix(80)), which is neither JSON nor a stream of events")
        }
        return [Self.piece(body)].compactMap { $0 }
    }

    /// What it says when it refuses.
    var words: String { String(decoding: body.prefix(4 * MCPLimits.errorCharacters), as: UTF8.self) }

    private static func piece(_ bytes: [UInt8]) -> Piece? {
        // A stream that can be taken up begins with an empty event.
        if bytes.isEmpty { return nil }
        return (try? JSON.parse(bytes)).map { .message($0) } ?? .stray("an event that is no JSON")
    }

    private static func end(of bytes: [UInt8]) -> (start: Int, next: Int)? {
        var index = 0
        while let feed = bytes[index...].firstIndex(of: 0x0A) {
            let next = feed + 1
            if next < bytes.count, bytes[next] == 0x0A { return (next, next + 1) }
            if next + 1 < bytes.count, bytes[next] == 0x0D, bytes[next + 1] == 0x0A {
                return (next, next + 2)
            }
            index = next
        }
        return nil
    }

    private mutating func read(_ bytes: ArraySlice<UInt8>) throws(Problem) {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/"), words[1].utf8.count == 3,
            let code = Int(words[1]),
            code >= 100
        else { throw Problem(text: "its answer is not HTTP") }
        status = code
        for line in lines.dropFirst().prefix(MCPLimits.headFields) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[String(line[..<colon])] = String(value)
        }
    }
}
