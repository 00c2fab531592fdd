import Kit
import Testing
import Wire

@testable import Gateway

@Suite struct RetryTests {
    private let policy = RetryPolicy(limits: GatewayLimits())

    private func failure(
        _ kind: ProviderFailure.Kind, after: Int? = nil, should: Bool? = nil
    ) -> ProviderFailure {
        var failure = ProviderFailure(kind, "no")
        (failure.retryAfterMilliseconds, failure.shouldRetry) = (after, should)
        return failure
    }

    @Test(arguments: [
        (400, false), (401, false), (402, false), (403, false), (404, false), (408, true), (409, true),
        (413, false), (422, false), (429, true), (500, true), (503, true), (504, true), (529, true),
    ])
    func `what can get better is tried again`(status: Int, isRetried: Bool) {
        #expect((policy.delay(after: failure(.status(status)), attempt: 1, chance: 0) != nil) == isRetried)
        // The provider knows better.
        #expect(policy.delay(after: failure(.status(status), should: true), attempt: 1, chance: 0) != nil)
        #expect(policy.delay(after: failure(.status(status), should: false), attempt: 1, chance: 0) == nil)
    }

    @Test func `delays double up to a minute, spread by chance`() {
        let delays = (1...9).map { policy.delay(after: failure(.status(529)), attempt: $0, chance: 0) }
        #expect(delays == [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
        #expect(policy.delay(after: failure(.status(529)), attempt: 10, chance: 0) == nil)
        #expect(policy.delay(after: failure(.status(529)), attempt: 1, chance: 1) == 375)
    }

    @Test func `the floor holds under a small Retry-After, and a long one is obeyed`() {
        #expect(policy.delay(after: failure(.status(429), after: 10), attempt: 6, chance: 0) == 16_000)
        #expect(policy.delay(after: failure(.status(429), after: 90_000), attempt: 1, chance: 0) == 90_000)
        #expect(policy.delay(after: failure(.status(429), after: 3_600_001), attempt: 1, chance: 0) == nil)
    }

    @Test func `what is silent, cut or nonsense is tried three times, what cannot be reached six`() {
        for kind in [ProviderFailure.Kind.idle, .cut, .malformed] {
            #expect(policy.delay(after: failure(kind), attempt: 2, chance: 0) != nil)
            #expect(policy.delay(after: failure(kind), attempt: 3, chance: 0) == nil)
        }
        #expect(policy.delay(after: failure(.connection), attempt: 5, chance: 0) != nil)
        #expect(policy.delay(after: failure(.connection), attempt: 6, chance: 0) == nil)
        #expect(policy.delay(after: failure(.cancelled), attempt: 1, chance: 0) == nil)
    }

    @Test(
        arguments: [
            (["retry-after": "2"], 2000), (["retry-after": "1.5"], 1500), (["retry-after-ms": "250"], 250),
            (["retry-after-ms": "250", "retry-after": "9"], 250), ([:], nil), (["retry-after": "soon"], nil),
            (["retry-after": "-1"], nil), (["retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"], 9000),
            (["retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"], 0), (["retry-after": "nan"], nil),
            (["retry-after-ms": "inf"], nil),
        ] as [([String: String], Int?)])
    func `what a provider asks for is read in all its forms`(headers: [String: String], expected: Int?) {
        let headers = HTTPHeaders(headers.map { ($0.key, $0.value) })
        #expect(RetryPolicy.retryAfter(headers, atMilliseconds: 1000) == expected)
    }
}
