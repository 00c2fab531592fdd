// Silent is not stuck: when did this agent last do something, and was it allowed to wait meanwhile?

/// The progress clock. Pure: every time is handed in, in milliseconds.
///
/// Two clocks are compared so that a paused guest is not a dead agent: while the machine sleeps the boot
/// clock goes on and the monotonic clock does not. A guest that is stopped by signals sees a late tick
/// instead; both are forgiven.
struct ProgressClock: Sendable {
    /// A tick that is later than this, in milliseconds, means that we did not run.
    static let lateTickMilliseconds: Int64 = 5000

    private var lastProgress: Int64
    private var lastTick: Int64
    private var cpu: Int64 = 0
    private var waits = 0

    init(now: Int64) { (lastProgress, lastTick) = (now, now) }

    /// The agent did something: a call, a report, output.
    mutating func progress(now: Int64) { lastProgress = max(lastProgress, now) }

    /// A wait with a budget begins (approval, rate limit): it is no silence.
    mutating func beginWait(now: Int64) {
        waits += 1
        progress(now: now)
    }

    /// A wait ends.
    mutating func endWait(now: Int64) {
        waits = max(0, waits - 1)
        progress(now: now)
    }

    /// A regular look at the tree's CPU time, in milliseconds: burning CPU is progress.
    mutating func tick(now: Int64, cpu new: Int64, every interval: Int64) {
        let late = now - lastTick - interval
        if late > Self.lateTickMilliseconds { lastProgress += late }
        lastTick = now
        if new > cpu + interval / 100 || waits > 0 { progress(now: now) }
        cpu = new
    }

    /// How long nothing happened, in milliseconds.
    func age(now: Int64) -> Int64 { max(0, now - lastProgress) }
}
