import Kit
import System
import TestSupport
import Testing

@testable import Agent

@Suite struct HeaderFramingTests {
    private let stream = HeaderFraming.frame(["id": 1]) + HeaderFraming.frame(["method": "ü"])

    @Test func `messages come whole however the stream is cut`() throws {
        for cut in 0...stream.count {
            var framing = HeaderFraming()
            #expect(
                try framing.receive(stream[..<cut]) + framing.receive(stream[cut...]) == [
                    ["id": 1], ["method": "ü"],
                ])
        }
    }

    @Test(arguments: [
        ("Content-Length: x\r\n\r\n", HeaderFraming.Problem.noLength), ("X: 1\r\n\r\n{}", .noLength),
        ("Content-Length: -1\r\n\r\n", .noLength),
        ("Content-Length: 99999999999\r\n\r\n", .bodyTooLong),
        ("Content-Length: 3\r\n\r\n[1]", .notJSON),
        (String(repeating: "a", count: 5000), .headerTooLong),
    ])
    func `a broken stream is refused`(text: String, problem: HeaderFraming.Problem) {
        var framing = HeaderFraming()
        #expect(throws: problem) { try framing.receive(Array(text.utf8)) }
    }

    @Test func `random streams never crash`() {
        var random = SeededRandom(seed: 9)
        for _ in 0..<3000 {
            var framing = HeaderFraming()
            _ = try? framing.receive(random.mutate(stream))
        }
    }
}

@Suite struct WorkspaceEditTests {
    private func edit(_ start: (Int, Int), _ end: (Int, Int), _ text: String) -> WorkspaceEdit.Edit {
        .init(
            start: .init(line: start.0, character: start.1), end: .init(line: end.0, character: end.1),
            text: text)
    }

    @Test func `places are UTF-16 code units, and edits come in any order`() {
        let text = "a 😀 name\nname\n"
        #expect(
            WorkspaceEdit.apply([edit((1, 0), (1, 4), "other"), edit((0, 5), (0, 9), "other")], to: text)
                == "a 😀 other\nother\n")
    }

    @Test func `edits that overlap or lie outside are refused`() {
        #expect(
            WorkspaceEdit.apply([edit((0, 0), (0, 2), "x"), edit((0, 1), (0, 3), "y")], to: "abcd") == nil
        )
        #expect(WorkspaceEdit.apply([edit((7, 0), (7, 0), "x")], to: "abcd") == nil)
        #expect(WorkspaceEdit.apply([edit((0, 99), (0, 99), "x")], to: "abcd") == nil)
    }

    @Test func `nothing is written outside of the working directory or when files would move`() throws {
        let change: JSON = [
            "range": ["start": ["line": 0, "character": 0], "end": ["line": 0, "character": 0]],
            "newText": "x",
        ]
        let outside = WorkspaceEdit(["changes": ["file:///etc/hosts": [change]]])
        #expect(throws: ToolProgram.Problem.self) {
            try outside.apply(below: "/nowhere", .utf16) { _ in nil }
        }
        let moves = WorkspaceEdit(["documentChanges": [["kind": "rename"]]])
        #expect(throws: ToolProgram.Problem.self) { try moves.apply(below: "/nowhere", .utf16) { _ in nil } }
        #expect(FileURI.path(FileURI.make("/a b/ü%.c")) == "/a b/ü%.c")
        #expect(FileURI.path("http://x/") == nil)
    }
}

/// The real servers of this machine.
@Suite(.serialized) struct LanguageToolTests {
    private let scratch: Scratch
    private let server: ToolServer

    init() throws {
        scratch = try Scratch()
        server = ToolServer(
            directory: scratch.path,
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"])
    }

    private func lsp(_ input: JSON) -> String {
        server.call("lsp", input)["content"]?.stringValue ?? ""
    }

    @Test func `clangd finds definitions, references, types and mistakes, and renames across files`()
        throws
    {
        _ = try scratch.file("sum.h", "int sum(int a, int b);\n")
        _ = try scratch.file("sum.c", "#include \"sum.h\"\nint sum(int a, int b) { return a + b; }\n")
        _ = try scratch.file(
            "main.c", "#include \"sum.h\"\nint main(void) {\n    return sum(1, 2);\n}\n")
        let use: JSON = ["file_path": "main.c", "line": 3, "symbol": "sum"]
        func ask(_ action: String, _ more: [String: JSON] = [:]) -> String {
            lsp(
                .object(
                    (use.objectValue ?? [:]).merging(["action": .string(action)]) { $1 }.merging(more) { $1 })
            )
        }
        // Both files are shown, because the index of the whole directory is made in the background.
        #expect(lsp(["action": "diagnostics", "file_path": "sum.c"]) == "clangd finds nothing wrong.")
        #expect(ask("definition").hasPrefix("sum."))
        #expect(ask("hover").contains("int sum"))
        #expect(ask("references").contains("main.c:3:12: return sum(1, 2);"))
        #expect(ask("rename", ["new_name": "total"]).hasPrefix("Renamed in "))
        #expect(try scratch.text("main.c").contains("return total(1, 2);"))
        _ = try scratch.file("main.c", "int main(void) {\n    return nothing;\n}\n")
        #expect(lsp(["action": "diagnostics", "file_path": "main.c"]).contains("main.c:2:12: error: "))
        #expect(lsp(["action": "symbols", "file_path": "main.c", "query": "main"]).contains("main"))
    }

    @Test func `pylsp finds definitions and references`() throws {
        _ = try scratch.file("a.py", "def twice(x):\n    return 2 * x\n\n\nprint(twice(3))\n")
        let use: JSON = ["file_path": "a.py", "line": 5, "symbol": "twice", "action": "definition"]
        #expect(lsp(use).hasPrefix("a.py:1:5: def twice(x):"))
        var more = use
        more["action"] = "references"
        #expect(lsp(more).contains("a.py:5:7: print(twice(3))"))
    }

    @Test func `one pylsp answers for two clones of a repository, for each from its own files`() throws {
        let desk = LanguageDesk(environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"])
        // The same names, at different places, with an import between files.
        _ = try scratch.file("one/calc.py", "def twice(x):\n    return 2 * x\n")
        _ = try scratch.file(
            "two/calc.py", "import os\n\n\ndef twice(value, times=2):\n    return value * times\n")
        for name in ["one", "two"] {
            _ = try scratch.file("\(name)/main.py", "from calc import twice\n\nprint(twice(3))\n")
        }
        func ask(_ clone: String, _ action: String) -> String {
            let question: JSON = [
                "action": .string(action), "file_path": "main.py", "line": 3, "symbol": "twice",
            ]
            return desk.ask(question, root: "\(scratch.path)/\(clone)")["content"]?.stringValue ?? ""
        }
        for _ in 0..<2 {
            #expect(ask("one", "definition") == "calc.py:1:5: def twice(x):")
            #expect(ask("two", "definition") == "calc.py:4:5: def twice(value, times=2):")
            #expect(ask("one", "hover").contains("twice(x)"))
            #expect(ask("two", "hover").contains("times=2"))
            #expect(ask("two", "references").split(separator: "\n").count == 3)
        }
        // A clone that changes is answered for as it is now.
        _ = try scratch.file("one/calc.py", "\n\ndef twice(y):\n    return y + y\n")
        #expect(ask("one", "definition") == "calc.py:3:5: def twice(y):")
        #expect(ask("two", "definition") == "calc.py:4:5: def twice(value, times=2):")
        #expect(ask("one", "rename").contains("renames nothing"))
    }

    @Test func `what cannot be asked is said in words`() throws {
        _ = try scratch.file("a.txt", "x\n")
        #expect(
            lsp(["action": "hover", "file_path": "a.txt", "line": 1]).contains(
                "No language server is known"))
        _ = try scratch.file("a.ts", "let x = 1\n")
        #expect(!lsp(["action": "hover", "file_path": "a.ts", "line": 1]).isEmpty)
        _ = try scratch.file("a.c", "int x;\n")
        #expect(lsp(["action": "hover", "file_path": "a.c", "line": 9]).contains("only"))
        #expect(
            lsp(["action": "hover", "file_path": "a.c", "line": 1, "symbol": "nope"]).contains(
                "has no nope"))
        #expect(lsp(["action": "dance", "file_path": "a.c", "line": 1]).contains("`action` is"))
    }

    // MARK: What changed since the server saw it

    private func rename(_ file: String, _ line: Int, _ symbol: String, _ name: String) -> String {
        lsp([
            "action": "rename", "file_path": .string(file), "line": JSON(line), "symbol": .string(symbol),
            "new_name": .string(name),
        ])
    }

    private func diagnose(_ file: String) -> String {
        lsp(["action": "diagnostics", "file_path": .string(file)])
    }

    @Test(arguments: ["// Adds two numbers.\n", "/* a comment line */\n/* two */\n", "\n\n\n\n\n"])
    func `a rename is right in files that changed since the server saw them`(before: String) throws {
        _ = try scratch.file("sum.h", "int sum(int a, int b);\n")
        _ = try scratch.file("sum.c", "#include \"sum.h\"\nint sum(int a, int b) { return a + b; }\n")
        _ = try scratch.file("main.c", "#include \"sum.h\"\nint main(void) {\n    return sum(1, 2);\n}\n")
        _ = diagnose("sum.c")
        // By a shell, which tells nobody.
        _ = try scratch.file(
            "sum.c", before + "#include \"sum.h\"\nint sum(int a, int b) { return a + b; }\n")
        let answer = rename("main.c", 3, "sum", "total")
        #expect(answer.hasPrefix("Renamed in "), "\(answer)")
        #expect(
            try scratch.text("sum.c") == before
                + "#include \"sum.h\"\nint total(int a, int b) { return a + b; }\n")
        #expect(try scratch.text("main.c").contains("return total(1, 2);"))
    }

    @Test func `a change of a header is in what is found wrong with what includes it`() throws {
        _ = try scratch.file("a.h", "int g(int);\n")
        _ = try scratch.file("a.c", "#include \"a.h\"\nint main(void) { return g(1); }\n")
        #expect(diagnose("a.c") == "clangd finds nothing wrong.")
        _ = try scratch.file("a.h", "int g(int, int); /* another size */\n")
        #expect(diagnose("a.c").contains("Too few arguments"))
        _ = try scratch.file("a.h", "int g(int); /* and back again */\n")
        #expect(diagnose("a.c") == "clangd finds nothing wrong.")
        // Asked about something else first, it has not been heard yet.
        _ = try scratch.file("b.c", "int main(void) { return nothing; }\n")
        _ = lsp(["action": "hover", "file_path": "b.c", "line": 1, "symbol": "main"])
        #expect(diagnose("b.c").contains("b.c:1:25: error: "))
    }

    @Test func `a file that moved is not asked about under its old name`() throws {
        _ = try scratch.file("a.h", "int g(int x);\n")
        _ = try scratch.file("b.c", "#include \"a.h\"\nint g(int x) { return x; }\n")
        _ = try scratch.file("main.c", "#include \"a.h\"\nint main(void) { return g(1); }\n")
        for file in ["b.c", "main.c"] { _ = diagnose(file) }
        try Files.rename("\(scratch.path)/b.c", "\(scratch.path)/c.c")
        _ = diagnose("c.c")
        let answer = rename("main.c", 2, "g", "h")
        #expect(answer.hasPrefix("Renamed in ") && !answer.contains("b.c"), "\(answer)")
        #expect(try scratch.text("c.c").contains("int h(int x)"))
    }

    @Test func `a symbol is a whole word, and columns are characters in both directions`() throws {
        #expect(LanguageTool.place(of: "f", in: "def f(x):").map { "def f(x):"[$0...] } == "f(x):")
        let line = "int subtotal = total(3);"[...]
        #expect(LanguageTool.place(of: "total", in: line).map { line[$0...] } == "total(3);")
        #expect(LanguageTool.place(of: "sub", in: line).map { line[$0...] } == "subtotal = total(3);")
        #expect(LanguageTool.place(of: "x", in: line) == nil)
        _ = try scratch.file("m.py", "def fn(x):\n    return x\n\n\na = '😀😀😀😀😀😀', fn(1)\n")
        let found = lsp(["action": "references", "file_path": "m.py", "line": 1, "symbol": "fn"])
        #expect(found.contains("m.py:5:15: "), "\(found)")
        let definition = lsp(["action": "definition", "file_path": "m.py", "line": 5, "column": 15])
        #expect(definition.hasPrefix("m.py:1:5: "), "\(definition)")
    }

    @Test func `one language that knows no symbols of a directory stops no other`() throws {
        _ = try scratch.file("m.c", "int cfun(void) { return 1; }\n")
        _ = try scratch.file("m.py", "def pyfun():\n    return 1\n")
        for file in ["m.c", "m.py"] { _ = diagnose(file) }
        #expect(lsp(["action": "symbols", "query": "cfun"]).contains("m.c:1: cfun"))
        #expect(lsp(["action": "symbols", "query": "pyfun"]).contains("m.py:1: pyfun"))
    }

    @Test func `nothing wrong is said only of what was looked at`() throws {
        // Debian's pylsp checks nothing by itself: its checkers are packages of their own.
        _ = try scratch.file("broken.py", "def f(:\n")
        #expect(!diagnose("broken.py").contains("reports nothing"))
        _ = try scratch.file("fine.py", "def f():\n    return 1\n")
        let fine = diagnose("fine.py")
        #expect(!fine.contains("finds nothing wrong") && !fine.contains("does not take"), "\(fine)")
    }
}
