import Kit
import System
import Testing

@testable import Delivery

/// The list of what a diff cannot show: each kind on a commit that was made for it.
@Suite struct InspectionTests {
    private static let base = [
        "a.txt": "one\n", "Makefile": "test:\n\t./run\n", "tests/test_a.py": "def test_a():\n    assert 1\n",
        "package.json": "{\"scripts\": {\"test\": \"make test\"}, \"dependencies\": {\"x\": \"1\"}}\n",
    ]

    private static func inspect(
        _ entries: [TreeMaker.Entry], removing: [String] = [], base files: [String: String] = base,
        facts: InspectionFacts = InspectionFacts(testCommand: "make test"), message: String = "work",
        author: String = "coder-1"
    ) throws -> ChangeInspection {
        let fixture = try Fixture(files)
        let repository = try fixture.create()
        let maker = TreeMaker(fixture: fixture, repository: repository)
        let head = try maker.commit(
            entries, removing: removing, on: repository.base, message: message, author: author)
        return try repository.inspect(head, facts)
    }

    @Test func `an ordinary change has an empty list`() throws {
        let list = try Self.inspect([
            .init("a.txt", "one\ntwo\n"), .init("src/new.py", "print('größe')\n"),
            .init("tests/test_a.py", "def test_a():\n    assert 1\n\ndef test_b():\n    assert 2\n"),
            .init(
                "package.json", "{\"scripts\": {\"test\": \"make test\"}, \"dependencies\": {\"x\": \"2\"}}\n"
            ),
        ])
        #expect(list.items == [] && list.reasons == [])
        #expect(list.digest.utf8.count == 64)
    }

    @Test(arguments: [
        ".github/workflows/x.yml", ".gitlab-ci.yml", ".gitea/workflows/a.yaml", ".forgejo/workflows/a.yaml",
        ".circleci/config.yml", "ci/Jenkinsfile", "azure-pipelines.yml", ".mcp.json",
        ".openclaw/roles/x.yaml",
        "web/.vscode/tasks.json", ".idea/workspace.xml", ".devcontainer/devcontainer.json", "sub/.envrc",
        ".husky/pre-commit", ".pre-commit-config.yaml", ".GitHub/Workflows/x.yml", ".gitmodules",
    ])
    func `what runs by itself is told by name, however it came into the tree`(path: String) throws {
        let list = try Self.inspect([.init(path, "x: 1\n")])
        #expect(list.items.first?.kind == .protectedPath && list.items.first?.path == path)
        #expect(list.reasons.first?.hasPrefix("protected-path: \(path): new;") == true)
    }

    @Test func `gone and changed protected files are told, and files beside them are not`() throws {
        let files = [".github/workflows/ci.yml": "on: push\n", "x": "x\n"]
        let list = try Self.inspect([], removing: [".github/workflows/ci.yml"], base: files)
        #expect(
            list.sentences(.protectedPath) == [".github/workflows/ci.yml: removed; GitHub Actions run it"])
        let none = try Self.inspect(
            [.init(".github/workflows.md", "x\n"), .init("envrc", "x\n")], base: files)
        #expect(none.items == [])
    }

    @Test func `attributes that convert or drive are told line by line`() throws {
        let list = try Self.inspect([
            .init(".gitattributes", "*.py working-tree-encoding=ASCII//TRANSLIT\n*.md -whitespace\n# eol\n"),
            .init("a.py", "print('\u{2018}x\u{2019}')\n"), .init("sub/.gitattributes", "* -diff\r\n"),
        ])
        #expect(
            list.sentences(.attributes) == [
                ".gitattributes: new: *.py working-tree-encoding=ASCII//TRANSLIT",
                "a.py: it is shown as stored; git writes it as ASCII//TRANSLIT",
                "sub/.gitattributes: new: * -diff",
            ])
        #expect(list.reasons.count == 3)
    }

    @Test func `attributes of the base are told of files that they reach`() throws {
        let files = [
            ".gitattributes":
                "*.txt eol=crlf\n*.c ident\n*.ps1 working-tree-encoding=UTF-16LE\n*.bin filter=lfs\n",
            "a.txt": "x\n",
        ]
        let list = try Self.inspect(
            [
                .init("a.txt", "y\n"), .init("b.c", "/* $Id$ */\n"), .init("c.ps1", "x\n"),
                .init("d.bin", "raw content\n"),
                .init("e.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
            ], base: files)
        #expect(
            Set(list.items.map { "\($0.kind.rawValue) \($0.path)" }) == [
                "conversion a.txt", "conversion b.c", "conversion c.ps1", "lfs d.bin",
            ])
        #expect(list.reasons == [])
    }

    @Test func `modes, links and submodules are told, and only what leaves the tree stops --yes`() throws {
        let id = String(repeating: "1", count: 40)
        let list = try Self.inspect([
            .init("a.txt", "one\n", mode: "100755"), .init("run.sh", "#!/bin/sh\n", mode: "100755"),
            .init("d/in", "../a.txt", mode: "120000"), .init("d/out", "../../x", mode: "120000"),
            .init("abs", "/etc/passwd", mode: "120000"), .init("git", ".git/config", mode: "120000"),
            .init("lib", id, mode: "160000"),
        ])
        #expect(list.sentences(.mode) == ["a.txt: mode 644 → 755", "run.sh: new, and executable"])
        #expect(list.sentences(.link) == ["d/in: a link to ../a.txt"])
        #expect(
            list.sentences(.linkOutside) == [
                "abs: a link to /etc/passwd; it leaves the tree",
                "d/out: a link to ../../x; it leaves the tree",
                "git: a link to .git/config; it leads into git's own files",
            ])
        #expect(list.items.contains { $0.kind == .submodule && $0.path == "lib" })
        #expect(list.items.filter(\.isBlocking).count == 4)
    }

    @Test func `a submodule that is removed while .gitmodules stays is told`() throws {
        let fixture = try Fixture([".gitmodules": "[submodule \"lib\"]\n\tpath = lib\n\turl = ./lib\n"])
        let id = String(repeating: "1", count: 40)
        try fixture.git(["update-index", "--add", "--cacheinfo", "160000,\(id),lib"], in: fixture.source)
        try fixture.git(["commit", "--quiet", "-m", "lib"], in: fixture.source)
        // As git leaves one that is not filled.
        try Files.makeDirectories("\(fixture.source)/lib")
        let repository = try fixture.create()
        let maker = TreeMaker(fixture: fixture, repository: repository)
        let head = try maker.commit([], removing: ["lib"], on: repository.base)
        let list = try repository.inspect(head, InspectionFacts())
        #expect(
            list.sentences(.submodule).contains(
                ".gitmodules: it still names a submodule that is removed here"))
    }

    @Test func `text that hides, reorders or steers is told, and pictures and marks of byte order are not`()
        throws
    {
        let list = try Self.inspect([
            .init("bidi.py", "a = 1 # \u{202E}x\n"), .init("zero.py", "a\u{200B}b = 1\nc\u{00AD}\u{2060}\n"),
            .init("esc.txt", "a\u{1B}[2Jb\n"), .init("cr.py", "import os\rprint(1)\n"),
            .init(Array("nul.py".utf8), Array("x = 1\n\0\n".utf8)),
            .init("fine.md", "\u{FEFF}👩‍👩‍👧 ☀️ größe 日本\n"),
        ])
        #expect(
            list.sentences(.hiddenText) == [
                "bidi.py: <U+202E>, first on line 1",
                "cr.py: 1 carriage returns without a line feed, which hide what is before them",
                "esc.txt: <U+001B>, first on line 1",
                "nul.py: a NUL byte is in it: git takes it for binary, and no diff shows its 8 bytes",
                "zero.py: <U+00AD> <U+200B> <U+2060>, first on line 1",
            ])
        #expect(list.items.filter { $0.path == "fine.md" } == [])
    }

    @Test func `what was there before is not told again`() throws {
        let files = ["a.txt": "x\u{200B}\r\ny\r\n", "b.txt": "x\n"]
        let list = try Self.inspect([.init("a.txt", "x\u{200B}\r\nz\r\n")], base: files)
        #expect(list.items == [])
    }

    @Test func `line ends that change are told in both directions`() throws {
        let files = ["crlf.txt": "a\r\nb\r\nc\r\n", "lf.txt": "a\nb\nc\n", "mixed.txt": "a\nb\n"]
        let list = try Self.inspect(
            [
                .init("crlf.txt", "a\nb\nc\n"), .init("lf.txt", "a\r\nb\r\nc\r\n"),
                .init("mixed.txt", "a\nb\r\nc\n"), .init("new.txt", "a\r\n"),
            ], base: files)
        #expect(
            list.sentences(.lineEnds) == [
                "crlf.txt: lines end with LF now, not CR LF", "lf.txt: 3 lines end with CR LF now",
                "mixed.txt: 1 of 3 lines end with CR LF, the others with LF",
                "new.txt: its lines end with CR LF",
            ])
    }

    @Test func `programs, binaries, large files and products of builds are told apart`() throws {
        let list = try Self.inspect([
            .init(Array("tool".utf8), Array("\u{7F}ELF".utf8) + [2, 0, 0]),
            .init(Array("blob".utf8), [0, 1, 2], mode: "100755"),
            .init(Array("a.png".utf8), Array("\u{89}PNG\0".utf8)),
            .init(Array("big.txt".utf8), [UInt8](repeating: 0x61, count: 1 << 20)),
            .init("pkg/__pycache__/a.cpython-311.pyc", "x"), .init("pkg/__pycache__/b.cpython-311.pyc", "x"),
            .init("x.o", "x"), .init("latin.txt", "x"),
        ])
        #expect(list.sentences(.executableBinary).count == 2)
        #expect(list.sentences(.binary) == ["a.png: binary, 6 bytes"])
        #expect(list.sentences(.largeFile) == ["big.txt: 1048576 bytes"])
        #expect(
            list.sentences(.buildProduct) == [
                "pkg/__pycache__/: 2 files; they look like products of a build",
                "x.o: it looks like a product of a build",
            ])
        #expect(list.items.filter(\.isBlocking).map(\.path) == ["blob", "tool"])
    }

    @Test func `names that cannot be read, and names that some systems take for others, are told`() throws {
        let list = try Self.inspect([
            .init([0x66, 0xE4], Array("x\n".utf8)), .init("b\u{200B}", "x\n"), .init("l\nf", "x\n"),
            .init("A.txt", "x\n"), .init("Tests/x.md", "x\n"), .init("e\u{301}", "1\n"), .init("é", "2\n"),
        ])
        let names = Set(list.items.filter { $0.kind == .name }.map(\.path))
        #expect(names == ["\"f\\344\"", "\"b\\342\\200\\213\"", "\"l\\012f\"", "A.txt", "Tests", "é"])
    }

    // MARK: Gates

    @Test func `what decides a gate is told: the command's files, the tests, and reports in the tree`() throws
    {
        let list = try Self.inspect(
            [.init("Makefile", "test:\n\ttrue\n"), .init("junit.xml", "<testsuite tests=\"500\"/>\n")],
            removing: ["tests/test_a.py"])
        #expect(list.sentences(.gate) == ["Makefile: changed; it says what make test does"])
        #expect(list.sentences(.tests) == ["tests/test_a.py: removed"])
        #expect(list.sentences(.testReport) == ["junit.xml: a report of tests that is part of the tree"])
        #expect(list.reasons.count == 3)
    }

    @Test(arguments: [
        ("", "it is empty now"), ("def test_a():\n    pass\n", "it checks nothing any more"),
        ("import pytest\n@pytest.mark.skip\ndef test_a():\n    assert 1\n", "1 more are skipped"),
    ])
    func `tests that are emptied or skipped are told`(text: String, words: String) throws {
        let list = try Self.inspect([.init("tests/test_a.py", text)])
        #expect(list.sentences(.tests) == ["tests/test_a.py: \(words)"])
    }

    @Test func `a test that moved is no test less, and a manifest's dependencies decide nothing`() throws {
        let cargo = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\n"
        let list = try Self.inspect(
            [
                .init("tests/unit/test_a.py", "def test_a():\n    assert 1\n"),
                .init("Cargo.toml", cargo.replacing("1", with: "2")),
            ], removing: ["tests/test_a.py"], base: Self.base.merging(["Cargo.toml": cargo]) { $1 })
        #expect(list.items == [])
    }

    @Test func `the files that decide are those of the command`() {
        let change = { (path: String) in
            RawChange(oldMode: 0, newMode: 0o100644, oldID: "", newID: "", path: Array(path.utf8))
        }
        let make = GateFiles(command: "make -C x test")
        let npm = GateFiles(command: "cd web && npm test")
        let script = GateFiles(command: "./ci/run-tests.sh --all")
        #expect(make.decides(change("x/Makefile")) && make.decides(change("conftest.py")))
        #expect(npm.decides(change("web/jest.config.ts")) && !npm.decides(change("Makefile")))
        #expect(script.decides(change("ci/run-tests.sh")) && script.decides(change("pytest.ini")))
        #expect(!GateFiles(command: "cargo test").decides(change("setup.py")))
    }

    @Test func `fewer tests than an earlier gate counted are told`() throws {
        var facts = InspectionFacts(testCommand: "make test")
        facts.earlierTests = GateTests(format: "junit", passed: 10, failed: 0, skipped: 1, files: [])
        facts.tests = GateTests(format: "junit", passed: 4, failed: 0, skipped: 3, files: [])
        let list = try Self.inspect([.init("a.txt", "x\n")], facts: facts)
        #expect(
            list.sentences(.testCount) == [
                "3 tests are skipped; 1 were before", "4 tests pass; 10 did before, in this session",
            ])
        facts.tests = nil
        let none = try Self.inspect([.init("a.txt", "x\n")], facts: facts)
        #expect(none.sentences(.testCount) == ["no test was counted; 10 passed before, as was counted then"])
    }

    // MARK: History

    @Test func `commits that say or hold more than the change are told`() throws {
        let fixture = try Fixture(Self.base)
        let repository = try fixture.create()
        let maker = TreeMaker(fixture: fixture, repository: repository)
        let first = try maker.commit(
            [.init("hidden.py", "x\n"), .init("a.txt", "two\n")], on: repository.base,
            message: "Fixes #12 [skip ci]\n\nSigned-off-by: The Owner <o@x>\nOpenclaw-Tree: 00\n",
            author: "Linus torvalds@example.invalid")
        let head = try maker.commit([], removing: ["hidden.py"], on: first)
        let list = try repository.inspect(head, InspectionFacts())
        let name = "commit \(first.prefix(12))"
        #expect(
            list.sentences(.history) == [
                "\(name) is said to be by Linus <Linus torvalds@example.invalid>",
                "\(name) says Fixes #12 [skip ci]", "\(name) says Openclaw-Tree: 00",
                "\(name) says Signed-off-by: The Owner <o@x>",
                "hidden.py: only in commits on the way, not in the change; it is delivered with them",
            ])
        let own = try repository.inspect(head, InspectionFacts(ownCommits: [first]))
        #expect(own.sentences(.history).count == 2, "\(own.sentences(.history))")
    }

    // MARK: Bounds

    @Test func `a file that is too long to look at is told, and stops --yes`() throws {
        let list = try Self.inspect([
            .init(Array("big".utf8), [UInt8](repeating: 0x61, count: Limits.inspectedFileBytes + 1))
        ])
        #expect(list.sentences(.unread) == ["big: longer than 16 MiB; its content was not looked at"])
        #expect(!list.reasons.isEmpty)
    }

    @Test func `a long list is bounded, some of each kind stay, and the rest still stops --yes`() throws {
        var items = (0..<500).map { ChangeItem(.mode, path: "m\($0)", "x") }
        items += (0..<60).map { ChangeItem(.gate, path: "g\($0)", "x") }
        let rule = try #require(AllowRule("gate:g0"))
        let list = ChangeInspection(base: "", commit: "", tree: "", items, rules: [rule])
        #expect(list.items.count == 50 && list.omitted == ["gate": 35, "mode": 475])
        #expect(list.omittedBlocking == 35)
        #expect(list.reasons.last == "49 more")
    }
}
