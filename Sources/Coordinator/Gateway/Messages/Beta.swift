// The values of `anthropic-beta`. A value alone costs nothing and reaches nowhere: what a request does with
// it stands in its fields, which are checked one by one. So values whose fields are passed on are passed on
// too, and the others are dropped with a note, because the provider then never hears of what they would
// allow.
import Kit
import Wire

enum Beta {
    private static let passed = [
        "advanced-tool-use-", "cache-diagnosis-", "claude-code-", "computer-use-", "context-management-",
        "dev-full-thinking-", "effort-", "extended-cache-ttl-", "fine-grained-tool-streaming-",
        "inline-tools-", "interleaved-thinking-", "max-tokens-", "mid-conversation-output-config-",
        "mid-conversation-system-clear-at-", "mid-conversation-tool-changes-",
        "model-context-window-exceeded-", "output-128k-", "output-300k-", "pdfs-", "per-turn-control-",
        "prompt-caching-", "structured-outputs-", "task-budgets-", "thinking-binding-controls-",
        "thinking-display-updates-", "thinking-token-count-", "token-counting-", "token-efficient-tools-",
        "tool-examples-",
    ]
    /// Threads are held here, so the provider hears nothing of them and nothing is lost.
    private static let threads = "message-threads-"
    private static let longContext = "context-1m-"

    /// - Returns: The value for the provider, nil when there is none, and what was dropped of it.
    static func read(_ headers: HTTPHeaders) -> (value: String?, notes: [String]) {
        var kept: [String] = []
        var notes: [String] = []
        for value in headers.tokens("anthropic-beta") where !value.hasPrefix(threads) {
            if passed.contains(where: { value.hasPrefix($0) }) {
                kept.append(value)
            } else if value.hasPrefix(longContext) {
                notes.append(
                    "anthropic-beta \(value) was dropped: the longer prompts that it allows have no price"
                )
            } else {
                notes.append("anthropic-beta \(value) was dropped: this gateway does not know it")
            }
        }
        return (kept.isEmpty ? nil : kept.joined(separator: ","), notes)
    }
}
