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

    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) throws(BudgetRefusal) {
        guard let session = session(caller) else {
            throw BudgetRefusal("there is no session \(caller.session)")
        }
        if session.state.phase.isOver { throw BudgetRefusal("the session \(caller.session) is over") }
        // A model that thinks for long is no stall.
        session.wait(caller.agent, true)
    }

    func settled(_ caller: Caller, call: String, model: String, usage: TokenUsage, microUSD: Int64) {
        guard let session = session(caller) else { return }
        session.wait(caller.agent, false)
        session.insist(
            .record([
                .modelSettled(
                    agent: caller.agent, task: caller.task, model: model, microusd: microUSD,
                    input: usage.prompt, output: usage.output)
            ]))
    }

    func refused(_ caller: Caller, reason: String) {
        session(caller)?.insist(
            .record([
                .modelRefused(agent: caller.agent, task: caller.task, reason: String(reason.prefix(2000)))
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
