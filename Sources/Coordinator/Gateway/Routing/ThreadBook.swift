// Conversations that a guest lets the server hold between its turns (the `thread` field of the Messages
// API): it sends only what is new. The gateway holds them itself, so no provider needs to, and every call
// is whole on its way to one.
import Kit

/// What is held of one session. A value: whoever owns it locks.
struct ThreadBook: Sendable {
    /// A conversation up to an answer, and what a request that goes on must not repeat.
    struct Thread: Sendable {
        var messages: [JSON]
        var system: JSON?
        var tools: JSON?
        /// About as much memory as it takes.
        var bytes: Int
    }

    private var threads: [String: Thread] = [:]
    /// Ids, the oldest first.
    private var order: [String] = []
    private var bytes = 0
    private let limit: Int

    /// - Parameter limit: In bytes; what was not used for longest goes first.
    init(limit: Int) { self.limit = limit }

    /// Takes the place of the thread that it goes on from.
    mutating func hold(_ id: String, _ thread: Thread, after earlier: String?) {
        if let earlier { drop(earlier) }
        drop(id)
        guard thread.bytes <= limit else { return }
        threads[id] = thread
        order.append(id)
        bytes += thread.bytes
        while bytes > limit, let oldest = order.first { drop(oldest) }
    }

    private mutating func drop(_ id: String) {
        guard let thread = threads.removeValue(forKey: id) else { return }
        bytes -= thread.bytes
        order.removeAll { $0 == id }
    }

    /// The request without its `thread`, whole.
    /// - Returns: `isHeld` tells that the answer is to be held, `earlier` from which it went on.
    func expand(_ json: JSON) throws(GuestFailure) -> (request: JSON, isHeld: Bool, earlier: String?) {
        guard let field = json["thread"], !field.isNull else { return (json, false, nil) }
        var request = json
        request["thread"] = nil
        switch field["type"]?.stringValue {
        case "create": return (request, true, nil)
        case "continue":
            let id = field["previous_message_id"]?.stringValue ?? ""
            guard let thread = threads[id] else {
                // The SDK sends everything again when it reads this code.
                var failure = GuestFailure(404, "thread: \(id) is not held here any more")
                failure.details = ["error_code": "thread_not_found"]
                throw failure
            }
            request["messages"] = .array(thread.messages + (json["messages"]?.arrayValue ?? []))
            if let system = thread.system { request["system"] = system }
            if let tools = thread.tools { request["tools"] = tools }
            return (request, true, id)
        default: throw .invalid("thread/type: must be create or continue")
        }
    }
}
