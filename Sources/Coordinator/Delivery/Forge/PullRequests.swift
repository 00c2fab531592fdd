import Kit
import System

/// Exactly one pull request for a session, whatever happened before: a try that was cut off, an answer that
/// never came, a coordinator that was started again. The forge is asked first, and what it says counts.
public struct PullRequests: Sendable {
    let forge: any Forge

    public init(_ place: ForgePlace, token: String?) {
        switch place.provider {
        case .github: forge = GitHubForge(place, token: token)
        case .gitea: forge = GiteaForge(place, token: token)
        case .gitlab: forge = GitLabForge(place, token: token)
        }
    }

    init(_ forge: any Forge) { self.forge = forge }

    /// How often a creation whose end is not known is looked for before it is tried again.
    private static let tries = 4

    /// Opens the pull request of a branch that was pushed, or brings it up to date.
    /// - Parameter commit: At the head of the branch.
    public func put(
        _ wish: ForgeWish, commit: String, labels: [String], reviewers: [String]
    ) throws(DeliveryError) -> ForgePull {
        let operation = "open the pull request of \(wish.branch)"
        do throws(ForgeError) {
            let pull = try openOrUpdate(wish, commit)
            if pull.state == .open { try forge.decorate(pull, labels: labels, reviewers: reviewers) }
            return pull
        } catch {
            throw DeliveryError(.refused, operation, error.message, hint: error.hint)
        }
    }

    private func openOrUpdate(_ wish: ForgeWish, _ commit: String) throws(ForgeError) -> ForgePull {
        var failure = ForgeError(.unavailable, "the pull request of \(wish.branch) was not opened")
        for _ in 0..<Self.tries {
            if let there = try forge.find(branch: wish.branch) {
                switch there.state {
                case .open: return try forge.update(there, wish)
                case .merged where there.commit == commit: return there
                case .closed where there.commit == commit:
                    throw ForgeError(.conflict, "\(there.url) was closed without merging this commit")
                // An older one, of which this is the continuation.
                case .merged, .closed: break
                }
            }
            do throws(ForgeError) {
                return try forge.open(wish)
            } catch {
                failure = error
                // It may be there all the same: 422 and 409 say that it is, a cut answer leaves it open.
                guard error.isUncertain || [.invalid, .conflict].contains(error.kind) else { throw error }
                // A conflict is of the moment: somebody else is at it.
                guard !error.isUncertain, error.kind != .conflict else { continue }
                if let there = try forge.find(branch: wish.branch), there.state == .open {
                    return try forge.update(there, wish)
                }
                throw error
            }
        }
        throw failure
    }

    /// Merges it, if its head is this commit; one that is merged already is fine.
    public func merge(_ pull: ForgePull, commit: String, branch: String) throws(DeliveryError) {
        do throws(ForgeError) {
            try forge.merge(pull, commit: commit)
        } catch {
            if let there = try? forge.find(branch: branch), there.state == .merged, there.commit == commit {
                return
            }
            throw DeliveryError(.refused, "merge \(pull.url)", error.message, hint: error.hint)
        }
    }

    /// Waits until the checks of a commit are complete.
    /// - Parameters:
    ///   - graceMilliseconds: How long none at all is taken for none yet.
    ///   - isOver: Asked between two looks; true gives up.
    public func watch(
        _ commit: String, everyMilliseconds: Int, graceMilliseconds: Int, limitMilliseconds: Int,
        isOver: () -> Bool
    ) throws(DeliveryError) -> ForgeChecks {
        let start = Clock.monotonicNanoseconds()
        while true {
            let checks: ForgeChecks
            do throws(ForgeError) {
                checks = try forge.checks(of: commit)
            } catch {
                throw DeliveryError(
                    .refused, "watch the checks of \(commit)", error.message, hint: error.hint)
            }
            let passed = Int((Clock.monotonicNanoseconds() - start) / 1_000_000)
            if checks.isComplete, checks.count > 0 || passed >= graceMilliseconds { return checks }
            guard passed < limitMilliseconds, !isOver() else {
                throw DeliveryError(
                    .refused, "watch the checks of \(commit)",
                    "they were not complete after \(passed / 1000) s", hint: "look at the pull request")
            }
            _ = Condition(false).wait(timeoutMilliseconds: everyMilliseconds) { $0 ? true : nil }
        }
    }

    /// An issue in words that are a task.
    /// - Returns: Also how many comments are left out, because their authors do not belong to the repository.
    public func task(issue number: Int) throws(DeliveryError) -> (text: String, leftOut: Int) {
        do throws(ForgeError) {
            let issue = try forge.issue(number)
            let comments = issue.comments.map { "\n\nComment by \($0)" }.joined()
            let text = "\(issue.title)\n\n\(issue.text)\(comments)"
            guard text.utf8.count > Limits.issueBytes else { return (text, issue.leftOut) }
            let cut = String(decoding: text.utf8.prefix(Limits.issueBytes), as: UTF8.self)
            return (cut + "\n… cut …", issue.leftOut)
        } catch {
            throw DeliveryError(.notFound, "read issue \(number)", error.message, hint: error.hint)
        }
    }
}
