// The limits of one provider and model class, as a value: no clock of its own. It holds what the provider
// said, what was taken since, and who waits.
import Kit

/// Admits calls so that a provider is never asked for more than it said it would take.
struct RateBucket: Sendable {
    /// What a call takes, as far as it is known before.
    struct Need: Sendable, Hashable {
        var input: Int
        var output: Int

        func amount(_ kind: RateReport.Kind) -> Double {
            switch kind {
            case .requests: 1
            case .tokens: Double(input + output)
            case .inputTokens: Double(input)
            case .outputTokens: Double(output)
            }
        }
    }

    enum Answer: Sendable, Hashable {
        /// The call may go; the number names it until it ends.
        case go(Int)
        case wait(milliseconds: Int, reason: String)
    }

    /// One kind of limit that refills all the time.
    private struct Level: Sendable {
        var limit: Double
        var level: Double
        var perMillisecond: Double
        var at: Int64

        mutating func refill(_ now: Int64) {
            level = min(limit, level + Double(max(0, now - at)) * perMillisecond)
            at = now
        }
    }

    private struct Waiter: Sendable {
        let agent: String
        let need: Need
    }

    private var levels: [RateReport.Kind: Level] = [:]
    /// Calls under way, by the number of their admission.
    private var open: [Int: Need] = [:]
    /// Calls whose prompt the provider's own count has already.
    private var counted: Set<Int> = []
    private var waiters: [Int: Waiter] = [:]
    /// What each agent was given so far, in tokens: who has had least goes first.
    private var served: [String: Double] = [:]
    private var nextNumber = 0
    private var frozenUntil: Int64 = 0
    /// How many calls may be under way; grows with every accepted call, halves with every refused one.
    private(set) var window: Int
    private let widest: Int

    init(first: Int, widest: Int) { (window, self.widest) = (first, widest) }

    var openCount: Int { open.count }
    var waiterCount: Int { waiters.count }

    // MARK: Waiting

    /// Puts a call in line.
    mutating func enqueue(_ agent: String, _ need: Need) -> Int {
        nextNumber += 1
        // Who comes back after a while has no claim on what it did not ask for.
        let waiting = waiters.values.compactMap { served[$0.agent] }.min()
        served[agent] = max(served[agent] ?? 0, waiting ?? served.values.min() ?? 0)
        waiters[nextNumber] = Waiter(agent: agent, need: need)
        return nextNumber
    }

    mutating func leave(_ ticket: Int) { waiters[ticket] = nil }

    /// Whether the call may go now.
    mutating func attempt(_ ticket: Int, now: Int64) -> Answer {
        guard let waiter = waiters[ticket] else { return .wait(milliseconds: 1000, reason: "not in line") }
        if now < frozenUntil {
            return .wait(milliseconds: Int(frozenUntil - now), reason: "the provider asked to wait")
        }
        guard open.count < window else {
            return .wait(milliseconds: 1000, reason: "\(open.count) calls are under way")
        }
        for kind in levels.keys { levels[kind]?.refill(now) }
        if let (kind, milliseconds) = shortage(waiter.need) {
            return .wait(milliseconds: milliseconds, reason: "the limit of \(kind.rawValue)")
        }
        guard first == ticket else { return .wait(milliseconds: 1000, reason: "others are first") }
        waiters[ticket] = nil
        open[ticket] = waiter.need
        for kind in levels.keys { levels[kind]?.level -= waiter.need.amount(kind) }
        served[waiter.agent, default: 0] += waiter.need.amount(.tokens) + 1
        return .go(ticket)
    }

    /// The agent that had least; of its calls the oldest.
    private var first: Int? {
        waiters.min { left, right in
            let (a, b) = (served[left.value.agent] ?? 0, served[right.value.agent] ?? 0)
            return a == b ? left.key < right.key : a < b
        }?.key
    }

    /// The limit that has too little, and how long until it has enough.
    private func shortage(_ need: Need) -> (RateReport.Kind, Int)? {
        levels.compactMap { kind, level -> (RateReport.Kind, Int)? in
            // A call that is larger than the limit goes when the limit is whole.
            let wanted = min(need.amount(kind), level.limit)
            guard level.level < wanted else { return nil }
            let needed = ((wanted - level.level) / level.perMillisecond).rounded(.up)
            return (kind, Int(needed, clampedTo: 1...RateReport.longest))
        }.max { $0.1 < $1.1 }
    }

    /// How many agents the provider feeds at this moment: those whose calls are under way while others wait,
    /// or while little is left of a limit. Nil when nothing holds anybody up.
    func feeds(now: Int64) -> (agents: Int, reason: String)? {
        if now < frozenUntil { return (max(1, open.count), "the provider asked to wait") }
        if !waiters.isEmpty { return (max(1, open.count), "\(waiters.count) calls wait for their turn") }
        for (kind, level) in levels.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            var level = level
            level.refill(now)
            if level.level * Self.scarcity < level.limit {
                return (max(1, open.count), "little is left of the limit of \(kind.rawValue)")
            }
        }
        return nil
    }

    /// Less than one part in so many is little.
    private static let scarcity = 10.0

    // MARK: Learning

    /// The provider took the call; its headers tell how much more it would take.
    mutating func accepted(_ number: Int, _ report: RateReport, now: Int64) {
        window = min(widest, window + 1)
        learn(report, from: number, now: now)
    }

    /// The provider said that it was too much.
    mutating func refused(_ number: Int, _ report: RateReport, pauseMilliseconds: Int, now: Int64) {
        window = max(1, min(window, open.count) / 2)
        frozenUntil = max(frozenUntil, now + Int64(pauseMilliseconds))
        learn(report, from: number, now: now)
    }

    private mutating func learn(_ report: RateReport, from number: Int, now: Int64) {
        if !report.lines.isEmpty { counted.insert(number) }
        for (kind, line) in report.lines {
            let limit = Double(line.limit)
            let rate = RateBucket.rate(line) ?? levels[kind]?.perMillisecond
            // What was asked for after this call is not in the provider's count yet.
            let later = open.filter { $0.key > number }.reduce(0) { $0 + $1.value.amount(kind) }
            levels[kind] = Level(
                limit: limit, level: Double(line.remaining) - later,
                perMillisecond: rate ?? limit / RateBucket.windowMilliseconds, at: now)
        }
    }

    /// From the time until the limit is whole; only when enough is missing to tell.
    private static func rate(_ line: RateReport.Line) -> Double? {
        let missing = line.limit - line.remaining
        guard missing * 2 >= line.limit, line.resetMilliseconds > 0 else { return nil }
        let window = Double(line.resetMilliseconds) * Double(line.limit) / Double(missing)
        return Double(line.limit) / min(max(window, 1000), 3_600_000)
    }

    /// Limits are given for a minute unless the headers tell another time.
    private static let windowMilliseconds = 60_000.0

    /// The call is over; what it did not use is given back. Providers count an answer as its longest
    /// possible length first, and correct that at the end.
    mutating func finish(_ number: Int, used: Need?, now: Int64) {
        let isCounted = counted.remove(number) != nil
        guard let need = open.removeValue(forKey: number), var used else { return }
        if isCounted { used.input = need.input }
        for kind in levels.keys where kind != .requests {
            levels[kind]?.refill(now)
            let surplus = need.amount(kind) - used.amount(kind)
            if let level = levels[kind] { levels[kind]?.level = min(level.limit, level.level + surplus) }
        }
    }
}
