// What a person wants to be asked about before it happens.

/// What `--approve` names. The result itself is asked about unless `--yes` was given.
public enum ApprovalKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The plan, before anybody works on it.
    case plan
    /// The result, before it is delivered.
    case merge
    /// What leaves this machine: a push, a pull request.
    case outside
    /// Spending more than four fifths of the budget.
    case budget
    /// What one agent says to another.
    case messages
    /// What agents write into the shared notes, which all of them read.
    case notes
    /// Tasks that an architect adds to a plan that was accepted.
    case tasks
    /// A task that neither its author nor the architect gets merged. Asked whenever somebody is there to
    /// answer.
    case stuck
}

/// A question that waits for a person. It has no expiry: silence is never consent.
public struct Permission: Sendable, Hashable, Codable {
    /// Bound to what is asked about: `plan/2` is the second version of the plan and no other.
    public var id: String
    public var kind: ApprovalKind
    public var summary: String

    public init(id: String, kind: ApprovalKind, summary: String) {
        (self.id, self.kind, self.summary) = (id, kind, summary)
    }
}

/// How the result becomes a pull request; nil in a session means that it does not.
public struct PullRequestOptions: Sendable, Hashable, Codable {
    /// Open it as a draft; with `watchesChecks` only until they are green.
    public var isDraft: Bool
    public var labels: [String]
    public var reviewers: [String]
    /// The branch that it asks to change; the one the session started from when nil.
    public var base: String?
    /// Wait for the checks of the pull request; a red one becomes a task.
    public var watchesChecks: Bool
    /// `github`, `gitea` or `gitlab`; told by the host when nil.
    public var provider: String?
    /// The REST API's address; told by the host when nil.
    public var api: String?

    enum CodingKeys: String, CodingKey {
        case labels, reviewers, base, provider, api
        case isDraft = "draft"
        case watchesChecks = "watch_checks"
    }

    public init(
        isDraft: Bool = false, labels: [String] = [], reviewers: [String] = [], base: String? = nil,
        watchesChecks: Bool = false, provider: String? = nil, api: String? = nil
    ) {
        (self.isDraft, self.labels, self.reviewers, self.base) = (isDraft, labels, reviewers, base)
        (self.watchesChecks, self.provider, self.api) = (watchesChecks, provider, api)
    }
}
