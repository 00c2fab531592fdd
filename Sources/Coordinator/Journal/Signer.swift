import CSodium
import Glibc
import Kit
import System

/// Signs what the journal's head was, so that a tail that was cut off or rewritten later is found.
///
/// Ed25519 (RFC 8032) with a key of this journal's own, beside it and readable by its user only: a copy of
/// the database that is edited elsewhere cannot be signed again. Who has the key as well can forge everything
/// here; against that only a head that was noted somewhere else helps.
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
    var session: String
    var seq: Int64
    var hash: String

    /// How many events there are at most between two.
    static let interval: Int64 = 500

    /// After what a person consented to, at the end, and now and then.
    static func isDue(seq: Int64, body: EventBody) -> Bool {
        switch body {
        case .approvalGranted, .deliveryMerged, .sessionCompleted, .sessionFailed, .sessionCancelled: true
        default: seq % interval == 0
        }
    }

    var signedBytes: [UInt8] { Array("openclaw checkpoint\n\(session)\n\(seq)\n\(hash)".utf8) }
}
