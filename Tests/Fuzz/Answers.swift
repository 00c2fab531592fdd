// What must hold of whatever a provider or a forge answers: it is an answer or a refusal, its numbers can be
// reckoned with, and nobody waits for ever.
import Kit
import System
import Transfer
import Wire

@testable import Agent
@testable import Delivery
@testable import Gateway

/// An answer as bytes: `STATUS`, header lines, an empty line, the body. Whatever is none of these is left
/// out.
private struct RawAnswer {
    var status = 200
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        func line() -> String? {
            guard let end = rest.firstIndex(of: 0x0A) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        status = line().flatMap { ForeignNumber.decimal($0, in: 100...599) } ?? 200
        while let text = line(), !text.isEmpty {
            guard let colon = text.firstIndex(of: ":") else { continue }
            headers.add(String(text[..<colon]), String(text[text.index(after: colon)...].drop { $0 == " " }))
        }
        body = Array(rest)
    }
}

/// The way of one answer through the gateway, to the guest and into the books.
final class ProviderCheck: EventSink {
    private let answer: RawAnswer
    private var events: [MessageEvent] = []

    init(_ bytes: [UInt8]) { answer = RawAnswer(bytes) }

    var isCancelled: Bool { false }
    func accepted(_ headers: HTTPHeaders) {}
    func receive(_ event: MessageEvent) -> Bool {
        events.append(event)
        return true
    }

    func run(_ target: FuzzTarget) throws(Broken) {
        let failure: ProviderFailure? =
            switch target {
            case .messages: read(AnthropicTranslator(name: "t"))
            case .chat: read(ChatTranslator(name: "t", model: "m", promptTokens: 7))
            default: read(ResponsesTranslator(name: "t", model: "m"))
            }
        if let failure { try checkRetry(failure) }
        try checkRates()
        try checkBooks()
        try checkAgent()
    }

    private func read(_ translator: some StreamTranslator) -> ProviderFailure? {
        let reader = StreamReader(translator, into: self, name: "t", limits: GatewayLimits())
        reader.head(answer.status, answer.headers)
        _ = reader.body(answer.body)
        do throws(ProviderFailure) {
            try reader.finish(nil)
            return nil
        } catch {
            return error
        }
    }

    private func checkRetry(_ failure: ProviderFailure) throws(Broken) {
        let limits = GatewayLimits()
        let longest = max(limits.longestRetryAfterMilliseconds, limits.longestDelayMilliseconds)
        for attempt in 1...3 {
            let delay = RetryPolicy(limits: limits).delay(after: failure, attempt: attempt, chance: 0)
            try require(delay.map { (0...longest).contains($0) } ?? true, "a wait of \(delay ?? 0) ms")
        }
        _ = failure.guestFailure.json(requestID: "r")
        let told: [Int?] =
            switch Complaint(failure, hasPictures: true) {
            case .window(let window, let prompt): [window, prompt]
            case .output(let most): [most]
            case .picture(let message): [message]
            case nil: []
            }
        try require(
            told.allSatisfy { (0...ForeignNumber.most).contains($0 ?? 0) }, "a length out of bounds: \(told)")
    }

    private var usage: TokenUsage {
        var assembler = MessageAssembler()
        for event in events { assembler.receive(event) }
        return assembler.usage
    }

    private func checkRates() throws(Broken) {
        let report = RateReport(answer.headers, atMilliseconds: 1_700_000_000_000)
        var bucket = RateBucket(first: 2, widest: 4)
        let usage = usage
        for now in [0, 1, 100_000_000] as [Int64] {
            let ticket = bucket.enqueue("a", RateBucket.Need(input: 10, output: 10_000_000))
            switch bucket.attempt(ticket, now: now) {
            case .go:
                bucket.accepted(ticket, report, now: now)
                bucket.finish(
                    ticket, used: RateBucket.Need(input: usage.input, output: usage.output), now: now)
            case .wait(let milliseconds, _):
                try require((0...RateReport.longest).contains(milliseconds), "a wait of \(milliseconds) ms")
                bucket.leave(ticket)
            }
            _ = bucket.feeds(now: now)
        }
    }

    private func checkBooks() throws(Broken) {
        let usage = usage
        let counts = [usage.input, usage.cacheRead, usage.cacheWrite5m, usage.cacheWrite1h, usage.output]
        try require(counts.allSatisfy { (0...TokenUsage.most).contains($0) }, "a count out of bounds")
        let rates = PriceList.Rates(
            input: 75_000_000, cacheWrite5m: 94_000_000, cacheWrite1h: 150_000_000, cacheRead: 7_500_000,
            output: 375_000_000)
        let prices = CallPrices(
            tiers: [PriceList.Tier(above: 0, rates: rates)], context: 1 << 20, maxOutput: 1 << 17)
        let ledger = Ledger(budget: nil)
        for _ in 0..<3 {
            guard let held = try? ledger.reserve(1000) else { throw Broken(description: "no limit refuses") }
            ledger.settle(held, microUSD: prices.cost(usage))
        }
        let account = ledger.snapshot
        try require(account.spent >= 0 && account.reserved == 0, "an account of \(account.spent)")
        _ = prices.uncachedCost(usage)
    }

    /// Every form in which a guest may want it.
    private func checkAgent() throws(Broken) {
        var chat = ChatAnswer(id: "c", createdMilliseconds: 0, includesUsage: true)
        var responses = ResponsesAnswer(id: "r", createdMilliseconds: 0)
        var assembler = MessageAssembler()
        var agent = AnswerAssembler()
        for event in events {
            assembler.receive(event)
            _ = chat.chunks(event)
            _ = responses.events(event)
            agent.take(ServerSentEvent(event: event.type, data: event.text ?? event.data.text))
        }
        _ = (chat.tail(assembler.usage), responses.tail(assembler.usage))
        _ = chat.completion(assembler.message, assembler.usage)
        _ = responses.response(assembler.message, assembler.usage)
        guard let answer = agent.answer else { return }
        try require(answer.inputTokens >= 0 && answer.outputTokens >= 0, "an answer of negative length")
        try require(answer.inputTokens + answer.outputTokens >= 0, "a conversation of negative length")
    }
}

/// The same answer to everything that is asked of a forge.
func checkForge(_ bytes: [UInt8], _ target: FuzzTarget) throws(Broken) {
    let answer = RawAnswer(bytes)
    let api = "https://forge.example/api"
    guard
        let place = try? ForgePlace(
            remote: "https://forge.example/acme/widgets.git", provider: target.rawValue, api: api)
    else { throw Broken(description: "no place") }
    func arranged(_ client: ForgeClient) -> ForgeClient {
        var client = client
        client.transfer = { (_, receiver) throws(TransferFailure) in
            receiver.head(answer.status, answer.headers)
            if !receiver.body(answer.body) { throw TransferFailure(kind: .ended, message: "too long") }
        }
        client.pause = { _ in }
        client.limits.answerBytes = 10_000
        return client
    }
    let forge: any Forge
    switch target {
    case .github:
        var made = GitHubForge(place, token: nil)
        made.client = arranged(made.client)
        forge = made
    case .gitlab:
        var made = GitLabForge(place, token: nil)
        made.client = arranged(made.client)
        forge = made
    default:
        var made = GiteaForge(place, token: nil)
        made.client = arranged(made.client)
        forge = made
    }
    let wish = ForgeWish(branch: "openclaw/s", base: "main", title: "T", text: "x", isDraft: false)
    var pull = ForgePull(number: .max, url: "u", state: .open, isDraft: true, commit: "c")
    func ask(_ body: () throws(ForgeError) -> Void) throws(Broken) {
        do throws(ForgeError) {
            try body()
        } catch {
            if case .limited(let milliseconds) = error.kind {
                try require((0...86_401_000).contains(milliseconds), "a wait of \(milliseconds) ms")
            }
            try require(error.message.utf8.count < 20_000, "a complaint without end")
        }
    }
    try ask { () throws(ForgeError) in if let found = try forge.find(branch: "openclaw/s") { pull = found } }
    try ask { () throws(ForgeError) in pull = try forge.open(wish) }
    try ask { () throws(ForgeError) in pull = try forge.update(pull, wish) }
    try ask { () throws(ForgeError) in try forge.decorate(pull, labels: ["a"], reviewers: ["b"]) }
    try ask { () throws(ForgeError) in try forge.merge(pull, commit: "c") }
    try ask { () throws(ForgeError) in
        let checks = try forge.checks(of: "c")
        if checks.count < checks.failures.count { throw ForgeError(.strange, "counted") }
    }
    try ask { () throws(ForgeError) in _ = try forge.issue(7) }
}
