// What the gateway remembers of a conversation between its calls. Nothing of it must survive: the model is in
// the transcript, too, and the rest costs one miss of the provider's cache.
import Kit

/// Of one session. A value: whoever owns it locks.
struct ConversationBook: Sendable {
    struct Entry: Sendable {
        /// Fixed by the first answer.
        var model: String?
        /// Notes that were added, with the message they belong to: they stay where they were put, because a
        /// prompt that changes in the middle is read at the full price again.
        var notes: [(index: Int, text: String)] = []
        /// The last threshold of the budget that was told.
        var warnedPercent = 0
        /// What was said of requests that were changed; each once.
        var told: Set<String> = []
        var usedAt = 0
    }

    private var entries: [String: Entry] = [:]
    /// Thinking by the call that it led to, for guests whose language has no words for it.
    private var thinking: [String: [JSON]] = [:]
    private var thinkingOrder: [String] = []
    private var beginnings: [String: ThreadBeginnings] = [:]
    private var beginningOrder: [String] = []
    /// Digests of pictures that a model refused, by the model.
    private var pictures: [String: Set<[UInt8]>] = [:]
    /// The most tokens that documents can have, as the provider counted them.
    private(set) var documents: [String: Int] = [:]
    private var clock = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    subscript(key: String) -> Entry {
        get { entries[key] ?? Entry() }
        set {
            clock += 1
            entries[key] = newValue
            entries[key]?.usedAt = clock
            if entries.count > limit, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
                entries[oldest.key] = nil
            }
        }
    }

    /// Which conversation of a program a request without a name belongs to.
    mutating func thread(at place: String, _ messages: [JSON]) -> String? {
        if beginnings[place] == nil {
            beginningOrder.append(place)
            if beginningOrder.count > limit { beginnings[beginningOrder.removeFirst()] = nil }
        }
        return beginnings[place, default: ThreadBeginnings()].thread(
            ThreadIdentity.beginning(of: messages),
            isStart: !messages.contains { $0["role"] == "assistant" })
    }

    /// The sentences that were not told yet in this conversation; they count as told.
    mutating func news(_ notes: [String], in conversation: String) -> [String] {
        guard !notes.isEmpty else { return [] }
        var entry = self[conversation]
        let news = notes.filter { entry.told.insert($0).inserted }
        self[conversation] = entry
        return news
    }

    mutating func keep(document key: String, tokens: Int) {
        if documents.count >= limit { documents = [:] }
        documents[key] = tokens
    }

    func pictures(refusedBy model: String) -> Set<[UInt8]> { pictures[model] ?? [] }

    mutating func refuse(_ digests: Set<[UInt8]>, by model: String) {
        var known = pictures[model] ?? []
        if known.count + digests.count > limit { known = [] }
        pictures[model] = known.union(digests)
    }

    /// Keeps the thinking of an answer that calls tools.
    mutating func keep(thinkingOf content: [JSON]) {
        let blocks = content.filter(ConversationBook.isThinking)
        guard !blocks.isEmpty, let call = content.first(where: { $0["type"] == "tool_use" }),
            let id = call["id"]?.stringValue
        else { return }
        if thinking.updateValue(blocks, forKey: id) == nil { thinkingOrder.append(id) }
        if thinkingOrder.count > limit { thinking[thinkingOrder.removeFirst()] = nil }
    }

    /// Puts thinking back where a guest's language lost it: the model wants its own thoughts unchanged.
    func restored(_ messages: [JSON]) -> [JSON] {
        guard !thinking.isEmpty else { return messages }
        return messages.map { message in
            guard message["role"] == "assistant", let content = message["content"]?.arrayValue,
                !content.contains(where: ConversationBook.isThinking),
                let call = content.first(where: { $0["type"] == "tool_use" }),
                let blocks = call["id"]?.stringValue.flatMap({ thinking[$0] })
            else { return message }
            var message = message
            message["content"] = .array(blocks + content)
            return message
        }
    }

    private static func isThinking(_ block: JSON) -> Bool {
        block["type"] == "thinking" || block["type"] == "redacted_thinking"
    }
}
