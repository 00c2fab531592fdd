// A task as an agent gets it.

/// What an agent is to do now, with everything it needs to know for it.
public struct AgentTask: Sendable, Hashable, Codable {
    /// What kind of work it is.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// `advise`: an architect says how work can be brought in that its author cannot.
        case plan, implement, rework, review, test, advise
    }

    public var id: String
    public var kind: Kind
    public var title: String
    public var description: String
    public var acceptance: [String]
    public var writeSet: [String]
    /// Where its work is published, without `refs/heads/`.
    public var branch: String
    /// The commit that it starts from.
    public var base: String
    /// From 1; higher when the work came back.
    public var attempt: Int
    public var testCommand: String?
    /// Commands that the gate runs besides the tests; nil when there are none.
    public var checks: [String]?
    /// Where in the repository commands start; nil for its top.
    public var subdirectory: String?
    public var context: Context
    /// An earlier guest of this agent has begun it.
    public var resume: Bool

    enum CodingKeys: String, CodingKey {
        case id, kind, title, description, acceptance, branch, base, attempt, checks, context, resume
        case writeSet = "write_set"
        case testCommand = "test_command"
        case subdirectory = "subdir"
    }

    public init(
        id: String, kind: Kind, title: String, description: String, acceptance: [String] = [],
        writeSet: [String] = [], branch: String, base: String, attempt: Int = 1, testCommand: String? = nil,
        context: Context = Context(), resume: Bool = false
    ) {
        (self.id, self.kind, self.title, self.description) = (id, kind, title, description)
        (self.acceptance, self.writeSet, self.branch, self.base) = (acceptance, writeSet, branch, base)
        (self.attempt, self.testCommand, self.context, self.resume) = (attempt, testCommand, context, resume)
    }

    /// What came before.
    public struct Context: Sendable, Hashable, Codable {
        /// The task of the session, in the person's words.
        public var task: String?
        public var plan: Plan?
        public var conflict: Conflict?
        /// What a reviewer wants changed.
        public var review: [ReviewComment]?
        /// A gate or a test run that failed.
        public var gate: GateOutput?
        /// What is to be judged.
        public var tree: String?
        /// `BASE..HEAD` for the diff to look at.
        public var diffRange: String?
        /// What that diff cannot show, one line each.
        public var inspection: [String]?
        /// For who plans: roles besides `coder` that do tasks.
        public var roles: [RoleOffer]?

        enum CodingKeys: String, CodingKey {
            case task, plan, conflict, review, gate, tree, roles, inspection
            case diffRange = "diff_range"
        }

        public init(task: String? = nil) { self.task = task }
    }

    public struct Conflict: Sendable, Hashable, Codable {
        public var files: [String]
        public var hunks: String

        public init(files: [String], hunks: String) { (self.files, self.hunks) = (files, hunks) }
    }

    public struct GateOutput: Sendable, Hashable, Codable {
        public var command: String
        public var exitCode: Int
        public var output: String

        enum CodingKeys: String, CodingKey {
            case command, output
            case exitCode = "exit_code"
        }

        public init(command: String, exitCode: Int, output: String) {
            (self.command, self.exitCode, self.output) = (command, exitCode, output)
        }
    }
}

/// A remark of a reviewer on a place.
public struct ReviewComment: Sendable, Hashable, Codable {
    public var file: String
    public var line: Int?
    public var body: String
    /// `blocking` or `note`.
    public var severity: String

    public init(file: String, line: Int? = nil, body: String, severity: String = "blocking") {
        (self.file, self.line, self.body, self.severity) = (file, line, body, severity)
    }
}

/// What a reviewer decided.
public enum Verdict: String, Sendable, Hashable, Codable {
    case approve
    case requestChanges = "request_changes"
}
