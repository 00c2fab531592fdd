// The one credential of a guest: derived, never stored, so that hook and coordinator agree without a list.

/// An agent's token: `AGENT.HEX`, where HEX is the BLAKE2b-256, keyed with the session's secret, of the
/// agent's id, and from its second guest on of `AGENT/GENERATION`. So the token of a guest that was replaced
/// is nobody's.
public enum AgentToken {
    /// The token of one guest of an agent.
    /// - Parameters:
    ///   - sessionToken: The session's generated secret, 64 hexadecimal digits; nil is returned for anything
    ///     else.
    ///   - generation: Counts the guests of the agent, from 1.
    public static func derive(sessionToken: String, agent: String, generation: Int) -> String? {
        guard let key = Hex.decode(sessionToken), key.count == 32 else { return nil }
        // No agent's id has a slash, so no two of these are the same text.
        let holder = generation == 1 ? agent : "\(agent)/\(generation)"
        return "\(agent).\(Hex.encode(Digest.blake2b(Array(holder.utf8), key: key)))"
    }

    /// The agent that a token names, when the token is that of its guest; compares in constant time.
    /// - Parameter generation: Which guest of an agent is the present one; nil when there is none.
    public static func agent(
        of token: String, sessionToken: String, generation: (_ agent: String) -> Int?
    ) -> String? {
        guard let dot = token.lastIndex(of: ".") else { return nil }
        let agent = String(token[..<dot])
        guard let generation = generation(agent),
            let expected = derive(sessionToken: sessionToken, agent: agent, generation: generation)
        else { return nil }
        return Digest.constantTimeEqual(token, expected) ? agent : nil
    }

    /// The generation that the id of a guest's app names, `SESSION/AGENT/GENERATION`; an id of another form
    /// is a first guest's.
    public static func generation(ofApp id: String) -> Int {
        let parts = id.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let number = ForeignNumber.decimal(parts[2], in: 0...ForeignNumber.most)
        else { return 1 }
        return max(1, number)
    }
}
