import CSQLite
import Glibc
import Kit
import Synchronization

/// SQLite, as far as the journal needs it. One connection, used under a lock.
final class Database: Sendable {
    /// SAFETY: the pointers are only used under the mutex that holds them.
    private struct Handles: @unchecked Sendable {
        var database: OpaquePointer
        var insert: OpaquePointer?
    }

    private let handles: Mutex<Handles>

    /// SQLite's SQLITE_TRANSIENT: copy the text now.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ path: String) throws(JournalError) {
        var database: OpaquePointer?
        let code = sqlite3_open_v2(
            path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nil)
        guard code == SQLITE_OK, let database else {
            sqlite3_close(database)
            throw JournalError(.system, "open \(path): \(String(cString: sqlite3_errstr(code)))")
        }
        handles = Mutex(Handles(database: database))
        sqlite3_busy_timeout(database, 5000)
        for statement in [
            "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
            """
            CREATE TABLE IF NOT EXISTS events(
                session TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,
                data TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY(session, seq)) WITHOUT ROWID
            """,
            """
            CREATE TABLE IF NOT EXISTS checkpoints(
                session TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL,
                number INTEGER, PRIMARY KEY(session, seq)) WITHOUT ROWID
            """,
        ] { try run(statement) }
        // Of a version that did not number them.
        let columns = try query("SELECT name FROM pragma_table_info('checkpoints')", []) { Self.text($0, 0) }
        if !columns.contains("number") { try run("ALTER TABLE checkpoints ADD COLUMN number INTEGER") }
    }

    deinit {
        handles.withLock { handles in
            sqlite3_finalize(handles.insert)
            sqlite3_close_v2(handles.database)
        }
    }

    private static func error(_ database: OpaquePointer, _ what: String) -> JournalError {
        let code = sqlite3_errcode(database)
        let text = String(cString: sqlite3_errmsg(database))
        switch code {
        case SQLITE_FULL, SQLITE_IOERR:
            return JournalError(
                .full, "\(what): \(text)",
                hint: "free some space; what was acknowledged is safe, then try again")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return JournalError(.damaged, "\(what): \(text)", hint: "restore the journal from a backup")
        default: return JournalError(.system, "\(what): \(text)")
        }
    }

    private func run(_ statement: String) throws(JournalError) {
        let failure = handles.withLock { handles -> JournalError? in
            sqlite3_exec(handles.database, statement, nil, nil, nil) == SQLITE_OK
                ? nil
                : Self.error(handles.database, statement.split(separator: "\n").first.map(String.init) ?? "")
        }
        if let failure { throw failure }
    }

    /// All of the body or nothing. Only one thread writes at a time.
    func transaction(_ body: () throws(JournalError) -> Void) throws(JournalError) {
        try run("BEGIN IMMEDIATE")
        do throws(JournalError) {
            try body()
            try run("COMMIT")
        } catch {
            // After a full disk SQLite may have rolled back already; the first error is the one that counts.
            try? run("ROLLBACK")
            throw error
        }
    }

    func insert(_ session: String, _ row: Row, _ hash: String) throws(JournalError) {
        let failure = handles.withLock { handles -> JournalError? in
            if handles.insert == nil {
                sqlite3_prepare_v2(
                    handles.database, "INSERT INTO events VALUES(?,?,?,?,?,?)", -1, &handles.insert, nil)
            }
            guard let statement = handles.insert else {
                return Self.error(handles.database, "prepare an append")
            }
            defer { sqlite3_reset(statement) }
            sqlite3_bind_text(statement, 1, session, -1, Self.copied)
            sqlite3_bind_int64(statement, 2, row.seq)
            sqlite3_bind_int64(statement, 3, row.at)
            sqlite3_bind_text(statement, 4, row.type, -1, Self.copied)
            sqlite3_bind_text(statement, 5, row.data, Int32(row.data.utf8.count), Self.copied)
            sqlite3_bind_text(statement, 6, hash, -1, Self.copied)
            return sqlite3_step(statement) == SQLITE_DONE
                ? nil : Self.error(handles.database, "append event \(row.seq) of \(session)")
        }
        if let failure { throw failure }
    }

    /// Adds a checkpoint; they are rare, so nothing is prepared ahead.
    func insert(_ checkpoint: Checkpoint, signature: String) throws(JournalError) {
        _ = try query(
            "INSERT INTO checkpoints(session,seq,hash,signature,number) "
                + "VALUES(?,\(checkpoint.seq),?,?,\(checkpoint.link?.number ?? 0))",
            [checkpoint.session, checkpoint.hash, signature]
        ) { _ in 0 }
    }

    /// The checkpoints of a session, in order. The link of each is to the one before it as it lies here.
    func checkpoints(_ session: String) throws(JournalError) -> [(Checkpoint, signature: String)] {
        let rows = try query(
            "SELECT seq,hash,signature,number FROM checkpoints WHERE session=? ORDER BY seq", [session]
        ) {
            (
                seq: sqlite3_column_int64($0, 0), hash: Self.text($0, 1), signature: Self.text($0, 2),
                number: sqlite3_column_int64($0, 3)
            )
        }
        return rows.enumerated().map { index, row in
            let previous = index == 0 ? "" : rows[index - 1].signature
            let link = row.number == 0 ? nil : Checkpoint.Link(number: row.number, previous: previous)
            return (Checkpoint(session: session, seq: row.seq, hash: row.hash, link: link), row.signature)
        }
    }

    /// What the next checkpoint of a session is linked to.
    func nextLink(_ session: String) throws(JournalError) -> Checkpoint.Link {
        let rows = try query(
            "SELECT (SELECT count(*) FROM checkpoints WHERE session=?), signature FROM checkpoints "
                + "WHERE session=? ORDER BY seq DESC LIMIT 1", [session, session]
        ) { (sqlite3_column_int64($0, 0), Self.text($0, 1)) }
        return Checkpoint.Link(number: (rows.first?.0 ?? 0) + 1, previous: rows.first?.1 ?? "")
    }

    /// Removes everything of a session.
    func forget(_ session: String) throws(JournalError) {
        for table in ["events", "checkpoints"] {
            _ = try query("DELETE FROM \(table) WHERE session=?", [session]) { _ in 0 }
        }
    }

    private func query<Value>(
        _ text: String, _ bindings: [String], _ read: (OpaquePointer) -> Value
    ) throws(JournalError) -> [Value] {
        let result = handles.withLock { handles -> Result<[Value], JournalError> in
            var statement: OpaquePointer?
            guard sqlite3_prepare_v2(handles.database, text, -1, &statement, nil) == SQLITE_OK, let statement
            else {
                return .failure(Self.error(handles.database, "read the journal"))
            }
            defer { sqlite3_finalize(statement) }
            for (index, binding) in bindings.enumerated() {
                sqlite3_bind_text(statement, Int32(index + 1), binding, -1, Self.copied)
            }
            var values: [Value] = []
            while true {
                switch sqlite3_step(statement) {
                case SQLITE_ROW: values.append(read(statement))
                case SQLITE_DONE: return .success(values)
                default: return .failure(Self.error(handles.database, "read the journal"))
                }
            }
        }
        return try result.get()
    }

    private static func text(_ statement: OpaquePointer, _ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func rows(
        _ session: String, after: Int64, upTo last: Int64 = .max, limit: Int, types: Set<String>? = nil
    ) throws(JournalError) -> [(Row, String)] {
        let wanted = types?.sorted() ?? []
        let filter = types.map { _ in
            "AND type IN (\(wanted.map { _ in "?" }.joined(separator: ","))) "
        }
        return try query(
            "SELECT seq,at,type,data,hash FROM events WHERE session=? AND seq>\(after) AND seq<=\(last) "
                + "\(filter ?? "")ORDER BY seq LIMIT \(limit)",
            [session] + wanted
        ) { statement in
            (
                Row(
                    seq: sqlite3_column_int64(statement, 0), at: sqlite3_column_int64(statement, 1),
                    type: Self.text(statement, 2), data: Self.text(statement, 3)),
                Self.text(statement, 4)
            )
        }
    }

    func bytes(_ session: String) throws(JournalError) -> [String: Int64] {
        let rows = try query(
            """
            SELECT json_extract(data, '$.agent') AS agent, sum(length(data)) FROM events
            WHERE session=? GROUP BY agent HAVING agent IS NOT NULL
            """, [session]
        ) { (Self.text($0, 0), sqlite3_column_int64($0, 1)) }
        return Dictionary(rows) { first, _ in first }
    }

    func sessions() throws(JournalError) -> [String] {
        try query("SELECT session FROM events WHERE seq=1 ORDER BY at, session", []) { Self.text($0, 0) }
    }

    func heads() throws(JournalError) -> [String: (seq: Int64, hash: String)] {
        let rows = try query(
            """
            SELECT session, seq, hash FROM events e
            WHERE seq=(SELECT max(seq) FROM events WHERE session=e.session)
            """, []
        ) { (Self.text($0, 0), sqlite3_column_int64($0, 1), Self.text($0, 2)) }
        return Dictionary(rows.map { ($0.0, (seq: $0.1, hash: $0.2)) }) { first, _ in first }
    }
}
