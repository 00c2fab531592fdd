import Kit
import System
import Testing

@testable import Agent

@Suite struct EditTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func edit(_ path: String, _ old: String, _ new: String, all: Bool = false) -> String {
        tool(
            "edit",
            [
                "file_path": .string(path), "old_string": .string(old), "new_string": .string(new),
                "replace_all": JSON(all),
            ])
    }

    @Test func `a text that occurs once is replaced, byte by byte`() throws {
        let path = try scratch.file("a.txt", "caf\u{65}\u{301} one\ntwo\n")
        #expect(edit(path, "two", "2") == "Replaced 1 occurrence in \(path), at line 2.")
        #expect(Array(try scratch.text("a.txt").utf8) == Array("caf\u{65}\u{301} one\n2\n".utf8))
        // The composed form is another sequence of bytes, although Swift finds the texts equal.
        #expect(edit(path, "caf\u{E9}", "x").hasPrefix("problem:"))
    }

    @Test func `a text that occurs often is refused with its lines, and replaced when all are meant`() throws
    {
        let path = try scratch.file("a.txt", "x\ny\nx\nx\n")
        #expect(
            edit(path, "x", "z").contains("occurs 3 times") && edit(path, "x", "z").contains("lines 1, 3, 4"))
        #expect(edit(path, "x", "z", all: true) == "Replaced 3 occurrences in \(path).")
        #expect(try scratch.text("a.txt") == "z\ny\nz\nz\n")
    }

    @Test func `a miss says what is different and where`() throws {
        let path = try scratch.file("a.py", "def f():\n    value = product() - value\n    return value\n")
        #expect(
            edit(path, "  value = product() - value\n  return value", "x").contains(
                "Only white space differs from lines 2 to 3"))
        #expect(edit(path, "     2\t    value = product() - value", "x").contains("without the line numbers"))
        #expect(edit(path, "value = product() + value", "x").contains("nearest is at line 2"))
        #expect(edit(path, "completely different", "x").contains("Nothing like it"))
        #expect(edit(path, "def f():\n    value = 1\n    return value", "x").contains("nearest is at line 1"))
        #expect(edit(path, "", "x").contains("use write"))
        #expect(edit(path, "a", "a").contains("the same"))
        #expect(edit("\(scratch.path)/none", "a", "b").contains("Cannot read"))
    }

    @Test func `line ends of another system are kept`() throws {
        let path = try scratch.file("a.txt", "one\r\ntwo\r\nthree\r\n")
        #expect(edit(path, "one\ntwo\n", "1\n2\n").hasPrefix("Replaced 1"))
        #expect(Array(try scratch.text("a.txt").utf8) == Array("1\r\n2\r\nthree\r\n".utf8))
    }

    @Test func `a miss costs little even in a hostile file`() throws {
        let path = try scratch.file("a.txt", String(repeating: "aaaaaaaaaaaaaaaaaaaaaaa\n", count: 50_000))
        #expect(
            edit(path, String(repeating: "aaaaaaaaaaaaaaaaaaaaaab\n", count: 500), "x").hasPrefix("problem:"))
    }
}

@Suite struct ReadWriteTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `lines are numbered, cut and continued`() throws {
        let path = try scratch.file("a.txt", (1...2500).map { "line \($0)" }.joined(separator: "\n") + "\n")
        let first = tool("read", ["file_path": .string(path)])
        #expect(first.hasPrefix("     1\tline 1\n"))
        #expect(first.hasSuffix("[500 more lines; go on with offset 2001]\n"))
        #expect(
            tool("read", ["file_path": .string(path), "offset": 2499, "limit": 5])
                == "  2499\tline 2499\n  2500\tline 2500\n")
        #expect(tool("read", ["file_path": .string(path), "offset": 9999]).contains("only 2500 lines"))
        let wide = try scratch.file("b.txt", String(repeating: "w", count: 5000))
        #expect(tool("read", ["file_path": .string(wide)]).contains("… [line cut]"))
        let windows = try scratch.file("c.txt", "a\r\nb\r\n")
        #expect(tool("read", ["file_path": .string(windows)]) == "     1\ta\n     2\tb\n")
    }

    @Test func `what is no text is refused with its size, and an image is an image`() throws {
        try Files.write("\(scratch.path)/a.bin", [1, 0, 2])
        #expect(tool("read", ["file_path": .string("\(scratch.path)/a.bin")]).contains("no text (3 bytes)"))
        #expect(tool("read", ["file_path": .string(scratch.path)]).contains("directory"))
        try Files.write("\(scratch.path)/a.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0xFF])
        let answer = try ToolProgram.run("read", ["file_path": .string("\(scratch.path)/a.png")])
        #expect(
            answer[0]?["source"] == ["type": "base64", "media_type": "image/png", "data": "iVBORw0KGgr/"])
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `base64 is that of RFC 4648`(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
    }

    @Test func `write makes directories and says whether something was there`() throws {
        let path = "\(scratch.path)/deep/er/a.txt"
        #expect(tool("write", ["file_path": .string(path), "content": "x"]) == "Created \(path), 1 bytes.")
        #expect(tool("write", ["file_path": .string(path), "content": ""]) == "Replaced \(path), 0 bytes.")
        #expect(tool("write", ["file_path": .string(path)]).contains("`content` is missing"))
    }

    @Test func `instructions come from the root down, and CLAUDE.md stands in`() throws {
        #expect(
            Instructions.directories(["src/a/b.py", "src/*/c.py", "/etc/x", "../up/x", "top.py"]) == [
                "", "src", "src/a",
            ])
        #expect(Instructions.directories([]) == [""])
    }
}

@Suite struct SearchTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        for name in ["src/a.py", "src/deep/b.py", "README.md", ".git/config"] {
            _ = try scratch.file(name, "first \(name)\nneedle in \(name)\n")
        }
        try Files.write("\(scratch.path)/blob", [0, 1, 2])
    }

    private func glob(_ pattern: String) -> [String] {
        tool("glob", ["pattern": .string(pattern), "path": .string(scratch.path)]).split(separator: "\n").map(
            String.init
        ).sorted()
    }

    @Test func `globs match names, directories and any depth`() {
        #expect(glob("*.py") == ["src/a.py", "src/deep/b.py"])
        #expect(glob("src/*.py") == ["src/a.py"])
        #expect(glob("**/*.py") == ["src/a.py", "src/deep/b.py"])
        #expect(glob("src/**") == ["src/a.py", "src/deep/b.py"])
        #expect(glob("*.rs") == ["[no file matches *.rs]"])
        #expect(glob("config") == ["[no file matches config]"])
    }

    @Test func `a hostile glob ends`() {
        let path = Array(repeating: "a", count: 200).joined(separator: "/")
        let pattern = Array(repeating: "**", count: 100).joined(separator: "/") + "/b"
        #expect(!PathPattern.matches(path, pattern))
    }

    @Test func `grep shows file, line and text`() {
        let found = tool("grep", ["pattern": "needle in .*py$", "path": .string(scratch.path)])
        #expect(found.contains("src/a.py:2:needle in src/a.py") && found.contains("src/deep/b.py:2:"))
        #expect(!found.contains("README"))
        #expect(tool("grep", ["pattern": "NEEDLE", "path": .string(scratch.path)]) == "[nothing found]")
        #expect(
            tool("grep", ["pattern": "NEEDLE", "-i": true, "glob": "*.md", "path": .string(scratch.path)])
                .contains("README.md:2:"))
        #expect(
            tool("grep", ["pattern": "(", "path": .string(scratch.path)]).contains("no regular expression"))
        #expect(
            tool("grep", ["pattern": "x", "path": "/nowhere/at/all"]).contains("outside of the directories"))
        #expect(tool("grep", ["pattern": "x", "path": "/tmp/nowhere/at/all"]).contains("problem"))
    }
}
