// The facts of a session. Everything that is known about one is a fold over these.

/// What happened. The JSON type of a case is its name with a dot: `taskAssigned` is `task.assigned`.
public enum EventBody: Sendable, Hashable, Codable {
    // The session
    case sessionStarted(configuration: SessionConfiguration)
    /// It waits until fewer sessions work on this repository.
    case sessionQueued(configuration: SessionConfiguration)
    case sessionPaused(by: String)
    case sessionResumed(by: String)
    case sessionCompleted(commit: String)
    case sessionFailed(reason: String, hint: String)
    case sessionCancelled(by: String)
    // The plan
    case planAccepted(plan: Plan, by: String)
    case planChanged(task: PlanTask, by: String)
    case planRejected(agent: String, problems: [String])
    /// A person wrote the part of the plan anew that nobody has begun.
    case planEdited(plan: Plan, by: String)
    /// A person wants another plan.
    case planWithdrawn(by: String, reason: String)
    // Questions to a person
    case permissionRequested(permission: Permission)
    case permissionGranted(id: String, by: String)
    case permissionDenied(id: String, by: String, reason: String)
    case budgetRaised(microusd: Int64, by: String)
    // Agents
    case agentRequested(agent: String, role: String, generation: Int)
    case agentReady(agent: String, generation: Int, instance: String)
    case agentStalled(agent: String, milliseconds: Int64)
    /// Its guest waited for input and stands still until somebody wants something of it.
    case agentPaused(agent: String, generation: Int, reason: String)
    /// It goes on, after so long.
    case agentResumed(agent: String, generation: Int, milliseconds: Int64)
    case agentLost(agent: String, generation: Int, reason: String)
    case agentRetired(agent: String, generation: Int)
    /// A person took the agent's place in its guest; it stands still.
    case agentTaken(agent: String, by: String)
    /// - diff: What the person changed in the agent's clone, as far as it can be shown.
    case agentReturned(agent: String, by: String, diff: String, files: [String])
    /// With `--agents auto`: so many work at the same time from now on, at most.
    case agentsScaled(limit: Int, reason: String)
    /// How many agents the provider's rate feeds; nil when nothing holds them up.
    case headroomChanged(agents: Int?, reason: String)
    /// A guest was not started at once, because many were before it.
    case spawnDelayed(agent: String, milliseconds: Int64, reason: String)
    // Tasks
    case taskReady(task: String, kind: AgentTask.Kind, title: String, agent: String?)
    case taskAssigned(task: String, attempt: Int, agent: String, generation: Int, kind: AgentTask.Kind)
    case taskAccepted(task: String, agent: String)
    case taskProgressed(task: String, agent: String, message: String)
    case taskCompleted(task: String, attempt: Int, agent: String, summary: String, commit: String?)
    case taskFailed(task: String, attempt: Int, agent: String, reason: String)
    case taskReturned(task: String, reason: String, context: AgentTask.Context)
    case taskMerged(task: String, commit: String, tree: String, files: [String])
    // Messages
    case messageSent(from: String, to: String, text: String)
    /// An agent's words wait for a person's leave: to an agent, to `all`, into the `notes`, or as a task into
    /// the `plan`.
    case messageHeld(id: String, from: String, to: String, text: String, task: PlanTask?)
    /// A person let other words through than the agent's.
    case messageEdited(id: String, by: String, text: String)
    case noteAppended(agent: String, text: String)
    /// A person's command was carried out, once; what it was based on is on record with it.
    case commandApplied(id: String, command: String, by: String, via: String, seq: Int64?, digest: String?)
    /// A2UI messages that were checked; the ids of surfaces begin with the agent's.
    case canvasChanged(agent: String, messages: [JSON])
    /// The webhook was told of the event with this number.
    case webhookDelivered(about: Int64, attempts: Int)
    case webhookFailed(about: Int64, reason: String)
    /// A file that peers may have; size and digest are unknown for what the coordinator itself makes.
    case artifactStored(agent: String, name: String, path: String, size: Int64? = nil, digest: String? = nil)
    /// - isDirect: From the owner's guest; otherwise the owner was away, and it was read on the volume.
    case artifactReceived(
        agent: String, owner: String, name: String, size: Int64, digest: String, cuts: Int, isDirect: Bool,
        milliseconds: Int64)
    case artifactRefused(agent: String, owner: String, name: String, reason: String)
    /// The language servers of this agent's guest answer for its peers from now on.
    case languageHosted(agent: String, generation: Int, language: String)
    case languageShared(agent: String, host: String, language: String)
    /// An agent's guest does not get an answer of a peer's over the session's network, or gets one again.
    case peerUnreachable(agent: String, peer: String, reason: String)
    case peerReachable(agent: String, peer: String)
    case sandboxDenied(agent: String, task: String?, denials: [String])
    case egressAllowed(agent: String, host: String, port: Int, count: Int)
    case egressDenied(agent: String, host: String, port: Int, count: Int, reason: String)
    // Merging
    case branchPublished(agent: String, task: String, commit: String)
    case overlapForecast(task: String, other: String, files: [String])
    case mergeQueued(task: String, commit: String)
    case mergeMade(task: String, commit: String, tree: String, files: [String])
    case mergeConflicted(task: String, files: [String])
    /// These are merged one on the other and tested as one; alone or with others.
    case mergeBatched(tasks: [String])
    /// It conflicts with another one of the batch and is tried again when that is decided.
    case mergeDeferred(task: String, files: [String])
    /// Red once: the same tree is tested once more.
    case gateRetried(task: String, tree: String, command: String, exitCode: Int)
    /// Red, then green on the same tree.
    case gateFlaked(task: String, tree: String, command: String)
    /// Neither its author nor the tries that it has bring it in: an architect is asked.
    case taskEscalated(task: String, to: String, reason: String)
    case gateStarted(task: String, tree: String, command: String)
    case gatePassed(task: String, tree: String, command: String?, milliseconds: Int64)
    case gateFailed(task: String, tree: String, command: String, exitCode: Int, output: String)
    /// A command of a task's acceptance was run on a candidate.
    case acceptanceChecked(
        task: String, tree: String, command: String, exitCode: Int, milliseconds: Int64)
    /// The tests of a gate in numbers.
    case gateCounted(task: String, tree: String, tests: GateTests)
    // Judgement
    case reviewRequested(tree: String, round: Int)
    case commentMade(agent: String, comment: ReviewComment)
    case reviewSubmitted(agent: String, tree: String, verdict: Verdict, summary: String)
    case testsReported(
        agent: String, tree: String, command: String, exitCode: Int, passed: Int?, failed: Int?,
        skipped: Int?,
        output: String)
    /// The tree that was judged is not the result any more.
    case reviewVoided(tree: String, reason: String)
    case approvalVoided(tree: String, reason: String)
    /// What a diff of the result cannot show, as the host found it.
    case changeInspected(inspection: ChangeInspection)
    /// `--yes` does not pass these; a person has to.
    case approvalHeld(tree: String, reasons: [String])
    case changesRequested(tree: String, by: String, comments: [ReviewComment])
    case approvalRequested(tree: String, commit: String)
    case approvalGranted(tree: String, by: String)
    case approvalDenied(tree: String, by: String, reason: String)
    // Models
    case modelReserved(agent: String, task: String?, call: String, model: String, microusd: Int64)
    case modelSettled(
        agent: String, task: String?, model: String, microusd: Int64, input: Int, output: Int,
        detail: ModelUse?)
    case modelWarned(agent: String, task: String?, percent: Int, scope: String, left: Int64)
    case modelRefused(agent: String, task: String?, reason: String)
    case modelWaited(agent: String, milliseconds: Int64, reason: String)
    // Delivery
    case deliveryMerged(branch: String, commit: String, isMerged: Bool, command: String?, reason: String)
    case pullOpened(url: String, number: Int, commit: String, isDraft: Bool)
    /// What the pull request's own checks came to. Those that are not there or not known are not green.
    case checksReported(commit: String, isGreen: Bool, summary: String)
    // Effects
    case effectIntended(effect: Effect)
    case effectSucceeded(key: String)
    case effectFailed(key: String, reason: String)

    /// `noun.verb`.
    public var type: String { EventName.type(ofCase: caseName) }

    private var caseName: String {
        // The label that the compiler's own coding uses; it is the one list of names that cannot go stale.
        (try? JSONCoding.encode(self))?.objectValue?.keys.first ?? ""
    }

    /// The type, and the fields in snake case.
    public var json: (type: String, data: JSON) {
        guard let (name, data) = (try? JSONCoding.encode(self))?.objectValue?.first else {
            return ("", .null)
        }
        let fields = (data.objectValue ?? [:]).map { (EventName.snake($0.key), $0.value) }
        return (EventName.type(ofCase: name), .object(Dictionary(fields) { first, _ in first }))
    }

    /// Reads an event of the journal.
    public init(type: String, data: JSON) throws(JSONCodingError) {
        let fields = (data.objectValue ?? [:]).map { (EventName.camel($0.key), $0.value) }
        let object = JSON.object(Dictionary(fields) { first, _ in first })
        self = try JSONCoding.decode(
            EventBody.self, from: .object([EventName.caseName(ofType: type): object]))
    }
}

/// An event in its place.
public struct Event: Sendable, Hashable {
    /// From 1, without gaps within a session.
    public var seq: Int64
    public var session: String
    /// Unix milliseconds.
    public var at: Int64
    public var body: EventBody

    public init(seq: Int64, session: String, at: Int64, body: EventBody) {
        (self.seq, self.session, self.at, self.body) = (seq, session, at, body)
    }

    /// As the API and `--json` show it.
    public var json: JSON {
        let (type, data) = body.json
        return [
            "seq": JSON(seq), "session": .string(session), "at": JSON(at), "type": .string(type),
            "data": data,
        ]
    }
}

/// The forms of a name: `taskAssigned`, `task.assigned`; `exitCode`, `exit_code`.
enum EventName {
    static func type(ofCase name: String) -> String {
        guard let upper = name.firstIndex(where: \.isUppercase) else { return name }
        return "\(name[..<upper]).\(name[upper...].lowercased())"
    }

    static func caseName(ofType type: String) -> String {
        let words = type.split(separator: ".", maxSplits: 1)
        guard words.count == 2, let first = words[1].first else { return type }
        return words[0] + first.uppercased() + words[1].dropFirst()
    }

    static func snake(_ name: String) -> String {
        name.reduce(into: "") { text, character in
            text += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
    }

    static func camel(_ name: String) -> String {
        let words = name.split(separator: "_")
        return words.dropFirst().reduce(String(words.first ?? "")) {
            $0 + ($1.first?.uppercased() ?? "") + $1.dropFirst()
        }
    }
}
