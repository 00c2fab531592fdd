// The mechanics of the merge queue. Nothing here decides: Core says what is merged when. No worktree is
// touched, and the same inputs make the same commit, so that a merge that was interrupted is simply made
// again.

import Kit
import System

/// What a merge came to.
public enum MergeOutcome: Sendable, Hashable {
    case merged(commit: String, tree: String)
    case conflict(MergeConflict)
    /// The branch holds nothing that the session branch has not.
    case alreadyMerged
}

/// Where two sides cannot be joined.
public struct MergeConflict: Sendable, Hashable {
    public let files: [String]
    /// The conflicting parts with both sides and what was before, for people and models; cut at a limit.
    public let hunks: String
}

/// What two branches have in common before they meet.
public struct Overlap: Sendable, Hashable {
    /// Changed by both.
    public let files: [String]
    /// Of those, where the changes collide.
    public let conflicting: [String]
}

/// What came of moving the session branch.
public enum AdvanceOutcome: Sendable, Hashable {
    case advanced
    /// It is there already: an earlier try got through.
    case alreadyThere
    /// Somebody else moved it to this commit.
    case moved(String)
}

extension SessionRepository {
    /// Who wrote a merge.
    public struct Author: Sendable, Hashable {
        public let name: String
        public let email: String

        public init(name: String, email: String) { (self.name, self.email) = (name, email) }

        /// An agent: `coder-1 <coder-1@openclaw.invalid>`.
        public static func agent(_ id: String) -> Author { Author(name: id, email: "\(id)@openclaw.invalid") }
    }

    /// Makes a merge commit of two commits; no branch moves. There is always a merge commit, also where the
    /// branch could be taken as it is: each task is then one step of the session branch, with its trailers.
    /// - Parameters:
    ///   - commit: The head of the agent's branch.
    ///   - head: The head of the session branch.
    ///   - trailers: In order, for example `Openclaw-Task: t2`.
    ///   - dateMilliseconds: Unix time; given, so that the commit's id is reproducible.
    public func merge(
        _ commit: String, into head: String, message: String, trailers: [(String, String)], author: Author,
        dateMilliseconds: Int64
    ) throws(DeliveryError) -> MergeOutcome {
        let (theirs, ours) = (try self.commit(of: commit), try self.commit(of: head))
        if try git.isAncestor(theirs, of: ours) { return .alreadyMerged }
        let result = try mergeTree(ours, theirs)
        if !result.isClean {
            return .conflict(MergeConflict(files: result.files, hunks: try hunks(result)))
        }
        let objections = try objections(from: ours, to: result.tree)
        guard objections.isEmpty else {
            let words = objections.map { "\($0.path): \($0.reason)" }.joined(separator: "\n")
            return .conflict(MergeConflict(files: objections.map(\.path), hunks: words))
        }
        let date = "@\(dateMilliseconds / 1000) +0000"
        let committer = Git(
            path,
            environment: [
                "GIT_AUTHOR_NAME": Self.line(author.name), "GIT_AUTHOR_EMAIL": Self.line(author.email),
                "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_NAME": "openclaw",
                "GIT_COMMITTER_EMAIL": "openclaw@openclaw.invalid",
                "GIT_COMMITTER_DATE": date,
            ])
        let text = Self.text(message: message, trailers: trailers + [("Openclaw-Tree", result.tree)])
        let made = try committer.run(
            ["commit-tree", result.tree, "-p", ours, "-p", theirs, "-F", "-"], input: Array(text.utf8))
        return .merged(commit: made.line, tree: result.tree)
    }

    /// Moves the session branch from one commit to another, if it is still at the first.
    public func advance(from old: String, to new: String) throws(DeliveryError) -> AdvanceOutcome {
        let arguments = ["update-ref", "-m", "merge queue", branchRef, new, old]
        let outcome = try git.attempt(arguments)
        if outcome.code == 0 { return old == new ? .alreadyThere : .advanced }
        let current = try head()
        if current == new { return .alreadyThere }
        if current != old { return .moved(current) }
        throw git.failure(arguments, outcome)
    }

    /// Forecasts what happens when both branches are merged.
    public func overlap(_ one: String, _ other: String) throws(DeliveryError) -> Overlap {
        let (a, b) = (try commit(of: one), try commit(of: other))
        let found = try git.attempt(["merge-base", a, b])
        guard found.code == 0 else {
            throw DeliveryError(.git, "compare \(one) and \(other)", "they have no common history")
        }
        let changed = try changedFiles(found.line, b)
        let files = try changedFiles(found.line, a).filter(Set(changed).contains)
        return Overlap(files: files, conflicting: files.isEmpty ? [] : try mergeTree(a, b).files)
    }

    /// The files that a published commit changes, compared with where it left the session branch.
    public func filesChanged(by commit: String) throws(DeliveryError) -> [String] {
        let (theirs, ours) = (try self.commit(of: commit), try head())
        let found = try git.attempt(["merge-base", ours, theirs])
        return try changedFiles(found.code == 0 ? found.line : base, theirs)
    }

    /// The files that differ between two commits, sorted; a rename counts as both its names.
    public func changedFiles(_ from: String, _ to: String) throws(DeliveryError) -> [String] {
        try git.run(["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", from, to])
            .records
    }

    // MARK: Merging trees

    private struct TreeMerge {
        let tree: String
        let isClean: Bool
        /// In conflict.
        let files: [String]
        let messages: String
    }

    private func mergeTree(_ ours: String, _ theirs: String) throws(DeliveryError) -> TreeMerge {
        var settings = [("merge.conflictStyle", "diff3")]
        let file = scratch("attributes")
        defer { discard(file) }
        let lines = try attributes(of: changedByBoth(ours, theirs), at: ours).lines
        if !lines.isEmpty {
            try delivering("write \(file)") { () throws(SystemError) in try Files.write(file, lines) }
            settings.append(("core.attributesFile", file))
        }
        let arguments = ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs]
        let outcome = try git.attempt(arguments, settings: settings)
        guard outcome.code == 0 || outcome.code == 1, !outcome.isTruncated else {
            throw git.failure(arguments, outcome, hint: "the branches may have no common history")
        }
        // TREE NUL (FILE NUL)* NUL messages
        let parts = outcome.stdout.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let files = parts.dropFirst().prefix { !$0.isEmpty }
        guard let tree = parts.first, !tree.isEmpty else { throw git.failure(arguments, outcome) }
        let rest = parts.dropFirst(files.count + 2)
        // Paths and kinds stand between the sentences; only sentences end with a line feed.
        let messages = rest.filter { $0.hasSuffix("\n") && $0.hasPrefix("CONFLICT") }.joined()
        return TreeMerge(tree: tree, isClean: outcome.code == 0, files: Array(files), messages: messages)
    }

    /// The conflicting parts of the files that git wrote with markers, or its sentence where there are none
    /// (a file deleted on one side, a binary file).
    private func hunks(_ merge: TreeMerge) throws(DeliveryError) -> String {
        var output = ""
        for file in merge.files {
            let blob = try git.attempt(
                ["cat-file", "blob", "\(merge.tree):\(file)"], limit: Limits.projectFileBytes)
            let hunks = blob.code == 0 ? ConflictHunks.cut(from: blob.text) : ""
            if !hunks.isEmpty { output += "=== \(file)\n\(hunks)\n" }
        }
        output += merge.messages
        guard output.utf8.count > Limits.hunkBytes else { return output }
        return String(decoding: output.utf8.prefix(Limits.hunkBytes), as: UTF8.self) + "\n… cut …\n"
    }

    // MARK: Messages

    /// Names and values end up in headers of a commit: one line each.
    private static func line(_ text: String) -> String {
        String(
            text.unicodeScalars.map {
                $0.value < 0x20 || "<>".unicodeScalars.contains($0) ? " " : Character($0)
            })
    }

    private static func text(message: String, trailers: [(String, String)]) -> String {
        let body = String(
            message.unicodeScalars.filter { $0.value >= 0x20 || $0 == "\n" || $0 == "\t" }.map(Character.init)
        )
        let lines = trailers.map { "\(line($0.0)): \(line($0.1))\n" }.joined()
        return body + (body.hasSuffix("\n") ? "" : "\n") + (lines.isEmpty ? "" : "\n\(lines)")
    }
}

/// Finds conflict markers.
enum ConflictHunks {
    /// Lines of context on both sides of a hunk.
    private static let context = 3

    /// How many whole conflicts there are: the marks of both sides and what parts them, in their order.
    static func count(in bytes: ArraySlice<UInt8>) -> Int {
        var (number, seen) = (0, 0)
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard let first = line.first, [0x3C, 0x3D, 0x3E].contains(first) else { continue }
            if line.starts(with: "<<<<<<< ".utf8) {
                seen = 1
            } else if seen == 1, line.starts(with: "=======".utf8) {
                seen = 2
            } else if seen == 2, line.starts(with: ">>>>>>> ".utf8) {
                (number, seen) = (number + 1, 0)
            }
        }
        return number
    }

    static func cut(from text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var kept: [Int] = []
        var start: Int?
        for (index, line) in lines.enumerated() {
            if line.hasPrefix("<<<<<<< ") { start = start ?? index }
            guard line.hasPrefix(">>>>>>> "), let from = start else { continue }
            let first = max(from - context, (kept.last ?? -1) + 1)
            kept += first...min(index + context, lines.count - 1)
            start = nil
        }
        var output = ""
        var previous: Int?
        for index in kept {
            if previous.map({ $0 + 1 }) != index { output += "@@ line \(index + 1)\n" }
            output += lines[index] + "\n"
            previous = index
        }
        return output
    }
}
