// Every bound of the agent, with its unit and its reason.

/// The numbers that keep a conversation within its means.
enum AgentLimits {
    /// Longest line on the agent's socket, in bytes: a tool's input or output may hold a whole file.
    static let lineBytes = 16 << 20
    /// Answers in a row that are nothing before the task fails.
    static let emptyAnswers = 3
    /// Answers in a row that were cut at their longest length before the task fails: each is paid for.
    static let cutAnswers = 5
    /// Answers in a row that were paused before the task fails.
    static let pausedAnswers = 10
    /// Streams that broke off in a row before a call fails: each may have been paid for.
    static let brokenAnswers = 6
    /// Calls in a row that were written in a way that nobody can read before the task fails.
    static let unreadableCalls = 3
    /// How often in a row a history that is too long for the model is made shorter.
    static let overflows = 3
    /// Work that could not be handed over before the task fails: a rebase may stop that often.
    static let refusals = 5
    /// What the repository may tell its agents, in bytes.
    static let instructionBytes = 32 << 10
    /// Part of the context window that is used before the history is summed up, in tenths.
    static let compactAtTenths = 8
    /// Summaries that came to nothing before old outputs are dropped instead.
    static let summaryFailures = 3
    /// A tool's result that stays whole when old results are dropped, in bytes.
    static let keptResultBytes = 200
    /// What stays of a result that alone nearly fills the window, in characters.
    static let shortenedResult = 4000
    /// Turns before the last one at which the model is told that the end is near.
    static let turnsWarning = 10
    /// How long what a program printed may take to be read behind its end, in milliseconds.
    static let outputMilliseconds = 3000
    /// Longest account of a program that is handed over, in characters.
    static let summaryCharacters = 2000
    /// Longest part of a program's last words that is told when it failed, in characters.
    static let complaintCharacters = 600
    /// Longest message about progress, in characters.
    static let progressCharacters = 300
}
