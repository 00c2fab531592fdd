import Core
import Gateway
import Kit
import Synchronization
import System

/// Turns what happens in the gateway into the journal's events.
final class LedgerRecorder: GatewayRecorder {
    private let coordinator = Mutex<Coordinator?>(nil)

    /// The gateway is made before the coordinator that it reports to.
    func attach(_ coordinator: Coordinator) { self.coordinator.withLock { $0 = coordinator } }

    private func session(_ caller: Caller) -> SessionRunner? {
        coordinator.withLock { $0 }?.find(caller.session)
    }

    /// Written down before the call is made: a coordinator that ends in the middle knows what it may owe.
    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) throws(BudgetRefusal) {
        guard let session = session(caller) else {
            throw BudgetRefusal("there is no session \(caller.session)")
        }
        if session.state.phase.isOver { throw BudgetRefusal("the session \(caller.session) is over") }
        if microUSD > 0 {
            do throws(ServiceError) {
                try session.submit(
                    .record([
                        .modelReserved(
                            agent: caller.agent, task: caller.task, call: call, model: model,
                            microusd: microUSD)
                    ]))
            } catch {
                throw BudgetRefusal("the reservation could not be written down: \(error.message)")
            }
        }
        // A model that thinks for long is no stall.
        session.wait(caller.agent, true)
    }

    func settled(_ caller: Caller, _ settlement: Settlement) {
        guard let session = session(caller) else { return }
        session.wait(caller.agent, false)
        let usage = settlement.usage
        session.insist(
            .record([
                .modelSettled(
                    agent: caller.agent, task: caller.task, model: settlement.model,
                    microusd: settlement.microUSD, input: usage.prompt, output: usage.output,
                    detail: ModelUse(
                        call: settlement.call, role: caller.role, provider: settlement.provider,
                        cacheRead: usage.cacheRead, cacheWrite: usage.cacheWrite5m + usage.cacheWrite1h,
                        uncached: settlement.uncachedMicroUSD, isAnswered: settlement.isAnswered))
            ]))
    }

    func refused(_ caller: Caller, reason: String) {
        session(caller)?.insist(
            .record([
                .modelRefused(agent: caller.agent, task: caller.task, reason: String(reason.prefix(2000)))
            ]))
    }

    func warned(_ caller: Caller, percent: Int, scope: Ledger.Scope, left: Int64) {
        session(caller)?.insist(
            .record([
                .modelWarned(
                    agent: caller.agent, task: caller.task, percent: percent, scope: "\(scope)", left: left)
            ]))
    }

    func waiting(_ caller: Caller, milliseconds: Int64, reason: String) {
        session(caller)?.wait(caller.agent, true)
    }

    func waited(_ caller: Caller, milliseconds: Int64, reason: String) {
        guard let session = session(caller) else { return }
        session.wait(caller.agent, false)
        session.insist(
            .record([
                .modelWaited(
                    agent: caller.agent, milliseconds: milliseconds, reason: String(reason.prefix(500)))
            ]))
    }
}

extension SessionRunner {
    /// What was spent so far, by account of the ledger. Calls that a coordinator left open when it ended are
    /// spent as the most that they can have cost, and written down as that.
    func closeReservations() -> [Ledger.Scope: Int64] {
        // With a ledger the calls are under way and settle by themselves.
        let left = gateway.ledger(of: id) == nil ? state.reserved : [:]
        for (call, held) in left.sorted(by: { $0.key < $1.key }) {
            insist(
                .record([
                    .modelSettled(
                        agent: held.agent, task: held.task, model: held.model, microusd: held.amount,
                        input: 0, output: 0,
                        detail: ModelUse(
                            call: call, role: state.agents[held.agent]?.role ?? "", provider: "",
                            uncached: held.amount, isAnswered: false))
                ]))
        }
        let state = state
        var spent: [Ledger.Scope: Int64] = [.session: state.spent]
        for (agent, amount) in state.spentBy {
            spent[.agent(agent)] = amount
            if let role = state.agents[agent]?.role { spent[.role(role), default: 0].addClamped(amount) }
        }
        return spent
    }

    /// The budgets of roles and agents. A name that is a role's is that role.
    func limits(_ configuration: SessionConfiguration) -> [Ledger.Scope: Int64] {
        let pairs = (configuration.limits ?? [:]).map { name, amount in
            (role(name) == nil ? Ledger.Scope.agent(name) : .role(name), amount)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// The model of an agent: what was said for its task, for it, for its role, then for the session, then in
    /// the role's file.
    func model(agent: String, role: String, task: PlanTask?) -> String {
        let configuration = state.configuration
        if let own = task?.model ?? configuration?.models?[agent] { return own }
        let general = configuration?.model ?? "anthropic"
        let own = general == "anthropic" ? self.role(role)?.model : nil
        return configuration?.models?[role] ?? own ?? general
    }
}
