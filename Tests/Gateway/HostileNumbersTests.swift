// Numbers of providers in every extreme: an answer may be wrong, dear or refused, and never ends the
// coordinator.
import Kit
import Testing
import Wire

@testable import Gateway

@Suite struct HostileNumbersTests {
    /// The extremes of every integer type, as JSON has them.
    static let extremes: [JSON] = [
        JSON(Int64.min), JSON(Int64.max), JSON(Int64(Int32.min)), JSON(Int64(UInt32.max)), JSON(-1), JSON(0),
        JSON(10),
        .double(1.8446744073709552e19), .double(-1e300), .double(1e300), .double(0.5), "9", .null, [:],
    ]

    private static func chat(_ prompt: JSON, _ cached: JSON, _ output: JSON) -> TokenUsage? {
        let usage: JSON = [
            "prompt_tokens": prompt, "completion_tokens": output,
            "prompt_tokens_details": ["cached_tokens": cached],
        ]
        let chunk: JSON = [
            "id": "c", "choices": [["delta": ["content": "a"], "finish_reason": "stop"]], "usage": usage,
        ]
        let text = "data: \(chunk.text)\n\ndata: [DONE]\n\n"
        let translator = ChatTranslator(name: "t", model: "q", promptTokens: 7)
        return assembled(read([Array(text.utf8)], translator))
    }

    private static func responses(_ prompt: JSON, _ cached: JSON, _ output: JSON) -> TokenUsage? {
        let event: JSON = [
            "type": "response.completed",
            "response": [
                "usage": [
                    "input_tokens": prompt, "output_tokens": output,
                    "input_tokens_details": ["cached_tokens": cached],
                ]
            ],
        ]
        let translator = ResponsesTranslator(name: "t", model: "q")
        return assembled(read([Array("data: \(event.text)\n\n".utf8)], translator))
    }

    private static func messages(_ prompt: JSON, _ cached: JSON, _ output: JSON) -> TokenUsage? {
        let usage: JSON = [
            "input_tokens": prompt, "cache_read_input_tokens": cached, "output_tokens": output,
            "cache_creation_input_tokens": prompt, "cache_creation": ["ephemeral_1h_input_tokens": cached],
        ]
        let events: [JSON] = [
            ["type": "message_start", "message": ["usage": usage]],
            ["type": "message_delta", "usage": usage],
            ["type": "message_stop"],
        ]
        let text = events.map { "data: \($0.text)\n\n" }.joined()
        return assembled(read([Array(text.utf8)], AnthropicTranslator(name: "t")))
    }

    private static func assembled(_ outcome: Outcome) -> TokenUsage? {
        var assembler = MessageAssembler()
        for event in outcome.events { assembler.receive(event) }
        return outcome.failure == nil ? assembler.usage : nil
    }

    @Test func `a usage of any numbers is a price that can be added up`() throws {
        let rates = PriceList.Rates(
            input: 75_000_000, cacheWrite5m: 94_000_000, cacheWrite1h: 150_000_000, cacheRead: 7_500_000,
            output: 375_000_000)
        let prices = CallPrices(
            tiers: [PriceList.Tier(above: 0, rates: rates)], context: 1 << 20, maxOutput: 1 << 17)
        var total: Int64 = 0
        for prompt in Self.extremes {
            for cached in Self.extremes {
                for output in Self.extremes {
                    for form in [Self.chat, Self.responses, Self.messages] {
                        let usage = try #require(form(prompt, cached, output))
                        let counts = [
                            usage.input, usage.cacheRead, usage.cacheWrite5m, usage.cacheWrite1h,
                            usage.output,
                        ]
                        #expect(counts.allSatisfy { (0...TokenUsage.most).contains($0) })
                        let cost = prices.cost(usage)
                        #expect((0...Money.most).contains(cost))
                        total += cost + prices.uncachedCost(usage)
                        _ = usage.json
                    }
                }
            }
        }
        #expect(total > 0)
    }

    @Test func `an account that hears of absurd costs refuses, and stays a number`() throws {
        for budget in [nil, 1_000_000] as [Int64?] {
            let ledger = Ledger(budget: budget)
            var held: [Ledger.Reservation] = []
            for _ in 0..<8 { held.append(try ledger.reserve(10)) }
            for reservation in held { ledger.settle(reservation, microUSD: .max / 2) }
            let account = ledger.snapshot
            #expect(account.spent > 0 && account.overrun > 0 && account.left ?? 0 == 0)
            _ = account.percent
            if budget != nil { #expect(throws: BudgetRefusal.self) { _ = try ledger.reserve(1) } }
        }
    }

    /// A limit of one that is whole in a year, and an answer that used up more than there is: the time until
    /// it is whole again is longer than any integer.
    @Test func `limits and counts in their extremes are a wait of a day at most`() {
        let numbers = ["0", "1", "9223372036854775807", "1099511627776", "-1", "18446744073709551616"]
        let resets = ["9999-12-31T23:59:60.999-99:99", "0000-01-01T00:00:00Z", "x"]
        let durations = ["86400s", "99999999999999999999d", "1e5s", "...s", "0ms"]
        for limit in numbers {
            for (index, remaining) in numbers.enumerated() {
                let reset = resets[index % resets.count]
                var headers: HTTPHeaders = [:]
                for kind in ["requests", "input-tokens", "output-tokens", "tokens"] {
                    headers["anthropic-ratelimit-\(kind)-limit"] = limit
                    headers["anthropic-ratelimit-\(kind)-remaining"] = remaining
                    headers["anthropic-ratelimit-\(kind)-reset"] = reset
                }
                check(headers)
                var others: HTTPHeaders = [:]
                for kind in ["requests", "tokens"] {
                    others["x-ratelimit-limit-\(kind)"] = limit
                    others["x-ratelimit-remaining-\(kind)"] = remaining
                    others["x-ratelimit-reset-\(kind)"] = durations[index % durations.count]
                }
                check(others)
            }
        }
    }

    private func check(_ headers: HTTPHeaders) {
        let need = RateBucket.Need(input: 1000, output: 1000)
        var bucket = RateBucket(first: 4, widest: 8)
        let report = RateReport(headers, atMilliseconds: 0)
        for round in 0..<3 {
            let ticket = bucket.enqueue("a", need)
            switch bucket.attempt(ticket, now: Int64(round)) {
            case .go:
                bucket.accepted(ticket, report, now: Int64(round))
                let most = RateBucket.Need(input: 3 * ForeignNumber.most, output: ForeignNumber.most)
                bucket.finish(ticket, used: most, now: Int64(round))
            case .wait(let milliseconds, _):
                #expect((0...RateReport.longest).contains(milliseconds))
                bucket.leave(ticket)
            }
        }
        _ = bucket.feeds(now: 10)
    }

    @Test(arguments: [
        "0", "-1", "1e308", "nan", "inf", "9223372036854775807", "99999999999999999999999", "",
        "Wed, 31 Dec 9999 23:59:60 GMT", "Wed, 99 Foo 9999 99:99:99 GMT",
    ])
    func `a Retry-After of anything is a number or none`(text: String) {
        for name in ["retry-after", "retry-after-ms"] {
            let asked = RetryPolicy.retryAfter([name: text], atMilliseconds: 0)
            #expect(asked.map { $0 >= 0 } ?? true)
            for kind in [ProviderFailure.Kind.status(429), .connection] {
                var failure = ProviderFailure(kind, "x")
                failure.retryAfterMilliseconds = asked
                let limits = GatewayLimits()
                let delay = RetryPolicy(limits: limits).delay(after: failure, attempt: 1, chance: 1)
                #expect(
                    delay ?? 0 <= max(limits.longestRetryAfterMilliseconds, limits.longestDelayMilliseconds))
            }
        }
    }
}

@Suite struct RequestTypeTests {
    private func request(_ field: String, _ value: JSON) -> JSON {
        var body = question
        body[field] = value
        return body
    }

    private static func said(_ role: String, _ block: JSON) -> JSON {
        [["role": .string(role), "content": [block]]]
    }

    private static let fetched: JSON = [
        "type": "image", "source": ["type": "url", "url": "http://example.org/a"],
    ]

    @Test(
        arguments: [
            ("service_tier", ["priority"]), ("service_tier", ["type": "priority"]), ("service_tier", 1),
            ("inference_geo", ["eu": true]), ("inference_geo", ["eu"]), ("inference_geo", false),
            ("tools", ["bash_20250124"]), ("tools", [["type": ["web_search_20250305"], "name": "w"]]),
            ("tools", [["type": "computer_toolset_20260801", "name": "c"]]),
            ("tools", [["type": "bash_", "name": "b"]]),
            ("tools", [["type": "memory_2025081", "name": "m"]]),
            ("tools", [["type": "bash_20250124x", "name": "b"]]),
            ("tools", [["type": "bash20250124", "name": "b"]]),
            ("thinking", ["type": "enabled", "budget_tokens": "100000"]),
            ("thinking", ["type": "enabled", "budget_tokens": .double(1e300)]),
            ("context_management", ["edits": ["type": "compact_20260112"]]),
            (
                "messages",
                said("user", ["type": "search_result", "source": "s", "title": "t", "content": [fetched]])
            ),
            ("messages", said("user", ["type": "tool_result", "tool_use_id": "t", "content": [fetched]])),
            (
                "messages",
                said("user", ["type": "document", "source": ["type": "content", "content": [fetched]]])
            ),
            ("messages", said("assistant", ["type": "block_of_2027", "parts": [["inside": [fetched]]]])),
        ] as [(String, JSON)])
    func `what is present and of another type, or only begins like what is known, is refused`(
        field: String, value: JSON
    ) {
        do throws(GuestFailure) {
            _ = try MessagesRequest(request(field, value))
            Issue.record("\(field): \(value) passes")
        } catch {
            #expect(error.status == 400 && error.message.contains(field))
        }
    }

    @Test(
        arguments: [
            ("service_tier", "auto"), ("service_tier", .null), ("inference_geo", "global"),
            ("inference_geo", .null),
            ("tools", [["type": "bash_20250124", "name": "b"], ["name": "own", "input_schema": [:]]]),
            ("tools", [["type": "text_editor_20250728", "name": "e"], ["type": "custom", "name": "c"]]),
            ("tools", [["type": "computer_20251124", "name": "c"], ["type": .null, "name": "n"]]),
            ("thinking", ["type": "adaptive"]), ("thinking", ["type": "enabled", "budget_tokens": 1024]),
            ("context_management", ["edits": [["type": "clear_tool_uses_20250919"]]]),
            ("messages", said("assistant", ["type": "block_of_2027", "x": [1]])),
            (
                "messages",
                said(
                    "user",
                    [
                        "type": "search_result", "source": "https://example.org", "title": "t",
                        "content": [["type": "text", "text": "x"]],
                    ])
            ),
        ] as [(String, JSON)])
    func `what is known passes`(field: String, value: JSON) throws {
        _ = try MessagesRequest(request(field, value))
    }
}
