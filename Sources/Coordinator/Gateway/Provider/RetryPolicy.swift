// When a failed call is tried again. The floor grows with every attempt, also under a small Retry-After: a
// provider that keeps saying "one second" would use up all attempts in a few seconds.
import Kit
import Wire

/// The rule, without clock or chance of its own.
struct RetryPolicy: Sendable {
    let limits: GatewayLimits

    /// The delay before the next attempt in milliseconds; nil when there is none.
    /// - Parameters:
    ///   - attempt: The one that failed, from 1.
    ///   - chance: From 0 to 1, spreads callers that failed together.
    func delay(after failure: ProviderFailure, attempt: Int, chance: Double) -> Int? {
        guard isWorthwhile(failure), attempt < attempts(failure.kind) else { return nil }
        let doubled = limits.firstDelayMilliseconds << min(attempt - 1, 20)
        let floor = Double(min(doubled, limits.longestDelayMilliseconds)) * (1 - 0.25 * chance)
        guard let asked = failure.retryAfterMilliseconds else { return Int(floor) }
        guard asked <= limits.longestRetryAfterMilliseconds else { return nil }
        return max(asked, Int(floor))
    }

    private func isWorthwhile(_ failure: ProviderFailure) -> Bool {
        if failure.kind == .cancelled { return false }
        if let said = failure.shouldRetry { return said }
        guard case .status(let status) = failure.kind else { return true }
        return status == 408 || status == 409 || status == 429 || status >= 500
    }

    /// What is busy comes back; what is silent or talks nonsense is not asked all day.
    private func attempts(_ kind: ProviderFailure.Kind) -> Int {
        switch kind {
        case .status: limits.attempts
        case .connection: min(limits.attempts, 6)
        case .idle, .cut, .malformed: min(limits.attempts, 3)
        case .cancelled: 1
        }
    }

    /// `retry-after-ms`, else `retry-after` in seconds or as a date.
    static func retryAfter(_ headers: HTTPHeaders, atMilliseconds now: Int64) -> Int? {
        if let text = headers["retry-after-ms"], let value = Double(text), value >= 0, value < 1e12 {
            return Int(value)
        }
        guard let text = headers["retry-after"] else { return nil }
        if let seconds = Double(text), seconds >= 0, seconds < 1e9 { return Int(seconds * 1000) }
        return CivilTime.httpDate(text).map { max(0, Int($0 - now)) }
    }

    static func shouldRetry(_ headers: HTTPHeaders) -> Bool? {
        switch headers["x-should-retry"] {
        case "true": true
        case "false": false
        default: nil
        }
    }
}
