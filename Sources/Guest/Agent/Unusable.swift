import Kit

/// Notices a model whose answers cannot be used, one after the other: each is paid for, and none moves the
/// work.
struct Unusable {
    private var cut = 0
    private var paused = 0
    private var unreadable = 0

    /// - Returns: Why the task ends; nil when it goes on.
    mutating func take(_ answer: ModelClient.Answer) -> String? {
        cut = answer.stopReason == "max_tokens" ? cut + 1 : 0
        paused = answer.stopReason == "pause_turn" ? paused + 1 : 0
        unreadable = Self.holdsCall(answer) ? unreadable + 1 : 0
        if cut >= AgentLimits.cutAnswers {
            return
                "the model's answer was cut at its longest length \(cut) times in a row: it tries to say "
                + "more in one answer than it may; allow longer answers (max_tokens), or ask for less at once"
        }
        if paused >= AgentLimits.pausedAnswers {
            return "the model paused \(paused) times in a row and did nothing"
        }
        if unreadable >= AgentLimits.unreadableCalls {
            return
                "the model writes calls of tools as text, in a way that nobody can read, \(unreadable) times "
                + "in a row: its server does not know its format (llama.cpp: --jinja; vLLM: "
                + "--enable-auto-tool-choice and --tool-call-parser), or the model is "
                + "too small; openclaw models check SPEC tries it"
        }
        return nil
    }

    /// True for an answer without calls whose text is meant as one.
    static func holdsCall(_ answer: ModelClient.Answer) -> Bool {
        guard !answer.content.contains(where: { $0["type"]?.stringValue == "tool_use" }) else { return false }
        return answer.content.contains { block in
            guard let text = block["text"]?.stringValue else { return false }
            return WrittenCalls.isUnread(text)
        }
    }
}
