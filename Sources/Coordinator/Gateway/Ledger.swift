// The money of one session. The sum of what was spent and what is reserved never passes a limit, so no
// interleaving of calls can overshoot it, as long as no call costs more than its reservation.
import Synchronization
import System

/// One session's account, in millionths of a US dollar.
public final class Ledger: Sendable {
    /// What a limit is for.
    public enum Scope: Sendable, Hashable, CustomStringConvertible {
        case session
        /// All agents of a role together.
        case role(String)
        case agent(String)

        public var description: String {
            switch self {
            case .session: "the session"
            case .role(let role): "the role \(role)"
            case .agent(let agent): "the agent \(agent)"
            }
        }
    }

    /// What a call may cost, set aside until it is settled.
    public struct Reservation: Sendable, Hashable {
        /// Unique in the process.
        public let id: String
        public let microUSD: Int64
        /// Every account that it is taken from.
        let scopes: [Scope]
    }

    /// An account at one moment.
    public struct Snapshot: Sendable, Hashable {
        /// Nil when there is no limit.
        public var budget: Int64?
        public var spent: Int64 = 0
        public var reserved: Int64 = 0
        /// What calls cost beyond their reservations: more than 0 means that a price list is wrong.
        public var overrun: Int64 = 0

        /// How much of the budget is used up, in percent; nil when there is no limit.
        public var percent: Int? {
            budget.map { budget in
                guard budget > 0, spent < .max / 100 else { return 100 }
                return Int(min(1000, spent * 100 / budget))
            }
        }

        /// Neither spent nor reserved; nil when there is no limit.
        public var left: Int64? { budget.map { max(0, $0 - spent - reserved) } }
    }

    private struct State {
        var accounts: [Scope: Snapshot]
        var open: [String: Reservation] = [:]
    }

    private let state: Condition<State>

    /// - Parameters:
    ///   - limits: Of roles and agents, beside the budget of the session.
    ///   - spent: What earlier runs of the coordinator settled, by account, and what they had reserved and
    ///     did not get to settle.
    public init(budget: Int64?, limits: [Scope: Int64] = [:], spent: [Scope: Int64] = [:]) {
        var accounts: [Scope: Snapshot] = [.session: Snapshot()]
        for (scope, amount) in spent { accounts[scope, default: Snapshot()].spent = max(0, amount) }
        for (scope, limit) in limits { accounts[scope, default: Snapshot()].budget = limit }
        accounts[.session]?.budget = budget
        state = Condition(State(accounts: accounts))
    }

    /// The account of the whole session.
    public var snapshot: Snapshot { snapshot(of: .session) }

    /// One account; empty when nothing was ever asked of it.
    public func snapshot(of scope: Scope) -> Snapshot {
        state.withLock { $0.accounts[scope] ?? Snapshot() }
    }

    /// A raised budget lets waiting calls go on; a lowered one stops only new calls.
    public func setBudget(_ budget: Int64?) { state.withLock { $0.accounts[.session]?.budget = budget } }

    /// The account of these that is nearest to its limit; nil when none has one.
    func tightest(_ scopes: [Scope]) -> (scope: Scope, account: Snapshot)? {
        state.withLock { state in
            scopes.compactMap { scope in state.accounts[scope].map { (scope, $0) } }
                .filter { $0.1.budget != nil }
                .max { ($0.1.percent ?? 0) < ($1.1.percent ?? 0) }
        }
    }

    /// What a call of these accounts can cost at most, when the others give back what they hold; nil without
    /// limits.
    func payable(_ scopes: [Scope]) -> Int64? {
        state.withLock { state in
            ([.session] + scopes).compactMap { scope in
                state.accounts[scope].flatMap { account in account.budget.map { max(0, $0 - account.spent) } }
            }.min()
        }
    }

    /// Sets money aside.
    ///
    /// Money that other calls have reserved mostly comes back, so a call that would fit without it waits.
    /// - Parameters:
    ///   - worst: The most that the call can cost.
    ///   - scopes: The accounts besides that of the session.
    ///   - waitMilliseconds: How long it may wait for the others; 0 refuses at once.
    ///   - isCancelled: Asked every `sliceMilliseconds` while waiting; true ends the wait with a refusal.
    public func reserve(
        _ worst: Int64, for scopes: [Scope] = [], waitMilliseconds: Int = 0, sliceMilliseconds: Int = 100,
        isCancelled: () -> Bool = { false }
    ) throws(BudgetRefusal) -> Reservation {
        precondition(worst >= 0, "a reservation cannot be negative")
        let scopes = [.session] + scopes
        let deadline = Clock.monotonicNanoseconds() + Int64(waitMilliseconds) * 1_000_000
        while true {
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            let attempt = state.wait(timeoutMilliseconds: max(0, min(left, sliceMilliseconds))) { state in
                Ledger.take(worst, scopes, from: &state)
            }
            switch attempt {
            case .taken(let reservation): return reservation
            case .never(let refusal): throw refusal
            case nil:
                guard left > 0, !isCancelled() else {
                    throw state.withLock { Ledger.refusal(worst, scopes, $0) }
                }
            }
        }
    }

    /// Gives a reservation back and books what the call cost. Settling twice books once.
    public func settle(_ reservation: Reservation, microUSD: Int64) {
        state.withLock { state in
            guard let held = state.open.removeValue(forKey: reservation.id) else { return }
            for scope in held.scopes {
                var account = state.accounts[scope] ?? Snapshot()
                account.reserved -= held.microUSD
                account.spent += max(0, microUSD)
                account.overrun += max(0, microUSD - held.microUSD)
                state.accounts[scope] = account
            }
        }
    }

    private enum Attempt {
        case taken(Reservation), never(BudgetRefusal)
    }

    /// Nil when it would fit if the others gave back what they hold.
    private static func take(_ worst: Int64, _ scopes: [Scope], from state: inout State) -> Attempt? {
        var mustWait = false
        for scope in scopes {
            guard let account = state.accounts[scope], let budget = account.budget else { continue }
            if worst > budget - account.spent { return .never(refusal(worst, [scope], state)) }
            if worst > budget - account.spent - account.reserved { mustWait = true }
        }
        if mustWait { return nil }
        let reservation = Reservation(id: "call_" + Random.hex(12), microUSD: worst, scopes: scopes)
        state.open[reservation.id] = reservation
        for scope in scopes { state.accounts[scope, default: Snapshot()].reserved += worst }
        return .taken(reservation)
    }

    /// Names the first account in whose way the call is.
    private static func refusal(_ worst: Int64, _ scopes: [Scope], _ state: State) -> BudgetRefusal {
        let blocked = scopes.first { scope in
            guard let account = state.accounts[scope], let left = account.left else { return false }
            return worst > left
        }
        let scope = blocked ?? .session
        let account = state.accounts[scope] ?? Snapshot()
        return BudgetRefusal(
            "this call may cost up to \(Money.text(worst)); of the budget of "
                + "\(account.budget.map(Money.text) ?? "no limit") for \(scope), "
                + "\(Money.text(account.spent)) are spent and \(Money.text(account.reserved)) are "
                + "reserved for calls under way")
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
