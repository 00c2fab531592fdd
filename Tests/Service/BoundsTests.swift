// What one agent, or one session, can do to all others: bounded.
import Core
import Kit
import Synchronization
import System
import Testing

@testable import Service

@Suite struct AgentQuotaTests {
    @Test func `an agent that works is never in its way, and one that floods is told and then lost`() {
        var quota = AgentQuota()
        for minute in 0..<60 {
            for _ in 0..<100 {
                #expect(quota.take(2000, now: Int64(minute) * 60_000 + 1) == .granted)
            }
        }
        var verdicts: [AgentQuota.Verdict] = []
        for _ in 0..<(AgentQuota.requests + 2 * AgentQuota.refusals) {
            verdicts.append(quota.take(10, now: 4_000_000))
        }
        let granted = verdicts.prefix { $0 == .granted }.count
        #expect(granted == AgentQuota.requests)
        guard case .refused(let words) = verdicts[granted], case .lost(let reason) = verdicts.last else {
            Issue.record("\(verdicts[granted]), \(String(describing: verdicts.last))")
            return
        }
        #expect(words.contains("in a minute") && reason.contains("refusals"))
        // Another minute, another start.
        #expect(quota.take(10, now: 4_060_001) == .granted)
    }

    @Test func `no pace writes more in all than one agent may, the coordinator's restarts included`() {
        var quota = AgentQuota()
        var written = 0
        for minute in 0..<100 {
            for _ in 0..<4 where quota.take(1 << 20, now: Int64(minute) * 60_000 + 1) == .granted {
                written += 1 << 20
            }
        }
        #expect(Int64(written) == AgentQuota.bytes)
        var next = AgentQuota(total: Int64(written))
        guard case .refused(let words) = next.take(1, now: 1) else {
            Issue.record("a new coordinator forgets")
            return
        }
        #expect(words.contains("in all"))
        var absurd = AgentQuota(total: .max)
        #expect(absurd.take(.max, now: .max) != .granted)
    }
}

@Suite struct CrashBookTests {
    private static func crash(_ at: Int64, _ session: String = "s") -> CrashBook.Crash {
        CrashBook.Crash(at: at, session: session, work: "POST /coordinator/tests")
    }

    @Test
    func `a session at which coordinators died three times within an hour is isolated, and no other one`() {
        let crashes = [Self.crash(10), Self.crash(20), Self.crash(20, "other"), Self.crash(3000)]
        #expect(CrashBook.isolated(crashes, now: 3001).keys.sorted() == ["s"])
        #expect(CrashBook.isolated(crashes, now: 3700).isEmpty)
        #expect(CrashBook.isolated(Array(crashes.dropFirst()), now: 3001).isEmpty)
        // A clock that was wrong isolates nothing for ever.
        #expect(CrashBook.isolated((0..<9).map { _ in Self.crash(99_999_999) }, now: 3001).isEmpty)
    }

    @Test func `what is no line of the book is passed over, and what is forgotten is gone`() throws {
        let directory = try Files.temporaryDirectory(prefix: "crash-book-")
        defer { try? Files.removeTree(directory) }
        let book = CrashBook(path: "\(directory)/crashes.log")
        #expect(book.crashes.isEmpty)
        let text =
            "7 s effect gate/t1\nnonsense\n-1 s x\n\n8  x\n99999999999999999999 s x\n9 other POST /a b\n7 s"
        try Files.write(book.path, Array(text.utf8))
        #expect(book.crashes.map(\.session) == ["s", "s", "other"])
        #expect(book.crashes[2].work == "POST /a b" && book.crashes[1].at == Int64(ForeignNumber.most))
        try book.forget("s")
        #expect(book.crashes.map(\.session) == ["other"])
    }
}

@Suite struct HomeTests {
    @Test(arguments: [0o755, 0o777, 0o750, 0o700] as [UInt32])
    func `a home that was made by hand is closed to others, and said to be open before`(mode: UInt32) throws {
        let directory = try Files.temporaryDirectory(prefix: "home-")
        defer { try? Files.removeTree(directory) }
        let home = Home(aegis: "\(directory)/aegis", path: "\(directory)/aegis/openclaw")
        try Files.makeDirectories("\(home.path)/roles", mode: 0o755)
        try Files.chmod(home.aegis, mode)
        try Files.chmod(home.path, mode)
        #expect((home.openness == nil) == (mode == 0o700))
        try home.prepare()
        #expect(home.openness == nil)
        #expect(try Files.status(home.path).mode & 0o077 == 0)
        #expect(try Files.status(home.aegis).mode & 0o022 == 0)
    }

    @Test(.enabled(if: Credentials.effectiveUser() == 0, "only root can make another user's directory"))
    func `a home of another user is refused`() throws {
        let directory = try Files.temporaryDirectory(prefix: "home-")
        defer { try? Files.removeTree(directory) }
        let home = Home(aegis: "\(directory)/aegis", path: "\(directory)/aegis/openclaw")
        try home.prepare()
        try Files.chown(home.path, user: 12_345, group: 12_345)
        #expect(throws: SystemError.self) { try home.prepare() }
        #expect(home.openness?.contains("12345") == true)
    }
}
