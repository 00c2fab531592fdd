import Glibc
import System
import Testing

@Suite struct CrashRecordTests {
    @Test func `the last words of a process say what the thread had in hand that it dies of`() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGILL), observing: [\.standardErrorContent]
        ) {
            try CrashRecord.start(Files.open("/dev/stderr", O_WRONLY | O_APPEND).shared())
            CrashRecord.holding("other") {}
            CrashRecord.holding("s outer") {
                CrashRecord.holding("s inner\nforged 1") {}
                raise(SIGILL)
            }
        }
        let words = String(decoding: result.standardErrorContent, as: UTF8.self)
        let line = try #require(words.split(separator: "\n").first { $0.hasSuffix(" s outer") })
        let seconds = try #require(Int64(line.dropLast(" s outer".count)))
        #expect(abs(Clock.wallMilliseconds() / 1000 - seconds) < 600)
        #expect(!words.contains("forged") && !words.contains("other"))
    }

    @Test func `an overflow of the stack has last words, too`() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try CrashRecord.start(Files.open("/dev/stderr", O_WRONLY | O_APPEND).shared())
            @Sendable func deep(_ depth: Int) -> Int { depth < 0 ? 0 : 1 + deep(depth + 1) &* 3 }
            Worker.start("deep", stackBytes: 1 << 16) { CrashRecord.holding("s deep") { _ = deep(0) } }.join()
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains(" s deep"))
    }

    @Test func `what dies of one piece of work becomes its command, and what dies of nothing ends`()
        async throws
    {
        await #expect(processExitsWith: .exitCode(7)) {
            let file = try Files.open("/dev/null", O_WRONLY | O_APPEND).shared()
            try CrashRecord.start(file, then: ["/bin/sh", "-c", "exit $0", "7"])
            CrashRecord.holding("s work") { _ = raise(SIGABRT) }
        }
        await #expect(processExitsWith: .signal(SIGTRAP)) {
            let file = try Files.open("/dev/null", O_WRONLY | O_APPEND).shared()
            try CrashRecord.start(file, then: ["/bin/sh", "-c", "exit $0", "7"])
            raise(SIGTRAP)
        }
    }
}
