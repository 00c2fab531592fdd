/// What the channel keeps and sends at most. Each number has a reason.
enum Limits {
    /// Events that viewers share in memory; who is further behind reads the journal.
    static let ringEvents = 4096
    /// The same in bytes: a few events may be large.
    static let ringBytes = 8 << 20
    /// Of one `ev` frame, unless a single event is larger; a page parses this in well under a frame's time.
    static let frameBytes = 64 << 10
    /// Events of one read of the journal.
    static let readEvents = 1000
    /// Frames of events that may follow each other at once; a person's clicks never come this fast.
    static let burstFrames = 8
    /// Between the frames of a longer burst: four of them in one frame of the screen.
    static let batchMilliseconds: Int64 = 4
    /// Between two snapshots that are kept; at most so many events are read to make another, and a page
    /// that is further behind gets one.
    static let keyframeEvents: Int64 = 16384
    /// Of one snapshot as text. What lets it grow is what a session keeps whole: tasks, agents, drawings.
    static let snapshotBytes = 256 << 20
    /// Old events of one request of a page.
    static let pastEvents = 1024
    /// A browser cannot see pings, so the heartbeat is data.
    static let heartbeatMilliseconds: Int64 = 5000
    /// How long a client may take to say its token.
    static let helloMilliseconds = 10_000
    /// Of one message of a client: a token, a number, an agent.
    static let clientFrameBytes = 4096
    /// How long a viewer may take nothing before its socket is given up; it resumes from the journal.
    static let writeMilliseconds = 20_000
    /// Viewers of one session.
    static let viewers = 256
    /// Live logs that one viewer follows.
    static let logsPerViewer = 16
    /// Lines of a log that wait for a slow viewer; beyond, the log's reader waits.
    static let logLines = 2000
    /// Of one line of a log; the rest is cut.
    static let logLineBytes = 16 << 10
    /// Between two looks for the next guest of an agent whose log is followed.
    static let logRetryMilliseconds = 500
    /// The body of a command.
    static let commandBytes = 64 << 10
}
