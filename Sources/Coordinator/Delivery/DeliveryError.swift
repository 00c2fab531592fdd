/// What could not be done with a repository: what was tried, on what, why not, and what to do next.
public struct DeliveryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a caller may want to tell apart.
    public enum Kind: String, Sendable, Hashable {
        case notFound = "not_found"
        case notARepository = "not_a_repository"
        case emptyRepository = "empty_repository"
        case unknownRevision = "unknown_revision"
        case dirtyWorktree = "dirty_worktree"
        case unreachable
        case refused
        case git
        case system
    }

    public let kind: Kind
    /// What was tried on what: "clone /home/me/project".
    public let operation: String
    public let reason: String
    /// The next step; empty when there is none to name.
    public let hint: String

    public init(_ kind: Kind, _ operation: String, _ reason: String, hint: String = "") {
        (self.kind, self.operation, self.reason, self.hint) = (kind, operation, reason, hint)
    }

    public var description: String {
        "\(operation): \(reason)" + (hint.isEmpty ? "" : " (\(hint))")
    }
}
