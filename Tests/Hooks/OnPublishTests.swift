import Kit
import System
import Testing

@testable import Hooks

/// Artifacts in a directory of their own.
private struct Fixture {
    let directory: String
    private(set) var artifacts: [JSON] = []

    init() throws { directory = try Files.temporaryDirectory(prefix: "on-publish") }

    mutating func add(_ name: String, _ kind: String, _ text: String) throws {
        try Files.write("\(directory)/\(name)", Array(text.utf8))
        artifacts.append([
            "path": .string("\(directory)/\(name)"), "kind": .string(kind),
            "sha256": .string(Digest.sha256Hex(Array(text.utf8))),
        ])
    }

    var input: JSON {
        [
            "api": "aegis.kit/v1", "hook": "on_publish",
            "app": ["id": "fix-bug-4k2p", "session_id": "fix-bug-4k2p"],
            "release": ["id": "r1", "commit": .string(String(repeating: "ab", count: 20))],
            "artifacts": .array(artifacts), "output_dir": .string("\(directory)/report"),
        ]
    }

    func report(_ name: String) throws -> String { try Files.readText("\(directory)/report/\(name)") }

    static let patch = """
        diff --git a/a.txt b/a.txt
        index 1..2 100644
        --- a/a.txt
        +++ b/a.txt
        @@ -1,2 +1,2 @@
         same
        --- looks like a header
        +<script>alert(1)</script>

        """

    static func full() throws -> Fixture {
        var fixture = try Fixture()
        try fixture.add("change.diff", "diff", patch)
        try fixture.add("tests.json", "tests", "{\"command\":\"npm test\",\"exit_code\":0,\"passed\":3}")
        try fixture.add(
            "review.json", "review",
            "{\"verdict\":\"approve\",\"comments\":[{\"file\":\"a.txt\",\"line\":1,\"body\":\"a | b\"}]}")
        try fixture.add(
            "summary.md", "summary", "Fixed <img src=x onerror=alert(1)>\n```\n\u{1B}[2J\u{202E}evil")
        try fixture.add("cost.json", "cost", "{\"total_usd\":0.12}")
        try fixture.add("timeline.json", "timeline", "[{\"at\":1,\"type\":\"session.started\"}]")
        return fixture
    }
}

@Suite struct OnPublishTests {
    @Test func `a report is made in three forms, twice with the same bytes`() throws {
        let fixture = try Fixture.full()
        defer { try? Files.removeTree(fixture.directory) }
        let result = answer(.onPublish, fixture.input)
        #expect(result.exit == .accepted, "\(result.stderr)")
        #expect(result.json["report"]?["html"]?.stringValue == "\(fixture.directory)/report/report.html")
        let names = ["report.json", "report.md", "report.html"]
        let first = try names.map { try fixture.report($0) }
        let reversed = fixture.input.with("artifacts", value: .array(fixture.artifacts.reversed()))
        #expect(answer(.onPublish, reversed).exit == .accepted)
        #expect(try names.map { try fixture.report($0) } == first)
        #expect(try Files.list("\(fixture.directory)/report") == names.sorted())
        let json = try JSON.parse(first[0])
        #expect(json["contents"]?["diff"] == [[["path": "a.txt", "added": 1, "removed": 1]]])
        #expect(json["contents"]?["tests"]?[0]?["passed"] == 3)
        #expect(json["artifacts"]?.arrayValue?.count == 6)
        #expect(!first.joined().contains(fixture.directory))
    }

    @Test func `JUnit reports are counted, tables have titles, and the timeline is drawn`() throws {
        var fixture = try Fixture()
        defer { try? Files.removeTree(fixture.directory) }
        try fixture.add(
            "001-unit.xml", "junit",
            "<testsuite><testcase name='a'/>"
                + "<testcase name='b&lt;c'><failure message='no'/></testcase></testsuite>")
        try fixture.add("002-odd.xml", "junit", "no xml at all")
        let queue = "{\"batches\":1,\"tasks\":[{\"task\":\"t1\",\"tries\":2}]}"
        try fixture.add("queue.json", "queue", queue)
        try fixture.add(
            "cost.json", "cost", "{\"microusd\":5,\"by_role\":[{\"role\":\"coder\",\"microusd\":5}]}")
        try fixture.add(
            "timeline.json", "timeline",
            """
            {"spans":[
             {"who":"<b>","task":"t1","kind":"implement","from_ms":0,"to_ms":900,"end":"x\\" onload=\\""},
             {"who":"gate","task":"t1","kind":"gate","from_ms":5,"to_ms":1,"end":"passed"}],"events":[]}
            """)
        #expect(answer(.onPublish, fixture.input).exit == .accepted)
        let json = try JSON.parse(try fixture.report("report.json"))
        let junit = try #require(json["contents"]?["junit"])
        #expect(junit[0]?["passed"] == 1 && junit[0]?["failures"]?[0]?["message"] == "no")
        #expect(junit[1]?["note"] != nil)
        let html = try fixture.report("report.html")
        let parts = ["<h3>by role</h3>", "<h3>tasks</h3>", "<svg ", "class=\"open\"", "&lt;b&gt;", "b&lt;c"]
        for part in parts {
            #expect(html.contains(part), "\(part)")
        }
        // One bar: the other ends before it begins.
        #expect(html.ranges(of: "<rect ").count == 1 && !html.contains("\" onload"))
        #expect(try fixture.report("report.md").contains("### by role"))
    }

    @Test func `nothing of an artifact becomes markup, script or terminal control`() throws {
        let fixture = try Fixture.full()
        defer { try? Files.removeTree(fixture.directory) }
        #expect(answer(.onPublish, fixture.input).exit == .accepted)
        let html = try fixture.report("report.html")
        #expect(!html.contains("<script") && !html.contains("<img"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(html.contains("default-src 'none'"))
        let markdown = try fixture.report("report.md")
        #expect(markdown.contains("````text\nFixed"))
        #expect(markdown.contains("a \\| b"))
        for text in [html, markdown] {
            #expect(!text.unicodeScalars.contains("\u{1B}") && !text.unicodeScalars.contains("\u{202E}"))
        }
    }

    @Test func `an artifact that changed, went or is a link is rejected, and nothing is written`() throws {
        let fixture = try Fixture.full()
        defer { try? Files.removeTree(fixture.directory) }
        try Files.write("\(fixture.directory)/change.diff", Array("other".utf8))
        try Files.remove("\(fixture.directory)/tests.json")
        try Files.rename("\(fixture.directory)/cost.json", "\(fixture.directory)/real.json")
        try Files.symlink("real.json", at: "\(fixture.directory)/cost.json")
        let result = answer(.onPublish, fixture.input)
        #expect(result.exit == .rejected)
        #expect(
            result.errors == [
                "/artifacts/0/sha256 digest_mismatch", "/artifacts/1/path unreadable",
                "/artifacts/4/path unreadable",
            ])
        #expect(!Files.exists("\(fixture.directory)/report"))
    }

    @Test func `a place that cannot be written is an internal error`() throws {
        let fixture = try Fixture.full()
        defer { try? Files.removeTree(fixture.directory) }
        let result = answer(
            .onPublish, fixture.input.with("output_dir", value: .string("\(fixture.directory)/cost.json/x")))
        #expect(result.exit == .failed)
        #expect(result.stderr.contains("could not be written"))
    }

    @Test(arguments: [
        ("output_dir", "relative", "/output_dir bad_value"),
        ("output_dir", "/a/../b", "/output_dir bad_value"),
        ("release", "x", "/release wrong_type"), ("artifacts", "x", "/artifacts wrong_type"),
    ])
    func `a wrong input is malformed`(key: String, value: String, error: String) throws {
        let fixture = try Fixture()
        defer { try? Files.removeTree(fixture.directory) }
        let result = answer(.onPublish, fixture.input.with(key, value: .string(value)))
        #expect(result.exit == .malformed)
        #expect(result.errors == [error])
    }

    @Test func `lines of a patch are counted by the hunk, whatever they look like`() {
        let files = FilePatch.parse(Fixture.patch + "diff --git a/b b/b\nold mode 100644\nnew mode 100755\n")
        #expect(files.map(\.path) == ["a.txt", "b"])
        #expect(files.map(\.added) == [1, 0])
        #expect(files.map(\.removed) == [1, 0])
    }
}
