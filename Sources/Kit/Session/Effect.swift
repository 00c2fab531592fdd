// What the coordinator does to the world: journalled as an intent before, and as a result after.

/// One thing to do. Each is safe to do again.
public enum Effect: Sendable, Hashable, Codable {
    /// Have a guest with this agent in it.
    case ensureAgent(agent: String, role: String, generation: Int)
    /// Hand a task to an agent's guest.
    case assignTask(agent: String, generation: Int, task: AgentTask)
    /// Take a task back.
    case cancelTask(agent: String, task: String, attempt: Int)
    /// End an agent's guest.
    case retireAgent(agent: String, generation: Int)
    /// Hold, or let go on, all guests; `step` tells one pause from the next.
    case pauseAgents(step: Int)
    case resumeAgents(step: Int)
    /// Make a merge candidate.
    case merge(task: String, attempt: Int, commit: String, onto: String)
    /// Run the tests and the checks of tasks on exactly this tree, in a guest that no agent has touched.
    /// - command: The repository's tests; empty when it has none.
    /// - attempt: 2 when it was red once; nil for the first time.
    /// - checks: Of the tasks that are in the tree; nil when there are none.
    case runGate(
        task: String, tree: String, commit: String, command: String, attempt: Int?, checks: [TaskCheck]?)
    /// See what a published commit has in common with the others that are under way.
    case forecast(task: String, commit: String)
    /// Hand a message to an agent's conversation.
    case deliverMessage(agent: String, generation: Int, number: Int, from: String, text: String)
    /// List what a diff of the result cannot show.
    case inspectChange(commit: String, tree: String)
    /// Put the approved result where its checks run.
    case proposePull(commit: String, tree: String)
    /// Wait for the checks of the pull request at this commit.
    case watchChecks(commit: String, number: Int)
    case raiseBudget(microusd: Int64)
    /// Move the session branch.
    case advance(task: String, from: String, to: String)
    /// Bring the approved commit home.
    case deliver(commit: String, tree: String, merge: Bool)
    case publishReport(commit: String)
    /// End all guests and the group.
    case teardown(reason: String)

    /// The same for the same deed, also after a restart.
    public var key: String {
        switch self {
        case .ensureAgent(let agent, _, let generation): "agent/\(agent)/\(generation)"
        case .assignTask(let agent, let generation, let task):
            "assign/\(task.id)/\(task.kind.rawValue)/\(task.attempt)/\(agent)/\(generation)"
        case .cancelTask(let agent, let task, let attempt): "cancel/\(task)/\(attempt)/\(agent)"
        case .retireAgent(let agent, let generation): "retire/\(agent)/\(generation)"
        case .pauseAgents(let step): "pause/\(step)"
        case .resumeAgents(let step): "resume/\(step)"
        case .merge(let task, let attempt, let commit, let onto): "merge/\(task)/\(attempt)/\(commit)/\(onto)"
        case .runGate(let task, let tree, let commit, _, let attempt, _):
            "gate/\(task)/\(tree)/\(commit)" + (attempt.map { "/\($0)" } ?? "")
        case .forecast(let task, let commit): "forecast/\(task)/\(commit)"
        case .deliverMessage(let agent, let generation, let number, _, _):
            "message/\(number)/\(agent)/\(generation)"
        case .inspectChange(let commit, _): "inspect/\(commit)"
        case .proposePull(let commit, _): "propose/\(commit)"
        case .watchChecks(let commit, _): "checks/\(commit)"
        case .raiseBudget(let amount): "budget/\(amount)"
        case .advance(_, _, let to): "advance/\(to)"
        case .deliver(let commit, _, _): "deliver/\(commit)"
        case .publishReport(let commit): "report/\(commit)"
        case .teardown: "teardown"
        }
    }
}
