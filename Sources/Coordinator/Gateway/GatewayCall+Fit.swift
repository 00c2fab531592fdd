// Making a call fit: the model's limits, the budget, and what a provider says when something does not. A
// smaller answer is worth more than none, so nothing is refused that a shorter longest answer would make
// possible.
import Kit
import Synchronization

extension GatewayCall {
    /// The most that the prompt can have, in tokens; nil when only the model's context bounds it. Of
    /// documents nobody here can say it, so the provider is asked, once for each.
    var promptBound: Int? {
        guard var tokens = call.request.promptTokens else { return nil }
        guard provider.takesDocuments else { return tokens }
        for document in call.request.documents {
            guard let counted = count(document) else { return nil }
            tokens += counted
        }
        return tokens
    }

    /// How the prompt may be written to the provider's cache.
    var cache: CacheUse {
        call.request.cache == .none && provider.writesCache ? .short : call.request.cache
    }

    private func count(_ document: JSON) -> Int? {
        let key = "\(learntKey)/\(Digest.sha256Hex(document["source"]?.serialized() ?? []))"
        if let known = session.book.withLock({ $0.documents[key] }) { return known }
        var alone: JSON = document
        alone["cache_control"] = nil
        let question: JSON = ["messages": [["role": "user", "content": [alone]]]]
        guard let request = try? MessagesRequest(question, isCount: true) else { return nil }
        let call = ProviderCall(caller: caller, request: request, model: call.model, beta: nil)
        guard let counted = try? provider.countTokens(call, cancel: self) else { return nil }
        // What is told is an estimate, by the provider's own words.
        let most = counted + counted / 10 + 100
        session.book.withLock { $0.keep(document: key, tokens: most) }
        return most
    }

    /// Our own count of the prompt, for want of a better one.
    private var estimate: Int {
        TokenEstimate.tokens(bytes: promptBound ?? call.request.json.serialized().count)
    }

    /// The request with as long an answer as the model and the money allow.
    func fitted() -> MessagesRequest {
        var request = call.request
        let learnt = learnt
        let most = min(prices.maxOutput, learnt.output ?? .max)
        request = request.limited(to: most, because: "the model gives no longer answer")
        if let window = learnt.window {
            let floor = min(least(of: request), window / 4)
            request = request.limited(
                to: max(window - estimate, floor), because: "the model's window has \(window) tokens")
        }
        return payable(request)
    }

    /// A prompt that is longer than the window by any count. Some servers would cut off its beginning and say
    /// nothing.
    func tooLong() -> GuestFailure? {
        guard provider.isFree, let window = learnt.window, estimate > window else { return nil }
        return Self.tooLong(estimate, window, "the window of \(call.model) at \(provider.name)")
    }

    /// The least that an answer is worth a call for; a guest that asks for less is content with less.
    private func least(of request: MessagesRequest) -> Int {
        min(request.outputTokens, limits.leastOutputTokens)
    }

    private func payable(_ request: MessagesRequest) -> MessagesRequest {
        guard let money = session.ledger.payable([.role(caller.role), .agent(caller.agent)]) else {
            return request
        }
        let paid = prices.outputTokens(
            for: money, promptTokens: promptBound ?? prices.context, upTo: request.outputTokens,
            cache: cache)
        guard paid < request.outputTokens, paid >= least(of: request) else { return request }
        return request.limited(to: paid, because: "the budget does not pay a longer answer", isTold: false)
    }

    // MARK: What the provider says

    private var learntKey: String { "\(provider.name)/\(call.model)" }

    private var learnt: LearntLimits {
        var limits = gateway.learnt.withLock { $0[learntKey] } ?? LearntLimits()
        if let given = provider.route.context {
            limits.window = min(given, limits.window ?? given)
        } else if provider.isFree, !limits.isAsked {
            // Once, before the first call: a server that cuts a prompt off does not say that it did.
            limits.window = limits.window ?? provider.window(of: call.model)
            limits.isAsked = true
            let kept = limits
            gateway.learnt.withLock { $0[learntKey] = kept }
        }
        return limits
    }

    private func learn(_ change: (inout LearntLimits) -> Void) {
        gateway.learnt.withLock { change(&$0[learntKey, default: LearntLimits()]) }
    }

    /// Makes the request smaller after a refusal that a smaller one would not meet.
    /// - Returns: False when nothing is left to be made smaller.
    func adapt(to failure: ProviderFailure) -> Bool {
        guard !output.hasContent, adaptations < limits.adaptations,
            let complaint = Complaint(failure, hasPictures: call.request.hasPictures)
        else { return false }
        adaptations += 1
        switch complaint {
        case .picture(let message):
            // One after the other is named; after the second nobody waits for the third.
            var refused = Pictures.digests(in: call.request.messages, of: adaptations > 2 ? nil : message)
            if refused.isEmpty { refused = Pictures.digests(in: call.request.messages, of: nil) }
            session.book.withLock { $0.refuse(refused, by: learntKey) }
            call.request = call.request.with(
                messages: Pictures.removing(refused, from: call.request.messages),
                note: "\(refused.count) pictures were replaced by a sentence: \(failure)")
            return true
        case .output(let most):
            guard most < call.request.outputTokens else { return false }
            learn { $0.output = most }
            call.request = call.request.limited(to: most, because: "\(failure)")
            return true
        case .window(let told, let prompt):
            guard let window = told ?? learnt.window ?? provider.window(of: call.model), window > 0 else {
                return false
            }
            learn { $0.window = window }
            // Without a count of theirs ours is taken, and a little more.
            let used = prompt ?? estimate / 4 * 5
            let room = window - used - Self.marginTokens
            guard room >= min(least(of: call.request), window / 8), room < call.request.outputTokens else {
                return false
            }
            call.request = call.request.limited(to: room, because: "\(failure)")
            return true
        }
    }

    /// Servers add a few tokens of their own to a prompt.
    private static let marginTokens = 16

    /// A prompt that is too long, in the words that programs know: they sum up and ask again.
    func overflow(_ failure: ProviderFailure) -> GuestFailure? {
        guard case .window(let told, let prompt) = Complaint(failure, hasPictures: false) else { return nil }
        return Self.tooLong(prompt ?? estimate, told ?? learnt.window, "\(failure)")
    }

    private static func tooLong(_ tokens: Int, _ window: Int?, _ reason: String) -> GuestFailure {
        let most = window.map { " > \($0) maximum" } ?? ""
        var guest = GuestFailure(400, "prompt is too long: \(tokens) tokens\(most) (\(reason))")
        guest.code = "context_length_exceeded"
        return guest
    }

    // MARK: What it cost

    /// The usage as the provider told it, but never nothing for what was sent and came.
    func counted(_ usage: TokenUsage) -> TokenUsage {
        guard !prices.isFree else { return usage }
        var usage = usage
        if usage.prompt == 0 { usage.input = estimate }
        if usage.output == 0 { usage.output = TokenEstimate.tokens(bytes: assembler.outputBytes) }
        return usage
    }
}
