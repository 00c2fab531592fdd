import Kit
import Testing

@testable import Service

@Suite struct RequestGraphTests {
    private func events(_ bodies: [(Int64, EventBody)]) -> [Event] {
        bodies.enumerated().map { Event(seq: Int64($0 + 1), session: "s", at: $1.0, body: $1.1) }
    }

    private func settled(_ call: String, answered: Bool = true) -> EventBody {
        .modelSettled(
            agent: "coder-1", task: "t1", model: "m", microusd: 1, input: 90, output: 10,
            detail: ModelUse(call: call, role: "coder", provider: "p", uncached: 1, isAnswered: answered))
    }

    private func reserved(_ call: String) -> EventBody {
        .modelReserved(agent: "coder-1", task: "t1", call: call, model: "m", microusd: 5)
    }

    @Test func `each request counts when it began, waits and failures beside it`() throws {
        let text = try #require(
            RequestGraph.text(
                events([
                    (1000, reserved("a")), (1200, reserved("b")), (4000, settled("a")),
                    (4100, settled("b", answered: false)),
                    (6000, .modelWaited(agent: "coder-1", milliseconds: 2000, reason: "429")),
                    (6000, settled("free")),
                ])))
        let lines = text.split(separator: "\n")
        #expect(lines[0] == "Requests to models, every 1 s: 3 in all, at most 2 in a row")
        #expect(lines.count == 7)
        #expect(
            lines[1].hasPrefix("00:00:00 │████") && lines[1].hasSuffix("│ 2, 1 without an answer, 200 tokens")
        )
        #expect(lines[4].hasSuffix("│ 0, 1 waited 2 s"))
        #expect(lines[6].hasPrefix("00:00:05") && lines[6].hasSuffix("│ 1, 100 tokens"))
    }

    @Test(arguments: [1, 59, 3600, 86_400, 4_000_000] as [Int64])
    func `a session of any length is drawn on one page and loses no request`(seconds: Int64) throws {
        let all = events((0..<200).map { ($0 * seconds * 5, settled("\($0)")) })
        let text = try #require(RequestGraph.text(all))
        let lines = text.split(separator: "\n")
        #expect(lines.count <= 42 && lines[0].contains("200 in all"))
        #expect(lines.dropFirst().allSatisfy { $0.count < 110 })
    }

    @Test func `a session that asked nobody has no graph`() {
        #expect(RequestGraph.text([]) == nil)
        #expect(RequestGraph.text(events([(0, .noteAppended(agent: "a", text: "t"))])) == nil)
    }
}
