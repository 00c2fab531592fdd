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
        #expect(throws: ToolProgram.Problem.self) { try outside.apply(below: "/nowhere") }
        let moves = WorkspaceEdit(["documentChanges": [["kind": "rename"]]])
        #expect(throws: ToolProgram.Problem.self) { try moves.apply(below: "/nowhere") }
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
}
