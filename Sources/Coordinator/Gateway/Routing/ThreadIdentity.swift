// Which of a program's conversations a request belongs to. Programs run subagents beside their main
// conversation, all with one token; taken for one conversation they would rewrite each other's transcript and
// notes.
import Kit
import Wire

/// How a request names its conversation.
enum ThreadIdentity: Hashable {
    case main
    /// The program says that it is a subagent's.
    case named(String)
    /// It says nothing: the messages tell.
    case unknown

    init(_ headers: HTTPHeaders) {
        // Our own agent has one conversation a task, and rewrites its beginning when it sums up.
        if headers["x-openclaw-task"] != nil {
            self = .main
        } else if let agent = headers["x-claude-code-agent-id"] {
            self = .named(agent)
        } else if headers["x-claude-code-session-id"] != nil {
            self = .main
        } else if let thread = headers["thread-id"], let session = headers["session-id"] {
            let isChild = thread != session || headers["x-codex-parent-thread-id"] != nil
            self = isChild ? .named(thread) : .main
        } else {
            self = .unknown
        }
    }

    /// A short name of fixed length; what a program sends is not used in names of files.
    static func name(_ text: String) -> String { String(Digest.sha256Hex(Array(text.utf8)).prefix(12)) }

    /// What tells conversations apart that have no name: how they begin.
    static func beginning(of messages: [JSON]) -> String {
        name(Conversations.canonical(messages.first ?? .null).text)
    }
}

/// The beginnings of the conversations of one program. A value: whoever owns it locks.
struct ThreadBeginnings: Sendable {
    private var known: [String: String?] = [:]

    /// Conversations beside the main one that are told apart; more count as the main one.
    private static let limit = 256

    /// - Parameter isStart: The request has no answer in it yet.
    /// - Returns: Nil for the main conversation.
    mutating func thread(_ beginning: String, isStart: Bool) -> String? {
        if let known = known[beginning] { return known }
        // A history with answers that begins in a new way is the main one, rewritten.
        let thread = known.isEmpty || !isStart || known.count > Self.limit ? nil : beginning
        if known.count <= Self.limit { known[beginning] = .some(thread) }
        return thread
    }
}
