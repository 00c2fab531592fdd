import CSodium
import Glibc
import Kit
import System

/// Signs what the journal's head was, so that a tail that was cut off or rewritten later is found.
///
/// Ed25519 (RFC 8032) with a key of this journal's own, beside it and readable by its user only: a copy of
/// the database that is edited elsewhere cannot be signed again. Who has the key as well can forge everything
/// here; against that only a head that was noted somewhere else helps (`HeadBook`, and the trailers of
/// commits).
struct Signer: Sendable {
    private let secret: [UInt8]
    /// Hexadecimal.
    let publicKey: String

    /// Reads the key, or makes one.
    init(path: String) throws(JournalError) {
        guard sodium_init() >= 0 else { throw JournalError(.system, "libsodium does not start") }
        do throws(SystemError) {
            if !Files.exists(path) {
                var (made, secret) = (
                    [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES)),
                    [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
                )
                crypto_sign_keypair(&made, &secret)
                try Files.write(path, Array(Hex.encode(secret).utf8), mode: 0o600)
            }
            let text = try Files.readText(path, limit: 1024)
            guard let secret = Hex.decode(text), secret.count == Int(crypto_sign_SECRETKEYBYTES) else {
                throw SystemError(call: "read the signing key", operand: path, code: EINVAL)
            }
            var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
            crypto_sign_ed25519_sk_to_pk(&publicKey, secret)
            (self.secret, self.publicKey) = (secret, Hex.encode(publicKey))
        } catch {
            throw JournalError(
                .system, "\(error)",
                hint: "restore \(path) from a backup, or move it away: old checkpoints are then not verified")
        }
    }

    /// The signature of a checkpoint, in hexadecimal.
    func sign(_ checkpoint: Checkpoint) -> String {
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
        let text = checkpoint.signedBytes
        crypto_sign_detached(&signature, nil, text, UInt64(text.count), secret)
        return Hex.encode(signature)
    }

    /// Whether a checkpoint was signed with this key.
    func verify(_ checkpoint: Checkpoint, signature: String) -> Bool {
        guard let bytes = Hex.decode(signature), bytes.count == Int(crypto_sign_BYTES),
            let key = Hex.decode(publicKey)
        else { return false }
        let text = checkpoint.signedBytes
        return crypto_sign_verify_detached(bytes, text, UInt64(text.count), key) == 0
    }
}

/// What the head of a session was at one moment.
struct Checkpoint: Sendable, Hashable {
    /// What it follows, so that one that was taken out is missed.
    struct Link: Sendable, Hashable {
        /// Counts the checkpoints of the session, from 1.
        var number: Int64
        /// The signature of the one before; empty for the first.
        var previous: String
    }

    var session: String
    var seq: Int64
    var hash: String
    /// Nil for those of a version that did not number them.
    var link: Link?

    /// How many events there are at most between two.
    static let interval: Int64 = 500

    /// After what a person consented to, at the end, and now and then.
    static func isDue(seq: Int64, type: String) -> Bool { seq % interval == 0 || signedTypes.contains(type) }

    private static let signedTypes: Set<String> = [
        "approval.granted", "delivery.merged", "session.completed", "session.failed", "session.cancelled",
    ]

    var signedBytes: [UInt8] {
        let head = "\(session)\n\(seq)\n\(hash)"
        guard let link else { return Array("openclaw checkpoint\n\(head)".utf8) }
        return Array("openclaw checkpoint 2\n\(head)\n\(link.number)\n\(link.previous)".utf8)
    }
}
