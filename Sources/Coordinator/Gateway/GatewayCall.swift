// One call of a guest, from its reservation to its settlement.
import Kit
import System
import Wire

/// Makes the call, as often as it takes. Used by the exchange's thread only.
final class GatewayCall: EventSink {
    private let gateway: Gateway
    private let session: Gateway.Session
    private let provider: any ModelProvider
    private let call: ProviderCall
    private let prices: CallPrices
    private let output: GuestOutput
    private var assembler = MessageAssembler()
    private var last: MessageEvent?

    init(
        _ gateway: Gateway, _ session: Gateway.Session, _ provider: any ModelProvider, _ call: ProviderCall,
        _ prices: CallPrices, _ output: GuestOutput
    ) {
        (self.gateway, self.session, self.provider) = (gateway, session, provider)
        (self.call, self.prices, self.output) = (call, prices, output)
    }

    private var caller: Caller { call.caller }
    private var limits: GatewayLimits { gateway.configuration.limits }
    /// Limits of providers are by model.
    private var gateKey: String { "\(provider.name)/\(call.model)" }

    // MARK: What the provider calls

    var isCancelled: Bool { gateway.isStopping || output.isGone }

    func accepted(_ headers: HTTPHeaders) {
        let spacing = RateGate.spacing(headers, atMilliseconds: Clock.wallMilliseconds())
        if spacing > 0 { gateway.gate.pause(gateKey, milliseconds: spacing) }
    }

    func receive(_ event: MessageEvent) -> Bool {
        assembler.receive(event)
        // The end is told when the turn is on disk.
        if event.type == "message_stop" {
            last = event
            return true
        }
        output.send(event)
        return !output.isBroken
    }

    // MARK: The call

    func run() {
        do throws(GuestFailure) {
            var attempt = 1
            while true {
                try waitForGate()
                let reservation = try reserve()
                guard let failure = attemptOnce() else { return try complete(reservation) }
                settle(failed: failure, reservation)
                guard !output.hasContent,
                    let delay = gateway.retry.delay(
                        after: failure, attempt: attempt, chance: .random(in: 0...1))
                else {
                    throw report(failure, attempts: attempt)
                }
                if failure.kind == .status(429) { gateway.gate.pause(gateKey, milliseconds: delay) }
                try wait(delay, "attempt \(attempt) failed: \(failure)")
                attempt += 1
            }
        } catch {
            output.fail(error)
        }
    }

    /// - Returns: Nil when the answer is whole.
    private func attemptOnce() -> ProviderFailure? {
        assembler = MessageAssembler()
        last = nil
        output.restart()
        do throws(ProviderFailure) {
            try provider.stream(call, into: self)
            return nil
        } catch {
            return error
        }
    }

    private func complete(_ reservation: Ledger.Reservation) throws(GuestFailure) {
        let cost = prices.cost(assembler.usage)
        session.ledger.settle(reservation, microUSD: cost)
        gateway.recorder.settled(
            caller, call: reservation.id, model: call.model, usage: assembler.usage, microUSD: cost)
        do throws(GatewayError) {
            try session.conversations?.record(
                task: caller.task, agent: caller.agent, messages: call.request.messages,
                response: assembler.turn, atMilliseconds: Clock.wallMilliseconds())
        } catch {
            gateway.recorder.refused(caller, reason: "\(error)")
            throw GuestFailure(500, "\(error)")
        }
        gateway.recorder.recordTurn(
            caller, messages: call.request.messages, response: assembler.message)
        output.finish(last ?? .stop, assembler.message, assembler.usage)
    }

    // MARK: Money

    private func reserve() throws(GuestFailure) -> Ledger.Reservation {
        let worst = prices.worst(
            promptTokens: call.request.promptTokens ?? prices.context,
            outputTokens: call.request.outputTokens,
            cache: call.request.cache)
        do throws(BudgetRefusal) {
            let reservation = try take(worst)
            do throws(BudgetRefusal) {
                try gateway.recorder.reserved(
                    caller, call: reservation.id, model: call.model, microUSD: worst)
            } catch {
                session.ledger.settle(reservation, microUSD: 0)
                throw error
            }
            return reservation
        } catch {
            gateway.recorder.refused(caller, reason: "\(error)")
            throw GuestFailure(402, "\(error). The session's owner can raise the budget.")
        }
    }

    /// Waits for other calls to settle when only their reservations stand in the way.
    private func take(_ worst: Int64) throws(BudgetRefusal) -> Ledger.Reservation {
        let begin = Clock.monotonicNanoseconds()
        var isWaiting = false
        defer {
            if isWaiting {
                gateway.recorder.waited(
                    caller, milliseconds: (Clock.monotonicNanoseconds() - begin) / 1_000_000,
                    reason: "money reserved by other calls")
            }
        }
        return try session.ledger.reserve(
            worst, waitMilliseconds: limits.reservationMilliseconds,
            sliceMilliseconds: limits.sliceMilliseconds
        ) {
            if !isWaiting {
                isWaiting = true
                gateway.recorder.waiting(
                    caller, milliseconds: Int64(limits.reservationMilliseconds),
                    reason: "money reserved by other calls")
            }
            return isCancelled
        }
    }

    /// Books an attempt without an answer.
    private func settle(failed failure: ProviderFailure, _ reservation: Ledger.Reservation) {
        var usage = TokenUsage()
        var cost: Int64 = 0
        if failure.charge == .unknown {
            usage = assembler.usage
            // How much was written when the stream broke is known to nobody here. It is counted as the most.
            usage.output = call.request.outputTokens
            cost = assembler.hasUsage ? prices.cost(usage) : reservation.microUSD
        }
        session.ledger.settle(reservation, microUSD: cost)
        gateway.recorder.settled(
            caller, call: reservation.id, model: call.model, usage: usage, microUSD: cost)
    }

    private func report(_ failure: ProviderFailure, attempts: Int) -> GuestFailure {
        let reason = attempts > 1 ? "\(failure) (tried \(attempts) times)" : "\(failure)"
        if failure.kind != .cancelled { gateway.recorder.refused(caller, reason: reason) }
        var told = failure
        told = ProviderFailure(failure.kind, reason)
        told.type = failure.type
        return told.guestFailure
    }

    // MARK: Waiting

    private func waitForGate() throws(GuestFailure) {
        let left = gateway.gate.remaining(gateKey)
        guard left > 0 else { return }
        // Calls that waited together should not start together.
        try wait(left + Int.random(in: 0...(left / 10 + 1)), "the rate limit of \(gateKey)")
    }

    /// Waits in slices: a guest that left and a stop end it. After a while a streaming guest gets pings.
    private func wait(_ milliseconds: Int, _ reason: String) throws(GuestFailure) {
        let begin = Clock.monotonicNanoseconds()
        func elapsed() -> Int { Int((Clock.monotonicNanoseconds() - begin) / 1_000_000) }
        gateway.recorder.waiting(caller, milliseconds: Int64(milliseconds), reason: reason)
        defer { gateway.recorder.waited(caller, milliseconds: Int64(elapsed()), reason: reason) }
        var nextPing = limits.silentMilliseconds
        while elapsed() < milliseconds {
            if isCancelled { throw GuestFailure(503, "the call was cancelled while waiting: \(reason)") }
            if elapsed() >= nextPing {
                nextPing += limits.pingMilliseconds
                output.keepAlive(isUrgent: true)
            }
            gateway.pause(milliseconds: min(limits.sliceMilliseconds, max(1, milliseconds - elapsed())))
        }
    }
}
