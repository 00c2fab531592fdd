// The coordinator's snapshots for the conformance suite: an exported log on standard input, an event a
// line; for each number that is given, the snapshot as of that event as a line. After each, what follows is
// made from that document, as a page's is made from a keyframe.
import Channel
import Glibc
import Journal
import Kit
import System

@main
struct Main {
    static func main() throws {
        let wanted = Set(CommandLine.arguments.dropFirst().compactMap { Int64($0) })
        var snapshot = Snapshot()
        for line in try IO.readAll(0).split(separator: UInt8(ascii: "\n")) {
            let json = try JSON.parse(Array(line))
            guard let seq = json["seq"]?.int64Value, let at = json["at"]?.int64Value,
                let type = json["type"]?.stringValue
            else { exit(65) }
            snapshot.take([JournalLine(seq: seq, at: at, type: type, bytes: Array(line))])
            guard wanted.contains(seq) else { continue }
            let document = snapshot.document
            try IO.writeAll(1, document + [0x0A])
            guard let again = Snapshot(document: document) else { exit(70) }
            snapshot = again
        }
    }
}
