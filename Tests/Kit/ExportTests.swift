import Testing

@testable import Kit

@Suite struct ExportTests {
    @Test(arguments: [
        ("key sk-ant-" + String(repeating: "a", count: 24), "key [redacted]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"),
        ("AKIA" + String(repeating: "Q", count: 16), "[redacted]"), ("task-sk-1", "task-sk-1"),
        ("a risk-abcdefghijklmnopqrstuv", "a risk-abcdefghijklmnopqrstuv"),
        ("coder-1." + String(repeating: "0af9", count: 16), "coder-1.[redacted]"),
        ("/home/jo/project", "~/project"),
        (
            "x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "x [redacted] y"
        ), ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"), ("", ""), ("☃ plain", "☃ plain"),
    ]) func `secrets do not leave`(_ text: String, _ expected: String) {
        #expect(ExportRedactor(names: ["/home/jo": "~"]).redact(text) == expected)
    }

    private static let index = Array(
        """
        <!doctype html><html><head><meta charset="utf-8"><style>body{margin:0}</style>
        <script src="app.js" defer></script></head><body><div id="app"></div></body></html>
        """.utf8)

    @Test func `a page carries app and log, and no text of the log can end its script`() throws {
        let hostile: JSON = ["events": [["text": "</script><script>alert(1)</script><!--"]]]
        let page = String(
            decoding: try HTMLReplay.page(
                index: Self.index, script: Array("let a='</script>';b='<!-- x'".utf8), document: hostile),
            as: UTF8.self)
        // Ours are the only tags: the log's, and the app's.
        #expect(page.ranges(of: "<script").count == 2)
        #expect(page.ranges(of: "</script").count == 2)
        #expect(!page.contains("src="))
        #expect(!page.contains("href="))
        #expect(page.contains(#"<script type="application/json" id="openclaw-log">"#))
        #expect(page.contains(#"\u003c/script>"#))
        #expect(page.contains("default-src 'none'"))
        let start = page.firstRange(of: #"id="openclaw-log">"#)?.upperBound ?? page.startIndex
        let end = page[start...].firstRange(of: "</script>")?.lowerBound ?? page.startIndex
        #expect(try JSON.parse(String(page[start..<end])) == hostile)
    }

    @Test func `a page that is not the app's is an error`() {
        let text = String(decoding: Self.index, as: UTF8.self)
        for other in [
            "<html>", text.replacing("</style>", with: ""), text.replacing("<style>", with: "<p>"),
            text.replacing("app.js", with: "other.js"), text.replacing("</body>", with: ""),
        ] {
            #expect(throws: HTMLReplay.Failure.self, "\(other)") {
                _ = try HTMLReplay.page(index: Array(other.utf8), script: [], document: [:])
            }
        }
    }

    private static func export(_ events: [(String, JSON)]) -> [String] {
        var export = AGUIExport()
        let output = events.enumerated().flatMap { number, event in
            export.receive([
                "seq": JSON(number + 1), "session": "s", "at": 5, "type": .string(event.0), "data": event.1,
                "hash": "h",
            ])
        }
        return (output + export.end()).compactMap { $0["type"]?.stringValue }
    }

    @Test func `a session is a run, an agent a sub-agent, a task a step`() {
        let types = Self.export([
            ("session.started", [:]), ("agent.ready", ["agent": "coder-1", "generation": 1]),
            ("task.assigned", ["task": "t1", "attempt": 1, "agent": "coder-1"]),
            ("message.sent", ["from": "user", "to": "all", "text": "hello"]),
            ("agent.lost", ["agent": "coder-1", "generation": 1, "reason": "killed"]),
            ("session.completed", ["commit": "c"]), ("agent.retired", ["agent": "coder-1", "generation": 1]),
        ])
        #expect(
            types == [
                "RUN_STARTED", "CUSTOM", "SUBAGENT_STARTED", "STEP_STARTED", "CUSTOM", "TEXT_MESSAGE_START",
                "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "SUBAGENT_ERROR", "STEP_FINISHED", "RUN_FINISHED",
            ])
    }

    @Test func `a session that is not over ends in an error that says so`() {
        let types = Self.export([
            ("session.started", [:]), ("agent.ready", ["agent": "a-1", "generation": 2]),
        ])
        #expect(types.suffix(2) == ["SUBAGENT_FINISHED", "RUN_ERROR"])
    }

    @Test func `a run says the version, how it ended and what it used`() throws {
        var export = AGUIExport()
        func receive(_ type: String, _ data: JSON) -> [JSON] {
            export.receive(["seq": 1, "session": "s", "at": 5, "type": .string(type), "data": data])
        }
        #expect(receive("session.started", [:]).first?["protocolVersion"] == "1.0")
        for _ in 0..<2 {
            _ = receive(
                "model.settled",
                [
                    "model": "m", "input": 10, "output": 3,
                    "detail": ["provider": "p", "cache_read": 4, "cache_write": 1],
                ])
        }
        _ = receive("model.settled", ["model": "n", "input": JSON(Int64.max), "output": JSON(Int64.max)])
        let end = try #require(receive("session.cancelled", ["by": "a person"]).last)
        #expect(end["type"] == "RUN_FINISHED")
        #expect(end["outcome"] == ["type": "cancelled"])
        let largest = JSON((1 << 53) - 1)
        #expect(
            end["usage"] == [
                [
                    "model": "n", "inputTokens": largest, "outputTokens": largest, "totalTokens": largest,
                    "cachedInputTokens": 0, "cacheWriteInputTokens": 0,
                ],
                [
                    "model": "m", "provider": "p", "inputTokens": 20, "outputTokens": 6, "totalTokens": 26,
                    "cachedInputTokens": 8, "cacheWriteInputTokens": 2,
                ],
            ])
    }
}
