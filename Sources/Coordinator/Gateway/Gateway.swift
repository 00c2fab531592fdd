// Where guests' calls to models end and providers' begin. Guests hold a token of their session; keys, prices,
// budgets and retries are here. The official SDKs work against it unchanged:
// `ANTHROPIC_BASE_URL=http://…/anthropic`, `OPENAI_BASE_URL=http://…/openai/v1`.
import Kit
import Synchronization
import System
import Transfer
public import Wire

/// Answers the guests' calls of all sessions. Used from any thread; each call runs on the thread that
/// brings it.
public final class Gateway: Sendable {
    /// What the gateway keeps of a session.
    struct Session: Sendable {
        let ledger: Ledger
        let conversations: Conversations?
        /// By specification; a script's faults are counted per session.
        var providers: [String: any ModelProvider] = [:]
    }

    public let configuration: GatewayConfiguration
    let recorder: any GatewayRecorder
    let retry: RetryPolicy
    let gate = RateGate()
    private let pool: TransferPool
    private let sessions = Mutex<[String: Session]>([:])
    private let stopping = Condition(false)

    public init(configuration: GatewayConfiguration, recorder: any GatewayRecorder) {
        (self.configuration, self.recorder) = (configuration, recorder)
        retry = RetryPolicy(limits: configuration.limits)
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
        for role in roles { _ = try prices(of: provider.model(for: role), at: provider) }
    }

    /// Opens a session; its guests may call from now on. Opening again keeps its ledger.
    /// - Parameters:
    ///   - budgetMicroUSD: In millionths of a dollar; nil is no limit.
    ///   - spentMicroUSD: What earlier runs settled, and what they reserved and never settled.
    ///   - conversations: The directory of its transcripts; nil keeps none.
    public func open(
        session: String, spec: String, budgetMicroUSD: Int64?, spentMicroUSD: Int64 = 0,
        conversations: String?
    ) throws(GatewayError) {
        try check(spec: spec)
        var store: Conversations?
        if let conversations { store = try Conversations(directory: conversations) }
        let fresh = Session(
            ledger: Ledger(budget: budgetMicroUSD, spent: spentMicroUSD), conversations: store)
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

    // MARK: Providers

    private func provider(_ caller: Caller) throws(GatewayError) -> (Session, any ModelProvider) {
        guard let session = sessions.withLock({ $0[caller.session] }) else {
            throw .unknownSession(caller.session)
        }
        if let known = session.providers[caller.spec] { return (session, known) }
        let made = try makeProvider(caller.spec)
        // Two calls may both be the first; the provider that stays is the one that both use.
        let kept = sessions.withLock { sessions in
            let kept = sessions[caller.session]?.providers[caller.spec] ?? made
            sessions[caller.session]?.providers[caller.spec] = kept
            return kept
        }
        return (session, kept)
    }

    private func makeProvider(_ text: String) throws(GatewayError) -> any ModelProvider {
        switch try ModelSpec.parse(text) {
        case .script(let file):
            return ScriptProvider(try Script.load(file), limits: configuration.limits)
        case .anthropic(let model):
            guard let key = configuration.anthropicKey else {
                throw .credentials(provider: "anthropic", variable: "ANTHROPIC_API_KEY")
            }
            let url = try providerURL(configuration.anthropicURL, "ANTHROPIC_BASE_URL", hasKey: true)
            return AnthropicProvider(
                url: url, key: key, fixedModel: model, configuration: configuration, pool: pool)
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
                url: url, key: key, modelName: model, configuration: configuration, pool: pool)
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

    private func prices(of model: String, at provider: any ModelProvider) throws(GatewayError) -> CallPrices {
        if let known = configuration.prices.model(model) {
            return CallPrices(known, atMilliseconds: Clock.wallMilliseconds())
        }
        guard provider.isFree else { throw .unpriced(model: model, provider: provider.name) }
        return .free
    }

    // MARK: Requests

    /// What is read of a request before `handle`: nothing. `handle` reads the body itself, up to its own
    /// limit.
    public static let bodyPlan = HTTPServer.BodyPlan.stream

    /// True for the paths that `handle` answers.
    public static func owns(path: String) -> Bool {
        path == "/anthropic" || path == "/openai" || path.hasPrefix("/anthropic/")
            || path.hasPrefix("/openai/")
    }

    /// Answers a guest's request; returns when it is answered. Whoever calls has authenticated the guest.
    /// - Parameter request: With its body, when the server collected it; else the body is read here.
    public func handle(_ request: HTTPRequest, _ exchange: HTTPExchange, caller: Caller) {
        let requestID = "req_" + Random.hex(12)
        let isChat = request.path.hasPrefix("/openai/")
        let chat = ChatAnswer(
            id: requestID, createdMilliseconds: Clock.wallMilliseconds(), includesUsage: false)
        let plain = GuestOutput(exchange, requestID: requestID, isStreaming: false, chat: isChat ? chat : nil)
        var caller = caller
        if caller.task == nil, let task = request.headers["x-openclaw-task"], task.utf8.count <= 64 {
            caller.task = task
        }
        do throws(GuestFailure) {
            if isStopping { throw GuestFailure(503, "the coordinator is stopping") }
            switch (request.method, request.path) {
            case ("POST", "/anthropic/v1/messages"):
                try messages(try body(request, exchange), request, exchange, caller, requestID)
            case ("POST", "/anthropic/v1/messages/count_tokens"):
                try count(try body(request, exchange), request, plain, caller)
            case ("POST", "/openai/v1/chat/completions"):
                try completions(try body(request, exchange), exchange, caller, requestID)
            case ("GET", let path) where path.hasPrefix("/anthropic/v1/models"):
                try models(path.dropFirst("/anthropic/v1/models".utf8.count), plain, caller, isChat: false)
            case ("GET", let path) where path.hasPrefix("/openai/v1/models"):
                try models(path.dropFirst("/openai/v1/models".utf8.count), plain, caller, isChat: true)
            default:
                throw GuestFailure(404, "\(request.method) \(request.path) is not served here")
            }
        } catch {
            plain.fail(error)
        }
    }

    private func body(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(GuestFailure) -> JSON {
        let limit = configuration.limits.requestBytes
        let bytes: [UInt8]
        do throws(HTTPError) {
            bytes = request.body.isEmpty ? try exchange.collectBody(limit: limit) : request.body
        } catch {
            throw GuestFailure(error.status, "\(error)")
        }
        guard bytes.count <= limit else {
            throw GuestFailure(413, "the request is larger than \(limit) bytes")
        }
        do throws(JSONError) {
            return try JSON.parse(bytes)
        } catch {
            throw .invalid("the request's body: \(error)")
        }
    }

    private func messages(
        _ json: JSON, _ http: HTTPRequest, _ exchange: HTTPExchange, _ caller: Caller, _ requestID: String
    ) throws(GuestFailure) {
        let request = try MessagesRequest(json)
        let beta = try Beta.check(http.headers)
        let output = GuestOutput(exchange, requestID: requestID, isStreaming: request.isStreaming)
        try run(request, beta, caller, output)
    }

    private func completions(
        _ json: JSON, _ exchange: HTTPExchange, _ caller: Caller, _ requestID: String
    ) throws(GuestFailure) {
        let translated = try ChatRequest.messages(
            from: json, defaultOutputTokens: configuration.limits.defaultOutputTokens)
        let request = try MessagesRequest(translated)
        let answer = ChatAnswer(
            id: requestID, createdMilliseconds: Clock.wallMilliseconds(),
            includesUsage: json["stream_options"]?["include_usage"] == true)
        let output = GuestOutput(
            exchange, requestID: requestID, isStreaming: request.isStreaming, chat: answer)
        try run(request, nil, caller, output)
    }

    private func run(
        _ request: MessagesRequest, _ beta: String?, _ caller: Caller, _ output: GuestOutput
    ) throws(GuestFailure) {
        let (session, provider, model, prices) = try resolve(caller)
        let call = ProviderCall(caller: caller, request: request, model: model, beta: beta)
        GatewayCall(self, session, provider, call, prices, output).run()
    }

    private func resolve(
        _ caller: Caller
    ) throws(GuestFailure) -> (Session, any ModelProvider, String, CallPrices) {
        do throws(GatewayError) {
            let (session, provider) = try provider(caller)
            let model = provider.model(for: caller.role)
            return (session, provider, model, try prices(of: model, at: provider))
        } catch {
            recorder.refused(caller, reason: "\(error)")
            throw GuestFailure(error.isCredentials ? 502 : 400, "\(error). \(error.hint)")
        }
    }

    private func count(
        _ json: JSON, _ http: HTTPRequest, _ output: GuestOutput, _ caller: Caller
    ) throws(GuestFailure) {
        let request = try MessagesRequest(json, isCount: true)
        let beta = try Beta.check(http.headers)
        let (_, provider, model, _) = try resolve(caller)
        let call = ProviderCall(caller: caller, request: request, model: model, beta: beta)
        do throws(ProviderFailure) {
            let tokens = try provider.countTokens(call, cancel: OutputCancellation(self, output))
            output.respond(200, ["input_tokens": JSON(tokens)])
        } catch {
            throw error.guestFailure
        }
    }

    /// A guest has one model.
    private func models(
        _ rest: Substring, _ output: GuestOutput, _ caller: Caller, isChat: Bool
    ) throws(GuestFailure) {
        let (_, _, model, _) = try resolve(caller)
        var entry: JSON = ["id": .string(model)]
        if isChat {
            entry["object"] = "model"
            entry["created"] = 0
            entry["owned_by"] = "openclaw"
        } else {
            entry["type"] = "model"
            entry["display_name"] = .string(model)
            entry["created_at"] = "1970-01-01T00:00:00Z"
        }
        if rest.isEmpty || rest == "/" {
            var list: JSON = ["data": [entry]]
            if isChat {
                list["object"] = "list"
            } else {
                list["has_more"] = false
                list["first_id"] = .string(model)
                list["last_id"] = .string(model)
            }
            return output.respond(200, list)
        }
        guard rest == "/\(model)" else {
            throw GuestFailure(404, "the model of \(caller.agent) is \(model); there is no other")
        }
        output.respond(200, entry)
    }
}

/// For calls that are short enough to need no more.
private final class OutputCancellation: Cancellation {
    private let gateway: Gateway
    private let output: GuestOutput

    init(_ gateway: Gateway, _ output: GuestOutput) { (self.gateway, self.output) = (gateway, output) }

    var isCancelled: Bool { gateway.isStopping || output.isGone }
}

/// The values of `anthropic-beta` that change neither what a call costs nor how far it reaches.
enum Beta {
    private static let known = [
        "fine-grained-tool-streaming-", "interleaved-thinking-", "prompt-caching-", "extended-cache-ttl-",
        "token-efficient-tools-", "output-128k-", "context-management-", "effort-", "structured-outputs-",
        "tool-examples-", "max-tokens-", "pdfs-", "token-counting-", "computer-use-",
    ]

    static func check(_ headers: HTTPHeaders) throws(GuestFailure) -> String? {
        let values = headers.tokens("anthropic-beta")
        for value in values where !known.contains(where: { value.hasPrefix($0) }) {
            throw .invalid("anthropic-beta: this gateway does not pass on \(value)")
        }
        return values.isEmpty ? nil : values.joined(separator: ",")
    }
}
