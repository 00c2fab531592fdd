// The order in which a guest ends.

/// Stop intake, TERM, grace, KILL, drain logs, sync: a stage machine without a clock of its own. Pure.
struct Shutdown: Sendable {
    /// Where we are.
    enum Stage: String, Sendable, Hashable, CaseIterable {
        case running, terminating, killing, draining, syncing, done
    }

    /// What the driver does next.
    enum Action: Sendable, Hashable {
        case stopIntake
        case signalAll(Int32)
        case drain
        case sync
        /// Exit; with the milliseconds that each stage took.
        case exit([String: Int64])
    }

    private(set) var stage = Stage.running
    private var since: Int64 = 0
    private var deadline = Int64.max
    private var took: [String: Int64] = [:]
    private var grace: Int64 = 0

    /// Starts; a second call may only shorten the grace.
    mutating func begin(now: Int64, graceMilliseconds: Int64) -> [Action] {
        let grace = min(max(0, graceMilliseconds), Limits.longestGraceMilliseconds)
        guard stage == .running else {
            if stage == .terminating { deadline = min(deadline, now + grace) }
            return []
        }
        enter(.terminating, now: now, limit: grace)
        return [.stopIntake, .signalAll(15)]
    }

    /// Moves on when its condition holds or its time is over.
    mutating func step(now: Int64, hasChildren: Bool, hasOutput: Bool) -> [Action] {
        switch stage {
        case .running, .done: return []
        case .terminating:
            if !hasChildren { return drain(now: now) }
            guard now >= deadline else { return [] }
            enter(.killing, now: now, limit: Limits.drainMilliseconds)
            return [.signalAll(9)]
        case .killing:
            // A child in an uninterruptible sleep ends with the pid namespace, not before.
            return !hasChildren || now >= deadline ? drain(now: now) : []
        case .draining:
            guard !hasOutput || now >= deadline else { return [] }
            enter(.syncing, now: now, limit: 0)
            return [.sync]
        case .syncing:
            enter(.done, now: now, limit: 0)
            return [.exit(took)]
        }
    }

    /// When `step` must be called again at the latest.
    var nextDeadline: Int64? { stage == .running || stage == .done ? nil : deadline }

    private mutating func drain(now: Int64) -> [Action] {
        enter(.draining, now: now, limit: Limits.drainMilliseconds)
        return [.drain]
    }

    private mutating func enter(_ next: Stage, now: Int64, limit: Int64) {
        if stage != .running { took["\(stage.rawValue)_ms"] = now - since }
        stage = next
        since = now
        deadline = now + limit
    }
}
