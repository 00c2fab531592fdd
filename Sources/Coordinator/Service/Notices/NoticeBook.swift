import Kit

/// How far people were told, and what is still to be told to whom: the state of the notices as a value, and
/// the text of the file that keeps it.
struct NoticeBook: Sendable, Hashable {
    /// A way to people.
    enum Outlet: String, Sendable, Hashable, CaseIterable {
        /// The signed webhook, whose receiver may decide.
        case signed = "webhook"
        case command = "notify.command"
        case desktop = "notify.desktop"
        case post = "notify.webhook"

        /// A receiver that answers is told until it has answered; a command is run once, whatever comes of
        /// it.
        var isRepeated: Bool { self == .signed || self == .post }
    }

    /// One event for one outlet.
    struct Job: Sendable, Hashable {
        var session: String
        var seq: Int64
        var outlet: Outlet
        var attempts = 0
        /// Unix milliseconds.
        var due: Int64 = 0
    }

    /// Seconds between the tries; after the last one it is given up.
    static let delays: [Int64] = [1, 2, 5, 15, 60, 300, 900]
    /// What waits at most; an outlet that is away for so long is told of what comes then.
    static let jobLimit = 1000

    /// The last event of each session that was looked at.
    private(set) var seen: [String: Int64] = [:]
    private(set) var jobs: [Job] = []

    init() {}

    /// - Parameter heads: The sessions. What happened before there was a book is no news.
    init(_ json: JSON, heads: [String: Int64]) {
        let known = json["seen"]?.objectValue?.compactMapValues(\.int64Value) ?? [:]
        seen = heads.merging(known) { _, written in written }
        jobs = (json["jobs"]?.arrayValue ?? []).compactMap { one in
            guard let session = one["session"]?.stringValue, let seq = one["seq"]?.int64Value,
                let outlet = one["outlet"]?.stringValue.flatMap(Outlet.init),
                let attempts = one["attempts"]?.intValue, (0...Self.delays.count).contains(attempts)
            else { return nil }
            return Job(
                session: session, seq: seq, outlet: outlet, attempts: attempts,
                due: one["due"]?.int64Value ?? 0)
        }
        keep(heads.keys)
    }

    var json: JSON {
        [
            "seen": .object(seen.mapValues { JSON($0) }),
            "jobs": .array(
                jobs.map { job in
                    [
                        "session": .string(job.session), "seq": JSON(job.seq),
                        "outlet": .string(job.outlet.rawValue), "attempts": JSON(job.attempts),
                        "due": JSON(job.due),
                    ]
                }),
        ]
    }

    /// Forgets sessions that are gone.
    mutating func keep(_ sessions: some Collection<String>) {
        let sessions = Set(sessions)
        seen = seen.filter { sessions.contains($0.key) }
        jobs.removeAll { !sessions.contains($0.session) }
    }

    /// An event was looked at, and these are to be told of it.
    mutating func note(_ session: String, _ seq: Int64, for outlets: [Outlet]) {
        seen[session] = seq
        for outlet in outlets where jobs.count < Self.jobLimit {
            jobs.append(Job(session: session, seq: seq, outlet: outlet))
        }
    }

    /// The next that may be done now. A command is struck off before it is run.
    mutating func take(at now: Int64) -> Job? {
        guard let index = jobs.firstIndex(where: { $0.due <= now }) else { return nil }
        return jobs[index].outlet.isRepeated ? jobs[index] : jobs.remove(at: index)
    }

    /// Milliseconds until the next is due; nil when nothing waits.
    func wait(at now: Int64) -> Int64? { jobs.map(\.due).min().map { max(0, $0 - now) } }

    /// It was told, or there is nobody any more who wants it.
    mutating func settle(_ job: Job) { jobs.removeAll { $0.key == job.key } }

    /// It was not told.
    /// - Returns: Whether it is tried again.
    mutating func fail(_ job: Job, at now: Int64) -> Bool {
        guard job.attempts < Self.delays.count, let index = jobs.firstIndex(where: { $0.key == job.key })
        else {
            settle(job)
            return false
        }
        jobs[index].attempts = job.attempts + 1
        jobs[index].due = now + Self.delays[job.attempts] * 1000
        return true
    }
}

extension NoticeBook.Job {
    fileprivate var key: String { "\(session):\(seq):\(outlet.rawValue)" }
}
