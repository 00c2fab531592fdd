// Whether a session's events are what was written then: as far as this journal, its key and what was noted
// elsewhere can tell.
import System

/// What a check of a session came to.
public struct Verification: Sendable, Hashable {
    /// How many events are sound, from the first.
    public var sound: Int64 = 0
    /// What is wrong with the next one; nil when nothing is.
    public var problem: String?
    /// Signed heads among them.
    public var checkpoints = 0
    /// Events after the last of these: their chain fits, and who has the database could have written them
    /// anew.
    public var unsigned: Int64 = 0
    /// Heads that were noted at another place and are the same here.
    public var noted = 0

    /// In a sentence.
    public var summary: String {
        if let problem { return problem }
        let signed = checkpoints == 0 ? "none of them signed yet" : "\(checkpoints) signed heads"
        let tail = checkpoints > 0 && unsigned > 0 ? ", \(unsigned) events after the last" : ""
        let elsewhere =
            noted > 0
            ? "\(noted) heads noted elsewhere are the same"
            : "no head of it is noted elsewhere, so who has its key as well could have written it anew"
        return "all \(sound) events are as they were written; \(signed)\(tail); \(elsewhere)"
    }
}

extension Journal {
    /// Checks every hash of a session, every checkpoint that was signed on the way, that none of these is
    /// missing, and what was noted elsewhere.
    /// - Parameter heads: Heads that others kept, `SEQ:HASH` with the first digits of the hash at least.
    public func verify(_ session: String, heads: [String] = []) throws(JournalError) -> Verification {
        // Before the events are read: more may come meanwhile, and are not missing.
        let known = lastSeq(session)
        let checkpoints = try database.checkpoints(session)
        var expected: [Int64: String] = [:]
        for (index, (checkpoint, signature)) in checkpoints.enumerated() {
            // Those without a number are older than all others.
            if checkpoint.link.map({ $0.number != Int64(index) + 1 })
                ?? (index > 0 && checkpoints[index - 1].0.link != nil)
            {
                return Verification(
                    problem: "a checkpoint before the one at event \(checkpoint.seq) is missing")
            }
            guard signer.verify(checkpoint, signature: signature) else {
                return Verification(
                    problem:
                        "the checkpoint at event \(checkpoint.seq) is not signed with this journal's key, "
                        + "or follows another one than it did then")
            }
            expected[checkpoint.seq] = checkpoint.hash
        }
        var noted = (headBook?.heads(session) ?? []) + heads.compactMap { HeadBook.Head($0) }
        noted.sort { $0.seq < $1.seq }
        var result = Verification(checkpoints: checkpoints.count)
        var previous = ""
        // Page by page: a session may have more events than memory should hold.
        while true {
            let rows = try database.rows(session, after: result.sound, limit: Self.pageSize)
            for (row, hash) in rows {
                result.problem = Self.problem(row, hash, previous, session, result.sound, expected[row.seq])
                if result.problem != nil { return result }
                while let head = noted.first, head.seq == row.seq {
                    guard hash.hasPrefix(head.hash) else {
                        result.problem =
                            "event \(row.seq) (\(row.type)), or one before it, is not what was noted "
                            + "elsewhere (\(head.seq):\(head.hash.prefix(16)))"
                        return result
                    }
                    noted.removeFirst()
                    result.noted += 1
                }
                (result.sound, previous) = (row.seq, hash)
            }
            if rows.count < Self.pageSize { break }
        }
        let signed = checkpoints.last?.0.seq ?? 0
        let wanted = max(known, signed, noted.last?.seq ?? 0)
        if result.sound < wanted { result.problem = "the last \(wanted - result.sound) events are gone" }
        result.unsigned = result.sound - min(signed, result.sound)
        return result
    }

    private static func problem(
        _ row: Row, _ hash: String, _ previous: String, _ session: String, _ sound: Int64, _ signed: String?
    ) -> String? {
        guard row.seq == sound + 1 else { return "event \(sound + 1) is missing" }
        guard row.hash(after: previous, session: session) == hash else {
            return "event \(row.seq) (\(row.type)) was changed, or one before it"
        }
        guard let signed else {
            return Checkpoint.isDue(seq: row.seq, type: row.type)
                ? "event \(row.seq) (\(row.type)) was signed when it was written: its checkpoint is missing"
                : nil
        }
        return signed == hash
            ? nil : "event \(row.seq) (\(row.type)), or one before it, is not what was signed then"
    }

    private static let pageSize = 5000
}
