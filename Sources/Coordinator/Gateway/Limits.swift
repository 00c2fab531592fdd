// Every bound of the gateway, with its unit and its reason.

/// How much the gateway takes, and how long it waits.
public struct GatewayLimits: Sendable, Hashable {
    /// The largest request of a guest, in bytes; the Messages API takes no more either.
    public var requestBytes = 32 << 20
    /// The longest event of a provider's stream, in bytes: a whole tool input may come in one.
    public var eventBytes = 8 << 20
    /// How much of a provider's error page is read, in bytes; enough for its message.
    public var errorBytes = 64 << 10
    /// Until a provider's connection stands, TLS included.
    public var connectMilliseconds = 10_000
    /// How long a stream may bring nothing before it counts as dead.
    public var idleMilliseconds = 300_000
    /// How long a whole answer may take; pings alone would keep it going for ever.
    public var wallMilliseconds = 900_000
    /// How many calls of one provider and model class may be under way at first; more with every call that
    /// it accepts, because a sudden ramp trips limits of its own.
    public var firstParallelCalls = 2
    /// And at most.
    public var parallelCalls = 256
    /// How often a conversation's first call is tried before the next model of its list is.
    public var fallbackAttempts = 3
    /// The shortest answer that is worth a call, in tokens; a request for less is for less.
    public var leastOutputTokens = 1024
    /// How often one call is made smaller because the provider said that it does not fit.
    public var adaptations = 4
    /// Waits shorter than this are not told: nobody would see them.
    public var toldMilliseconds = 50
    /// Conversations of a session whose model, notes and thinking are kept in memory.
    public var conversations = 1000
    /// How often one call is tried before the guest hears of the failure.
    public var attempts = 10
    /// The first delay between two attempts; it doubles each time.
    public var firstDelayMilliseconds = 500
    /// The longest delay of our own; a provider may ask for more.
    public var longestDelayMilliseconds = 60_000
    /// The longest delay that a provider may ask for; with a longer one the call fails and says so.
    public var longestRetryAfterMilliseconds = 3_600_000
    /// How long a call may wait for money that other calls have reserved and will mostly give back.
    public var reservationMilliseconds = 600_000
    /// After this much waiting a streaming guest gets the head of its answer, so that its client stays.
    public var silentMilliseconds = 20_000
    /// How often such a guest then gets a `ping`.
    public var pingMilliseconds = 10_000
    /// How fast a guest that left or a stop is noticed while waiting.
    public var sliceMilliseconds = 100
    /// What `max_tokens` is when an OpenAI-style request does not say.
    public var defaultOutputTokens = 8192
    /// Connections kept to one provider; more can be open at once.
    public var idleConnections = 8

    /// Conversations that a session's guests let the gateway hold, in bytes of their requests.
    public var threadBytes = 64 << 20
    /// What a stronger model is told of an earlier attempt, in characters.
    static let handOverCharacters = 2000

    public init() {}
}
