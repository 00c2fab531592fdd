// Who asks, and who is told.
public import Kit

/// The guest behind a request, as the coordinator authenticated it.
public struct Caller: Sendable, Hashable {
    public var session: String
    public var agent: String
    public var role: String
    /// The task that the agent is at; transcripts are kept by task.
    public var task: String?
    /// `plan`, `implement`, `rework`, `review` or `test`; scripts match on it.
    public var taskKind: String?
    /// From 1.
    public var attempt: Int?
    /// As given with `--model`, or by the role.
    public var spec: String
    /// Which of the agent's conversations it is, when the program has several at once; nil is the main one.
    var thread: String?

    public init(
        session: String, agent: String, role: String, task: String? = nil, taskKind: String? = nil,
        attempt: Int? = nil, spec: String
    ) {
        (self.session, self.agent, self.role) = (session, agent, role)
        (self.task, self.taskKind, self.attempt, self.spec) = (task, taskKind, attempt, spec)
    }
}

extension Caller {
    /// Calls with the same name are of one conversation; another attempt at a task is another one.
    var conversation: String { "\(place)/\(thread ?? "")" }

    /// Where the conversations of one program belong.
    var place: String { "\(agent)/\(task ?? "")/\(attempt ?? 0)" }
}

/// What a call came to.
public struct Settlement: Sendable, Hashable {
    /// Names the reservation.
    public var call: String
    public var provider: String
    public var model: String
    public var usage: TokenUsage
    public var microUSD: Int64
    /// What it would have cost without the provider's cache.
    public var uncachedMicroUSD: Int64
    /// False for an attempt that gave no answer.
    public var isAnswered: Bool
}

/// Turns what happens in the gateway into the journal's events. Called on the threads of the guests'
/// requests, several at a time; a method that blocks delays only its own call.
public protocol GatewayRecorder: Sendable {
    /// A call is about to be made that may cost this much. The ledger has already agreed; throwing refuses
    /// the call all the same (a paused session, for example). Every `reserved` is followed by one `settled`.
    /// - Parameter call: Names the reservation; unique.
    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) throws(BudgetRefusal)
    /// The call is over: what it used and what it cost. An attempt whose cost cannot be known (a stream that
    /// broke) is settled at the most that it can have cost; one that failed before it was charged, at 0.
    func settled(_ caller: Caller, _ settlement: Settlement)
    /// A call was not made, or failed for good; in a sentence.
    func refused(_ caller: Caller, reason: String)
    /// A wait begins that may take this long: stops the stall clock.
    func waiting(_ caller: Caller, milliseconds: Int64, reason: String)
    /// The wait is over.
    func waited(_ caller: Caller, milliseconds: Int64, reason: String)
    /// A model is told that so much of a limit is used up, in percent.
    func warned(_ caller: Caller, percent: Int, scope: Ledger.Scope, left: Int64)
    /// Something of a request was left out or changed, in a sentence; told once a conversation.
    func noted(_ caller: Caller, note: String)
    /// A complete turn: the messages of the request and the assistant's message, in the form of the Messages
    /// API. It is on disk already, and the guest has not seen its end yet.
    func recordTurn(_ caller: Caller, messages: [JSON], response: JSON)
}

extension GatewayRecorder {
    public func waiting(_ caller: Caller, milliseconds: Int64, reason: String) {}
    public func warned(_ caller: Caller, percent: Int, scope: Ledger.Scope, left: Int64) {}
    public func noted(_ caller: Caller, note: String) {}
    public func recordTurn(_ caller: Caller, messages: [JSON], response: JSON) {}
}
