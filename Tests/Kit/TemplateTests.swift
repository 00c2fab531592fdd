import TestSupport
import Testing

@testable import Kit

@Suite struct TemplateTests {
    static let text = """
        name: fix
        description: Fix it.
        parameters:
          bug: {required: true, help: what is wrong}
          depth: {type: choice, choices: [quick, thorough], default: quick}
          count: {type: integer, minimum: 1, maximum: 5, default: 2}
          docs: {type: boolean, default: true}
          place: {}
        options: {agents: "${count}", budget: "2.50"}
        task: |
          Fix: ${bug}
          ${?place}It is in ${place}.
          ${?docs}Write it down (${depth}).
        plan:
          summary: ${bug}
          tasks:
            - {id: a, title: "Fix ${bug}", write_set: ["${place}", "tests/**"]}
        """

    static func problems(_ text: String) -> [String] {
        do {
            _ = try Template.parse(text, source: "t.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `values go in, and lines without a value go out`() throws {
        let template = try Template.parse(Self.text, source: "t.yaml")
        let filled = try template.fill(["bug": "5 - 3 is -2", "docs": "false"])
        #expect(filled.task == "Fix: 5 - 3 is -2")
        #expect(filled.options == ["agents": ["2"], "budget": ["2.50"]])
        #expect(filled.plan?["tasks"]?.arrayValue?[0]["write_set"] == ["tests/**"])
        let more = try template.fill(["bug": "x", "place": "a.py", "depth": "thorough", "count": "5"])
        #expect(more.task == "Fix: x\nIt is in a.py.\nWrite it down (thorough).")
        #expect(more.options["agents"] == ["5"])
    }

    @Test func `models and budgets may differ from role to role, other options may not`() throws {
        let template = try Template.parse(
            "name: x\nparameters: {m: {default: haiku}}\ntask: t\n"
                + "options: {model: {all: opus, reviewer: '${m}', tester: '${m}?effort=low'}, "
                + "budget: {coder: '2'}}",
            source: "t.yaml")
        let filled = try template.fill([:])
        #expect(filled.options["model"] == ["opus", "reviewer=haiku", "tester=haiku?effort=low"])
        #expect(filled.options["budget"] == ["coder=2"])
        #expect(try template.fill(["m": ""]).options["model"] == ["opus", "tester=?effort=low"])
        #expect(
            Self.problems(
                "name: x\ntask: t\noptions: {agents: {all: '2'}, model: {reviewer: [a]}, budget: {A: '1'}}")
                == [
                    "3: options.agents: must be a value",
                    "3: options.model: must be a value, or values by role: {all: VALUE, ROLE: VALUE}",
                    "3: options.budget: must be a value, or values by role: {all: VALUE, ROLE: VALUE}",
                ])
    }

    @Test(arguments: ["\"\ntasks: []", "${place}", "a: b\n- c", "}${?docs}", "\u{0}", "# x"])
    func `no value changes the shape of a plan or is read as a name`(value: String) throws {
        let template = try Template.parse(Self.text, source: "t.yaml")
        let plan = try #require(try template.fill(["bug": value]).plan)
        #expect(plan["tasks"]?.arrayValue?.count == 1)
        #expect(plan["tasks"]?.arrayValue?[0]["title"]?.stringValue == "Fix \(value)")
    }

    @Test(arguments: [
        (["bug": "x", "depth": "deep"], "depth: deep is none of quick, thorough"),
        (["bug": "x", "count": "6"], "count: 6 is no whole number from 1 to 5"),
        (["bug": "x", "docs": "yes"], "docs: yes is neither true nor false"),
        (["bug": " "], "bug: is empty"), ([:], "bug: is required: what is wrong"),
        (["bug": "x", "bgu": "y"], "bgu: is no parameter; there are bug, depth, count, docs, place"),
    ])
    func `a wrong value is named`(values: [String: String], problem: String) throws {
        let template = try Template.parse(Self.text, source: "t.yaml")
        let error = #expect(throws: TemplateError.self) { try template.fill(values) }
        #expect(error?.problems == [problem])
    }

    @Test(arguments: [
        ("name: Fix\ntask: x", "1: name: must be small letters, digits and dashes"),
        ("name: x", "1: task: is missing"),
        ("name: x\ntask: ${y}", "2: task: ${y} is no parameter"),
        (
            "name: x\ntask: t\ntsk: y",
            "3: tsk: is no field; known are description, name, options, parameters, plan, task"
        ),
        (
            "name: x\ntask: t\nparameters: {a: {type: date}}",
            "3: parameters.a.type: date is none of text, boolean, integer, choice"
        ),
        (
            "name: x\ntask: t\nparameters: {a: {type: choice}}",
            "3: parameters.a.choices: must be a list of texts"
        ),
        (
            "name: x\ntask: t\nparameters: {a: {type: integer, default: z}}",
            "3: parameters.a.default: z is no whole number from 0 to 1000000"
        ),
        (
            "name: x\ntask: t\noptions: {yes: true}",
            "3: options.yes: is no field; known are agents, allow, budget, deadline, model, test"
        ),
        ("name: x\ntask: t\nplan: {summary: s}", "3: plan/tasks: "),
        ("[]", "1: a template is a mapping with name and task"),
    ])
    func `a wrong file is refused with line and field`(text: String, problem: String) {
        let found = Self.problems(text)
        #expect(found.contains { $0.hasPrefix(problem) }, "\(found)")
    }

    @Test func `a text that is cut anywhere is read or refused, and never more`() {
        for end in Self.text.indices { _ = Self.problems(String(Self.text[..<end])) }
        var random = SeededRandom(seed: 7)
        let bytes = Array(Self.text.utf8)
        for _ in 0..<500 {
            var other = bytes
            for _ in 0..<3 { other[Int(random.next() % UInt64(other.count))] = UInt8(random.next() % 128) }
            let text = String(decoding: other, as: UTF8.self)
            guard let template = try? Template.parse(text, source: "t") else { continue }
            _ = try? template.fill(["bug": "x"])
        }
    }
}

@Suite struct RoleInheritanceTests {
    static let coder = """
        name: coder
        prompt: |
          Be careful.
        tools: [bash, read, write]
        workspace: clone
        limits: {turns: 200, max_tokens: 16384}
        sandbox: {seccomp: shell, require: [seccomp]}
        """

    static func read(_ text: String, _ others: [String: String] = [:]) throws(RoleError) -> Role {
        try Role.parse(text, source: "own.yaml") { name in
            name == "coder" ? (coder, "coder.yaml") : others[name].map { ($0, "\(name).yaml") }
        }
    }

    @Test func `what a role does not say it takes from its base`() throws {
        let role = try Self.read(
            "name: writer\nextends: coder\nprompt: Write docs.\nlimits: {turns: 10}\ntools: [read]")
        #expect(role.name == "writer" && role.workspace == .clone && role.tools == ["read"])
        #expect(role.prompt == "Be careful.\nWrite docs.")
        #expect(role.turns == 10 && role.maxTokens == 16384 && role.require == ["seccomp"])
        #expect(role.doesPlannedWork)
    }

    @Test func `a chain is followed, a circle and a missing base are refused with the line`() throws {
        let role = try Self.read("name: a\nextends: b", ["b": "name: b\nextends: coder\nlimits: {turns: 5}"])
        #expect(role.turns == 5 && role.maxTokens == 16384)
        let circle = #expect(throws: RoleError.self) {
            try Self.read("name: a\nextends: b", ["b": "name: b\nextends: a", "a": "name: a\nextends: b"])
        }
        #expect(circle?.description.contains("build on each other: a → b → a") == true)
        let missing = #expect(throws: RoleError.self) { try Self.read("name: a\nextends: nobody") }
        #expect(missing?.description == "own.yaml:2: extends: there is no role nobody")
    }

    @Test func `mistakes are found as without a base, and a base alone is read as before`() throws {
        let error = #expect(throws: RoleError.self) { try Self.read("name: a\nextends: coder\ntools: [fly]") }
        #expect(error?.description.contains("own.yaml:3: tools: fly is no tool") == true)
        #expect(try Self.read(Self.coder) == Role.parse(Self.coder, source: "coder.yaml"))
    }

    @Test func `a role does not get more than the manifest allows`() throws {
        var manifest = try Manifest.parse(
            "name: x\nversion: 1.0.0\ndescription: d\nnetworking: {egress: deny}\nimage: {base: a}",
            source: "m")
        let role = try Self.read("name: a\nextends: coder\negress: [example.com]")
        #expect(
            role.excess(over: manifest) == [
                "egress: the kit lets no guest out, but the role wants example.com"
            ])
        manifest.networking.egress = .allow
        #expect(role.excess(over: manifest).isEmpty)
    }
}
