// Where guests' calls to models end and providers' begin. Guests hold a token of their session; keys, prices,
// budgets and retries are here. The official SDKs work against it unchanged:
// `ANTHROPIC_BASE_URL=http://…/anthropic`, `OPENAI_BASE_URL=http://…/openai/v1`.
import Kit
import Synchronization
import System
import Transfer
import Wire

/// Answers the guests' calls of all sessions. Used from any thread; each call runs on the thread that
/// brings it.
public final class Gateway: Sendable {
    /// What the gateway keeps of a session.
    final class Session: Sendable {
        let ledger: Ledger
        let conversations: Conversations?
        /// By specification; a script's faults are counted per session.
        let providers = Mutex<[String: any ModelProvider]>([:])
        let book: Mutex<ConversationBook>
        let threads: Mutex<ThreadBook>

        init(ledger: Ledger, conversations: Conversations?, limits: GatewayLimits) {
            (self.ledger, self.conversations) = (ledger, conversations)
            book = Mutex(ConversationBook(limit: limits.conversations))
            threads = Mutex(ThreadBook(limit: limits.threadBytes))
        }

        /// What an answer decides for the calls after it.
        func settled(_ caller: Caller, model: String, content: [JSON]) {
            book.withLock { book in
                book[caller.conversation].model = model
                book.keep(thinkingOf: content)
            }
        }
    }

    public let configuration: GatewayConfiguration
    let recorder: any GatewayRecorder
    let retry: RetryPolicy
    let rates: RateLimiter
    let pool: TransferPool
    /// Limits that providers told, by provider and model.
    let learnt = Mutex<[String: LearntLimits]>([:])
    private let sessions = Mutex<[String: Session]>([:])
    private let stopping = Condition(false)

    public init(configuration: GatewayConfiguration, recorder: any GatewayRecorder) {
        (self.configuration, self.recorder) = (configuration, recorder)
        retry = RetryPolicy(limits: configuration.limits)
        rates = RateLimiter(limits: configuration.limits)
        pool = TransferPool(limit: configuration.limits.idleConnections)
    }

    /// Ends every call under way with 503; later ones get the same.
    public func stop() { stopping.withLock { $0 = true } }

    var isStopping: Bool { stopping.withLock { $0 } }

    /// Sleeps until the time is over or the gateway stops.
    func pause(milliseconds: Int) {
        _ = stopping.wait(timeoutMilliseconds: milliseconds) { $0 ? true : nil }
    }

    // MARK: Sessions

    /// Says whether a specification can be used at all: its words, its key, its script, its prices.
    /// - Parameter roles: Whose models must have prices when the specification names none.
    public func check(
        spec: String, roles: [String] = ["architect", "coder", "reviewer", "tester"]
    ) throws(GatewayError) {
        let provider = try makeProvider(spec)
        for role in roles {
            for attempt in 1...2 {
                let models = provider.route.models(primary: provider.model(for: role), attempt: attempt)
                for model in models { _ = try prices(of: model, at: provider) }
            }
        }
    }

    /// Opens a session; its guests may call from now on. Opening again keeps its ledger.
    /// - Parameters:
    ///   - budgetMicroUSD: In millionths of a dollar; nil is no limit.
    ///   - limits: Of roles and agents, beside the budget.
    ///   - spent: What earlier runs settled, and what they reserved and never settled; by account.
    ///   - conversations: The directory of its transcripts; nil keeps none.
    public func open(
        session: String, spec: String, budgetMicroUSD: Int64?, limits: [Ledger.Scope: Int64] = [:],
        spent: [Ledger.Scope: Int64] = [:], conversations: String?
    ) throws(GatewayError) {
        try check(spec: spec)
        var store: Conversations?
        if let conversations { store = try Conversations(directory: conversations) }
        let ledger = Ledger(budget: budgetMicroUSD, limits: limits, spent: spent)
        let fresh = Session(ledger: ledger, conversations: store, limits: configuration.limits)
        sessions.withLock { sessions in
            if sessions[session] == nil { sessions[session] = fresh }
        }
    }

    /// Closes a session: its guests' later calls are refused; those under way end by themselves.
    public func close(session: String) { _ = sessions.withLock { $0.removeValue(forKey: session) } }

    /// The account of a session; nil when it is not open.
    public func ledger(of session: String) -> Ledger? { sessions.withLock { $0[session]?.ledger } }

    /// The transcripts of a session; nil when it is not open or keeps none.
    public func conversations(of session: String) -> Conversations? {
        sessions.withLock { $0[session]?.conversations }
    }

    /// How many agents the providers feed at this moment, and why no more; nil when nothing holds them up.
    public var feeds: (agents: Int, reason: String)? { rates.feeds }

    // MARK: Providers

    func provider(_ caller: Caller) throws(GatewayError) -> (Session, any ModelProvider) {
        guard let session = sessions.withLock({ $0[caller.session] }) else {
            throw .unknownSession(caller.session)
        }
        if let known = session.providers.withLock({ $0[caller.spec] }) { return (session, known) }
        let made = try makeProvider(caller.spec)
        // Two calls may both be the first; the provider that stays is the one that both use.
        let kept = session.providers.withLock { providers in
            let kept = providers[caller.spec] ?? made
            providers[caller.spec] = kept
            return kept
        }
        return (session, kept)
    }

    func makeProvider(_ text: String) throws(GatewayError) -> any ModelProvider {
        let route = try ModelRoute.parse(text)
        switch route.spec {
        case .script(let file):
            return ScriptProvider(try Script.load(file), route: route, limits: configuration.limits)
        case .anthropic:
            guard let key = configuration.anthropicKey else {
                throw .credentials(provider: "anthropic", variable: "ANTHROPIC_API_KEY")
            }
            let url = try providerURL(configuration.anthropicURL, "ANTHROPIC_BASE_URL", hasKey: true)
            return AnthropicProvider(
                url: url, key: key, route: route, configuration: configuration, pool: pool)
        case .openAI(let model, let given):
            let named = given ?? configuration.openAIURL ?? "https://api.openai.com/v1"
            let url = try providerURL(named, given == nil ? "OPENAI_BASE_URL" : text, hasKey: false)
            // A key goes only to the server that it is for: OpenAI's, or the one that the environment names.
            let isKeyed = given == nil || given == configuration.openAIURL || url.host.hasSuffix("openai.com")
            let key = isKeyed && (url.isEncrypted || url.isLocal) ? configuration.openAIKey : nil
            if key == nil, url.host.hasSuffix("openai.com") {
                throw .credentials(provider: "openai", variable: "OPENAI_API_KEY")
            }
            return OpenAIProvider(
                url: url, key: key, modelName: model, route: route, configuration: configuration, pool: pool)
        }
    }

    private func providerURL(
        _ text: String, _ source: String, hasKey: Bool
    ) throws(GatewayError) -> ProviderURL {
        guard let url = ProviderURL(text) else {
            throw .badSpec(given: source, reason: "\"\(text)\" is not an http:// or https:// URL")
        }
        if hasKey, !url.isEncrypted, !url.isLocal {
            throw .badSpec(given: source, reason: "\(text) would get the key in the clear; use https://")
        }
        return url
    }

    func prices(of model: String, at provider: any ModelProvider) throws(GatewayError) -> CallPrices {
        if let known = configuration.prices.model(model) {
            return CallPrices(known, atMilliseconds: Clock.wallMilliseconds())
        }
        guard provider.isFree else { throw .unpriced(model: model, provider: provider.name) }
        return .free
    }
}
