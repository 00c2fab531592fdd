// The tasks of one agent, between the coordinator that hands them out and the agent that asks for them.
import Kit

/// What is waiting, what is being worked on, and what was called off. Pure.
struct TaskBook: Sendable {
    private var waiting: [JSON] = []
    /// Tasks that the agent was given and has not ended.
    private(set) var current: [String: JSON] = [:]
    private(set) var cancelled: Set<String> = []
    private var ended: Set<String> = []
    private var messages: [JSON] = []

    /// There is something to do, or to begin.
    var hasWork: Bool { !current.isEmpty || !waiting.isEmpty }

    /// The task that there is, for people.
    var name: String? { current.keys.min() ?? waiting.first?["id"]?.stringValue }

    /// Why a task was not taken.
    enum Refusal: Error, Hashable { case noID, full }

    /// Takes a task; one that is known already is accepted again without effect, because the coordinator
    /// repeats what it has no answer for. A higher attempt of the same task is new work.
    /// - Returns: True when it is new.
    mutating func accept(_ task: JSON) throws(Refusal) -> Bool {
        guard let id = task["id"]?.stringValue, !id.isEmpty else { throw .noID }
        if current[id] != nil || waiting.contains(where: { $0["id"]?.stringValue == id }) { return false }
        let key = Self.key(task)
        if ended.contains(key) { return false }
        guard waiting.count < Limits.waitingTasks else { throw .full }
        cancelled.remove(id)
        waiting.append(task)
        return true
    }

    /// Calls a task off; one that waits is forgotten.
    /// - Returns: True when the agent is working on it.
    mutating func cancel(_ id: String) -> Bool {
        waiting.removeAll { $0["id"]?.stringValue == id }
        guard current[id] != nil else { return false }
        cancelled.insert(id)
        return true
    }

    /// The next task for the agent, which is now its current one.
    mutating func next() -> JSON? {
        guard !waiting.isEmpty else { return nil }
        let task = waiting.removeFirst()
        if let id = task["id"]?.stringValue { current[id] = task }
        return task
    }

    /// Puts a task back at the front: its preparation was interrupted.
    mutating func giveBack(_ id: String) {
        if let task = current.removeValue(forKey: id) { waiting.insert(task, at: 0) }
    }

    /// The task is over.
    mutating func end(_ id: String) {
        if let task = current.removeValue(forKey: id) { ended.insert(Self.key(task)) }
        cancelled.remove(id)
    }

    /// Keeps a message for the agent; the oldest goes when there are too many.
    mutating func post(_ message: JSON) {
        if messages.count >= Limits.waitingMessages { messages.removeFirst() }
        messages.append(message)
    }

    /// Hands all messages out.
    mutating func takeMessages() -> [JSON] {
        defer { messages = [] }
        return messages
    }

    /// Tasks that the agent has but did not end, for a restarted agent.
    mutating func resume() -> [JSON] {
        let open = current.values.sorted { ($0["id"]?.stringValue ?? "") < ($1["id"]?.stringValue ?? "") }
        waiting.insert(contentsOf: open, at: 0)
        current = [:]
        return open
    }

    private static func key(_ task: JSON) -> String {
        let (id, kind) = (task["id"]?.stringValue ?? "", task["kind"]?.stringValue ?? "")
        return "\(id)#\(task["attempt"]?.intValue ?? 1)#\(kind)"
    }
}
