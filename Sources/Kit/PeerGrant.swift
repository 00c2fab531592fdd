// What one agent may ask of another's guest: derived like tokens are, so that nobody keeps a list.

/// A leave for one agent, for one use, for a while. The coordinator makes it from the owner's token; the
/// owner's harness, which has the same token, checks it without asking anybody; whoever holds it learns
/// neither that token nor a leave for anything else.
///
/// On the wire it is `grant.PEER.UNTIL.HEX`, HEX being the BLAKE2b-256, keyed with the owner's token, of
/// peer, use and time.
public struct PeerGrant: Sendable, Hashable {
    /// What is asked for.
    public enum Use: Sendable, Hashable {
        /// A file, by its SHA-256 in hexadecimal digits.
        case artifact(String)
        /// How the guest is.
        case health
        /// Questions to a language server.
        case language(String)

        var name: String {
            switch self {
            case .artifact(let digest): "artifact/\(digest)"
            case .health: "health"
            case .language(let language): "language/\(language)"
            }
        }
    }

    /// Who may.
    public let peer: String
    /// Unix milliseconds.
    public let until: Int64

    /// Longest life of a grant, in milliseconds: an hour brings a gibibyte over at 300 kB/s, and who needs
    /// longer asks again.
    public static let lifeMilliseconds: Int64 = 3_600_000

    /// - Parameters:
    ///   - owner: The token of the agent that is asked, `AGENT.HEX`.
    ///   - peer: The agent that asks.
    /// - Returns: Nil when the owner's token is none.
    public static func make(owner: String, peer: String, use: Use, until: Int64) -> String? {
        guard let code = code(owner, peer, use, until) else { return nil }
        return "grant.\(peer).\(until).\(code)"
    }

    /// Reads a grant; nil unless it is the owner's, for this use, and still good.
    /// - Parameter now: Unix milliseconds.
    public static func check(_ text: String, owner: String, use: Use, now: Int64) -> PeerGrant? {
        guard text.utf8.count <= 400 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "grant", !parts[1].isEmpty, let until = Int64(parts[2]),
            "\(until)" == parts[2], let code = code(owner, parts[1], use, until),
            Digest.constantTimeEqual(code, parts[3]), now < until, until - now <= 2 * lifeMilliseconds
        else { return nil }
        return PeerGrant(peer: parts[1], until: until)
    }

    private static func code(_ owner: String, _ peer: String, _ use: Use, _ until: Int64) -> String? {
        guard let dot = owner.lastIndex(of: "."), let key = Hex.decode(owner[owner.index(after: dot)...]),
            key.count == 32, !peer.contains("\0")
        else { return nil }
        return Hex.encode(Digest.blake2b(Array("grant\0\(peer)\0\(use.name)\0\(until)".utf8), key: key))
    }
}
