// The prices that are used when kit/prices.json is not at hand. A test holds the two equal.
import Kit

extension PriceList {
    /// As of 2026-10-31, as published by Anthropic.
    public static let embedded: PriceList = {
        var models: [String: Model] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst(2).compactMap { Double($0) }
            // The header has no numbers; a damaged row would make the test of equality fail.
            guard words.count == 10, numbers.count == 8 else { continue }
            let rates = numbers[3...].map { Int64(($0 * 1_000_000).rounded(.up)) }
            let tier = Tier(
                above: Int(numbers[2]),
                rates: Rates(
                    input: rates[0], cacheWrite5m: rates[1], cacheWrite1h: rates[2], cacheRead: rates[3],
                    output: rates[4]))
            let (name, from) = (String(words[0]), String(words[1]))
            var model =
                models[name]
                ?? Model(context: Int(numbers[0]), maxOutput: Int(numbers[1]), entries: [])
            if let last = model.entries.indices.last, model.entries[last].from == from {
                model.entries[last].tiers.append(tier)
            } else {
                model.entries.append(Entry(from: from, tiers: [tier]))
            }
            models[name] = model
        }
        return PriceList(models: models)
    }()

    /// Dollars for a million tokens.
    private static let table = """
        model              from        context  output   above   input  w5m    w1h   read    output
        claude-fable-5     2026-10-01  1000000  128000       0      10   12.5     20      1     50
        claude-fable-5-1   2026-10-01  1000000  128000       0      10   12.5     20   0.25     50
        claude-haiku-4-5   2026-10-01   200000   64000       0       1   1.25      2    0.1      5
        claude-haiku-5-5   2026-10-01  1000000  128000       0     0.1  0.125    0.2   0.01    0.5
        claude-haiku-5-5   2026-10-01  1000000  128000  100000     0.5  0.625      1   0.05    2.5
        claude-opus-4-5    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-4-6    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-4-7    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-4-8    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-5      2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-5-5    2026-10-01  1000000  128000       0       4      5      8    0.2     20
        claude-sonnet-4-5  2026-10-01  1000000   64000       0       3   3.75      6    0.3     15
        claude-sonnet-4-6  2026-10-01  1000000   64000       0       3   3.75      6    0.3     15
        claude-sonnet-5    2026-10-01  1000000  128000       0       2    2.5      4    0.2     10
        claude-sonnet-5-5  2026-10-01  1000000  128000       0       2    2.5      4    0.2     10
        claude-sonnet-5-5  2026-10-07  1000000  128000       0       2    2.5      4    0.1     10
        """
}
