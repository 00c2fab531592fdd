/// When a guest that waits for input is paused. A value: no clock, no I/O; times are milliseconds.
///
/// It follows the control protocol: a guest says `activity` while something goes on in it, and silence means
/// that nothing does. `keepalive` holds it awake for a time that it names, whatever else it says or not.
struct IdlePolicy: Sendable, Hashable {
    /// The longest lease that one `keepalive` gives: a guest that hangs must not hold itself awake for ever.
    static let longestLeaseMilliseconds: Int64 = 3_600_000

    /// How long nothing may happen.
    let patience: Int64
    private var lastActive: Int64
    private var leaseEnd: Int64?

    init(patience: Int64, now: Int64) { (self.patience, lastActive) = (patience, now) }

    /// Something goes on in it, or somebody wants something of it.
    mutating func activity(at now: Int64) { lastActive = max(lastActive, now) }

    /// It holds itself awake.
    mutating func keepalive(milliseconds: Int64, at now: Int64) {
        activity(at: now)
        guard milliseconds > 0 else { return }
        leaseEnd = now + min(milliseconds, Self.longestLeaseMilliseconds)
    }

    /// It lets go.
    mutating func release(at now: Int64) {
        guard leaseEnd != nil else { return }
        leaseEnd = nil
        activity(at: now)
    }

    /// It is to be paused now.
    func isDue(at now: Int64) -> Bool {
        // What a lease has covered, or still covers, is no idle time.
        now - max(lastActive, leaseEnd ?? lastActive) >= patience
    }
}
