// The log that everything is a fold over: one SQLite file, one writer.
import Glibc
public import Kit
import Synchronization
public import System

/// Why the journal could not do something.
public struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable {
        /// Another process has it.
        case locked
        /// The disk is full; what was acknowledged is safe.
        case full
        case damaged
        case system
    }

    public let kind: Kind
    public let message: String
    public let hint: String

    init(_ kind: Kind, _ message: String, hint: String = "") {
        (self.kind, self.message, self.hint) = (kind, message, hint)
    }

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }
}

/// All sessions' events, in order, each with the hash of the one before it.
///
/// WAL mode with full synchronisation: an append that returned has survived whatever happens next. Threads
/// that append at the same time share one commit.
public final class Journal: Sendable {
    private struct Pending {
        var session: String
        var bodies: [(type: String, data: JSON, body: EventBody)]
        var at: Int64
    }

    private struct State {
        var queue: [(number: Int64, work: Pending)] = []
        var next: Int64 = 0
        var results: [Int64: Result<[Event], JournalError>] = [:]
        var isWriting = false
    }

    /// How many transactions may share a commit.
    private static let groupLimit = 256

    public let path: String
    let database: Database
    private let lock: SharedDescriptor
    let signer: Signer
    let headBook: HeadBook?
    private let state = Condition(State())
    /// The last seq and hash of each session.
    private let heads: Mutex<[String: (seq: Int64, hash: String)]>
    /// Counts the appends; who follows a session waits for it to change.
    public let changes = Condition<Int64>(0)

    /// Opens or makes the journal at a path, for this process and this user alone, whoever may look into its
    /// directory.
    /// - Parameter heads: A file at another place that is told each signed head; nil is none.
    public init(path: String, heads: String? = nil) throws(JournalError) {
        self.path = path
        headBook = heads.map { HeadBook(path: $0) }
        do throws(SystemError) {
            // What SQLite puts beside a database has the mode of the database.
            for file in [path, "\(path)-wal", "\(path)-shm", "\(path).lock", "\(path).key"]
            where file == path || Files.exists(file) {
                try Files.makePrivate(file)
            }
            lock = SharedDescriptor(try Files.open("\(path).lock", O_RDWR | O_CREAT, mode: 0o600))
        } catch {
            throw JournalError(.system, "open \(path): \(error)")
        }
        guard Self.take(lock) else {
            let holder = (try? Files.readText("\(path).lock", limit: 64)) ?? ""
            throw JournalError(
                .locked, "\(path) is in use by process \(holder)", hint: "openclaw coordinator stop ends it")
        }
        try? Files.write("\(path).lock", Array("\(Processes.current())".utf8))
        database = try Database(path)
        signer = try Signer(path: "\(path).key")
        self.heads = Mutex(try database.heads())
    }

    private static let lockMilliseconds: Int64 = 2000

    /// Waits a little: a writer that is ending holds the lock until its last moment, and a child that it
    /// has just forked until it executes its program.
    private static func take(_ lock: SharedDescriptor) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + lockMilliseconds * 1_000_000
        while flock(lock.raw, LOCK_EX | LOCK_NB) != 0 {
            guard Clock.monotonicNanoseconds() < deadline else { return false }
            usleep(20_000)
        }
        return true
    }

    // MARK: Writing

    /// Appends the events of one decision: all of them or none. Returns when they are on the disk.
    /// - Parameter at: Unix milliseconds.
    @discardableResult
    public func append(_ session: String, _ bodies: [EventBody], at: Int64) throws(JournalError) -> [Event] {
        guard !bodies.isEmpty else { return [] }
        let encoded = bodies.map { body in
            let (type, data) = body.json
            return (type, data, body)
        }
        let number = state.withLock { state in
            state.next += 1
            state.queue.append((state.next, Pending(session: session, bodies: encoded, at: at)))
            return state.next
        }
        while true {
            let step: Step =
                state.wait { state in
                    if let result = state.results.removeValue(forKey: number) { return .finished(result) }
                    guard !state.isWriting else { return nil }
                    state.isWriting = true
                    let group = Array(state.queue.prefix(Self.groupLimit))
                    state.queue.removeFirst(group.count)
                    return .write(group)
                } ?? .write([])
            switch step {
            case .finished(let result):
                let events = try result.get()
                changes.withLock { $0 += 1 }
                return events
            case .write(let group):
                let results = write(group)
                state.withLock { state in
                    for (number, result) in results { state.results[number] = result }
                    state.isWriting = false
                }
            }
        }
    }

    private enum Step {
        case finished(Result<[Event], JournalError>)
        case write([(number: Int64, work: Pending)])
    }

    /// One transaction for all; when it fails, none of them happened.
    private func write(_ group: [(number: Int64, work: Pending)]) -> [(Int64, Result<[Event], JournalError>)]
    {
        var heads = heads.withLock { $0 }
        var signed: [Checkpoint] = []
        do throws(JournalError) {
            var results: [(Int64, Result<[Event], JournalError>)] = []
            try database.transaction { () throws(JournalError) in
                for (number, work) in group {
                    var events: [Event] = []
                    for (type, data, body) in work.bodies {
                        let head = heads[work.session] ?? (0, "")
                        let row = Row(seq: head.seq + 1, at: work.at, type: type, data: data.text)
                        let hash = row.hash(after: head.hash, session: work.session)
                        try database.insert(work.session, row, hash)
                        heads[work.session] = (row.seq, hash)
                        if Checkpoint.isDue(seq: row.seq, type: type) {
                            let checkpoint = Checkpoint(
                                session: work.session, seq: row.seq, hash: hash,
                                link: try database.nextLink(work.session))
                            try database.insert(checkpoint, signature: signer.sign(checkpoint))
                            signed.append(checkpoint)
                        }
                        events.append(Event(seq: row.seq, session: work.session, at: row.at, body: body))
                    }
                    results.append((number, .success(events)))
                }
            }
            self.heads.withLock { $0 = heads }
            headBook?.note(signed)
            return results
        } catch {
            return group.map { ($0.number, .failure(error)) }
        }
    }

    /// Removes a session that is over, all of it. Nothing of it can be shown or verified any more.
    public func forget(_ session: String) throws(JournalError) {
        // One at a time writes.
        let mine = state.wait { state -> Bool? in
            guard !state.isWriting else { return nil }
            state.isWriting = true
            return true
        }
        guard mine == true else { return }
        defer { state.withLock { $0.isWriting = false } }
        try database.transaction { () throws(JournalError) in try database.forget(session) }
        headBook?.forget(session)
        _ = heads.withLock { $0.removeValue(forKey: session) }
        changes.withLock { $0 += 1 }
    }

    // MARK: Reading

    /// The events of a session after a sequence number.
    /// - Parameter types: Nil is all of them. Events of other types are not even decoded.
    public func events(
        _ session: String, after: Int64 = 0, limit: Int = .max, types: Set<String>? = nil
    ) throws(JournalError) -> [Event] {
        try rows(session, after: after, limit: limit, types: types).map { (row, _) throws(JournalError) in
            do throws(JSONCodingError) {
                let data = (try? JSON.parse(row.data)) ?? .null
                return Event(
                    seq: row.seq, session: session, at: row.at,
                    body: try EventBody(type: row.type, data: data))
            } catch {
                throw JournalError(
                    .damaged, "event \(row.seq) of \(session) (\(row.type)) cannot be read: \(error)",
                    hint: "it may be of a newer version of openclaw")
            }
        }
    }

    /// Rows that are on the disk: a transaction that is under way shows on the same connection, and must not.
    func rows(
        _ session: String, after: Int64, limit: Int, types: Set<String>? = nil
    ) throws(JournalError) -> [(Row, String)] {
        let head = lastSeq(session)
        guard head > after else { return [] }
        return try database.rows(session, after: after, upTo: head, limit: limit, types: types)
    }

    func lastSeq(_ session: String) -> Int64 { heads.withLock { $0[session]?.seq ?? 0 } }

    /// How many bytes of a session's events each agent stands for.
    public func bytes(_ session: String) throws(JournalError) -> [String: Int64] {
        try database.bytes(session)
    }

    /// The sessions, in the order in which they began.
    public func sessions() throws(JournalError) -> [String] { try database.sessions() }

    /// Number and hash of the last event of a session: `123:9f86d081884c7d65`. Who keeps it can tell later
    /// whether the end of the journal was cut off.
    public func head(_ session: String) -> String? {
        heads.withLock { $0[session] }.map { "\($0.seq):\($0.hash.prefix(16))" }
    }
}

/// One line of the log.
struct Row {
    var seq: Int64
    var at: Int64
    var type: String
    var data: String

    /// SHA-256 over the hash before it and everything it says.
    func hash(after previous: String, session: String) -> String {
        Digest.sha256Hex(Array("\(previous)\n\(session)\n\(seq)\n\(at)\n\(type)\n\(data)".utf8))
    }
}
