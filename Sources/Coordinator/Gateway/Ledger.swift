// The money of one session. The sum of what was spent and what is reserved never passes the budget, so no
// interleaving of calls can overshoot it, as long as no call costs more than its reservation.
import Synchronization
import System

/// One session's account, in millionths of a US dollar.
public final class Ledger: Sendable {
    /// What a call may cost, set aside until it is settled.
    public struct Reservation: Sendable, Hashable {
        /// Unique in the process.
        public let id: String
        public let microUSD: Int64
    }

    /// The account at one moment.
    public struct Snapshot: Sendable, Hashable {
        /// Nil when there is no limit.
        public var budget: Int64?
        public var spent: Int64
        public var reserved: Int64
        /// What calls cost beyond their reservations: more than 0 means that a price list is wrong.
        public var overrun: Int64
    }

    private struct State {
        var budget: Int64?
        var spent: Int64
        var open: [String: Int64] = [:]
        var reserved: Int64 = 0
        var overrun: Int64 = 0
    }

    private let state: Condition<State>

    /// - Parameter spent: What earlier runs of the coordinator settled, and what they had reserved and did
    ///   not
    ///   get to settle.
    public init(budget: Int64?, spent: Int64 = 0) {
        state = Condition(State(budget: budget, spent: max(0, spent)))
    }

    public var snapshot: Snapshot {
        state.withLock {
            Snapshot(budget: $0.budget, spent: $0.spent, reserved: $0.reserved, overrun: $0.overrun)
        }
    }

    /// A raised budget lets waiting calls go on; a lowered one stops only new calls.
    public func setBudget(_ budget: Int64?) { state.withLock { $0.budget = budget } }

    /// Sets money aside.
    ///
    /// Money that other calls have reserved mostly comes back, so a call that would fit without it waits.
    /// - Parameters:
    ///   - worst: The most that the call can cost.
    ///   - waitMilliseconds: How long it may wait for the others; 0 refuses at once.
    ///   - isCancelled: Asked every `sliceMilliseconds` while waiting; true ends the wait with a refusal.
    public func reserve(
        _ worst: Int64, waitMilliseconds: Int = 0, sliceMilliseconds: Int = 100,
        isCancelled: () -> Bool = { false }
    ) throws(BudgetRefusal) -> Reservation {
        precondition(worst >= 0, "a reservation cannot be negative")
        let deadline = Clock.monotonicNanoseconds() + Int64(waitMilliseconds) * 1_000_000
        while true {
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            let attempt = state.wait(timeoutMilliseconds: max(0, min(left, sliceMilliseconds))) { state in
                Ledger.take(worst, from: &state)
            }
            switch attempt {
            case .taken(let reservation): return reservation
            case .never(let refusal): throw refusal
            case nil: if left <= 0 || isCancelled() { throw refusal(worst) }
            }
        }
    }

    /// Gives a reservation back and books what the call cost. Settling twice books once.
    public func settle(_ reservation: Reservation, microUSD: Int64) {
        state.withLock { state in
            guard let amount = state.open.removeValue(forKey: reservation.id) else { return }
            state.reserved -= amount
            state.spent += max(0, microUSD)
            state.overrun += max(0, microUSD - amount)
        }
    }

    private enum Attempt {
        case taken(Reservation), never(BudgetRefusal)
    }

    /// Nil when it would fit if the others gave back what they hold.
    private static func take(_ worst: Int64, from state: inout State) -> Attempt? {
        if let budget = state.budget {
            if worst > budget - state.spent { return .never(refusal(worst, state)) }
            if worst > budget - state.spent - state.reserved { return nil }
        }
        let reservation = Reservation(id: "call_" + Random.hex(12), microUSD: worst)
        state.open[reservation.id] = worst
        state.reserved += worst
        return .taken(reservation)
    }

    private func refusal(_ worst: Int64) -> BudgetRefusal {
        state.withLock { Ledger.refusal(worst, $0) }
    }

    private static func refusal(_ worst: Int64, _ state: State) -> BudgetRefusal {
        let budget = state.budget.map(Money.text) ?? "no limit"
        return BudgetRefusal(
            "this call may cost up to \(Money.text(worst)); of the session's budget of \(budget), "
                + "\(Money.text(state.spent)) are spent and \(Money.text(state.reserved)) are "
                + "reserved for calls "
                + "under way")
    }
}

/// Amounts for people.
public enum Money {
    /// `$1.20`; smaller amounts with as many digits as they need, `$0.000125`.
    public static func text(_ microUSD: Int64) -> String {
        let sign = microUSD < 0 ? "-" : ""
        let magnitude = microUSD.magnitude
        var digits = "\(magnitude % 1_000_000)"
        digits = String(repeating: "0", count: 6 - digits.utf8.count) + digits
        while digits.utf8.count > 2, digits.hasSuffix("0") { digits.removeLast() }
        return "\(sign)$\(magnitude / 1_000_000).\(digits)"
    }
}
