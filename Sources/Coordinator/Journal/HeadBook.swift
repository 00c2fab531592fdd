// Heads of sessions, noted at another place than the journal: what was signed cannot be written anew without
// this file.
import Glibc
import Kit
import System

/// A file of lines `SESSION SEQ HASH`, appended when a head is signed.
struct HeadBook: Sendable {
    struct Head: Sendable, Hashable {
        var seq: Int64
        /// In hexadecimal digits; the first sixteen at least.
        var hash: String

        init(seq: Int64, hash: String) { (self.seq, self.hash) = (seq, hash) }

        /// Reads `SEQ:HASH`; nil for anything else.
        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let seq = ForeignNumber.decimal(parts[0], in: 0...ForeignNumber.most),
                seq > 0,
                (16...64).contains(parts[1].utf8.count),
                parts[1].utf8.allSatisfy({ Self.digits.contains($0) })
            else { return nil }
            self.init(seq: Int64(seq), hash: String(parts[1]))
        }

        private static let digits = Set("0123456789abcdef".utf8)
    }

    let path: String
    /// Longer than the heads of a hundred thousand sessions.
    private static let bytes = 64 << 20

    /// What cannot be noted is found by what is signed all the same, so this is no reason not to go on.
    func note(_ checkpoints: [Checkpoint]) {
        guard !checkpoints.isEmpty else { return }
        let lines = checkpoints.map { "\($0.session) \($0.seq) \($0.hash)\n" }.joined()
        try? Files.append(path, Array(lines.utf8), mode: 0o600)
    }

    func heads(_ session: String) -> [Head] {
        lines.filter { $0.hasPrefix("\(session) ") }.compactMap { line in
            let words = line.split(separator: " ")
            return words.count == 3 ? Head("\(words[1]):\(words[2])") : nil
        }
    }

    /// A session that was removed, and whose name may be used again.
    func forget(_ session: String) {
        let lines = lines
        let kept = lines.filter { !$0.hasPrefix("\(session) ") }
        guard kept.count < lines.count else { return }
        try? Files.writeAtomically(path, Array(kept.map { "\($0)\n" }.joined().utf8), mode: 0o600)
    }

    private var lines: [Substring] {
        ((try? Files.readText(path, limit: Self.bytes)) ?? "").split(separator: "\n")
    }
}
