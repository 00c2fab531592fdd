public import Kit

/// An event as readers get it: the JSON of one line, made from the row as it lies in the journal. It is not
/// decoded, so a reader costs little, and its `hash` is over exactly these bytes.
public struct JournalLine: Sendable, Hashable {
    public let seq: Int64
    /// Unix milliseconds.
    public let at: Int64
    public let type: String
    /// `{"at","data","hash","seq","session","type"}`, without a line feed.
    public let bytes: [UInt8]

    /// A line that was exported, or sent. Its members must be those of `bytes`.
    public init(seq: Int64, at: Int64, type: String, bytes: [UInt8]) {
        (self.seq, self.at, self.type, self.bytes) = (seq, at, type, bytes)
    }

    init(_ row: Row, session: JSON, hash: String) {
        (seq, at, type) = (row.seq, row.at, row.type)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(row.data.utf8.count + 200)
        bytes += Array(#"{"at":\#(row.at),"data":"#.utf8)
        bytes += row.data.utf8
        bytes += Array(#","hash":"\#(hash)","seq":\#(row.seq),"session":"#.utf8)
        bytes += session.serialized()
        bytes += Array(#","type":"#.utf8)
        bytes += JSON.string(row.type).serialized()
        bytes.append(UInt8(ascii: "}"))
        self.bytes = bytes
    }

    /// The line as a value.
    public var json: JSON { (try? JSON.parse(bytes)) ?? .null }
}

extension Journal {
    /// The events of a session after a sequence number, as lines. Only what is on the disk.
    public func lines(
        _ session: String, after: Int64 = 0, limit: Int = .max
    ) throws(JournalError) -> [JournalLine] {
        let name = JSON.string(session)
        return try rows(session, after: after, limit: limit).map {
            JournalLine($0.0, session: name, hash: $0.1)
        }
    }

    /// The number of the last event of a session; 0 when it has none.
    public func head(_ session: String) -> Int64 { lastSeq(session) }
}
