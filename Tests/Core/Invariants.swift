import Kit

@testable import Core

/// What must hold of every journal, told from the events alone: a second opinion that shares no code with the
/// state that Core keeps.
struct Invariants {
    var problems: [String] = []
    private var started: SessionConfiguration?
    private var tree = ""
    private var head = ""
    private var made: [String: (tree: String, commit: String)] = [:]
    private var passed: Set<String> = []
    /// Commands of tasks, and "TREE COMMAND" of those that ended with 0.
    private var checks: [String: [String]] = [:]
    private var proven: Set<String> = []
    private var home: Set<String> = []
    private var approvedTree: String?
    private var waiting: String?
    private var verdicts: [String: Verdict] = [:]
    private var greenTests: Set<String> = []
    private var deliveries = 0
    private var isPaused = false
    private var ended: String?
    private var busy: [String: String] = [:]
    private var open: Set<String> = []
    private var present: Set<String> = []
    private var asked: Set<String> = []
    private var planAnswered = false
    private var agents: Set<String> = []
    private var workers = 1
    private var owners: Set<String> = []
    private var held: [String: (from: String, to: String, text: String)] = [:]
    /// What a person let through and was not passed on yet.
    private var released: [(from: String, to: String, text: String)] = []
    private var pulls: Set<String> = []
    private var lists: [String: ChangeInspection] = [:]
    private var checked: Set<String> = []

    init(_ events: [Event]) { for event in events { look(event) } }

    private mutating func require(_ holds: Bool, _ event: Event, _ what: String) {
        if !holds { problems.append("\(event.seq) \(event.body.type): \(what)") }
    }

    private mutating func look(_ event: Event) {
        if case .effectIntended(let effect) = event.body {
            require(open.insert(effect.key).inserted, event, "\(effect.key) is open already")
            if case .teardown = effect { return require(ended != nil, event, "torn down before the end") }
            require(ended == nil, event, "\(effect.key) after the end")
        }
        switch event.body {
        case .sessionStarted(let configuration):
            (started, tree, head) = (configuration, configuration.baseTree, configuration.baseCommit)
        case .effectSucceeded(let key), .effectFailed(let key, _):
            require(open.remove(key) != nil, event, "\(key) was not open")
        case .sessionPaused: isPaused = true
        case .sessionResumed: isPaused = false
        case .sessionCompleted, .sessionFailed, .sessionCancelled:
            require(ended == nil, event, "ended twice")
            ended = event.body.type
            if case .sessionCompleted = event.body {
                require(deliveries == 1, event, "completed with \(deliveries) deliveries")
            }
        default:
            agents(event)
            queue(event)
            judgement(event)
        }
    }

    private mutating func agents(_ event: Event) {
        switch event.body {
        case .agentRequested(let agent, _, _):
            let isNew = present.insert(agent).inserted
            agents.insert(agent)
            if isNew, started?.agents == nil, agent.hasPrefix("coder") {
                let count = present.count { $0.hasPrefix("coder") }
                // Who comes back to its own work is not held up.
                let isBack = agents.count { $0.hasPrefix("coder") } >= count && owners.contains(agent)
                require(count <= workers || isBack, event, "\(count) coders of \(workers)")
            }
            let limit = started?.agents ?? 8
            require(present.count <= limit, event, "\(present.count) agents of \(limit)")
        case .agentsScaled(let limit, let reason):
            require(started?.agents == nil && (1...8).contains(limit) && !reason.isEmpty, event, "scaled")
            workers = limit
        case .agentRetired(let agent, _):
            require(busy[agent] == nil, event, "\(agent) was at work")
            present.remove(agent)
        case .agentLost(let agent, _, _): busy[agent] = nil
        case .taskAssigned(let task, _, let agent, _, let kind):
            require(ended == nil && !isPaused, event, "begun while nothing may begin")
            require(busy[agent] == nil, event, "\(agent) is at \(busy[agent] ?? "")")
            require(!busy.values.contains(task), event, "\(task) is worked on already")
            busy[agent] = task
            owners.insert(agent)
            let needsPlan = started?.asks(for: .plan) == true && started?.hasArchitect == true
            require(kind == .plan || !needsPlan || planAnswered, event, "begun without leave for the plan")
        case .taskCompleted(_, _, let agent, _, _), .taskFailed(_, _, let agent, _): busy[agent] = nil
        case .permissionRequested(let permission): asked.insert(permission.id)
        case .messageHeld(let id, let from, let to, let text, _): held[id] = (from, to, text)
        case .messageEdited(let id, _, let text): held[id]?.text = text
        case .permissionDenied(let id, _, _): held[id] = nil
        case .messageSent(let from, let to, let text):
            if started?.asks(for: .messages) == true { passOn(from, to, text, event) }
        case .noteAppended(let from, let text):
            if started?.asks(for: .notes) == true { passOn(from, "notes", text, event) }
        case .planChanged(_, let by):
            require(started?.asks(for: .tasks) != true || !agents.contains(by), event, "\(by) was not held")
        case .permissionGranted(let id, _):
            require(asked.contains(id), event, "\(id) was not asked")
            if let words = held.removeValue(forKey: id) { released.append(words) }
            if id.hasPrefix("plan/") { planAnswered = true }
        default: break
        }
    }

    /// Words of an agent are passed on once, and only when a person let exactly these through.
    private mutating func passOn(_ from: String, _ to: String, _ text: String, _ event: Event) {
        guard agents.contains(from) else { return }
        let index = released.firstIndex { $0 == (from, to, text) }
        require(index != nil, event, "\(from) to \(to) without leave")
        if let index { released.remove(at: index) }
    }

    private mutating func queue(_ event: Event) {
        switch event.body {
        case .mergeBatched(let tasks):
            require((1...5).contains(tasks.count), event, "\(tasks.count) in a batch")
        case .mergeMade(let task, let commit, let tree, _): made[task] = (tree, commit)
        case .gatePassed(_, let tree, let command, _):
            let isTested = started?.testCommand != nil || checks.values.contains { !$0.isEmpty }
            require((command == nil) || isTested, event, "a gate without anything to run")
            require((command != nil) || started?.testCommand == nil, event, "not the session's tests")
            passed.insert(tree)
        case .acceptanceChecked(_, let tree, let command, let code, _):
            if code == 0 { proven.insert("\(tree) \(command)") } else { proven.remove("\(tree) \(command)") }
        case .planAccepted(let plan, _), .planEdited(let plan, _):
            for task in plan.tasks { checks[task.id] = task.checks ?? [] }
        case .planChanged(let task, _): checks[task.id] = task.checks ?? []
        case .taskMerged(let task, let commit, let newTree, _):
            home.insert(task)
            require(approvedTree == nil, event, "merged after the approval")
            if newTree == tree, commit == head { return }
            require(made[task]?.commit == commit && made[task]?.tree == newTree, event, "never made")
            (tree, head) = (newTree, commit)
        case .effectIntended(.advance(_, let from, let to)):
            require(from == head, event, "advances from elsewhere")
            let tip = made.values.first { $0.commit == to }
            require(
                tip.map { passed.contains($0.tree) } ?? false, event,
                "advances to a tree without a green gate")
        default: break
        }
    }

    private mutating func judgement(_ event: Event) {
        switch event.body {
        case .reviewSubmitted(_, let tree, let verdict, _): verdicts[tree] = verdict
        case .testsReported(_, let tree, _, let code, _, _, _, _):
            if code == 0 { greenTests.insert(tree) } else { greenTests.remove(tree) }
        case .approvalRequested(let asked, let commit):
            require(asked == tree && commit == head, event, "asks about another tree")
            for command in home.flatMap({ checks[$0] ?? [] }) {
                let holds = proven.contains("\(asked) \(command)")
                require(holds, event, "\(command) did not hold on the result")
            }
            if started?.hasReviewer == true {
                require(verdicts[asked] == .approve, event, "no approving verdict")
            }
            if started?.hasTester == true { require(greenTests.contains(asked), event, "no green tests") }
            waiting = asked
        case .approvalVoided(let voided, _):
            require(waiting == voided, event, "nothing waited")
            (waiting, approvedTree) = (nil, nil)
        case .changeInspected(let inspection): lists[inspection.commit] = inspection
        case .checksReported(let commit, _, _): checked.insert(commit)
        case .approvalHeld(let tree, let reasons):
            require(waiting == tree && !reasons.isEmpty, event, "held without a reason")
        case .effectIntended(.proposePull(let commit, let proposed)):
            require(proposed == approvedTree && commit == head, event, "leaves before an answer")
        case .approvalGranted(let granted, let by):
            let isClear = lists[head]?.reasons.isEmpty == true
            require(by != "--yes" || isClear, event, "--yes passes what needs a person, or was not looked at")
            require(granted == tree && waiting == granted, event, "grants what does not wait")
            approvedTree = granted
        case .effectIntended(.deliver(let commit, let delivered, _)):
            require(delivered == approvedTree && commit == head, event, "delivers what was not approved")
            let outside = started?.asks(for: .outside) == true && started?.leavesMachine == true
            let watches = started?.pullRequest?.watchesChecks == true
            require(!watches || checked.contains(head), event, "delivered before its checks")
            require(!outside || asked.contains { $0.hasPrefix("outside/") }, event, "left without leave")
        case .deliveryMerged(_, let commit, _, _, _):
            deliveries += 1
            require(deliveries == 1 && commit == head, event, "delivered \(deliveries) times")
        case .pullOpened(let url, _, _, _):
            pulls.insert(url)
            require(pulls.count == 1, event, "more than one pull request")
        default: break
        }
    }
}
