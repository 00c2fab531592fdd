/// What `openclaw` exits with; the numbers are promised in `openclaw help exit-codes`.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// The command did what it was asked.
    case done = 0
    /// The session, or the command, failed.
    case failed = 1
    /// The command line, or a file it names, is wrong.
    case usage = 2
    /// A key or a credential is missing or refused.
    case credentials = 4
    /// No such session, repository, role or file.
    case notFound = 5
    /// The session waits for a human's approval.
    case waiting = 8
    /// No platform to run guests on.
    case noPlatform = 69
    /// The deadline passed.
    case deadline = 124
    /// Interrupted; the session goes on in the coordinator unless it was cancelled.
    case interrupted = 130

    /// What the code means, in one line.
    public var meaning: String {
        switch self {
        case .done: "done"
        case .failed: "the session or the command failed"
        case .usage: "wrong command line, or a file it names is wrong"
        case .credentials: "a key or credential is missing or refused"
        case .notFound: "no such session, repository or file"
        case .waiting: "the session waits for approval"
        case .noPlatform: "no platform to run guests on"
        case .deadline: "the deadline passed"
        case .interrupted: "interrupted; the session goes on unless it was cancelled"
        }
    }
}

/// An error as the person at the terminal reads it: what failed, on what, and what to do next.
public struct CLIError: Error, Sendable, Hashable {
    /// What the program exits with.
    public let code: ExitCode
    /// What was tried, on what, and how it failed.
    public let message: String
    /// What to do next, if anything can be said.
    public let hint: String?

    /// An error with its exit code.
    public init(_ code: ExitCode, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
