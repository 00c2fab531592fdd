// What the headers of an answer say about a provider's limits.
import Kit
import Wire

/// Limits as one answer told them.
struct RateReport: Sendable, Hashable {
    /// What is limited. Providers count requests, and tokens together or by direction.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case requests, tokens
        case inputTokens = "input-tokens"
        case outputTokens = "output-tokens"
    }

    struct Line: Sendable, Hashable {
        var limit: Int
        var remaining: Int
        /// Until the limit is whole again, in milliseconds.
        var resetMilliseconds: Int
    }

    var lines: [Kind: Line] = [:]

    /// Reads `anthropic-ratelimit-…` and `x-ratelimit-…`; what is missing or makes no sense is left out.
    init(_ headers: HTTPHeaders, atMilliseconds now: Int64) {
        for kind in Kind.allCases {
            let prefix = "anthropic-ratelimit-\(kind.rawValue)"
            let reset = headers["\(prefix)-reset"].flatMap(CivilTime.rfc3339).map { Int(max(0, $0 - now)) }
            add(kind, headers["\(prefix)-limit"], headers["\(prefix)-remaining"], reset)
        }
        for kind in [Kind.requests, .tokens] where lines[kind] == nil {
            let reset = headers["x-ratelimit-reset-\(kind.rawValue)"].flatMap(RateReport.duration)
            add(
                kind, headers["x-ratelimit-limit-\(kind.rawValue)"],
                headers["x-ratelimit-remaining-\(kind.rawValue)"], reset)
        }
    }

    private mutating func add(_ kind: Kind, _ limit: String?, _ remaining: String?, _ reset: Int?) {
        guard let limit = limit.flatMap({ Int($0) }), (1...RateReport.most).contains(limit),
            let remaining = remaining.flatMap({ Int($0) }), (0...RateReport.most).contains(remaining)
        else { return }
        lines[kind] = Line(
            limit: limit, remaining: min(remaining, limit),
            resetMilliseconds: min(reset ?? 0, RateReport.longest))
    }

    private static let most = ForeignNumber.most
    /// Nobody is told to wait longer than a day, in milliseconds.
    static let longest = 86_400_000

    /// Milliseconds of `1s`, `6m0s`, `1h2m3.5s`, `120ms`.
    static func duration(_ text: String) -> Int? {
        var total = 0.0
        var rest = text[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
            let units = ["ms": 1.0, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
            guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
            total += number * factor
            rest = rest.dropFirst(digits.count + unit.count)
        }
        return text.isEmpty || total >= 1e12 ? nil : Int(total)
    }
}
