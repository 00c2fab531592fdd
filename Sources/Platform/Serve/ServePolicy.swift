/// The life of a guest that serves: it starts when somebody comes, is paused when nobody is there, and ends
/// when nobody came back. A value: no clock, no I/O.
public struct ServePolicy: Sendable, Hashable {
    public enum Stage: Sendable, Hashable {
        case absent
        /// Being started or resumed.
        case waking
        case running
        case paused
        /// Being paused or ended; who comes now waits for that first.
        case leaving
    }

    /// What to do with the guest.
    public enum Action: Sendable, Hashable {
        case wake
        case pause
        case end
    }

    /// In milliseconds.
    public struct Patience: Sendable, Hashable {
        /// Without a connection, until it is paused.
        public var pause: Int64
        /// Paused, until it is ended.
        public var end: Int64

        public init(pause: Int64 = 60_000, end: Int64 = 600_000) { (self.pause, self.end) = (pause, end) }
    }

    public private(set) var stage = Stage.absent
    public private(set) var connections = 0
    private var since: Int64 = 0
    private let patience: Patience

    public init(patience: Patience = Patience()) { self.patience = patience }

    /// Somebody comes. The guest must be woken when the answer says so; otherwise it runs, wakes or leaves.
    public mutating func connect() -> Action? {
        connections += 1
        guard stage == .absent || stage == .paused else { return nil }
        stage = .waking
        return .wake
    }

    /// Somebody goes.
    public mutating func disconnect(at now: Int64) {
        precondition(connections > 0, "more went than came")
        connections -= 1
        if connections == 0 { since = now }
    }

    /// What was asked for was done; or could not be, and then the guest is taken to be gone.
    public mutating func done(_ action: Action, succeeded: Bool, at now: Int64) -> Action? {
        since = now
        switch action {
        case .wake: stage = succeeded ? .running : .absent
        case .pause: stage = succeeded ? .paused : .absent
        case .end: stage = .absent
        }
        // Somebody came while it was leaving.
        guard action != .wake, connections > 0 else { return nil }
        stage = .waking
        return .wake
    }

    /// The guest ended by itself, or was found gone.
    public mutating func lost() { if stage != .waking, stage != .leaving { stage = .absent } }

    /// Time passes.
    public mutating func tick(at now: Int64) -> Action? {
        guard connections == 0 else { return nil }
        switch stage {
        case .running where now - since >= patience.pause:
            stage = .leaving
            return .pause
        case .paused where now - since >= patience.end:
            stage = .leaving
            return .end
        default: return nil
        }
    }
}
