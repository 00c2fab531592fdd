import Kit

/// Who sent a body, and when: `t=MILLISECONDS,v1=HEX`, HEX being the HMAC-SHA-256 of `MILLISECONDS.BODY`
/// under a secret that both sides have. The same in both directions.
enum WebhookSignature {
    static let header = "X-OpenClaw-Signature"
    /// An older or newer signature is refused, so that what was recorded cannot be sent again later.
    static let toleranceMilliseconds: Int64 = 300_000

    static func make(_ body: [UInt8], secret: String, at: Int64) -> String {
        let mac = Digest.hmacSHA256(Array("\(at).".utf8) + body, key: Array(secret.utf8))
        return "t=\(at),v1=\(Hex.encode(mac))"
    }

    static func isValid(_ header: String, _ body: [UInt8], secret: String, now: Int64) -> Bool {
        let parts = header.split(separator: ",")
        guard parts.count == 2, parts[0].hasPrefix("t="), parts[1].hasPrefix("v1="),
            let at = Int64(parts[0].dropFirst(2)), isNear(at, now)
        else { return false }
        return Digest.constantTimeEqual(header, make(body, secret: secret, at: at))
    }

    /// A time that nobody has vouched for yet: any number at all.
    private static func isNear(_ at: Int64, _ now: Int64) -> Bool {
        let (difference, isOver) = now.subtractingReportingOverflow(at)
        return !isOver && difference.magnitude <= toleranceMilliseconds
    }
}

/// Where notifications go, from the environment of the coordinator.
struct WebhookSettings: Sendable {
    let url: String
    let secret: String

    private static let leastSecret = 16

    /// `OPENCLAW_WEBHOOK_URL` and `OPENCLAW_WEBHOOK_SECRET`; nil when there is no URL.
    init?(_ environment: [String: String]) throws(ServiceError) {
        guard let url = environment["OPENCLAW_WEBHOOK_URL"], !url.isEmpty else { return nil }
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw ServiceError(
                "OPENCLAW_WEBHOOK_URL is \(url)", hint: "it begins with https://", code: "usage")
        }
        let secret = environment["OPENCLAW_WEBHOOK_SECRET"] ?? ""
        guard secret.utf8.count >= Self.leastSecret else {
            throw ServiceError(
                "OPENCLAW_WEBHOOK_SECRET has \(secret.utf8.count) bytes",
                hint: "a webhook can approve, so its secret has at least \(Self.leastSecret)", code: "usage")
        }
        (self.url, self.secret) = (url, secret)
    }
}
