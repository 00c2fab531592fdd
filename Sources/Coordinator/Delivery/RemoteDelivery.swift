import System

/// Bringing the approved result to the remote that a session was started from.
public enum RemoteDelivery {
    public enum Outcome: Sendable, Hashable {
        case pushed
        /// An earlier try got through.
        case alreadyThere
    }

    /// Pushes the session branch as `openclaw/SESSION`. May be repeated; a branch of that name with other
    /// work is never overwritten. The pull request itself is opened by whoever speaks the provider's API.
    /// - Parameters:
    ///   - commit: What was approved; the session branch must be there.
    ///   - tokens: For a remote that wants to know who asks.
    ///   - home: The person's own repository, when the session was started from one.
    public static func push(
        _ session: SessionRepository, commit: String, to url: String, tokens: ForgeTokens = ForgeTokens(),
        home: String? = nil
    ) throws(DeliveryError) -> Outcome {
        let operation = "push \(session.branch) to \(url)"
        let head = try session.head()
        guard head == commit else {
            throw DeliveryError(
                .refused, operation, "approved was \(commit), but the session branch is at \(head)",
                hint: "ask for a new approval")
        }
        let access = RemoteAccess(url, tokens, home: home)
        let look = ["ls-remote", "--", url, session.branchRef]
        let there = try access.attempt(session.git, look, timeoutMilliseconds: Limits.lookMilliseconds)
        guard there.code == 0 else {
            throw DeliveryError(
                .unreachable, operation, there.stderr,
                hint: "check the address and your access; then approve again")
        }
        if there.line.hasPrefix(commit) { return .alreadyThere }
        // No plus sign: only a step forward is taken, so what somebody added to the branch stays.
        let pushed = try access.attempt(
            session.git, ["push", "--quiet", "--no-verify", "--", url, "\(commit):\(session.branchRef)"],
            timeoutMilliseconds: Limits.networkMilliseconds)
        guard pushed.code == 0 else {
            // A push of a coordinator that was killed may have come first: its git lives on.
            let now = try access.attempt(session.git, look, timeoutMilliseconds: Limits.lookMilliseconds)
            if now.code == 0, now.line.hasPrefix(commit) { return .alreadyThere }
            throw DeliveryError(
                .refused, operation, pushed.stderr,
                hint:
                    "a token needs the right to write; other work in \(session.branch) must be renamed"
            )
        }
        return .pushed
    }
}
