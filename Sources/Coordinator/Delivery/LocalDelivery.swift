import Kit
import System

/// Bringing the approved result to the person's own repository.
public enum LocalDelivery {
    public struct Outcome: Sendable, Hashable {
        /// `openclaw/SESSION` in the person's repository.
        public let branch: String
        public let commit: String
        /// The checked-out branch was moved to it.
        public let isMerged: Bool
        /// What is left to do, as a command; nil when nothing is.
        public let command: String?
        /// Why it was left; empty when nothing was.
        public let reason: String
    }

    /// Puts the session branch into a local repository, and merges it when that is a fast-forward of the
    /// branch that the session started from. May be repeated: what is there already is left.
    ///
    /// Never runs hooks, and never a filter, because the delivered files may have changed what those are. Of
    /// the repository only the branch is written, and worktree and branch in a merge.
    /// - Parameters:
    ///   - commit: What was approved; the session branch must be there.
    ///   - baseBranch: The branch that the session started from; nil when there was none.
    public static func deliver(
        _ session: SessionRepository, commit: String, to path: String, baseBranch: String?,
        mergeIntoCurrent: Bool
    ) throws(DeliveryError) -> Outcome {
        let operation = "deliver \(session.branch) to \(path)"
        let head = try session.head()
        guard head == commit else {
            throw DeliveryError(
                .refused, operation, "approved was \(commit), but the session branch is at \(head)",
                hint: "ask for a new approval")
        }
        let git = Git(path)
        guard let top = try? git.run(["rev-parse", "--absolute-git-dir"]).line, !top.isEmpty else {
            throw DeliveryError(
                .notARepository, operation, "there is no git repository any more",
                hint: "fetch it yourself: git fetch \(quoted(session.path)) \(session.branch)")
        }
        try fetch(session, commit, into: git, operation)
        let done = { (isMerged: Bool, command: String?, reason: String) in
            Outcome(
                branch: session.branch, commit: commit, isMerged: isMerged, command: command, reason: reason)
        }
        let command = "git -C \(quoted(path)) merge \(session.branch)"
        guard mergeIntoCurrent else { return done(false, command, "a merge was not asked for") }
        if let obstacle = try obstacle(git, commit, baseBranch) { return done(false, command, obstacle) }
        if try git.commit("HEAD") == commit { return done(true, nil, "") }
        let merged = try git.attempt(["merge", "--ff-only", "--quiet", "--no-verify", commit])
        guard merged.code == 0 else {
            let reason = merged.stderr.split(separator: "\n").joined(separator: " ")
            return done(false, command, "git did not merge: \(reason)")
        }
        return done(true, nil, "")
    }

    private static func fetch(
        _ session: SessionRepository, _ commit: String, into git: Git, _ operation: String
    ) throws(DeliveryError) {
        if try git.commit(session.branchRef) == commit { return }
        let outcome = try git.attempt([
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
            "--upload-pack=git -c 'safe.directory=*' upload-pack", "--", session.path,
            "\(session.branchRef):\(session.branchRef)",
        ])
        guard outcome.code == 0 else {
            throw DeliveryError(
                .refused, operation,
                "the branch was not updated: \(outcome.stderr.suffix(Limits.complaintBytes))",
                hint: "if \(session.branch) holds work of yours, rename it and deliver again")
        }
    }

    /// Why the checked-out branch must be left alone; nil when it may be moved.
    private static func obstacle(_ git: Git, _ commit: String, _ baseBranch: String?) throws(DeliveryError)
        -> String?
    {
        if try git.run(["rev-parse", "--is-bare-repository"]).line == "true" {
            return "the repository is bare"
        }
        let current = try git.attempt(["symbolic-ref", "--quiet", "--short", "HEAD"])
        guard current.code == 0 else { return "HEAD is detached" }
        guard let baseBranch, current.line == baseBranch else {
            return "\(current.line) is checked out, the session started from \(baseBranch ?? "no branch")"
        }
        if try usesFilters(git, commit) {
            return "files pass through filters (Git LFS for example), which only your git runs"
        }
        let status = try git.run([
            "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty",
        ])
        guard status.lines.isEmpty else { return "the worktree has uncommitted changes" }
        guard try git.isAncestor("HEAD", of: commit) else {
            return "\(baseBranch) has moved since the session started"
        }
        return nil
    }

    /// Filters may be asked for by the delivered tree, or by the repository's own file of attributes.
    private static func usesFilters(_ git: Git, _ commit: String) throws(DeliveryError) -> Bool {
        let pattern = ["grep", "-l", "-e", "filter[ ]*=", commit, "--", ":(glob)**/.gitattributes"]
        if try git.attempt(pattern).code != 1 { return true }
        let own = try git.run(["rev-parse", "--git-path", "info/attributes"]).line
        let path = own.hasPrefix("/") ? own : "\(git.directory ?? ".")/\(own)"
        guard Files.exists(path) else { return false }
        return try git.attempt(["config", "--name-only", "--get-regexp", "^filter\\."]).code == 0
    }

    /// For a shell.
    static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                    || "-._/@+:".utf8.contains(byte)
            }
        return isPlain
            ? text
            : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
                + "'"
    }
}
