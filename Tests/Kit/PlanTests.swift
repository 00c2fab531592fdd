import Testing

@testable import Kit

@Suite struct SessionNameTests {
    @Test(arguments: [
        ("Fix the auth bug", "fix-auth-bug"), ("5 - 3 is -2", "session"),
        ("3 bugs in 2 files", "bugs-2-files"),
        ("日本", "session"), ("---", "session"), ("", "session"), ("An a the", "session"),
    ])
    func `a session is called after its task, a letter first`(task: String, name: String) {
        #expect(SessionName.make(task: task, random: [0, 1, 2, 3]) == "\(name)-bcdf")
    }
}

@Suite struct PlanTests {
    static func problems(_ text: String) -> [PlanError.Problem] {
        do {
            _ = try Plan.parse(text, source: "plan.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `a plan in YAML is read, ids default to their place`() throws {
        let plan = try Plan.parse(
            """
            summary: Fix it
            tasks:
              - title: Check the expiry
                write_set: [src/token.js]
              - id: docs
                title: Say so
                depends_on: [t1]
            """, source: "plan.yaml")
        #expect(plan.tasks.map(\.id) == ["t1", "docs"])
        #expect(plan.tasks[1].dependsOn == ["t1"])
        #expect(plan.tasks[0].role == "coder")
    }

    @Test func `all problems are named at once, with line and place`() {
        let found = Self.problems(
            """
            summary: x
            tasks:
              - id: a
                title: One
                role: wizard
                depends_on: [b, zz]
              - id: b
                title: Two
                depends_on: [a]
                colour: red
              - id: a
                description: no title
            """)
        #expect(found.contains { $0.path == "plan.yaml:5 /tasks/0/role" && $0.message.contains("wizard") })
        #expect(found.contains { $0.message.contains("colour") || $0.path.contains("colour") })
        #expect(found.contains { $0.path.contains("/tasks/2/title") })
        #expect(found.contains { $0.message.contains("zz") })
        #expect(found.contains { $0.message.contains("a → b → a") })
    }

    @Test func `a task has commands and a model of its own, and both are held to their limits`() throws {
        let plan = try Plan.parse(
            """
            tasks:
              - {title: One, checks: ["make check", "test -f a"], model: claude-opus-5-5}
              - title: Two
            models: {reviewer: claude-opus-5-5}
            budgets: {coder: 1.50}
            """, source: "plan.yaml")
        #expect(plan.tasks[0].checks == ["make check", "test -f a"])
        #expect(plan.tasks[0].model == "claude-opus-5-5")
        #expect(plan.tasks[1].checks == nil && plan.tasks[1].model == nil)
        #expect(try JSONCoding.decode(Plan.self, from: JSONCoding.encode(plan)) == plan)
        let many = Self.problems("tasks: [{title: One, checks: [a, b, c, d, e, f, g, h, i]}]")
        #expect(many.map(\.message) == ["has more than 8 commands"])
        #expect(Self.problems("tasks: [{title: One, checks: [' ']}]").map(\.message) == ["is no command"])
    }

    @Test(arguments: ["", "[]", "summary: x", "tasks: 3", "tasks: []", "tasks: [3]", "a: &b c", "{"])
    func `what is no plan is refused`(text: String) { #expect(!Self.problems(text).isEmpty) }

    @Test(arguments: [
        ("src/a.js", "src/a.js", true), ("src/a.js", "src/b.js", false), ("src/**", "src/x/y.js", true),
        ("src/*.js", "src/a.ts", false), ("src/*.js", "src/x/a.js", false), ("**/a.js", "lib/x/a.js", true),
        ("docs/", "docs/x.md", true), ("src", "src/a.js", true), ("a?c", "abc", true),
        ("[ab].c", "b.c", true),
    ])
    func `write sets meet when one path could be in both`(one: String, other: String, expected: Bool) {
        #expect(WriteSet.meet([one], [other]) == expected)
        #expect(WriteSet.meet([other], [one]) == expected)
    }

    @Test func `an empty write set meets everything`() { #expect(WriteSet.meet([], ["a"])) }

    @Test func `a session's name says what it is about`() {
        #expect(SessionName.make(task: "Fix the auth bug!", random: [0, 1, 2, 3]) == "fix-auth-bug-bcdf")
        #expect(SessionName.isValid(SessionName.make(task: "日本語", random: [9, 8, 7, 6])))
        #expect(!SessionName.isValid("../etc"))
    }
}
