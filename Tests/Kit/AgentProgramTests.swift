// Agent programs as data.
import Kit
import System
import Testing

@testable import Kit

@Suite struct AgentProgramTests {
    private static let kit = Files.parent(of: Files.parent(of: Files.parent(of: #filePath))) + "/kit/agents"

    @Test func `every program of the kit is sound, and a guest gets what it needs of it`() throws {
        let names = try Files.list(Self.kit).sorted()
        #expect(names.count >= 6)
        for name in names {
            let path = "\(Self.kit)/\(name)"
            let program = try AgentProgram.parse(try Files.readText(path), source: path)
            #expect("\(program.name).yaml" == name)
            #expect(!program.install.isEmpty && program.trial != nil)
            let read = try AgentProgram(program.json)
            #expect(
                read.start == program.start && read.resume == program.resume && read.stream == program.stream)
            #expect(read.environment == program.environment && read.files == program.files)
        }
    }

    private static let text = """
        name: mine
        find: [mine]
        start: [--task, "{task}", --in, "{workdir}"]
        files: {a/b.json: "{\\"k\\": \\"{key}\\"}"}

        """

    @Test func `values are put in once, so what a task says stays what it says`() throws {
        let program = try AgentProgram.parse(Self.text, source: "mine.yaml")
        let run = program.run(["task": "say {workdir} and {key}", "workdir": "/w", "key": "k"])
        #expect(run.arguments == ["--task", "say {workdir} and {key}", "--in", "/w"])
        #expect(run.files == ["a/b.json": #"{"k": "k"}"#])
    }

    @Test(arguments: [
        ("colour: red", "1: colour: is no field"), ("name: No Name", "1: name: must be"),
        ("find: [a/b]", "1: find: a/b is no name"), ("find: []", "1: find: is missing"),
        ("start: [x]", "1: start: neither it nor input holds {task}"),
        ("start: ['{task}', '{tsak}']", "1: start: {tsak} stands for nothing"),
        ("stream: xml", "1: stream: xml is none of text, claude, codex"),
        ("has_tools: 1", "1: has_tools: must be true or false"),
        ("files: {../x: y}", "1: files.../x: is no plain path"),
        ("files: {/x: y}", "1: files./x: is no plain"),
        ("environment: {A-B: c}", "1: environment.A-B: is no name"),
        ("bundled: [/x]", "1: bundled: /x is no plain"),
        ("trial: {}", "1: trial: must be"), ("trial: {tool: a, text: b}", "1: trial: must be"),
        ("resume: x", "1: resume: must be a list"), ("version: x", "1: version: must be a list"),
    ]) func `a mistake is said with its line and field`(line: String, problem: String) {
        let field = line.prefix { $0 != ":" }
        let rest = Self.text.split(separator: "\n").filter { !$0.hasPrefix(field + ":") }.joined(
            separator: "\n")
        #expect {
            try AgentProgram.parse(line + "\n" + rest, source: "x")
        } throws: { error in
            "\(error)".split(separator: "\n").contains { $0.hasPrefix("x:\(problem)") }
        }
    }

    @Test func `all mistakes come at once, and a text that is cut anywhere is an answer`() {
        #expect {
            try AgentProgram.parse("name: X\nstream: y\nfoo: z\n", source: "x")
        } throws: { error in
            (error as? AgentProgram.Problems)?.problems.count == 5
        }
        let bytes = Array(Self.text.utf8)
        for cut in 0..<bytes.count {
            _ = try? AgentProgram.parse(String(decoding: bytes[..<cut], as: UTF8.self), source: "x")
        }
    }
}
