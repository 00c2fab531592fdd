// What more is known of a call of a model than who made it and what it cost.

/// Part of `model.settled`; journals of earlier versions have none.
public struct ModelUse: Sendable, Hashable, Codable {
    /// The reservation that it settles.
    public var call: String
    public var role: String
    public var provider: String
    /// Of the prompt, in tokens.
    public var cacheRead: Int
    public var cacheWrite: Int
    /// What it would have cost without the provider's cache.
    public var uncached: Int64
    /// False for an attempt that gave no answer.
    public var isAnswered: Bool

    enum CodingKeys: String, CodingKey {
        case call, role, provider
        case cacheRead = "cache_read"
        case cacheWrite = "cache_write"
        case uncached = "uncached_microusd"
        case isAnswered = "answered"
    }

    public init(
        call: String, role: String, provider: String, cacheRead: Int = 0, cacheWrite: Int = 0,
        uncached: Int64, isAnswered: Bool
    ) {
        (self.call, self.role, self.provider) = (call, role, provider)
        (self.cacheRead, self.cacheWrite, self.uncached) = (cacheRead, cacheWrite, uncached)
        self.isAnswered = isAnswered
    }
}
