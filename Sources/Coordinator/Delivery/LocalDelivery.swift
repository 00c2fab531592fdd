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
        let view: RepositoryView
        do throws(DeliveryError) {
            view = try RepositoryView(path, operation)
        } catch {
            throw DeliveryError(
                error.kind, operation, error.reason,
                hint: "\(error.hint); or fetch it yourself: git fetch \(quoted(session.path)) "
                    + session.branch)
        }
        let git = view.git
        try fetch(session, commit, into: view, operation)
        let done = { (isMerged: Bool, command: String?, reason: String) in
            Outcome(
                branch: session.branch, commit: commit, isMerged: isMerged, command: command, reason: reason)
        }
        let command = "git -C \(quoted(path)) merge \(session.branch)"
        guard mergeIntoCurrent else { return done(false, command, "a merge was not asked for") }
        if let obstacle = try obstacle(view, commit, baseBranch) { return done(false, command, obstacle) }
        if try git.commit("HEAD") == commit { return done(true, nil, "") }
        let merged = try git.attempt(["merge", "--ff-only", "--quiet", "--no-verify", commit])
        guard merged.code == 0 else {
            let reason = merged.stderr.byteLines.filter { !$0.isEmpty }.joined(separator: " ")
            return done(false, command, "git did not merge: \(reason)")
        }
        return done(true, nil, "")
    }

    private static func fetch(
        _ session: SessionRepository, _ commit: String, into view: RepositoryView, _ operation: String
    ) throws(DeliveryError) {
        let git = view.git
        if try git.commit(session.branchRef) == commit { return }
        guard !view.isCheckedOutElsewhere(session.branchRef) else {
            throw DeliveryError(
                .refused, operation, "\(session.branch) is checked out in another worktree",
                hint: "switch that worktree to another branch; then approve again")
        }
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
    private static func obstacle(
        _ view: RepositoryView, _ commit: String, _ baseBranch: String?
    ) throws(DeliveryError) -> String? {
        if view.isBare { return "the repository is bare" }
        let git = view.git
        guard let current = try git.branch(nil) else { return "HEAD is detached" }
        guard current == baseBranch else {
            return "\(current) is checked out, the session started from \(baseBranch ?? "no branch")"
        }
        if let unfinished = view.unfinished { return "\(unfinished) is under way in the worktree" }
        guard try git.isAncestor("HEAD", of: commit) else {
            return "\(current) has moved since the session started"
        }
        if try usesFilters(view, commit) {
            return "changed files pass through filters (Git LFS for example), which only your git runs"
        }
        guard try git.changes(untracked: false).certain.isEmpty else {
            return "the worktree has uncommitted changes"
        }
        return nil
    }

    /// Whether what a merge would write passes through a filter, by the attributes that hold then: those of
    /// the delivered tree, the repository's own and the person's.
    private static func usesFilters(
        _ view: RepositoryView, _ commit: String
    ) throws(DeliveryError) -> Bool {
        var git = view.git
        let changed = try git.run(["diff-tree", "-r", "-z", "--name-only", "--no-renames", "HEAD", commit])
        git.environment["GIT_INDEX_FILE"] = "\(view.path)/delivered-index"
        try git.run(["read-tree", commit])
        return try !git.filtered(changed.stdout.split(separator: 0), ["--cached"]).isEmpty
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
