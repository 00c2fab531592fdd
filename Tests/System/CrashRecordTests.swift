import Glibc
import System
import Testing

/// Each in a process that dies, which is the program `crash-check`.
@Suite struct CrashRecordTests {
    private func die(_ way: String) throws -> (status: Spawn.ExitStatus, words: String) {
        let program = "\(Files.parent(of: try Environment.executablePath()))/crash-check"
        let outcome = try Spawn.run(
            Spawn.Command(
                [program, way], stdout: .null, stderr: .capture(limit: 64 << 10), timeoutMilliseconds: 60_000)
        )
        #expect(!outcome.timedOut)
        return (outcome.status, String(decoding: outcome.stderr, as: UTF8.self))
    }

    @Test func `the last words of a process say what the thread had in hand that it dies of`() throws {
        let (status, words) = try die("in-hand")
        #expect(status == .signalled(SIGILL))
        let line = try #require(words.split(separator: "\n").first { $0.hasSuffix(" s outer") })
        let seconds = try #require(Int64(line.dropLast(" s outer".count)))
        #expect(abs(Clock.wallMilliseconds() / 1000 - seconds) < 600)
        #expect(!words.contains("forged") && !words.contains("other"))
    }

    @Test func `an overflow of the stack has last words, too`() throws {
        let (status, words) = try die("deep")
        #expect(!status.isSuccess)
        #expect(words.contains(" s deep"))
    }

    @Test func `what dies of one piece of work becomes its command, and what dies of nothing ends`() throws {
        #expect(try die("becomes").status == .exited(7))
        #expect(try die("ends").status == .signalled(SIGTRAP))
    }
}
