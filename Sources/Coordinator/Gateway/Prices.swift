// What tokens cost. Prices change within a model's life and with the length of a prompt, so they are dated,
// tiered data; a model that is not in the list has no price, and is not used.
import Kit
import System

/// The list prices of models.
public struct PriceList: Sendable, Hashable {
    /// Of a million tokens each, in millionths of a US dollar.
    public struct Rates: Sendable, Hashable {
        public var input: Int64
        public var cacheWrite5m: Int64
        public var cacheWrite1h: Int64
        public var cacheRead: Int64
        public var output: Int64

        public init(
            input: Int64, cacheWrite5m: Int64, cacheWrite1h: Int64, cacheRead: Int64, output: Int64
        ) {
            (self.input, self.output, self.cacheRead) = (input, output, cacheRead)
            (self.cacheWrite5m, self.cacheWrite1h) = (cacheWrite5m, cacheWrite1h)
        }

        /// Rounded up to a whole millionth.
        func cost(_ usage: TokenUsage) -> Int64 {
            let pairs = [
                (usage.input, input), (usage.cacheWrite5m, cacheWrite5m), (usage.cacheWrite1h, cacheWrite1h),
                (usage.cacheRead, cacheRead), (usage.output, output),
            ]
            var sum: UInt64 = 0
            for (tokens, rate) in pairs {
                let (product, overflow) = UInt64(max(0, tokens)).multipliedReportingOverflow(
                    by: UInt64(max(0, rate)))
                let (total, carry) = sum.addingReportingOverflow(product)
                // More than all the money in the world is refused by any budget.
                if overflow || carry { return .max / 2 }
                sum = total
            }
            return Int64(clamping: sum / 1_000_000 + (sum % 1_000_000 == 0 ? 0 : 1))
        }
    }

    /// From this length of the prompt on (exclusive) the whole request has these rates.
    public struct Tier: Sendable, Hashable {
        public var above: Int
        public var rates: Rates
    }

    /// The prices of one model from a day on.
    public struct Entry: Sendable, Hashable {
        /// `YYYY-MM-DD`, in UTC.
        public var from: String
        /// In the order of `above`, the first at 0.
        public var tiers: [Tier]
    }

    /// One model.
    public struct Model: Sendable, Hashable {
        /// The longest prompt it takes, in tokens; bounds what a prompt of unknown length can cost.
        public var context: Int
        /// The longest answer, in tokens.
        public var maxOutput: Int
        /// In the order of `from`.
        public var entries: [Entry]

        /// The tiers of a day; before the first entry those of the first.
        func tiers(on day: String) -> [Tier] {
            (entries.last { $0.from <= day } ?? entries.first)?.tiers ?? []
        }
    }

    /// By the model's own name, without a date.
    public var models: [String: Model]

    public init(models: [String: Model]) { self.models = models }

    /// What gives a model a price: a whole file with one model, its numbers still to be filled in.
    static func line(for model: String) -> String {
        let name = JSON.string(model).text
        return
            #"{"models": {\#(name): {"context": TOKENS, "max_output": TOKENS, "prices": "#
            + #"[{"from": "2026-01-01", "tiers": [{"above": 0, "input": IN, "#
            + #""cache_write_5m": WRITE, "cache_write_1h": WRITE, "cache_read": READ, "output": OUT}]}]}}}"#
    }

    /// The other list wins where both know a model.
    public func merging(_ other: PriceList) -> PriceList {
        PriceList(models: models.merging(other.models) { $1 })
    }

    /// A model by its name, also with the date of a snapshot behind it: `claude-sonnet-4-5-20250929`,
    /// or `gpt-5.5-2026-04-23`.
    public func model(_ name: String) -> Model? {
        if let exact = models[name] { return exact }
        for (pattern, length) in [("00000000", 8), ("0000-00-00", 10)] where name.utf8.count > length + 1 {
            let shape = name.suffix(length).map { ("0"..."9").contains($0) ? "0" : $0 }
            let before = name.dropLast(length)
            guard String(shape) == pattern, before.last == "-" else { continue }
            return models[String(before.dropLast())]
        }
        return nil
    }
}

/// The prices of one model on one day.
struct CallPrices: Sendable, Hashable {
    let tiers: [PriceList.Tier]
    let context: Int
    /// The longest answer that the model gives.
    let maxOutput: Int

    /// For providers that send no bill.
    static let free = CallPrices(tiers: [], context: 1 << 30, maxOutput: .max)

    init(tiers: [PriceList.Tier], context: Int, maxOutput: Int) {
        (self.tiers, self.context, self.maxOutput) = (tiers, context, maxOutput)
    }

    init(_ model: PriceList.Model, atMilliseconds now: Int64) {
        self.init(
            tiers: model.tiers(on: CivilTime.day(milliseconds: now)), context: model.context,
            maxOutput: model.maxOutput)
    }

    var isFree: Bool { tiers.isEmpty }

    /// What was used, in millionths of a dollar.
    func cost(_ usage: TokenUsage) -> Int64 {
        (tiers.last { usage.prompt > $0.above } ?? tiers.first)?.rates.cost(usage) ?? 0
    }

    /// What it would have cost without the provider's cache.
    func uncachedCost(_ usage: TokenUsage) -> Int64 {
        cost(TokenUsage(input: usage.prompt, output: usage.output))
    }

    /// The longest answer that this much money pays for certain.
    func outputTokens(for microUSD: Int64, promptTokens: Int, upTo most: Int, cache: CacheUse) -> Int {
        var (low, high) = (0, most)
        while low < high {
            let middle = low + (high - low + 1) / 2
            if worst(promptTokens: promptTokens, outputTokens: middle, cache: cache) <= microUSD {
                low = middle
            } else {
                high = middle - 1
            }
        }
        return low
    }

    /// The most that a call can cost.
    /// - Parameters:
    ///   - promptTokens: At most so many.
    ///   - cache: The dearest way the prompt can be written to the cache.
    func worst(promptTokens: Int, outputTokens: Int, cache: CacheUse) -> Int64 {
        let prompt = min(promptTokens, context)
        return tiers.filter { $0.above == 0 || prompt > $0.above }.map { tier in
            var rates = tier.rates
            switch cache {
            case .none: break
            case .short: rates.input = max(rates.input, rates.cacheWrite5m)
            case .long: rates.input = max(rates.input, rates.cacheWrite5m, rates.cacheWrite1h)
            }
            return rates.cost(TokenUsage(input: prompt, output: outputTokens))
        }.max() ?? 0
    }
}

/// Whether a request may write its prompt to the provider's cache, and for how long.
enum CacheUse: Sendable, Hashable {
    case none, short, long
}

extension PriceList {
    /// Reads a file in the form of `kit/prices.json`.
    public static func load(_ file: String) throws(GatewayError) -> PriceList {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(file, limit: 1 << 20)
        } catch {
            throw .prices(file: file, reason: "\(error)")
        }
        return try parse(bytes, file: file)
    }

    /// - Parameter file: For messages.
    static func parse(_ bytes: [UInt8], file: String) throws(GatewayError) -> PriceList {
        do throws(JSONError) {
            return try PriceReader(file: file).list(try JSON.parse(bytes))
        } catch {
            throw .prices(file: file, reason: "\(error)")
        }
    }
}

/// Turns JSON into prices. Strict: a misspelt field would be a price of nothing.
private struct PriceReader {
    let file: String

    /// Both kinds of failure come out as the one of the caller.
    func list(_ json: JSON) throws(JSONError) -> PriceList {
        guard let models = json["models"]?.objectValue else { throw wrong("/models", "must be an object") }
        var result: [String: PriceList.Model] = [:]
        for (name, model) in models {
            let place = "/models/\(name)"
            guard let context = model["context"]?.intValue, context > 0 else {
                throw wrong("\(place)/context", "must be a number of tokens")
            }
            guard let maxOutput = model["max_output"]?.intValue, maxOutput > 0 else {
                throw wrong("\(place)/max_output", "must be a number of tokens")
            }
            guard let prices = model["prices"]?.arrayValue, !prices.isEmpty else {
                throw wrong("\(place)/prices", "must be a list with one entry at least")
            }
            var entries: [PriceList.Entry] = []
            for (index, price) in prices.enumerated() {
                entries.append(try entry(price, "\(place)/prices/\(index)"))
            }
            result[name] = PriceList.Model(
                context: context, maxOutput: maxOutput, entries: entries.sorted { $0.from < $1.from })
        }
        return PriceList(models: result)
    }

    private func entry(_ json: JSON, _ place: String) throws(JSONError) -> PriceList.Entry {
        guard let from = json["from"]?.stringValue, CivilTime.isDay(from) else {
            throw wrong("\(place)/from", "must be a day, YYYY-MM-DD")
        }
        guard let tiers = json["tiers"]?.arrayValue, tiers.first?["above"]?.intValue == 0 else {
            throw wrong("\(place)/tiers", "must be a list whose first tier is above 0")
        }
        var result: [PriceList.Tier] = []
        for (index, tier) in tiers.enumerated() {
            let here = "\(place)/tiers/\(index)"
            guard let above = tier["above"]?.intValue, index == 0 || above > (result.last?.above ?? 0) else {
                throw wrong("\(here)/above", "must be greater than the tier before")
            }
            result.append(
                PriceList.Tier(
                    above: above,
                    rates: PriceList.Rates(
                        input: try rate(tier, "input", here),
                        cacheWrite5m: try rate(tier, "cache_write_5m", here),
                        cacheWrite1h: try rate(tier, "cache_write_1h", here),
                        cacheRead: try rate(tier, "cache_read", here), output: try rate(tier, "output", here))
                ))
        }
        return PriceList.Entry(from: from, tiers: result)
    }

    /// Dollars to millionths; no list price has more digits.
    private func rate(_ tier: JSON, _ name: String, _ place: String) throws(JSONError) -> Int64 {
        guard let dollars = tier[name]?.doubleValue, dollars >= 0, dollars < 1_000_000 else {
            throw wrong("\(place)/\(name)", "must be US dollars for a million tokens")
        }
        return Int64((dollars * 1_000_000).rounded(.up))
    }

    private func wrong(_ place: String, _ reason: String) -> JSONError {
        JSONError(offset: 0, reason: "\(place) \(reason)")
    }
}
