// The one credential of a guest: derived, never stored, so that hook and coordinator agree without a list.

/// An agent's token: `AGENT.HEX`, where HEX is the BLAKE2b-256 of the agent's id keyed with the session's
/// secret.
public enum AgentToken {
    /// The token of one agent.
    /// - Parameter sessionToken: The session's generated secret, 64 hexadecimal digits; nil is returned for
    ///   anything else.
    public static func derive(sessionToken: String, agent: String) -> String? {
        guard let key = Hex.decode(sessionToken), key.count == 32 else { return nil }
        return "\(agent).\(Hex.encode(Digest.blake2b(Array(agent.utf8), key: key)))"
    }

    /// The agent that a token names, when the token is that agent's; compares in constant time.
    public static func agent(of token: String, sessionToken: String) -> String? {
        guard let dot = token.lastIndex(of: ".") else { return nil }
        let agent = String(token[..<dot])
        guard let expected = derive(sessionToken: sessionToken, agent: agent) else { return nil }
        return Digest.constantTimeEqual(token, expected) ? agent : nil
    }
}
