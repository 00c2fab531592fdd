import Kit
import Testing

@testable import CLI

@Suite struct HistoryTests {
    static func session(_ state: String, task: String = "Fix it", waits: Bool = false, started: Int64 = 0)
        -> JSON
    {
        [
            "state": .string(state), "task": .string(task), "repository": "/src/app", "model": "script:x",
            "approval": waits ? ["tree": "t"] : .null, "started_at": JSON(started),
            "ended_at": ["completed", "failed", "cancelled"].contains(state) ? JSON(started + 1) : .null,
        ]
    }

    @Test(arguments: [
        ("state=failed", false), ("state=completed", true), ("task=FIX", true), ("repo=app", true),
        ("repo=web", false),
        ("since=1d", false), ("since=10d", true), ("model=script", true), ("state=active", false),
        ("state=waiting", false),
    ])
    func `conditions`(text: String, holds: Bool) throws {
        let day: Int64 = 86_400_000
        let filter = try SessionFilter([text], now: 5 * day)
        #expect(filter.holds(Self.session("completed")) == holds)
    }

    @Test func `all conditions must hold, and waiting and active are states too`() throws {
        let filter = try SessionFilter(["state=waiting", "task=fix"], now: 0)
        #expect(filter.holds(Self.session("approving", waits: true)))
        #expect(!filter.holds(Self.session("approving", task: "Other", waits: true)))
        #expect(try SessionFilter(["state=active"], now: 0).holds(Self.session("working")))
    }

    @Test(arguments: [
        ("state=fialed", "did you mean failed?"), ("state", "an age is"), ("color=red", "an age is"),
        ("since=week", "an age is"),
    ])
    func `a wrong condition says what is right`(text: String, hint: String) {
        let error = #expect(throws: CLIError.self) { try SessionFilter([text], now: 0) }
        #expect(error?.hint?.hasPrefix(hint) == true)
    }

    @Test func `the list shows what goes on and the ten that ended last`() {
        let all = (0..<25).map {
            Self.session($0 % 5 == 0 ? "working" : "completed", started: Int64(100 - $0))
        }
        let shown = SessionList.current(all)
        #expect(shown.count { $0["state"] == "working" } == 5)
        #expect(shown.count { $0["state"] == "completed" } == 10)
        #expect(shown.filter { $0["state"] == "completed" }.last?["started_at"]?.intValue == 88)
    }

    @Test func `a plan that was written for people is read again as it was`() throws {
        let plan = Plan(
            summary: "All: of it\n# and more",
            tasks: [
                PlanTask(
                    id: "t1", title: "true", description: "line\n\"quoted\" \\ back\tslash",
                    writeSet: ["src/**", "- x"]),
                PlanTask(
                    id: "9", title: "Überall", dependsOn: ["t1"], acceptance: ["it's done: really", "no"]),
            ])
        let text = PlanCommand.yaml(try JSONCoding.encode(plan), task: "Do: it")
        #expect(try Plan.parse(text, source: "p") == plan)
        #expect(!text.contains("\t"))
    }

    @Test func `words go into an address whole`() {
        #expect(Command.percentEncoded("a b&c=ü/%") == "a%20b%26c%3D%C3%BC%2F%25")
    }

    @Test func `totals leave out what did not happen`() {
        var totals = SessionTotals()
        #expect(totals.lines.isEmpty && totals.perAgent.isEmpty)
        totals.add(["type": "gate.passed", "data": ["command": "make test"]])
        totals.add(["type": "gate.failed", "data": [:]])
        totals.add(["type": "review.submitted", "data": ["verdict": "request_changes"]])
        totals.add(["type": "review.submitted", "data": ["verdict": "approve"]])
        totals.add(["type": "model.settled", "data": ["agent": "coder-1", "microusd": 2_000_000]])
        totals.add(["type": "model.settled", "data": ["agent": "\u{1B}[2J", "microusd": 1_000_000]])
        #expect(totals.lines == ["gates:   1 green, 1 red", "review:  asked for changes, then approved"])
        #expect(totals.perAgent == " in 2 model calls: coder-1 $2.00, ␛[2J $1.00")
    }
}
