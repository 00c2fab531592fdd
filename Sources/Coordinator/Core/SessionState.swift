// Core: what a session is at one moment, and nothing else. Pure values; time, ids and the world arrive in
// commands.
public import Kit

/// Where a session stands: a fold over its events.
public struct SessionState: Sendable, Hashable {
    /// The way of a session, in order.
    public enum Phase: String, Sendable, Hashable {
        case queued, planning, working, verifying, approving, delivering, completed, failed, cancelled

        public var isOver: Bool { [.completed, .failed, .cancelled].contains(self) }
    }

    public internal(set) var configuration: SessionConfiguration?
    public internal(set) var phase = Phase.planning
    public internal(set) var isPaused = false
    public internal(set) var startedAt: Int64 = 0
    public internal(set) var endedAt: Int64?
    /// Why it failed, and what to do.
    public internal(set) var failure: (reason: String, hint: String)? {
        get { failureReason.map { ($0, failureHint) } }
        set { (failureReason, failureHint) = (newValue?.reason, newValue?.hint ?? "") }
    }
    private var failureReason: String?
    private var failureHint = ""

    /// In plan order; the architect's, reviewer's and tester's own tasks are not in it.
    public internal(set) var plan: Plan?
    public internal(set) var order: [String] = []
    public internal(set) var tasks: [String: TaskState] = [:]
    public internal(set) var agents: [String: AgentState] = [:]
    /// How often a pause or resume was ordered.
    var pauses = 0

    /// The session branch.
    public internal(set) var head = ""
    public internal(set) var tree = ""
    /// Tasks that were merged, in that order.
    public internal(set) var merged: [String] = []
    /// The candidate that is being made, gated or moved to.
    public internal(set) var candidate: Candidate?

    /// Of the current tree; nil until it is there.
    public internal(set) var verdict: Verdict?
    public internal(set) var verdictSummary = ""
    public internal(set) var testsPassed: Bool?
    var lastTests: AgentTask.GateOutput?
    public internal(set) var comments: [ReviewComment] = []
    public internal(set) var round = 0
    /// What a diff of a commit cannot show; of the head when its commit is that.
    public internal(set) var inspection: ChangeInspection?
    /// The tree that waits for approval or was approved.
    public internal(set) var approval: (tree: String, commit: String)? {
        get { approvalTree.map { ($0, approvalCommit) } }
        set { (approvalTree, approvalCommit) = (newValue?.tree, newValue?.commit ?? "") }
    }
    private var approvalTree: String?
    private var approvalCommit = ""
    public internal(set) var isApproved = false
    /// Why `--yes` did not approve it.
    public internal(set) var approvalHolds: [String] = []
    public internal(set) var delivery: Delivery?
    public internal(set) var pull: PullRequestState?
    /// The last commit whose checks came to an end, and whether they are green.
    var checked: String?
    var checksAreGreen = false

    /// Questions that wait for a person, the oldest first, and those that were answered with yes.
    public internal(set) var permissions: [Permission] = []
    var granted: Set<String> = []
    /// Counts what a person or an architect made of the plan.
    var planVersion = 0
    /// Rounds of review until a person is told; every change of a person gives new ones.
    var roundLimit = Tries.rounds + 1
    /// In millionths of a US dollar; what a person allowed last.
    public internal(set) var budget: Int64?
    public internal(set) var statistics = MergeStatistics()
    /// How many agents do the plan's tasks at the same time, when we choose.
    public internal(set) var workers = 1
    /// How many the provider's rate feeds; nil for as many as there are.
    public internal(set) var headroom: Int?
    var headroomReason = ""
    var messageCount = 0
    /// What agents said and a person has not let through yet, by the question's id.
    public internal(set) var held: [String: HeldMessage] = [:]
    var heldCount = 0

    /// Intents without a result, in the order in which they were intended.
    public internal(set) var openEffects: [Effect] = []
    public internal(set) var notes: [String] = []
    /// Whose guest answers for a language, by language.
    public internal(set) var languageHosts: [String: LanguageHost] = [:]
    /// By agent that cannot be reached: who says so.
    public internal(set) var unreachable: [String: Set<String>] = [:]
    var peerChanges = 0
    /// Files that agents put for their peers, by `Artifact.id`.
    public internal(set) var artifacts: [String: Artifact] = [:]
    public internal(set) var spent: Int64 = 0
    /// By agent.
    public internal(set) var spentBy: [String: Int64] = [:]
    /// Calls of models that are under way, or were when the coordinator ended: by call, with what they may
    /// cost at most.
    public internal(set) var reserved: [String: Reservation] = [:]
    /// Sequence number of the last event in it.
    public internal(set) var seq: Int64 = 0

    public init() {}

    /// Money that is set aside for a call.
    public struct Reservation: Sendable, Hashable {
        public var agent: String
        public var task: String?
        public var model: String
        public var amount: Int64
    }

    /// What the merge queue is at: a chain of merges onto the session branch, tested as one.
    public struct Candidate: Sendable, Hashable {
        public struct Member: Sendable, Hashable {
            public var task: String
            /// The merge, with all members before it.
            public var commit: String
            public var tree: String
            var files: [String] = []
        }

        /// Published work that is still to be put on top.
        public var waiting: [String]
        public var members: [Member] = []
        /// So many members are green together; 0 is the session branch itself.
        var green = 0
        /// With so many members the tests are red.
        var red: Int?
        /// Of how many members the tree is that is tested or was tested last.
        var tested = 0
        /// It was red once and is to be tested again.
        var isRetrying = false
        /// What is tested now was red once.
        var isSecondTry = false
        var complaint: AgentTask.GateOutput?

        public var tip: String? { members.last?.commit }
    }

    /// How the result came home.
    public struct Delivery: Sendable, Hashable {
        public var branch: String
        public var commit: String
        public var isMerged: Bool
        public var command: String?
        public var reason: String
    }

    /// A task, its work and its way back.
    public struct TaskState: Sendable, Hashable {
        /// A2A's task states, and where in the merge queue it is.
        public enum Status: String, Sendable, Hashable {
            case submitted, working, published, merged, completed, failed
        }

        public var plan: PlanTask
        public var kind: AgentTask.Kind
        public var status = Status.submitted
        /// 0 before the first assignment.
        public var attempt = 0
        /// Who works on it or did; its reworks go to the same agent.
        public var agent: String?
        /// What was published.
        public var commit: String?
        var context = AgentTask.Context()
        /// It was begun by a guest that is gone.
        var isBegun = false
        /// Files that it changed when it was merged.
        var files: [String] = []
        /// How often it came back since it was merged last, and how often its agent was lost or gave up.
        var returns = 0
        var failures = 0
        /// Assigned in the current attempt, accepted or not.
        var isAssigned = false
        /// The tree that a reviewer or tester was given.
        var judgedTree: String?
        /// How often an architect, and then a person, was asked how to bring it in.
        var escalations = 0
        var questions = 0
        /// The task of an architect that has to be done first.
        var waitsFor: String?
    }

    /// An agent and its guest.
    public struct AgentState: Sendable, Hashable {
        public enum Status: String, Sendable, Hashable { case requested, ready, lost, retired }

        public var role: String
        /// Counts its guests, from 1.
        public var generation: Int
        public var status = Status.requested
        public var instance: String?
        /// What it works on.
        public var task: String?
        var losses = 0
        /// A person is in its place.
        public internal(set) var isTaken = false
        /// Its guest waited for input and stands still.
        public internal(set) var isPaused = false
        /// Messages that its guest has not taken yet.
        var inbox: [Message] = []
    }

    /// A message on its way to an agent.
    struct Message: Sendable, Hashable {
        var number: Int
        var from: String
        var text: String
    }

    /// The guest whose language server others ask, too.
    public struct LanguageHost: Sendable, Hashable {
        public var agent: String
        var generation: Int
        /// How many there were before it.
        var changes: Int
        var users: Set<String> = []
    }

    /// An agent's words that wait for a person.
    public struct HeldMessage: Sendable, Hashable {
        public var from: String
        public var to: String
        public var text: String
        var task: PlanTask?
    }

    /// What the merge queue did in this session.
    public struct MergeStatistics: Sendable, Hashable {
        public internal(set) var batches = 0
        public internal(set) var merged = 0
        public internal(set) var gates = 0
        public internal(set) var redGates = 0
        public internal(set) var flakyGates = 0
        public internal(set) var conflicts = 0
        public internal(set) var deferred = 0
        public internal(set) var returned = 0
        public internal(set) var escalated = 0
        public internal(set) var forecasts = 0
        public internal(set) var voided = 0
    }

    /// Whether anything was asked of the world whose answer is not there yet.
    public func isOpen(_ effect: Effect) -> Bool { openEffects.contains { $0.key == effect.key } }

    /// The task of the architect, the reviewer and the tester have these ids.
    static let planTask = "plan"
    static let reviewTask = "review"
    static let testTask = "test"
    /// The task of an architect who is asked about another one.
    static func adviceTask(_ id: String) -> String { "advise-\(id)" }

    /// How many agents do the plan's tasks at the same time at most.
    var workerLimit: Int { configuration?.agents == nil ? workers : configuration?.coderLimit ?? 1 }

    /// A question of this kind is open.
    func waits(for kind: ApprovalKind) -> Bool { permissions.contains { $0.kind == kind } }
}
