public import Journal
import Kit
import Synchronization
import System

/// The snapshots of one session, at any event. Every so often one is kept as a file, a keyframe, so that the
/// next is made from a few thousand events, however long the session is. The files are no record of anything:
/// they can be removed, and one that does not fit the journal is made again.
public final class Snapshots: Sendable {
    /// Events from one keyframe to the next.
    public static let stride = Limits.keyframeEvents

    private let session: any ChannelSession
    /// The newest that was asked for: pages that open at the same time share it. The lock is held while it is
    /// made, so that a hundred of them make it once.
    private let newest = Mutex(Snapshot())

    public init(_ session: any ChannelSession) { self.session = session }

    /// The session as of an event.
    public func at(_ seq: Int64) throws(JournalError) -> Snapshot {
        try newest.withLock { (newest) throws(JournalError) in
            var snapshot = keyframe(through: seq, after: newest.seq <= seq ? newest.seq : 0)
            if newest.seq <= seq, newest.seq > snapshot.seq { snapshot = newest }
            try advance(&snapshot, to: seq)
            if snapshot.seq > newest.seq { newest = snapshot }
            return snapshot
        }
    }

    /// Writes the keyframes that are missing, the oldest first; each begins where the one before it ended.
    /// - Returns: The last event that a keyframe is of.
    public func keep(_ shouldStop: () -> Bool) throws(JournalError) -> Int64 {
        let head = session.head
        var snapshot = keyframe(through: head, after: 0)
        while snapshot.seq + Limits.keyframeEvents <= head, !shouldStop() {
            try advance(&snapshot, to: snapshot.seq + Limits.keyframeEvents)
            guard snapshot.seq % Limits.keyframeEvents == 0, write(snapshot) else { break }
        }
        return snapshot.seq
    }

    private func advance(_ snapshot: inout Snapshot, to seq: Int64) throws(JournalError) {
        while snapshot.seq < seq {
            let lines = try session.lines(
                after: snapshot.seq, limit: min(Limits.readEvents, Int(seq - snapshot.seq)))
            guard !lines.isEmpty else { return }
            snapshot.take(lines)
        }
    }

    // MARK: Files

    private func path(_ seq: Int64) -> String { "\(session.snapshotDirectory)/\(seq).json" }

    /// The last keyframe that is not behind an event, if it is behind another; else the beginning.
    private func keyframe(through seq: Int64, after known: Int64) -> Snapshot {
        var place = seq / Limits.keyframeEvents * Limits.keyframeEvents
        while place > known {
            if Files.exists(path(place)), let snapshot = read(place) { return snapshot }
            place -= Limits.keyframeEvents
        }
        return Snapshot()
    }

    /// Nil when it cannot be read, or is of another journal than this.
    private func read(_ seq: Int64) -> Snapshot? {
        guard let bytes = try? Files.read(path(seq), limit: Limits.snapshotBytes),
            let snapshot = Snapshot(document: bytes), snapshot.seq == seq,
            let line = try? session.lines(after: seq - 1, limit: 1).first,
            line.json["hash"]?.stringValue == snapshot.hash
        else { return nil }
        return snapshot
    }

    /// A disk that is full costs time later and nothing else, so there is no more to say than false.
    private func write(_ snapshot: Snapshot) -> Bool {
        let document = snapshot.document
        guard document.count <= Limits.snapshotBytes else { return false }
        do throws(SystemError) {
            try Files.makeDirectories(session.snapshotDirectory, mode: 0o700)
            try Files.writeAtomically(path(snapshot.seq), document, mode: 0o600)
            return true
        } catch {
            return false
        }
    }
}
