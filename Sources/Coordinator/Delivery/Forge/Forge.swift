// What we want of a forge; small, so that each one is a page.

/// Pull requests of one repository on one forge. GitLab calls them merge requests.
public protocol Forge: Sendable {
    /// The pull request of a branch: an open one if there is one, else the last.
    func find(branch: String) throws(ForgeError) -> ForgePull?
    func open(_ wish: ForgeWish) throws(ForgeError) -> ForgePull
    /// Title, text and draft state as wished.
    func update(_ pull: ForgePull, _ wish: ForgeWish) throws(ForgeError) -> ForgePull
    /// Labels and reviewers; adding what is there is no error.
    func decorate(_ pull: ForgePull, labels: [String], reviewers: [String]) throws(ForgeError)
    /// Only if its head is this commit.
    func merge(_ pull: ForgePull, commit: String) throws(ForgeError)
    func checks(of commit: String) throws(ForgeError) -> ForgeChecks
    func issue(_ number: Int) throws(ForgeError) -> ForgeIssue
}

/// What a pull request is to be.
public struct ForgeWish: Sendable, Hashable {
    public var branch: String
    public var base: String
    public var title: String
    public var text: String
    public var isDraft: Bool

    public init(branch: String, base: String, title: String, text: String, isDraft: Bool) {
        (self.branch, self.base, self.title, self.text) = (branch, base, title, text)
        self.isDraft = isDraft
    }
}

/// What a pull request is.
public struct ForgePull: Sendable, Hashable {
    public enum State: String, Sendable, Hashable { case open, closed, merged }

    public var number: Int
    public var url: String
    public var state: State
    public var isDraft: Bool
    /// The commit at its head.
    public var commit: String
    /// What GitHub's other API calls it.
    public var node: String = ""
}

/// What the checks of a commit come to.
public struct ForgeChecks: Sendable, Hashable {
    /// All are known, and none is under way; true also when there are none at all.
    public var isComplete = true
    public var count = 0
    /// Those that ran and have nothing against it; skipped ones said nothing.
    public var passed = 0
    /// Name, and what it says.
    public var failures: [String] = []
}

extension ForgeChecks {
    /// Counts one in, by the words of all three forges. A word that is none of theirs is not known.
    mutating func add(_ name: String, _ state: String, _ words: String) {
        count += 1
        switch state {
        case "success", "warning": passed += 1
        case "neutral", "skipped", "manual": break
        case "failure", "failed", "error", "canceled", "cancelled", "timed_out", "action_required", "stale",
            "startup_failure":
            failures.append(ForgeText.check(name, state, words))
        default: isComplete = false
        }
    }
}

/// An issue as a task.
public struct ForgeIssue: Sendable, Hashable {
    public var title: String
    public var text: String
    /// `AUTHOR: TEXT`, the oldest first, of those who belong to the repository where the forge tells who
    /// does.
    public var comments: [String]
    /// Comments of others.
    public var leftOut = 0
}

/// Why a forge did not do something.
public struct ForgeError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// 401: nobody, or a token that is not valid.
        case unauthorized
        /// 403: somebody who may not.
        case forbidden
        case notFound
        /// 409 and 405: it is not in a state for this.
        case conflict
        /// 422: what was sent is not accepted; a pull request that exists says so like this.
        case invalid
        /// 403 and 429 with a time to wait.
        case limited(milliseconds: Int)
        /// 5xx, or no connection: nothing was done, or it is not known.
        case unavailable
        /// An answer that is none of the API.
        case strange
    }

    public let kind: Kind
    public let message: String

    init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }

    public var description: String { message }

    /// Whether it may have been done all the same.
    var isUncertain: Bool { kind == .unavailable }

    var hint: String {
        switch kind {
        case .unauthorized:
            "give a valid token: GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, gh auth login, or git's "
                + "credential helper"
        case .forbidden: "the token needs to write contents and pull requests of this repository"
        case .notFound: "check the address; a token that may not see a repository gets the same answer"
        case .limited: "the forge limits requests; approve again later"
        case .conflict, .invalid: "look at the pull request on the forge"
        case .unavailable, .strange: "approve again when the forge answers"
        }
    }
}
