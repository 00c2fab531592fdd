import Glibc
import Kit
import System
import Testing

@testable import Delivery

/// What a gate's tests left behind; all of it is written by whoever wrote the tests.
@Suite struct GateReportsTests {
    private static let report =
        "<testsuite><testcase name=\"a\"/><testcase name=\"b\"><failure message=\"no\"/></testcase>"
        + "</testsuite>"

    private struct Place {
        let path: String
        var reports: String { "\(path)/reports" }
        var kept: String { "\(path)/kept" }

        init() throws {
            path = try Files.temporaryDirectory(prefix: "gate-reports")
            try Files.makeDirectories("\(path)/reports")
        }

        func collect(_ output: String = "") throws -> GateTests? {
            try GateReports(from: reports, to: kept).collect(output: output)
        }
    }

    @Test func `reports are kept as they are, and counted`() throws {
        let place = try Place()
        defer { try? Files.removeTree(place.path) }
        try Files.write("\(place.reports)/001-a.xml", Array(Self.report.utf8))
        let tests = try #require(try place.collect("1 passed"))
        #expect((tests.format, tests.passed, tests.failed) == ("junit", 1, 1))
        #expect(tests.files.map(\.name) == ["001-a.xml"])
        #expect(tests.files[0].sha256 == Digest.sha256Hex(Array(Self.report.utf8)))
        #expect(try Files.readText("\(place.kept)/001-a.xml") == Self.report)
    }

    @Test func `links, pipes, strange names and what is too large stay where they are`() throws {
        let place = try Place()
        defer { try? Files.removeTree(place.path) }
        try Files.write("\(place.path)/secret.xml", Array(Self.report.utf8))
        try Files.symlink("\(place.path)/secret.xml", at: "\(place.reports)/001-link.xml")
        #expect(mkfifo("\(place.reports)/002-pipe.xml", 0o600) == 0)
        try Files.write("\(place.reports)/-rf.xml.sh", Array(Self.report.utf8))
        try Files.write("\(place.reports)/a b.xml", Array(Self.report.utf8))
        try Files.write("\(place.reports)/.hidden.xml", Array(Self.report.utf8))
        try Files.makeDirectories("\(place.reports)/dir.xml")
        try Files.write("\(place.reports)/big.xml", [UInt8](repeating: 0x20, count: (8 << 20) + 1))
        #expect(try place.collect() == nil)
        #expect(!Files.exists(place.kept))
    }

    @Test func `without a report the output is read`() throws {
        let place = try Place()
        defer { try? Files.removeTree(place.path) }
        let tests = try #require(try place.collect("===== 3 passed, 1 skipped in 0.01s ====="))
        #expect((tests.passed, tests.skipped, tests.files.isEmpty) == (3, 1, true))
        #expect(try place.collect("nothing of interest") == nil)
    }

    @Test func `the script hands over what the run wrote, and the run's exit code`() throws {
        let place = try Place()
        defer { try? Files.removeTree(place.path) }
        let tree = "\(place.path)/tree"
        try Files.makeDirectories("\(tree)/build")
        try Files.write("\(tree)/committed.xml", Array(Self.report.utf8))
        // Older than the run, as what was checked out is.
        let old = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
        #expect(old.withUnsafeBufferPointer { unsafe utimes("\(tree)/committed.xml", $0.baseAddress) } == 0)
        let run = "sleep 0.05; printf '\(Self.report)' >'build/r e.xml'; echo '<html/>' >page.xml; exit 7"
        let outcome = try Spawn.run(
            Spawn.Command(
                ["/bin/bash", "-c", GateReports.script, "gate", run],
                environment: ["PATH": "/usr/bin:/bin", "OPENCLAW_REPORTS": place.reports],
                workingDirectory: tree, stdout: .capture(limit: 1 << 16), stderr: .capture(limit: 1 << 16)))
        #expect(outcome.status.shellCode == 7, "\(outcome.stderrText)")
        #expect(try Files.list(place.reports) == ["001-r_e.xml"])
        #expect(try place.collect()?.failed == 1)
    }
}
