/// What of the events of one type a snapshot keeps.
///
/// A type without a rule is kept whole: it may change the state in a way that nothing later repeats. What
/// has a rule either replaces what came before it (the newest progress of a task) or is one entry of a
/// list, and a page shows the newest entries of a list.
struct SnapshotRule: Sendable {
    /// Members of `data` that tell which events replace each other.
    var keys: [String] = []
    /// How many of them stay.
    var newest: Int
    /// Whole numbers of `data` that are added up into the entries that stay, so that totals are right.
    var sums: [String] = []

    /// Bytes of the entries with the same keys; the newest stays however large it is.
    static let bytes = 512 << 10

    static func of(_ type: String) -> SnapshotRule? { all[type] }

    private static let all: [String: SnapshotRule] = [
        // Signs of life.
        "task.progressed": SnapshotRule(keys: ["agent", "task"], newest: 50),
        "task.accepted": SnapshotRule(keys: ["agent"], newest: 1),
        "agent.stalled": SnapshotRule(keys: ["agent"], newest: 5),
        "agent.paused": SnapshotRule(keys: ["agent"], newest: 20),
        "agent.resumed": SnapshotRule(keys: ["agent"], newest: 20),
        "branch.published": SnapshotRule(keys: ["agent", "task"], newest: 2),
        "plan.rejected": SnapshotRule(keys: ["agent"], newest: 5),
        // Sums.
        "model.settled": SnapshotRule(
            keys: ["agent", "task", "model"], newest: 1, sums: ["microusd", "input", "output"]),
        "model.reserved": SnapshotRule(keys: ["agent"], newest: 1),
        "model.waited": SnapshotRule(keys: ["agent"], newest: 1, sums: ["milliseconds"]),
        "model.refused": SnapshotRule(keys: ["agent"], newest: 50),
        "model.warned": SnapshotRule(newest: 50),
        "effect.intended": SnapshotRule(newest: 1),
        "effect.succeeded": SnapshotRule(newest: 1),
        "effect.failed": SnapshotRule(newest: 50),
        "sandbox.denied": SnapshotRule(keys: ["agent"], newest: 200),
        "egress.allowed": SnapshotRule(keys: ["agent"], newest: 20),
        "egress.denied": SnapshotRule(keys: ["agent"], newest: 50),
        // Lists.
        "message.sent": SnapshotRule(keys: ["from"], newest: 500),
        "note.appended": SnapshotRule(keys: ["agent"], newest: 200),
        "artifact.stored": SnapshotRule(keys: ["agent"], newest: 500),
        "comment.made": SnapshotRule(newest: 2000),
        "overlap.forecast": SnapshotRule(newest: 500),
        "command.applied": SnapshotRule(newest: 500),
        "webhook.delivered": SnapshotRule(newest: 50),
        "webhook.failed": SnapshotRule(newest: 50),
        // The way of a task through the queue, which it may go several times.
        "merge.queued": SnapshotRule(keys: ["task"], newest: 4),
        "merge.made": SnapshotRule(keys: ["task"], newest: 4),
        "merge.conflicted": SnapshotRule(keys: ["task"], newest: 4),
        "merge.deferred": SnapshotRule(keys: ["task"], newest: 4),
        "gate.started": SnapshotRule(keys: ["task"], newest: 8),
        "gate.passed": SnapshotRule(keys: ["task"], newest: 8),
        "gate.failed": SnapshotRule(keys: ["task"], newest: 8),
        "gate.retried": SnapshotRule(keys: ["task"], newest: 8),
        "gate.flaked": SnapshotRule(keys: ["task"], newest: 8),
        "tests.reported": SnapshotRule(newest: 100),
        "checks.reported": SnapshotRule(newest: 20),
        "change.inspected": SnapshotRule(newest: 1),
        "approval.held": SnapshotRule(newest: 20),
    ]
}
