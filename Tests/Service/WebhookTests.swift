import Kit
import Testing

@testable import Service

@Suite struct WebhookTests {
    private static let body = Array(#"{"type":"approve"}"#.utf8)

    @Test func `a signature holds for its body, its secret and its five minutes`() {
        let made = WebhookSignature.make(Self.body, secret: "0123456789abcdef", at: 1_000_000)
        func isValid(_ body: [UInt8] = Self.body, _ secret: String = "0123456789abcdef", now: Int64) -> Bool {
            WebhookSignature.isValid(made, body, secret: secret, now: now)
        }
        #expect(isValid(now: 1_000_000))
        #expect(isValid(now: 1_300_000))
        #expect(isValid(now: 700_000))
        #expect(!isValid(now: 1_300_001))
        #expect(!isValid(now: 699_999))
        #expect(!isValid(Self.body + [0x20], now: 1_000_000))
        #expect(!isValid(Self.body, "0123456789abcdeg", now: 1_000_000))
    }

    @Test(arguments: [
        "", "t=1", "v1=00", "t=1,v1=", "t=x,v1=00", "t=-9223372036854775808,v1=00", "t=1,v1=00,v1=01",
        "t=99999999999999999999,v1=00",
    ]) func `a header that is none is refused`(_ header: String) {
        #expect(!WebhookSignature.isValid(header, Self.body, secret: "0123456789abcdef", now: 1))
    }

    /// The difference to now is what traps, and a stranger knows what time it is.
    @Test(arguments: [Int64.min, -1, 0, 1, 1_790_000_000_000, .max])
    func `no time that a stranger names ends the coordinator`(now: Int64) {
        for at in [Int64.min, .max, 0, now &- .min, now &+ .min, now &- .max, now &+ .max] {
            let header = "t=\(at),v1=00"
            #expect(!WebhookSignature.isValid(header, Self.body, secret: "0123456789abcdef", now: now))
        }
    }

    @Test func `the signature is HMAC-SHA-256 of time, dot and body`() {
        let mac = Digest.hmacSHA256(Array("5.x".utf8), key: Array("key".utf8))
        #expect(WebhookSignature.make(Array("x".utf8), secret: "key", at: 5) == "t=5,v1=\(Hex.encode(mac))")
    }

    @Test func `a webhook without a real secret does not start`() throws {
        #expect(try WebhookSettings([:])?.url == nil)
        let url = "OPENCLAW_WEBHOOK_URL"
        let secret = "OPENCLAW_WEBHOOK_SECRET"
        #expect(throws: ServiceError.self) { _ = try WebhookSettings([url: "https://a", secret: "short"]) }
        #expect(throws: ServiceError.self) { _ = try WebhookSettings([url: "https://a"]) }
        #expect(throws: ServiceError.self) {
            _ = try WebhookSettings([url: "ftp://a", secret: "0123456789abcdef"])
        }
        #expect(try WebhookSettings([url: "https://a", secret: "0123456789abcdef"])?.url == "https://a")
    }
}
