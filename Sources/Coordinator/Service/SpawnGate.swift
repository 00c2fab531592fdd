// How fast guests of one session are started: a session that loses and restarts agents again and again must
// not take the machine from the others.
import Core
import Gateway
import Kit
import Synchronization
import System

/// A bucket of starts, as a value: time comes in with every call.
struct SpawnGate: Sendable {
    /// Starts that may happen at once, and how many a minute come back. A session has eight agents, so a
    /// whole team starts without a wait, and two of them again.
    static let burst: Int64 = 10
    static let perMinute: Int64 = 12
    private static let gapMilliseconds = 60_000 / perMinute

    /// When the bucket is whole again, in milliseconds.
    private var whole: Int64 = .min / 2

    /// Takes a place; calls come with times that do not go back.
    /// - Returns: How long to wait before the start, in milliseconds.
    mutating func take(_ now: Int64) -> Int64 {
        whole = max(whole, now) + Self.gapMilliseconds
        return max(0, whole - Self.burst * Self.gapMilliseconds - now)
    }
}

extension SessionRunner {
    /// The starts of a session's guests. A coordinator that was restarted forgets none, because they are in
    /// the journal.
    struct Spawns: Sendable {
        var gate = SpawnGate()
        /// Guests that have their place, `AGENT/GENERATION`: an effect may run more than once.
        private var placed: Set<String> = []

        init(_ events: [Event]) {
            for event in events {
                guard case .agentRequested(let agent, _, let generation) = event.body else { continue }
                placed.insert("\(agent)/\(generation)")
                _ = gate.take(event.at)
            }
        }

        /// How long this guest has to wait; 0 when it has its place already.
        mutating func place(_ agent: String, _ generation: Int, now: Int64) -> Int64 {
            placed.insert("\(agent)/\(generation)").inserted ? gate.take(now) : 0
        }
    }

    /// Waits until a guest may be started.
    /// - Returns: False when the session ended meanwhile.
    func awaitSpawn(_ agent: String, _ generation: Int) -> Bool {
        let now = Clock.wallMilliseconds()
        let wait = spawns.withLock { $0.place(agent, generation, now: now) }
        guard wait > 0 else { return true }
        let reason = "a session starts \(SpawnGate.burst) guests at once and \(SpawnGate.perMinute) a minute"
        insist(.record([.spawnDelayed(agent: agent, milliseconds: wait, reason: reason)]))
        while Clock.wallMilliseconds() < now + wait {
            if state.phase.isOver { return false }
            pause(milliseconds: min(500, Int(now + wait - Clock.wallMilliseconds()) + 1))
        }
        return true
    }

    /// Tells Core how many agents the providers feed. What holds for two looks in a row is worth an event; a
    /// queue that comes and goes between two is not.
    func observeRates() {
        guard let configuration = state.configuration, configuration.agents == nil else { return }
        let feeds = gateway.feeds
        let isSteady = seenFeeds.withLock { seen in
            defer { seen = .some(feeds?.agents) }
            return seen == .some(feeds?.agents)
        }
        guard isSteady, state.headroom != feeds?.agents else { return }
        insist(.feed(agents: feeds?.agents, reason: feeds?.reason ?? "nothing waits"))
    }
}
