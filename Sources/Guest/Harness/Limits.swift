// Every bound of this module, with its unit and its reason.

/// The numbers that keep a harness small whatever its guest does.
enum Limits {
    /// Longest piece of one log line, in bytes; a longer line is split, because the real platform's reader
    /// gives up on lines of 1 MiB and escaping can make a byte six.
    static let logLineBytes = 64 * 1024
    /// Log text that waits for a slow host, in bytes; what does not fit is dropped and counted.
    static let logQueueBytes = 2 * 1024 * 1024
    /// Encoded bytes taken from the queue at once, in bytes; the rest stays droppable.
    static let writeBatchBytes = 64 * 1024
    /// Longest request line of the host, in bytes: the real platform's own limit.
    static let controlLineBytes = 1 << 20
    /// Longest request line of the agent, in bytes: a tool input may hold a whole file.
    static let agentLineBytes = 16 << 20
    /// Output read from a pipe after its process has ended, in bytes: a pipe's largest content; more would
    /// be the output of an orphan that goes on writing.
    static let drainBytes = 1 << 20
    /// Output kept of one harness command or tool, in bytes.
    static let capturedBytes = 1 << 20
    /// Time between TERM and KILL at shutdown when the host names none, in milliseconds.
    static let graceMilliseconds: Int64 = 5000
    /// Longest grace a host may ask for, in milliseconds.
    static let longestGraceMilliseconds: Int64 = 600_000
    /// Time that the log queue may take to drain at shutdown, in milliseconds: the host may have stopped
    /// reading.
    static let drainMilliseconds: Int64 = 2000
    /// Time after which a server is not ready, in milliseconds: the real platform's contract.
    static let readinessMilliseconds: Int64 = 30_000
    /// Pause between two probes of a server, in milliseconds.
    static let probeMilliseconds: Int64 = 200
    /// Pause between two looks at what goes on in the guest, in milliseconds: the published protocol's.
    static let activityMilliseconds = 5000
    /// CPU time of a look below which nothing goes on, in milliseconds: what a process burns that waits.
    static let idleCPUMilliseconds: Int64 = 50
    /// Bytes of a look below which nothing goes on: the published protocol's.
    static let idleBytes: Int64 = 512
    /// How long a task holds the guest awake before it must say so again, in milliseconds.
    static let leaseMilliseconds: Int64 = 30_000
    /// Tasks that wait for the agent; the coordinator assigns one at a time.
    static let waitingTasks = 64
    /// Messages kept for the agent.
    static let waitingMessages = 256
    /// Requests of the agent that run at once, per connection.
    static let agentRequests = 32
    /// Longest wait of `task.next`, in milliseconds.
    static let taskWaitMilliseconds = 600_000
    /// First and longest pause between two tries to reach the coordinator, in milliseconds.
    static let firstRetryMilliseconds = 100
    static let longestRetryMilliseconds = 5000
    /// Longest life of a task's tool sandbox, in milliseconds: longer than any guest lives.
    static let toolSessionMilliseconds: Int64 = 24 * 3_600_000
    /// Pause between two looks whether the task of a program was called off, in milliseconds; a change is
    /// heard at once, this only ends the look behind the end of a run.
    static let callOffMilliseconds = 1000
    /// How long a program that handed over its task may stay before it is ended, in milliseconds.
    static let farewellMilliseconds = 10_000
    /// Time in which a sandbox must be made, in milliseconds, however busy the machine; and between two
    /// looks at its report until then.
    static let sandboxMilliseconds: Int64 = 30_000
    static let sandboxLookMilliseconds = 2
    /// Time for servers of tools to start, and to list what they have, in milliseconds: a little more than
    /// what they are given in the sandbox, where the time is kept.
    static let serverStartMilliseconds = 120_000
    static let serverListMilliseconds = 180_000
    /// How long the end of a task waits for reports of progress that are on their way, in milliseconds.
    static let progressMilliseconds = 5000
    /// Time for one git command of the harness, in milliseconds: a large clone on a slow disk.
    static let gitMilliseconds = 600_000
    /// Time that publishing is tried again for, in milliseconds: a coordinator may be down that long.
    static let publishMilliseconds: Int64 = 600_000
    /// Tries in a row that bring nothing of a peer's file before it is read on the volume: with the pauses
    /// between them three seconds, which a guest that is started anew takes.
    static let artifactTries = 5
    /// Leaves that are asked for again in one transfer.
    static let artifactRenewals = 3
    /// How long a peer may send nothing of a file, in milliseconds.
    static let artifactSilenceMilliseconds = 15_000
    /// Files that are sent at the same time; as many as there can be peers.
    static let artifactTransfers = 8
    /// Text of a file that is given to the agent itself, in bytes.
    static let artifactTextBytes = 1 << 20
    /// How long a leave for a peer's language server is used before a new one is asked for, in milliseconds.
    static let languageLeaseMilliseconds: Int64 = 600_000
    /// Longest wait for an answer of a language server, in milliseconds: the first one starts it and reads
    /// the whole repository.
    static let languageMilliseconds = 60_000
    /// A question and an answer, in bytes.
    static let languageQuestionBytes = 64 << 10
    static let languageAnswerBytes = 4 << 20
    /// Questions of peers at the same time.
    static let languageQuestions = 16
    /// Peers that are looked at; a session has eight agents.
    static let peers = 16
    /// Pause between two looks at the peers, in milliseconds, and how long one of them may take to answer.
    static let peerMilliseconds = 10_000
    static let peerAnswerMilliseconds = 2000
    /// Looks in a row without an answer after which a peer counts as unreachable.
    static let peerFailures = 2
    /// Longest life of a person's shell, in milliseconds: a working day. It ends with the session, too.
    static let shellMilliseconds: Int64 = 8 * 3_600_000
}
