// The prices that are used when kit/prices.json is not at hand. A test holds the two equal.
import Kit

extension PriceList {
    /// As of 2026-12-01, as published by Anthropic; those of other vendors as collected in litellm 1.110.2.
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
        claude-fable-5-2   2026-12-01  1000000  128000       0       8     10     16    0.2     40
        claude-haiku-4-5   2026-10-01   200000   64000       0       1   1.25      2    0.1      5
        claude-haiku-5-5   2026-10-01  1000000  128000       0     0.1  0.125    0.2   0.01    0.5
        claude-haiku-5-5   2026-10-01  1000000  128000  100000     0.5  0.625      1   0.05    2.5
        claude-mythos-5    2026-12-01  1000000  128000       0      10   12.5     20      1     50
        claude-mythos-5-1  2026-12-01  1000000  128000       0      10   12.5     20   0.25     50
        claude-mythos-5-2  2026-12-01  1000000  128000       0       8     10     16    0.2     40
        claude-opus-4-5    2026-10-01   200000   64000       0       5   6.25     10    0.5     25
        claude-opus-4-6    2026-10-01   200000  128000       0       5   6.25     10    0.5     25
        claude-opus-4-7    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-4-8    2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-5      2026-10-01  1000000  128000       0       5   6.25     10    0.5     25
        claude-opus-5-5    2026-10-01  1000000  128000       0       4      5      8    0.2     20
        claude-sonnet-4-5  2026-10-01   200000   64000       0       3   3.75      6    0.3     15
        claude-sonnet-4-6  2026-10-01   200000  128000       0       3   3.75      6    0.3     15
        claude-sonnet-5    2026-10-01  1000000  128000       0       2    2.5      4    0.2     10
        claude-sonnet-5-5  2026-10-01  1000000  128000       0       2    2.5      4    0.2     10
        claude-sonnet-5-5  2026-10-07  1000000  128000       0       2    2.5      4    0.1     10
        codestral-latest       2026-12-01   128000  128000       0    0.3    0.3    0.3   0.03    0.9
        deepseek-chat          2026-12-01   131072    8192       0   0.28   0.28   0.28  0.028   0.42
        deepseek-reasoner      2026-12-01   131072   65536       0   0.28   0.28   0.28  0.028   0.42
        deepseek-v4-flash      2026-12-01  1000000  393216       0    0.3    0.3    0.3  0.006    1.2
        deepseek-v4-pro        2026-12-01  1000000  393216       0   1.32   1.32   1.32  0.044   3.96
        devstral-latest        2026-12-01   256000  256000       0    0.4    0.4    0.4   0.04      2
        gemini-2.5-flash       2026-12-01  1048576   65536       0    0.3    0.3    0.3   0.03    2.5
        gemini-2.5-pro         2026-12-01  1048576   65536       0   1.25   1.25   1.25  0.125     10
        gemini-2.5-pro         2026-12-01  1048576   65536  200000    2.5    2.5    2.5   0.25     15
        gemini-3.1-pro-preview 2026-12-01  1048576   65536       0      2      2      2    0.2     12
        gemini-3.1-pro-preview 2026-12-01  1048576   65536  200000      4      4      4    0.4     18
        gemini-3.8-flash       2026-12-01  1048576   65536       0   0.75   0.75   0.75  0.075   3.75
        gemini-4-argon         2026-12-01  1048576 1048576       0      2      2      2    0.1     10
        gemini-4-hydrogen      2026-12-01  1048576 1048576       0    1.5    1.5    1.5  0.075    7.5
        glm-5.3                2026-12-01  1000000  128000       0    1.4    1.4    1.4   0.26    4.4
        gpt-4.1                2026-12-01  1047576   32768       0      2      2      2    0.5      8
        gpt-4.1-mini           2026-12-01  1047576   32768       0    0.4    0.4    0.4    0.1    1.6
        gpt-4o                 2026-12-01   128000   16384       0    2.5    2.5    2.5   1.25     10
        gpt-4o-mini            2026-12-01   128000   16384       0   0.15   0.15   0.15  0.075    0.6
        gpt-5                  2026-12-01   272000  128000       0   1.25   1.25   1.25  0.125     10
        gpt-5-mini             2026-12-01   272000  128000       0   0.25   0.25   0.25  0.025      2
        gpt-5-nano             2026-12-01   272000  128000       0   0.05   0.05   0.05  0.005    0.4
        gpt-5.1                2026-12-01   272000  128000       0   1.25   1.25   1.25  0.125     10
        gpt-5.1-codex          2026-12-01   400000  128000       0   1.25   1.25   1.25  0.125     10
        gpt-5.2                2026-12-01   272000  128000       0   1.75   1.75   1.75  0.175     14
        gpt-5.2-codex          2026-12-01   272000  128000       0   1.75   1.75   1.75  0.175     14
        gpt-5.3-codex          2026-12-01   272000  128000       0   1.75   1.75   1.75  0.175     14
        gpt-5.4                2026-12-01  1050000  128000       0    2.5    2.5    2.5   0.25     15
        gpt-5.4                2026-12-01  1050000  128000  272000      5      5      5    0.5   22.5
        gpt-5.4-mini           2026-12-01   272000  128000       0   0.75   0.75   0.75  0.075    4.5
        gpt-5.4-nano           2026-12-01   272000  128000       0    0.2    0.2    0.2   0.02   1.25
        gpt-5.5                2026-12-01  1050000  128000       0      5      5      5    0.5     30
        gpt-5.5                2026-12-01  1050000  128000  272000     10     10     10      1     45
        gpt-5.6                2026-12-01   922000  128000       0      4      5     10    0.4     20
        gpt-5.6                2026-12-01   922000  128000  272000      8     10     20    0.8     30
        gpt-5.6-luna           2026-12-01   922000  128000       0    0.2   0.25    0.5   0.02    1.2
        gpt-5.6-luna           2026-12-01   922000  128000  272000    0.4    0.5      1   0.04    1.8
        gpt-5.6-sol            2026-12-01   922000  128000       0      4      5     10    0.4     20
        gpt-5.6-sol            2026-12-01   922000  128000  272000      8     10     20    0.8     30
        gpt-5.6-terra          2026-12-01   922000  128000       0      2    2.5      5    0.2     12
        gpt-5.6-terra          2026-12-01   922000  128000  272000      4      5     10    0.4     18
        gpt-6-astra            2026-12-01   922000  128000       0     10   12.5     25      1     50
        gpt-6-astra            2026-12-01   922000  128000  272000     20     25     50      2     75
        gpt-6-luna             2026-12-01   922000  128000       0    0.1  0.125   0.25   0.01    0.5
        gpt-6-luna             2026-12-01   922000  128000  272000    0.2   0.25    0.5   0.02   0.75
        gpt-6-sol              2026-12-01   922000  128000       0      2    2.5      5    0.2     10
        gpt-6-sol              2026-12-01   922000  128000  272000      4      5     10    0.4     15
        gpt-6.1-sol            2026-12-01   922000  128000       0      2    2.5      5    0.1     10
        gpt-6.1-sol            2026-12-01   922000  128000  272000      4      5     10    0.2     15
        gpt-6.1-terra          2026-12-01   922000  128000       0      1   1.25    2.5   0.05      5
        gpt-6.1-terra          2026-12-01   922000  128000  272000      2    2.5      5    0.1    7.5
        grok-4.7               2026-12-01   500000  500000       0      2      2      2    0.5      6
        grok-4.7               2026-12-01   500000  500000  200000      4      4      4      1     12
        grok-code-fast-1       2026-12-01   256000  256000       0      1      1      1    0.2      2
        grok-code-fast-1       2026-12-01   256000  256000  200000      2      2      2    0.4      4
        kimi-k3                2026-12-01  1048576 1048576       0      3      3      6    0.3     15
        kimi-k3.1-pro          2026-12-01  1048576 1048576       0      2      2      4    0.2     10
        mistral-large-latest   2026-12-01   262144  262144       0    0.5    0.5    0.5   0.05    1.5
        mistral-medium-latest  2026-12-01   262144  262144       0    1.5    1.5    1.5   0.15    7.5
        o3                     2026-12-01   200000  100000       0      2      2      2    0.5      8
        o4-mini                2026-12-01   200000  100000       0    1.1    1.1    1.1  0.275    4.4
        """
}
