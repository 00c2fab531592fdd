import Kit

/// How often the history was summed up, and how often that came to nothing.
struct Compaction {
    var failures = 0
    /// Messages there were after the last time; when there are hardly more, a summary does not help.
    var messagesAfter = 0
}

extension Conversation {
    static let summaryRequest = """
        The context window is nearly full, so your history will be replaced by what you write now. Call no \
        tool. Write a hand-over to yourself, complete enough to go on without anything else:
        1. The task, its constraints, and what must hold when it is done.
        2. What you found out about the repository: places, commands, conventions.
        3. What you changed, file by file, and why.
        4. What you tried that did not work.
        5. What is left to do, in order, beginning with the very next step.
        """

    /// Near the end of the window the history gives way to a summary. What was asked stays, and so does the
    /// last exchange, whose results nobody has looked at yet.
    mutating func compact() throws(AgentError) {
        let isFresh = messages.count > compaction.messagesAfter + 2
        guard messages.count > 3, isFresh, compaction.failures < AgentLimits.summaryFailures else {
            return dropOldResults()
        }
        var body = request
        body["messages"] = .array(messages + [Self.user(Self.summaryRequest)])
        let answer = try model.ask(body, task: id, notice: notice)
        let summary = answer.content.compactMap { block in
            block["type"]?.stringValue == "text" ? block["text"]?.stringValue : nil
        }.joined(separator: "\n")
        guard !summary.isEmpty else {
            compaction.failures += 1
            return dropOldResults()
        }
        compaction.failures = 0
        var kept: [JSON] = []
        if let last = messages.last, last["role"]?.stringValue == "user", messages.count >= 3,
            Self.hasResults(last)
        {
            kept = Array(messages.suffix(2))
        }
        var first = messages[0]
        first["content"] = .array(
            Self.blocks(of: first).filter { !Self.isHandOver($0) } + [
                ["type": "text", "text": .string("\(Self.handOverMark)\n\(summary)")]
            ])
        messages = [first] + kept
        if kept.isEmpty { messages[0] = Self.adding("Go on with the next step.", to: first) }
        compaction.messagesAfter = messages.count
    }

    /// What did not fit into the model's window. First old results go, which makes room for a summary; when
    /// even that does not fit, only what was asked and the last exchange stay.
    mutating func shorten(isFirst: Bool) throws(AgentError) {
        if isFirst {
            dropOldResults()
            do throws(AgentError) {
                try compact()
            } catch {
                guard error.isTooLong else { throw error }
            }
            return
        }
        guard messages.count > 3 else { return dropOldResults() }
        let last = messages.suffix(2)
        messages = [messages[0]] + (last.last.map(Self.hasResults) == true ? Array(last) : [])
        if messages.count == 1 { messages[0] = Self.adding("Go on with the next step.", to: messages[0]) }
        dropOldResults()
        compaction.messagesAfter = messages.count
    }

    private static let handOverMark = "Your own hand-over, written when the context window was nearly full:"

    private static func isHandOver(_ block: JSON) -> Bool {
        block["text"]?.stringValue?.hasPrefix(handOverMark) == true
    }

    private static func adding(_ text: String, to message: JSON) -> JSON {
        var message = message
        message["content"] = .array(blocks(of: message) + [["type": "text", "text": .string(text)]])
        return message
    }

    private static func hasResults(_ message: JSON) -> Bool {
        blocks(of: message).contains { $0["type"]?.stringValue == "tool_result" }
    }

    static func blocks(of message: JSON) -> [JSON] {
        if let text = message["content"]?.stringValue { return [["type": "text", "text": .string(text)]] }
        return message["content"]?.arrayValue ?? []
    }

    /// The way out when no summary can be had: old results go, and the newest ones are shortened.
    private mutating func dropOldResults() {
        let newest = messages.count - 1
        for index in messages.indices.dropFirst() where messages[index]["role"]?.stringValue == "user" {
            var blocks = Self.blocks(of: messages[index])
            for position in blocks.indices where blocks[position]["type"]?.stringValue == "tool_result" {
                let content = blocks[position]["content"] ?? ""
                blocks[position]["content"] =
                    index == newest ? Self.shortened(content) : Self.dropped(content)
            }
            messages[index]["content"] = .array(blocks)
        }
    }

    private static func dropped(_ content: JSON) -> JSON {
        let size = content.stringValue?.utf8.count ?? content.serialized().count
        guard size > AgentLimits.keptResultBytes else { return content }
        return .string("[\(size) bytes dropped; call again if needed]")
    }

    private static func shortened(_ content: JSON) -> JSON {
        guard let text = content.stringValue else { return dropped(content) }
        return .string(Shown.shorten(text, limit: AgentLimits.shortenedResult))
    }
}

/// Long texts as a model gets them: the start and the end.
enum Shown {
    /// - Parameter limit: Characters that stay in all.
    static func shorten(_ text: String, limit: Int, place: String? = nil) -> String {
        // Bytes are counted first because that is cheap, and most texts are short.
        guard text.utf8.count > limit else { return text }
        let count = text.count
        guard count > limit else { return text }
        let head = text.prefix(limit / 2)
        let tail = text.suffix(limit - limit / 2)
        let whole = place.map { "; all of it is in \($0)" } ?? ""
        return "\(head)\n[… \(count - limit) characters left out\(whole) …]\n\(tail)"
    }
}
