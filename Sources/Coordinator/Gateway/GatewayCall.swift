// One call of a guest, from its reservation to its settlement.
import Kit
import Synchronization
import System
import Wire

/// Makes the call, as often as it takes. Used by the exchange's thread only.
final class GatewayCall: EventSink {
    let gateway: Gateway
    let session: Gateway.Session
    let provider: any ModelProvider
    /// As it goes to the provider.
    var call: ProviderCall
    /// The guest's own messages, which the transcript keeps.
    private let messages: [JSON]
    let output: GuestOutput
    /// Told the whole answer before the guest sees its end.
    private let whenDone: (JSON) -> Void
    private var models: [String]
    var prices: CallPrices
    var assembler = MessageAssembler()
    /// How often it was made smaller.
    var adaptations = 0
    private var last: MessageEvent?
    private var permit: RateLimiter.Permit?

    /// - Parameter models: The model of the conversation, and what may stand in for it at the start.
    init(
        _ gateway: Gateway, _ session: Gateway.Session, _ provider: any ModelProvider, _ call: ProviderCall,
        messages: [JSON], models: [String], _ prices: CallPrices, _ output: GuestOutput,
        _ whenDone: @escaping (JSON) -> Void
    ) {
        (self.gateway, self.session, self.provider) = (gateway, session, provider)
        (self.call, self.messages, self.models) = (call, messages, models)
        (self.prices, self.output, self.whenDone) = (prices, output, whenDone)
    }

    var caller: Caller { call.caller }
    var limits: GatewayLimits { gateway.configuration.limits }

    // MARK: What the provider calls

    var isCancelled: Bool { gateway.isStopping || output.isGone }

    func accepted(_ headers: HTTPHeaders) {
        if let permit { gateway.rates.accepted(permit, headers) }
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
            var ofModel = 1
            while true {
                guard let failure = try attemptOnce() else { return }
                if adapt(to: failure) { continue }
                if ofModel >= limits.fallbackAttempts || failure.kind == .status(404), try fallBack(failure) {
                    ofModel = 1
                    continue
                }
                guard !output.hasContent, let delay = delay(after: failure, attempt: attempt) else {
                    throw report(failure, attempts: attempt)
                }
                try wait(delay, "attempt \(attempt) failed: \(failure)")
                attempt += 1
                ofModel += 1
            }
        } catch {
            output.fail(error)
        }
    }

    private func delay(after failure: ProviderFailure, attempt: Int) -> Int? {
        gateway.retry.delay(after: failure, attempt: attempt, chance: .random(in: 0...1))
    }

    /// Admission, reservation, the provider, settlement.
    /// - Returns: Nil when the guest has its answer.
    private func attemptOnce() throws(GuestFailure) -> ProviderFailure? {
        try admit()
        // Given back whatever happens, with what was used when that is known.
        var used: RateBucket.Need?
        defer {
            if let permit { gateway.rates.finish(permit, used: used) }
            permit = nil
        }
        if let guest = tooLong() { throw guest }
        call.request = fitted()
        let reservation = try reserve()
        assembler = MessageAssembler()
        last = nil
        output.restart()
        do throws(ProviderFailure) {
            try provider.stream(call, into: self)
        } catch {
            settle(failed: error, reservation)
            tellLimits(of: error)
            return error
        }
        let usage = assembler.usage
        used = RateBucket.Need(
            input: usage.input + usage.cacheWrite5m + usage.cacheWrite1h, output: usage.output)
        try complete(reservation)
        return nil
    }

    /// Other calls need not find out each for itself that the provider has enough.
    private func tellLimits(of failure: ProviderFailure) {
        guard let permit, case .status(let status) = failure.kind, [429, 503, 529].contains(status) else {
            return
        }
        let pause = status == 429 ? delay(after: failure, attempt: 1) ?? 0 : 0
        gateway.rates.refused(permit, failure.headers, pauseMilliseconds: pause)
    }

    /// Takes the next model of the list; only before anything was answered, because a conversation stays
    /// with the model that began it.
    private func fallBack(_ failure: ProviderFailure) throws(GuestFailure) -> Bool {
        guard models.count > 1, !output.hasContent, failure.kind != .cancelled else { return false }
        if case .status(let status) = failure.kind, status < 500, status != 404 { return false }
        let away = models.removeFirst()
        call.model = models[0]
        do throws(GatewayError) {
            prices = try gateway.prices(of: call.model, at: provider)
        } catch {
            throw GuestFailure(400, "\(error). \(error.hint)")
        }
        gateway.recorder.waited(
            caller, milliseconds: 0,
            reason: "\(away) is away (\(failure)): the conversation begins with \(call.model)")
        return true
    }

    private func complete(_ reservation: Ledger.Reservation) throws(GuestFailure) {
        let usage = counted(assembler.usage)
        settle(reservation, usage, prices.cost(usage), isAnswered: true)
        let notes = session.book.withLock { $0.news(call.request.notes, in: caller.conversation) }
        for note in notes { gateway.recorder.noted(caller, note: note) }
        session.settled(caller, model: call.model, content: assembler.turn["content"]?.arrayValue ?? [])
        do throws(GatewayError) {
            try session.conversations?.record(
                task: caller.task, agent: caller.agent, thread: caller.thread, model: call.model,
                messages: messages, response: assembler.turn, notes: notes,
                atMilliseconds: Clock.wallMilliseconds())
        } catch {
            gateway.recorder.refused(caller, reason: "\(error)")
            throw GuestFailure(500, "\(error)")
        }
        gateway.recorder.recordTurn(caller, messages: messages, response: assembler.message)
        whenDone(assembler.message)
        output.finish(last ?? .stop, assembler.message, assembler.usage)
    }

    private func report(_ failure: ProviderFailure, attempts: Int) -> GuestFailure {
        let reason = attempts > 1 ? "\(failure) (tried \(attempts) times)" : "\(failure)"
        if failure.kind != .cancelled { gateway.recorder.refused(caller, reason: reason) }
        if let guest = overflow(failure) { return guest }
        var told = ProviderFailure(failure.kind, reason)
        told.type = failure.type
        var guest = told.guestFailure
        // What had begun could not be tried again here; the guest can begin anew.
        guest.isWorthRetrying =
            failure.kind == .cancelled || (output.hasContent && delay(after: failure, attempt: 1) != nil)
        return guest
    }

    // MARK: Money

    private func reserve() throws(GuestFailure) -> Ledger.Reservation {
        let worst = prices.worst(
            promptTokens: promptBound ?? prices.context,
            outputTokens: call.request.outputTokens,
            cache: cache)
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
        var wait = Wait(self)
        defer { wait.end() }
        return try session.ledger.reserve(
            worst, for: [.role(caller.role), .agent(caller.agent)],
            waitMilliseconds: limits.reservationMilliseconds, sliceMilliseconds: limits.sliceMilliseconds
        ) {
            wait.tick(limits.reservationMilliseconds, "money reserved by other calls")
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
        settle(reservation, usage, cost, isAnswered: false)
    }

    private func settle(
        _ reservation: Ledger.Reservation, _ usage: TokenUsage, _ cost: Int64, isAnswered: Bool
    ) {
        session.ledger.settle(reservation, microUSD: cost)
        gateway.recorder.settled(
            caller,
            Settlement(
                call: reservation.id, provider: provider.name, model: call.model, usage: usage,
                microUSD: cost, uncachedMicroUSD: isAnswered ? prices.uncachedCost(usage) : cost,
                isAnswered: isAnswered))
    }

    // MARK: Waiting

    private func admit() throws(GuestFailure) {
        guard let part = provider.rateClass(of: call.model) else { return }
        var wait = Wait(self)
        defer { wait.end() }
        let need = RateBucket.Need(
            input: TokenEstimate.tokens(call.request.json), output: call.request.outputTokens)
        permit = gateway.rates.admit(
            "\(provider.name)/\(part)", agent: "\(caller.session)/\(caller.agent)", need: need,
            isCancelled: {
                wait.tick()
                return isCancelled
            },
            onWait: { milliseconds, reason in wait.tick(milliseconds, reason) })
        if permit == nil { throw Self.cancelled("for its turn") }
    }

    /// The guest has gone, or the coordinator is stopping and will be back.
    private static func cancelled(_ what: String) -> GuestFailure {
        GuestFailure(503, "the call was cancelled while waiting \(what)", isWorthRetrying: true)
    }

    /// Waits in slices: a guest that left and a stop end it.
    private func wait(_ milliseconds: Int, _ reason: String) throws(GuestFailure) {
        var wait = Wait(self)
        defer { wait.end() }
        while wait.elapsed < milliseconds {
            wait.tick(milliseconds, reason)
            if isCancelled { throw Self.cancelled("after \(reason)") }
            gateway.pause(milliseconds: min(limits.sliceMilliseconds, max(1, milliseconds - wait.elapsed)))
        }
    }

    /// A wait as the journal and the guest see it: told when it begins and ends; after a while a streaming
    /// guest gets pings, so that its client stays.
    private struct Wait {
        private let call: GatewayCall
        private let begin = Clock.monotonicNanoseconds()
        private var reason: String?
        private var nextPing: Int

        init(_ call: GatewayCall) {
            self.call = call
            nextPing = call.limits.silentMilliseconds
        }

        var elapsed: Int { Int((Clock.monotonicNanoseconds() - begin) / 1_000_000) }

        mutating func tick(_ milliseconds: Int = 0, _ why: String? = nil) {
            if let why, reason != why {
                if reason == nil {
                    call.gateway.recorder.waiting(
                        call.caller, milliseconds: Int64(milliseconds), reason: why)
                }
                reason = why
            }
            guard elapsed >= nextPing else { return }
            nextPing += call.limits.pingMilliseconds
            call.output.keepAlive(isUrgent: true)
        }

        mutating func end() {
            guard let reason else { return }
            call.gateway.recorder.waited(call.caller, milliseconds: Int64(elapsed), reason: reason)
            self.reason = nil
        }
    }
}
