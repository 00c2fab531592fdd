// Deaths of coordinators, by the session that they were at. A coordinator that dies is started again and goes
// on with all its sessions; one session whose work ends it again and again must not take the others along.
import Glibc
import Kit
import System

/// The file of crashes, one line each: when, which session, at what.
struct CrashBook: Sendable {
    struct Crash: Sendable, Hashable {
        /// Unix time in seconds.
        var at: Int64
        var session: String
        /// `effect gate/t1/…`, `POST /coordinator/tests` ….
        var work: String
    }

    /// So many deaths at one session within the time isolate it: one may be chance, and a second one bad
    /// luck.
    static let deaths = 3
    /// In seconds.
    static let window: Int64 = 3600
    /// What is read of the file; older lines are dropped when it is longer.
    private static let bytes = 64 << 10

    let path: String

    /// Has the crashes of this process recorded; it becomes the command then.
    func start(then command: [String]) throws(SystemError) {
        if (try? Files.size(path)) ?? 0 > Int64(Self.bytes) { try keep { _ in true } }
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600).shared()
        try CrashRecord.start(file, then: command)
    }

    /// Names a piece of work in `CrashRecord.holding`.
    static func work(_ session: String, _ what: String) -> String { "\(session) \(what)" }

    /// All that are remembered, the oldest first. What is no such line is passed over.
    var crashes: [Crash] { Self.parse((try? Files.read(path, limit: 16 << 20)) ?? []) }

    static func parse(_ bytes: [UInt8]) -> [Crash] {
        bytes.suffix(Self.bytes).split(separator: 0x0A).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(
                separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3, let at = ForeignNumber.decimal(words[0], in: 0...ForeignNumber.most),
                !words[1].isEmpty
            else { return nil }
            return Crash(at: Int64(at), session: String(words[1]), work: String(words[2]))
        }
    }

    /// The crashes of sessions that are not to be gone on with.
    /// - Parameter now: Unix time in seconds.
    static func isolated(_ crashes: [Crash], now: Int64) -> [String: [Crash]] {
        let recent = crashes.filter { $0.at > now - window && $0.at <= now + 60 }
        return Dictionary(grouping: recent, by: \.session).filter { $0.value.count >= deaths }
    }

    /// A person lets the session go on: what was is no reason any more.
    func forget(_ session: String) throws(SystemError) { try keep { $0.session != session } }

    private func keep(_ isKept: (Crash) -> Bool) throws(SystemError) {
        let lines = crashes.filter(isKept).map { "\($0.at) \($0.session) \($0.work)\n" }.joined()
        // In place: the process that is to write its last words has it open.
        let file = try Files.open(path, O_WRONLY | O_CREAT, mode: 0o600)
        try Files.truncate(file.raw, bytes: 0)
        try IO.writeAll(file.raw, Array(lines.utf8))
    }
}
