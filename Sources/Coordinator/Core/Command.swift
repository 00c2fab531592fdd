public import Kit

/// What somebody wants, or what became known. Time and ids come along; nothing is asked for here.
public enum Command: Sendable {
    case start(SessionConfiguration)
    /// Keep it until there is room to start it.
    case enqueue(SessionConfiguration)
    // What a person says
    case approve(tree: String, by: String)
    case deny(by: String, reason: String)
    case pause(by: String)
    case resume(by: String)
    case cancel(by: String)
    case addTask(PlanTask, by: String)
    /// The result needs work; what is said goes to whom it concerns, as a review.
    case requestChanges(tree: String, by: String, comments: [ReviewComment])
    /// - text: Instead of a held message's own words.
    case permit(id: String, by: String, text: String? = nil)
    case refuse(id: String, by: String, reason: String)
    case editPlan(Plan, by: String)
    case takeOver(agent: String, by: String)
    case handBack(agent: String, by: String, diff: String, files: [String])
    /// - to: An agent, or `all`.
    case say(from: String, to: String, text: String)
    case note(agent: String, text: String)
    // What agents say
    case proposePlan(agent: String, Plan)
    case accept(agent: String, task: String)
    case complete(agent: String, task: String, isSuccess: Bool, summary: String, commit: String?)
    case fail(agent: String, task: String, reason: String)
    case comment(agent: String, ReviewComment)
    case judge(agent: String, Verdict, summary: String)
    case reportTests(agent: String, TestReport)
    case putArtifact(Artifact)
    /// An agent wants a language server.
    /// - instead: The host that did not answer it.
    case shareLanguage(agent: String, language: String, instead: String?)
    case observePeer(agent: String, peer: String, isReachable: Bool, reason: String)
    // What the world did
    case agentLost(agent: String, generation: Int?, reason: String)
    /// The platform paused its guest, or let it go on.
    case agentPaused(agent: String, generation: Int, reason: String)
    case agentResumed(agent: String, generation: Int, milliseconds: Int64)
    case succeeded(key: String, EffectResult)
    case failed(key: String, reason: String)
    /// How many agents the provider's rate feeds; nil when nothing holds them up.
    case feed(agents: Int?, reason: String)
    /// The session's time or money is used up.
    case exhausted(reason: String, hint: String)
    /// Facts that change nobody's mind: progress, notes, costs, denials.
    case record([EventBody])
}

/// What a test run came to.
public struct TestReport: Sendable, Hashable {
    public var tree: String?
    public var command: String
    public var exitCode: Int
    public var passed: Int?
    public var failed: Int?
    public var skipped: Int?
    public var output: String

    public init(
        tree: String?, command: String, exitCode: Int, passed: Int? = nil, failed: Int? = nil,
        skipped: Int? = nil,
        output: String
    ) {
        (self.tree, self.command, self.exitCode, self.output) = (tree, command, exitCode, output)
        (self.passed, self.failed, self.skipped) = (passed, failed, skipped)
    }
}

/// What a gate found.
public struct GateOutcome: Sendable, Hashable {
    /// A command of a task's acceptance.
    public struct Check: Sendable, Hashable {
        public var check: TaskCheck
        public var exitCode: Int
        public var output: String
        public var milliseconds: Int64

        public init(_ check: TaskCheck, exitCode: Int, output: String, milliseconds: Int64) {
            (self.check, self.exitCode, self.output) = (check, exitCode, output)
            self.milliseconds = milliseconds
        }
    }

    /// Of the tests; 0 when there are none.
    public var exitCode: Int
    public var output: String
    /// Of all of it.
    public var milliseconds: Int64
    /// Those that were run; what is red ends it.
    public var checks: [Check]
    public var tests: GateTests?

    public init(
        exitCode: Int, output: String, milliseconds: Int64, checks: [Check] = [], tests: GateTests? = nil
    ) {
        (self.exitCode, self.output, self.milliseconds) = (exitCode, output, milliseconds)
        (self.checks, self.tests) = (checks, tests)
    }
}

/// What an effect brought.
public enum EffectResult: Sendable, Hashable {
    case done
    case ready(instance: String)
    case merged(commit: String, tree: String, files: [String])
    case conflict(files: [String], hunks: String)
    /// The branch holds nothing new.
    case nothingToMerge
    case gate(GateOutcome)
    /// The session branch is somewhere else than was thought.
    case moved(commit: String, tree: String)
    case delivered(branch: String, commit: String, isMerged: Bool, command: String?, reason: String)
    /// - isMerged: Nil while it was only proposed.
    case pull(PullRequestState, branch: String, isMerged: Bool?)
    /// Files that a published commit changes, and where it collides with which other task.
    case forecast(files: [String], collisions: [String: [String]])
    case checks(ChecksVerdict, summary: String)
    case inspected(ChangeInspection)
    case report(path: String)
}

/// What the checks of a pull request come to.
public enum ChecksVerdict: Sendable, Hashable {
    case green
    case red
    /// There is none that says anything, somebody else may have seen to that; or they cannot be known. No
    /// consent.
    case unknown
}

/// A pull request as the provider shows it.
public struct PullRequestState: Sendable, Hashable {
    public var url: String
    public var number: Int
    public var commit: String
    public var isDraft: Bool

    public init(url: String, number: Int, commit: String, isDraft: Bool) {
        (self.url, self.number, self.commit, self.isDraft) = (url, number, commit, isDraft)
    }
}

/// Why a command was not carried out.
public struct Rejection: Error, Sendable, Hashable, CustomStringConvertible {
    /// For programs: `stale_tree`, `not_waiting`, `wrong_agent`, `no_such_task`, `over`.
    public let code: String
    public let message: String
    /// What to do instead.
    public let hint: String

    public init(_ code: String, _ message: String, hint: String = "") {
        (self.code, self.message, self.hint) = (code, message, hint)
    }

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }
}

/// How often things are tried before a person is asked.
enum Tries {
    /// Conflicts and red gates of one task.
    static let returns = 3
    /// Reviews that ask for changes.
    static let rounds = 3
    /// Agents lost or giving up on one task.
    static let failures = 3
    /// Guests of one agent.
    static let losses = 4
    /// What is merged and tested as one at most.
    static let batch = 5
    /// Hosts of one language server in one session, the first included; after these each agent has its own.
    static let languageHosts = 8
    /// Changes in who reaches whom that one session writes down.
    static let peerChanges = 500
    /// Messages that wait for a person's leave.
    static let held = 64
    /// Unread messages of one agent; the oldest goes when there are more.
    static let messages = 64
}
