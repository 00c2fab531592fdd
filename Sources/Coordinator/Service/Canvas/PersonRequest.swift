import Channel
import Core
import Journal
import Kit

/// A command of a person with its own id and with what the person saw.
struct PersonRequest: Sendable {
    let id: String
    let type: String
    let by: String
    /// canvas or webhook.
    let via: String
    let basis: CanvasCommand.Basis?

    init(_ command: CanvasCommand, by: String, via: String) {
        (id, type, self.by, self.via, basis) = (command.id, command.type, by, via, command.basis)
    }

    var record: EventBody {
        .commandApplied(
            id: id, command: type, by: by, via: via, seq: basis?.seq, digest: basis?.digest)
    }

    /// What changes the ground under a decision: who saw less than these decides again.
    private static let grounds: Set<String> = [
        "review.submitted", "tests.reported", "gate.failed", "gate.passed", "merge.made", "task.merged",
        "change.inspected", "approval.requested", "approval.denied", "approval.granted",
    ]
    private static let looked = 10_000

    /// An approval or a denial is of what was shown: the same tree, and every judgement of it. An answer is
    /// to a question that was shown.
    func check(_ state: SessionState, journal: Journal) throws(Rejection) {
        guard ["approve", "deny", "permit", "refuse"].contains(type) else { return }
        guard let basis else {
            throw Rejection(
                "no_basis", "a decision says what it is based on: `basedOn` {\"seq\",\"digest\"}",
                hint: "the seq of the last event that was shown, and the tree or the id of the question")
        }
        guard basis.seq <= state.seq else {
            throw Rejection("ahead", "event \(basis.seq) is not there; the journal ends at \(state.seq)")
        }
        guard let session = state.configuration?.session,
            let newer = try? journal.lines(session, after: basis.seq, limit: Self.looked),
            newer.count < Self.looked
        else {
            throw Rejection("stale", "what was shown is too old", hint: "look again, then decide")
        }
        if ["permit", "refuse"].contains(type) {
            try checkQuestion(basis.digest, state, newer)
        } else {
            try checkTree(basis.digest, state, newer)
        }
    }

    private func checkTree(
        _ digest: String, _ state: SessionState, _ newer: [JournalLine]
    ) throws(Rejection) {
        let waiting = state.approval?.tree ?? state.tree
        guard digest == waiting else {
            throw Rejection(
                "stale_tree", "the result has changed: \(digest) was shown, \(waiting) is there",
                hint: "look at the change again, then decide on what you saw")
        }
        if let line = newer.first(where: { Self.grounds.contains($0.type) }) {
            throw Rejection(
                "stale", "\(line.type) (event \(line.seq)) came after what was shown",
                hint: "look again, then decide")
        }
    }

    /// An id names a version of what is asked about, so what has another id by now is another question.
    private func checkQuestion(
        _ id: String, _ state: SessionState, _ newer: [JournalLine]
    ) throws(Rejection) {
        guard state.permissions.contains(where: { $0.id == id }) else {
            let waiting = state.permissions.map(\.id).joined(separator: ", ")
            throw Rejection(
                "stale", "\(id) is not asked any more",
                hint: waiting.isEmpty ? "no question waits" : "what waits is \(waiting)")
        }
        let asked = newer.first {
            $0.type == "permission.requested" && $0.json["data"]?["permission"]?["id"]?.stringValue == id
        }
        if let asked {
            throw Rejection(
                "stale", "\(id) was asked with event \(asked.seq), after what was shown",
                hint: "look again, then decide")
        }
    }
}
