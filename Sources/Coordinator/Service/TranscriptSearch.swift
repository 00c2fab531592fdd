// Words in what models were told and said.
import Kit
import System

/// Looks through the transcripts of sessions; what `gc` removed is not found any more.
struct TranscriptSearch {
    let words: [String]
    let limit: Int
    private(set) var hits: [JSON] = []
    private var looked = 0

    /// Of all transcripts together in one search, and of one file, in bytes.
    private static let totalBytes = 512 << 20
    private static let fileBytes = 64 << 20

    init(words: [String], limit: Int) { (self.words, self.limit) = (words, limit) }

    var isFull: Bool { hits.count >= limit || looked >= Self.totalBytes }

    /// - Parameter startedAt: Of the session; stands in for the time of a turn that has none.
    mutating func look(_ session: String, in directory: String, startedAt: Int64) {
        for name in ((try? Files.list(directory)) ?? []).sorted() where name.hasSuffix(".jsonl") && !isFull {
            // One that is longer is of no use to a person who looks for a place in it.
            guard let bytes = try? Files.read("\(directory)/\(name)", limit: Self.fileBytes) else { continue }
            looked += bytes.count
            for (number, line) in bytes.split(separator: 0x0A).enumerated() where !isFull {
                if let hit = hit(Array(line), turn: number + 1) {
                    var hit = hit
                    hit["session"] = .string(session)
                    hit["type"] = "transcript"
                    hit["agent"] = .string(String(name.dropLast(6)))
                    hit["at"] = hit["at"] ?? JSON(startedAt)
                    hits.append(hit)
                }
            }
        }
    }

    /// A turn that holds every word. What it repeats of the turns before it is not in its line.
    func hit(_ line: [UInt8], turn: Int) -> JSON? {
        guard let json = try? JSON.parse(line) else { return nil }
        let texts = Coordinator.texts(in: json)
        let whole = texts.joined(separator: "\n").lowercased()
        guard words.allSatisfy({ whole.contains($0) }) else { return nil }
        let text = texts.first { $0.lowercased().contains(words[0]) } ?? ""
        var hit: JSON = [
            "seq": JSON(turn), "excerpt": .string(Coordinator.excerpt(text, around: words[0])),
        ]
        if let at = json["at"]?.int64Value { hit["at"] = JSON(at) }
        return hit
    }
}
