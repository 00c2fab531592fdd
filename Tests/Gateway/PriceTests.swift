import Kit
import System
import TestSupport
import Testing

@testable import Gateway

@Suite struct PriceTests {
    private static let october: Int64 = 1_791_000_000_000  // 2026-10-03

    @Test func `the prices of the kit are those that are built in`() throws {
        let file = try PriceList.load("\(Golden.root)/kit/prices.json")
        #expect(file == PriceList.embedded)
        #expect(file.models.count >= 14)
    }

    @Test func `a price changes on its day and not before`() throws {
        let sonnet = try #require(PriceList.embedded.model("claude-sonnet-5-5"))
        let before = CallPrices(
            sonnet, atMilliseconds: try #require(CivilTime.rfc3339("2026-10-06T23:59:59Z")))
        let after = CallPrices(
            sonnet, atMilliseconds: try #require(CivilTime.rfc3339("2026-10-07T00:00:00Z")))
        let usage = TokenUsage(cacheRead: 1_000_000)
        #expect(before.cost(usage) == 200_000)
        #expect(after.cost(usage) == 100_000)
        // Before the first entry the first one holds; a call must have a price.
        #expect(CallPrices(sonnet, atMilliseconds: 0).cost(usage) == 200_000)
    }

    @Test func `beyond a length of the prompt the whole request has other rates`() throws {
        let haiku = try #require(PriceList.embedded.model("claude-haiku-5-5"))
        let prices = CallPrices(haiku, atMilliseconds: Self.october)
        #expect(prices.cost(TokenUsage(input: 100_000)) == 10_000)
        #expect(prices.cost(TokenUsage(input: 100_001)) == 50_001)
        // The whole prompt counts, also what comes from the cache; the answer does not.
        #expect(prices.cost(TokenUsage(input: 1, cacheRead: 100_000, output: 10)) == 5026)
        #expect(prices.cost(TokenUsage(input: 100_000, output: 1_000_000)) == 510_000)
    }

    @Test func `every kind of token has its own rate, and fractions are rounded up`() throws {
        let opus = try #require(PriceList.embedded.model("claude-opus-5-5"))
        let prices = CallPrices(opus, atMilliseconds: Self.october)
        let usage = TokenUsage(
            input: 1000, cacheWrite5m: 2000, cacheWrite1h: 3000, cacheRead: 4000, output: 500)
        // 1000·4 + 2000·5 + 3000·8 + 4000·0.2 + 500·20
        #expect(prices.cost(usage) == 4000 + 10_000 + 24_000 + 800 + 10_000)
        #expect(prices.cost(TokenUsage(cacheRead: 1)) == 1)
        #expect(prices.cost(TokenUsage(input: .max, output: .max)) > 1_000_000_000_000)
    }

    @Test func `nothing that stays within its bounds costs more than its worst case`() {
        var random = SeededRandom(seed: 5)
        for name in PriceList.embedded.models.keys.sorted() {
            guard let model = PriceList.embedded.model(name) else { continue }
            let prices = CallPrices(model, atMilliseconds: Self.october)
            for round in 0..<400 {
                let prompt = Int.random(in: 0...min(250_000, model.context), using: &random)
                let output = Int.random(in: 0...model.maxOutput, using: &random)
                for cache in [CacheUse.none, .short, .long] {
                    let worst = prices.worst(promptTokens: prompt, outputTokens: output, cache: cache)
                    var left = Int.random(in: 0...prompt, using: &random)
                    func take(_ isAllowed: Bool) -> Int {
                        let part = isAllowed ? Int.random(in: 0...left, using: &random) : 0
                        left -= part
                        return part
                    }
                    let usage = TokenUsage(
                        input: take(true), cacheWrite5m: take(cache != .none),
                        cacheWrite1h: take(cache == .long),
                        cacheRead: take(true), output: Int.random(in: 0...output, using: &random))
                    #expect(prices.cost(usage) <= worst, "\(name), seed 5, round \(round)")
                }
            }
        }
    }

    @Test func `snapshots of a model have its price, relatives have none`() {
        let list = PriceList.embedded
        #expect(list.model("claude-sonnet-4-5-20250929") == list.models["claude-sonnet-4-5"])
        for name in ["claude-sonnet-9", "claude-sonnet-4-5-2025", "claude-sonnet", "", "-20250929"] {
            #expect(list.model(name) == nil, "\(name)")
        }
    }

    @Test func `a user's file adds models and wins over the kit's`() throws {
        let text = """
            {"models":{"qwen3":{"context":32768,"max_output":8192,"prices":[{"from":"2026-01-01","tiers":[
            {"above":0,"input":0.1,"cache_write_5m":0,"cache_write_1h":0,"cache_read":0,"output":0.3}]}]}}}
            """
        let list = PriceList.embedded.merging(try PriceList.parse(Array(text.utf8), file: "own"))
        #expect(list.model("qwen3")?.entries[0].tiers[0].rates.output == 300_000)
        #expect(list.model("claude-opus-5") != nil)
    }

    @Test(arguments: [
        ("[]", "/models"), (#"{"models":{"m":{}}}"#, "/models/m/context"),
        (#"{"models":{"m":{"context":1}}}"#, "/models/m/max_output"),
        (#"{"models":{"m":{"context":1,"max_output":1,"prices":[]}}}"#, "/models/m/prices"),
        (
            #"{"models":{"m":{"context":1,"max_output":1,"prices":[{"from":"2026-02-30"}]}}}"#,
            "/models/m/prices/0/from"
        ),
        (
            #"{"models":{"m":{"context":1,"max_output":1,"prices":[{"from":"2026-02-03","#
                + #""tiers":[{"above":1}]}]}}}"#,
            "/models/m/prices/0/tiers"
        ),
        (
            #"{"models":{"m":{"context":1,"max_output":1,"prices":[{"from":"2026-02-03","#
                + #""tiers":[{"above":0,"input":-1}]}]}}}"#,
            "/models/m/prices/0/tiers/0/input"
        ),
    ])
    func `a broken price file is refused with the place of its mistake`(text: String, place: String) {
        let error = #expect(throws: GatewayError.self) {
            _ = try PriceList.parse(Array(text.utf8), file: "prices.json")
        }
        #expect(error?.description.contains(place) == true)
        #expect(error?.hint.isEmpty == false)
    }
}

@Suite struct CivilTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-02T10:15:00Z", 1_793_614_500_000),
            ("2026-11-02T10:15:00.25Z", 1_793_614_500_250), ("2026-11-02T11:15:00+01:00", 1_793_614_500_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000), ("2026-11-02T10:15Z", nil), ("", nil),
            ("2026-13-02T10:15:00Z", nil),
        ] as [(String, Int64?)])
    func `times of RFC 3339`(text: String, milliseconds: Int64?) {
        #expect(CivilTime.rfc3339(text) == milliseconds)
    }

    @Test func `dates of HTTP`() {
        #expect(CivilTime.httpDate("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777_000)
        for wrong in ["Sun, 06 Nov 1994 08:49:37 CET", "Sunday", "Sun, 40 Nov 1994 08:49:37 GMT"] {
            #expect(CivilTime.httpDate(wrong) == nil)
        }
    }

    @Test func `days go there and back`() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<2000 {
            let time = Int64.random(in: -1_000_000_000_000...4_000_000_000_000, using: &random)
            let day = CivilTime.day(milliseconds: time)
            let start = CivilTime.rfc3339("\(day)T00:00:00Z")
            #expect(start.map { (0..<86_400_000).contains(time - $0) } == true, "\(day)")
        }
    }
}
