public import Journal
import Kit

/// A session as of one of its events, in the journal's own words: the events that a page needs in order to
/// show it, and no more. What was replaced by something later is left out, and what only counts is added
/// up, so folding these events gives what folding all of them gives, and a page opens a long session at
/// once.
///
/// An entry that stands for more than itself has a `count`; its `hash` is that of the newest event in it.
public struct Snapshot: Sendable {
    private struct Entry: Sendable {
        /// As the journal has it.
        var line: [UInt8]
        /// How many events it stands for.
        var count: Int64 = 1
        var sums: [Int64] = []
    }

    private struct Slot: Hashable, Sendable {
        var type: String
        var keys: [String]
    }

    private struct Window: Sendable {
        var seqs: [Int64] = []
        var bytes = 0
    }

    /// The last event in it; 0 at the beginning.
    public private(set) var seq: Int64 = 0
    /// When that was.
    public private(set) var at: Int64 = 0
    /// Its hash.
    public private(set) var hash = ""
    private var entries: [Int64: Entry] = [:]
    private var windows: [Slot: Window] = [:]
    private var drawings = SnapshotDrawings()
    private var spend = SpendCurve()

    /// Before the first event.
    public init() {}

    /// Takes the events that come next.
    public mutating func take(_ lines: [JournalLine]) {
        for line in lines {
            (seq, at) = (line.seq, line.at)
            let rule = SnapshotRule.of(line.type)
            guard rule != nil || line.type == SnapshotDrawings.type else {
                entries[line.seq] = Entry(line: line.bytes)
                continue
            }
            let json = line.json
            if line.type == SpendCurve.type {
                spend.add(json["data"]?["microusd"]?.int64Value ?? 0, at: line.at)
            }
            take(json, line: line.bytes, type: line.type)
        }
        if let last = lines.last { hash = last.json["hash"]?.stringValue ?? "" }
    }

    private mutating func take(_ json: JSON, line: [UInt8], type: String) {
        guard let seq = json["seq"]?.int64Value else { return }
        if type == SnapshotDrawings.type { return drawings.take(json) }
        guard let rule = SnapshotRule.of(type) else {
            entries[seq] = Entry(line: line)
            return
        }
        let data = json["data"]
        entries[seq] = Entry(
            line: line, count: json["count"]?.int64Value ?? 1,
            sums: rule.sums.map { data?[$0]?.int64Value ?? 0 })
        let slot = Slot(type: type, keys: rule.keys.map { data?[$0]?.stringValue ?? "" })
        var window = windows.removeValue(forKey: slot) ?? Window()
        window.seqs.append(seq)
        window.bytes += line.count
        while window.seqs.count > 1, window.seqs.count > rule.newest || window.bytes > SnapshotRule.bytes {
            guard let oldest = entries.removeValue(forKey: window.seqs.removeFirst()) else { continue }
            window.bytes -= oldest.line.count
            absorb(oldest, into: window.seqs[0])
        }
        windows[slot] = window
    }

    private mutating func absorb(_ old: Entry, into seq: Int64) {
        guard var entry = entries[seq] else { return }
        entry.count += old.count
        entry.sums = zip(entry.sums, old.sums).map { $0.addingReportingOverflow($1).partialValue }
        entries[seq] = entry
    }

    // MARK: The document

    /// `{"k":"snap","seq","at","hash","spend","e":[…]}`, the frame of the channel and the file of a keyframe.
    public var document: [UInt8] {
        var made: [Int64: [UInt8]] = drawings.events.mapValues { $0.serialized() }
        for (seq, entry) in entries { made[seq] = Self.bytes(of: entry) }
        var bytes = Array(#"{"k":"snap","seq":\#(seq),"at":\#(at),"hash":"\#(hash)","spend":"#.utf8)
        bytes.reserveCapacity(made.values.reduce(1024) { $0 + $1.count + 1 })
        bytes += spend.json.serialized()
        bytes += Array(#","e":["#.utf8)
        for (index, seq) in made.keys.sorted().enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += made[seq] ?? []
        }
        bytes += Array("]}".utf8)
        return bytes
    }

    private static func bytes(of entry: Entry) -> [UInt8] {
        guard entry.count > 1, var json = try? JSON.parse(entry.line) else { return entry.line }
        let rule = json["type"]?.stringValue.flatMap(SnapshotRule.of)
        if var data = json["data"] {
            for (name, sum) in zip(rule?.sums ?? [], entry.sums) { data[name] = JSON(sum) }
            json["data"] = data
        }
        json["count"] = JSON(entry.count)
        return json.serialized()
    }

    /// Of a document, to go on from there; nil when it is none.
    public init?(document bytes: [UInt8]) {
        let limits = JSON.Limits(bytes: Limits.snapshotBytes)
        guard let json = try? JSON.parse(bytes, limits: limits), json["k"] == "snap",
            let seq = json["seq"]?.int64Value, let at = json["at"]?.int64Value,
            let hash = json["hash"]?.stringValue, let events = json["e"]?.arrayValue,
            let spend = json["spend"].flatMap(SpendCurve.init)
        else { return nil }
        for event in events {
            guard let type = event["type"]?.stringValue else { return nil }
            take(event, line: event.serialized(), type: type)
        }
        (self.seq, self.at, self.hash, self.spend) = (seq, at, hash, spend)
    }
}

/// What was spent until when, in so few points that a chart of it is drawn at once.
struct SpendCurve: Sendable {
    static let type = "model.settled"
    private static let points = 512

    private var curve: [(at: Int64, total: Int64)] = []
    private var total: Int64 = 0
    private var last: Int64 = 0
    private var count: Int64 = 0
    /// Each so-manyth payment is a point.
    private var stride: Int64 = 1

    init() {}

    mutating func add(_ microusd: Int64, at: Int64) {
        total = total.addingReportingOverflow(microusd).partialValue
        (last, count) = (at, count + 1)
        guard count % stride == 0 else { return }
        curve.append((at, total))
        guard curve.count > Self.points else { return }
        stride *= 2
        curve = curve.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }

    var json: JSON {
        [
            "total": JSON(total), "at": JSON(last), "count": JSON(count), "stride": JSON(stride),
            "points": .array(curve.map { [JSON($0.at), JSON($0.total)] }),
        ]
    }

    init?(_ json: JSON) {
        guard let total = json["total"]?.int64Value, let last = json["at"]?.int64Value,
            let count = json["count"]?.int64Value, let stride = json["stride"]?.int64Value, stride > 0,
            let points = json["points"]?.arrayValue
        else { return nil }
        (self.total, self.last, self.count, self.stride) = (total, last, count, stride)
        curve = points.map { ($0[0]?.int64Value ?? 0, $0[1]?.int64Value ?? 0) }
    }
}
