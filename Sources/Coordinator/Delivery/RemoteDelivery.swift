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
    ///   - credential: A token for an HTTPS remote; it is only in the environment of git.
    public static func push(
        _ session: SessionRepository, commit: String, to url: String, credential: String? = nil
    ) throws(DeliveryError) -> Outcome {
        let operation = "push \(session.branch) to \(url)"
        let head = try session.head()
        guard head == commit else {
            throw DeliveryError(
                .refused, operation, "approved was \(commit), but the session branch is at \(head)",
                hint: "ask for a new approval")
        }
        let settings = Credential.settings(credential, url: url)
        let there = try session.git.attempt(
            ["ls-remote", "--", url, session.branchRef], timeoutMilliseconds: 60_000, settings: settings)
        guard there.code == 0 else {
            throw DeliveryError(
                .unreachable, operation, Credential.hide(credential, in: there.stderr),
                hint: "check the address and your access; then approve again")
        }
        if there.line.hasPrefix(commit) { return .alreadyThere }
        // No plus sign: only a step forward is taken, so what somebody added to the branch stays.
        let pushed = try session.git.attempt(
            ["push", "--quiet", "--no-verify", "--", url, "\(commit):\(session.branchRef)"],
            timeoutMilliseconds: Limits.networkMilliseconds, settings: settings)
        guard pushed.code == 0 else {
            // A push of a coordinator that was killed may have come first: its git lives on.
            let now = try session.git.attempt(
                ["ls-remote", "--", url, session.branchRef], timeoutMilliseconds: 60_000, settings: settings)
            if now.code == 0, now.line.hasPrefix(commit) { return .alreadyThere }
            throw DeliveryError(
                .refused, operation, Credential.hide(credential, in: pushed.stderr),
                hint:
                    "a token needs the right to write; other work in \(session.branch) must be renamed"
            )
        }
        return .pushed
    }
}
