// What a session was asked for, fixed at its start.

/// The settings of a session.
public struct SessionConfiguration: Sendable, Hashable, Codable {
    public var session: String
    /// In the words of the person.
    public var task: String
    /// Path or URL of the repository that the result goes back to.
    public var repository: String
    public var isRemote: Bool
    /// Where the session starts, full length.
    public var baseCommit: String
    public var baseTree: String
    /// The branch that was checked out; nil when HEAD was detached.
    public var baseBranch: String?
    /// At most so many agents; nil lets the coordinator choose.
    public var agents: Int?
    public var plan: Plan?
    /// As given with --model.
    public var model: String
    /// Models of single roles, where they are not `model`.
    public var models: [String: String]?
    /// In millionths of a US dollar.
    public var budget: Int64?
    /// Budgets of single roles and agents, by name, in millionths of a US dollar.
    public var limits: [String: Int64]?
    /// Approve what is green without asking.
    public var autoApprove: Bool
    /// Fast-forward the checked-out branch besides making openclaw/SESSION.
    public var merge: Bool
    /// How the repository is tested; nil when it has no tests.
    public var testCommand: String?
    public var isolation: String
    /// Gives up after this time, in milliseconds.
    public var deadline: Int64?
    /// What else is asked about before it happens, besides the result.
    public var approve: [ApprovalKind]?
    /// Deliver as a pull request.
    public var pullRequest: PullRequestOptions?
    /// Ends when there is a plan; nothing is done with it.
    public var planOnly: Bool?
    /// Where in the repository commands start, without slashes at its ends; nil for its top.
    public var subdirectory: String?
    /// What `--yes` may pass although it needs a person, as `AllowRule` reads it; nil for nothing.
    public var allow: [String]?
    /// Roles besides `coder` that do tasks of a plan; nil when there are none.
    public var workRoles: [RoleOffer]?
    /// The agent program that was asked for with --agent, and those of single roles; nil for our own agent.
    public var program: String?
    public var programs: [String: String]?

    enum CodingKeys: String, CodingKey {
        case session, task, repository, agents, plan, model, models, merge, isolation
        case limits = "limits_microusd"
        case isRemote = "is_remote"
        case baseCommit = "base_commit"
        case baseTree = "base_tree"
        case baseBranch = "base_branch"
        case budget = "budget_microusd"
        case autoApprove = "auto_approve"
        case testCommand = "test_command"
        case deadline = "deadline_ms"
        case approve, allow, program, programs
        case pullRequest = "pull_request"
        case planOnly = "plan_only"
        case workRoles = "work_roles"
        case subdirectory = "subdir"
    }

    /// Agents of one session at most: the kit's `max_agents_per_session`.
    public static let agentLimit = 8
    /// What leaves a choice to us.
    public static let automatic = "auto"
    /// What a person may say for the kind of guests; a session has one of the others.
    public static let isolationWords = [automatic, "namespace", "microvm", "microvm-emulated"]
    /// What a person may say for the number of agents.
    public static let agentWords = [automatic] + (1...agentLimit).map { "\($0)" }

    public init(
        session: String, task: String, repository: String, isRemote: Bool = false, baseCommit: String,
        baseTree: String, baseBranch: String? = nil, agents: Int? = nil, plan: Plan? = nil, model: String,
        budget: Int64? = nil, autoApprove: Bool = false, merge: Bool = false, testCommand: String? = nil,
        isolation: String = "namespace", deadline: Int64? = nil
    ) {
        (self.session, self.task, self.repository, self.isRemote) = (session, task, repository, isRemote)
        (self.baseCommit, self.baseTree, self.baseBranch) = (baseCommit, baseTree, baseBranch)
        (self.agents, self.plan, self.model, self.budget) = (agents, plan, model, budget)
        (self.autoApprove, self.merge, self.testCommand) = (autoApprove, merge, testCommand)
        (self.isolation, self.deadline) = (isolation, deadline)
    }

    /// One agent does everything: no architect, no reviewer, no tester.
    public var isSolo: Bool { agents == 1 }
    public var hasArchitect: Bool { !isSolo && plan == nil }
    /// The result is sent somewhere else.
    public var leavesMachine: Bool { isRemote || pullRequest != nil }
    public func asks(for kind: ApprovalKind) -> Bool { (approve ?? []).contains(kind) }
    public var hasReviewer: Bool { (agents ?? 8) >= 3 }
    public var hasTester: Bool { (agents ?? 8) >= 4 && testCommand != nil }
    /// How many coders work at the same time at most.
    public var coderLimit: Int {
        // As many as there is work for; one place stays free for an architect.
        guard let agents else { return 7 }
        return max(1, agents - 3)
    }
}

/// Makes session ids.
public enum SessionName {
    /// The first words of the task and four letters that make it unique: `fix-auth-bug-4k2p`.
    /// - Parameter random: At least four random bytes.
    public static func make(task: String, random: [UInt8]) -> String {
        let words = task.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let small: Set<Substring> = ["the", "a", "an", "and", "of", "in", "to", "is", "are"]
        var name = ""
        for word in words where !small.contains(word) {
            // It is part of host names and of what hooks take: a letter comes first.
            if name.isEmpty, word.first?.isNumber ?? true { continue }
            guard name.count + word.count < 24 else { break }
            name += (name.isEmpty ? "" : "-") + word
        }
        // Without vowels, so that no words are made by chance, and without letters that look like digits.
        let alphabet = Array("bcdfghjkmnpqrstvwxz23456789")
        let suffix = String(random.prefix(4).map { alphabet[Int($0) % alphabet.count] })
        return "\(name.isEmpty ? "session" : name)-\(suffix)"
    }

    /// True for what could be an id.
    public static func isValid(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count) && text.first != "-"
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }
}
