// What the commits of a session say about its journal.
import Kit
import System

extension SessionRepository {
    /// The trailer of a commit that the coordinator made: number and hash of the journal's last event then.
    static let journalTrailer = "Openclaw-Journal"
    /// More than a session has tasks.
    private static let trailerCommits = 2000

    /// The heads of the journal that the commits between the base and this one name, the newest first. Only
    /// those that the coordinator made count, which are each other's first parents, and of each its own
    /// trailer, the last: what agents commit says what it likes.
    public func journalHeads(upTo commit: String) throws(DeliveryError) -> [String] {
        guard !commit.isEmpty else { return [] }
        let format = "--format=%(trailers:key=\(Self.journalTrailer),valueonly,separator=%x0A)%x00"
        let commits = try git.run([
            "log", "--first-parent", "--max-count=\(Self.trailerCommits)", format, "\(base)..\(commit)", "--",
        ]).records
        return commits.compactMap { $0.byteLines.last { !$0.isEmpty }.map(String.init) }
    }
}
