// A provider that misbehaves in every way that is known, on loopback.
import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Gateway

private let answer = StubProvider.stream(Golden.text("four"))

/// A stream that begins well and then goes on with these bytes.
private func begun(_ rest: String) -> StubProvider.Answer {
    let start = #"{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}"#
    return StubProvider.stream(Array("event: message_start\ndata: \(start)\n\n\(rest)".utf8))
}

private let overloaded =
    "event: error\ndata: {\"type\":\"error\","
    + "\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"

@Suite struct MisbehaviourTests {
    @Test func `a 429 without a word on when is waited for, longer each time`() throws {
        let busy = StubProvider.failure(429, "rate_limit_error")
        let provider = try StubProvider(busy, busy, busy, answer)
        var limits = quick
        (limits.firstDelayMilliseconds, limits.longestDelayMilliseconds) = (40, 1000)
        let stage = try Stage(provider, limits: limits)
        let begin = Clock.monotonicNanoseconds()
        #expect(try stage.send(question).status == 200)
        // 40, 80 and 160 ms, each less a quarter at most.
        #expect(Clock.monotonicNanoseconds() - begin >= 210_000_000)
        #expect(provider.requests.count == 4)
    }

    @Test func `nonsense in a stream is tried three times, and charged as what it may have cost`() throws {
        let provider = try StubProvider(begun("data: {not json\n\n"))
        let stage = try Stage(provider)
        let response = try stage.send(question)
        #expect(response.status == 502)
        #expect(try response.json()["error"]?["message"]?.stringValue?.contains("JSON") == true)
        #expect(provider.requests.count == 3)
        #expect(try stage.ledger.spent == 3 * (10 * 4 + 100 * 20))
        #expect(try stage.ledger.reserved == 0)
    }

    @Test func `a stream that breaks before it said anything is tried again unseen`() throws {
        for rest in ["", "event: ping\ndata: {\"type\":\"ping\"}\n\n", overloaded] {
            let provider = try StubProvider(begun(rest), answer)
            let (response, events) = try Stage(provider).stream(question)
            #expect(response.status == 200)
            #expect(events.filter { $0.event == "message_start" }.count == 1)
            #expect(events.last?.event == "message_stop")
            #expect(!events.contains { $0.event == "error" })
        }
    }

    @Test func `a stream that breaks in its text ends with an error, and is not begun again`() throws {
        let text =
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
            + "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: "
            + "{\"type\":\"content_block_delta\",\"index\":0,"
            + "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
        for rest in [text, text + overloaded] {
            let provider = try StubProvider(begun(rest), answer)
            let stage = try Stage(provider)
            let (_, events) = try stage.stream(question)
            #expect(events.last?.event == "error")
            #expect(provider.requests.count == 1)
            #expect(try stage.ledger.spent == 10 * 4 + 100 * 20)
            // A guest that wanted it whole saw nothing of it, and the call goes on.
            let again = try StubProvider(begun(rest), answer)
            #expect(try Stage(again).send(question).status == 200)
        }
    }

    @Test func `pings alone do not keep an answer alive for ever`() throws {
        var limits = quick
        (limits.attempts, limits.wallMilliseconds) = (1, 600)
        let provider = try StubProvider({ _, exchange in
            try exchange.begin(200, headers: ["Content-Type": "text/event-stream"])
            let never = Condition(false)
            while !exchange.peerIsGone {
                try exchange.write(Array("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8))
                _ = never.wait(timeoutMilliseconds: 20) { $0 ? true : nil }
            }
        })
        let response = try Stage(provider, limits: limits).send(question)
        #expect(response.status == 504)
        #expect(try response.json()["error"]?["message"]?.stringValue?.contains("no end") == true)
    }

    @Test func `a page of somebody else is no answer`() throws {
        let provider = try StubProvider({ _, exchange in
            try exchange.respond(
                HTTPResponse(
                    status: 200, headers: ["Content-Type": "text/html"], body: Array("<h1>Log in</h1>".utf8)))
        })
        let response = try Stage(provider).send(question)
        #expect(response.status == 502)
        #expect(try response.json()["error"]?["message"]?.stringValue?.contains("Log in") == true)
    }

    @Test func `a provider that is not there is told as that, and costs nothing`() throws {
        let provider = try StubProvider(answer)
        provider.stop()
        var limits = quick
        limits.attempts = 2
        let stage = try Stage(
            GatewayConfiguration(anthropicKey: "k", anthropicURL: "http://127.0.0.1:1", limits: limits),
            caller: .test("claude-opus-5-5"))
        #expect(try stage.send(question).status == 502)
        #expect(try stage.ledger.spent == 0)
    }

    @Test func `a guest that leaves ends its call at the provider`() throws {
        let isGone = Condition(false)
        let provider = try StubProvider({ _, exchange in
            try exchange.begin(200, headers: ["Content-Type": "text/event-stream"])
            try exchange.write(Golden.text("four").prefix(400).map { $0 })
            let never = Condition(false)
            while !exchange.peerIsGone {
                _ = never.wait(timeoutMilliseconds: 10) { $0 ? true : nil }
            }
            isGone.withLock { $0 = true }
        })
        var limits = quick
        limits.idleMilliseconds = 60_000
        let stage = try Stage(provider, limits: limits)
        var body = question
        body["stream"] = true
        _ = try? HTTPClient.send(
            HTTPRequest("POST", "/anthropic/v1/messages", json: body), to: .tcp("127.0.0.1", stage.port),
            timeoutMilliseconds: 10_000
        ) { _ in false }
        #expect(isGone.wait(timeoutMilliseconds: 30_000) { $0 ? true : nil } == true)
    }

    @Test func `eight guests of a provider with a limit get equal shares and cause no storm`() throws {
        // Ten requests a second, twenty at once.
        let bucket = Mutex((level: 20.0, at: Clock.monotonicNanoseconds()))
        let refused = Mutex(0)
        let provider = try StubProvider({ request, exchange in
            let (isServed, left) = bucket.withLock { bucket -> (Bool, Double) in
                let now = Clock.monotonicNanoseconds()
                bucket.level = min(20, bucket.level + Double(now - bucket.at) / 100_000_000)
                bucket.at = now
                guard bucket.level >= 1 else { return (false, bucket.level) }
                bucket.level -= 1
                return (true, bucket.level)
            }
            let reset = CivilTimeText.rfc3339(
                Clock.wallMilliseconds() + Int64((20 - left) * 100))
            let headers: HTTPHeaders = [
                "anthropic-ratelimit-requests-limit": "20",
                "anthropic-ratelimit-requests-remaining": "\(Int(left))",
                "anthropic-ratelimit-requests-reset": reset,
            ]
            if isServed {
                return try StubProvider.stream(Golden.text("four"), headers: headers)(request, exchange)
            }
            refused.withLock { $0 += 1 }
            var late = headers
            late.add("retry-after-ms", "100")
            try StubProvider.failure(429, "rate_limit_error", headers: late)(request, exchange)
        })
        let stage = try Stage(provider)
        let counts = Mutex<[Int: Int]>([:])
        let until = Clock.monotonicNanoseconds() + 6_000_000_000
        let workers = (0..<8).map { agent in
            Worker.start("guest") {
                while Clock.monotonicNanoseconds() < until {
                    let headers = [("x-test-agent", "agent-\(agent)")]
                    guard (try? stage.send(question, headers: headers))?.status == 200 else { continue }
                    counts.withLock { $0[agent, default: 0] += 1 }
                }
            }
        }
        for worker in workers { worker.join() }
        let shares = (0..<8).map { agent in counts.withLock { $0[agent] ?? 0 } }
        let total = shares.reduce(0, +)
        #expect(refused.withLock { $0 } <= max(8, total / 10), "\(refused.withLock { $0 }) of \(total)")
        #expect((shares.min() ?? 0) * 2 >= (shares.max() ?? 0) - 2, "\(shares)")
    }
}

/// The way back, for headers of a stub.
private enum CivilTimeText {
    static func rfc3339(_ milliseconds: Int64) -> String {
        let part = milliseconds % 86_400_000
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let seconds = part / 1000
        let fraction = String("\(1000 + part % 1000)".dropFirst())
        return
            "\(CivilTime.day(milliseconds: milliseconds))T\(two(seconds / 3600)):\(two(seconds / 60 % 60)):"
            + "\(two(seconds % 60)).\(fraction)Z"
    }
}
