/// When a viewer's next frame of events may go. An event that comes alone goes at once, and so do the first
/// few of a burst; after them frames keep a distance, so that thousands of events a second become hundreds
/// of frames and not thousands. A value: the time is given.
struct FramePacer: Sendable, Hashable {
    private var credits = Limits.burstFrames
    private var countedAt: Int64 = 0

    /// The moment, in milliseconds, from which a frame may go.
    mutating func earliest(at now: Int64) -> Int64 {
        let gained = max(0, now - countedAt) / Limits.batchMilliseconds
        if Int64(credits) + gained >= Int64(Limits.burstFrames) {
            (credits, countedAt) = (Limits.burstFrames, now)
        } else {
            credits += Int(gained)
            countedAt += gained * Limits.batchMilliseconds
        }
        return credits > 0 ? now : countedAt + Limits.batchMilliseconds
    }

    /// A frame went.
    mutating func sent() { credits -= 1 }
}
