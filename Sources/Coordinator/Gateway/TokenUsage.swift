// What a call used, in the words of the Messages API.
import Kit

/// Tokens of one answer. The prompt is the sum of everything but `output`.
public struct TokenUsage: Sendable, Hashable, Codable {
    /// Read at the full price: neither written to the cache nor read from it.
    public var input: Int
    /// Written to the cache for five minutes.
    public var cacheWrite5m: Int
    /// Written to the cache for an hour.
    public var cacheWrite1h: Int
    public var cacheRead: Int
    /// Thinking included.
    public var output: Int

    enum CodingKeys: String, CodingKey {
        case input, output
        case cacheWrite5m = "cache_write_5m"
        case cacheWrite1h = "cache_write_1h"
        case cacheRead = "cache_read"
    }

    public init(
        input: Int = 0, cacheWrite5m: Int = 0, cacheWrite1h: Int = 0, cacheRead: Int = 0, output: Int = 0
    ) {
        (self.input, self.output) = (input, output)
        (self.cacheWrite5m, self.cacheWrite1h, self.cacheRead) = (cacheWrite5m, cacheWrite1h, cacheRead)
    }

    /// The most tokens that a count of a provider is taken for: a thousand times what the longest prompt has,
    /// and few enough that their price is a number.
    static let most = 1 << 32

    /// The length of the prompt, which decides the tier of a price.
    public var prompt: Int { input + cacheWrite5m + cacheWrite1h + cacheRead }

    /// Takes the fields that a `usage` object has. They are totals: they replace, they never add up.
    mutating func update(from usage: JSON) {
        func count(_ json: JSON?) -> Int? { json?.clamped(to: 0...TokenUsage.most) }
        if let value = count(usage["input_tokens"]) { input = value }
        if let value = count(usage["output_tokens"]) { output = value }
        if let value = count(usage["cache_read_input_tokens"]) { cacheRead = value }
        if let created = usage["cache_creation"], created.objectValue != nil {
            if let value = count(created["ephemeral_5m_input_tokens"]) { cacheWrite5m = value }
            if let value = count(created["ephemeral_1h_input_tokens"]) { cacheWrite1h = value }
        } else if let value = count(usage["cache_creation_input_tokens"]) {
            // Only the total is known; what is not for an hour is for five minutes.
            cacheWrite5m = max(0, value - cacheWrite1h)
        }
    }

    /// As the `usage` of a message.
    var json: JSON {
        [
            "input_tokens": JSON(input), "output_tokens": JSON(output),
            "cache_creation_input_tokens": JSON(cacheWrite5m + cacheWrite1h),
            "cache_read_input_tokens": JSON(cacheRead),
        ]
    }
}
