import Kit
import Testing

@testable import CLI

/// A change at the terminal.
@Suite struct ChangeViewTests {
    private static func view(_ change: JSON) -> ChangeView {
        ChangeView(change, Terminal())
    }

    @Test func `lines that end with CR LF are lines of their own`() {
        let patch = " a = 1\r\n+b = 2\r\n+c = 3\r\ndiff --git a/link b/link\n"
        let lines = Self.view(["patch": .string(patch)]).patchLines
        #expect(lines == [" a = 1␍", "+b = 2␍", "+c = 3␍", "diff --git a/link b/link"])
    }

    @Test func `what is invisible in a patch is seen`() {
        let lines = Self.view(["patch": "+a\u{200B}b\u{2060}\u{FEFF}\u{AD}c\u{202E}\n"]).patchLines
        #expect(lines == ["+a<U+200B>b<U+2060><U+FEFF><U+00AD>c\u{FFFD}"])
    }

    @Test func `files without lines have words, and what was cut is named`() {
        let view = Self.view([
            "truncated": true, "base": "0000000000000000", "head": "1111111111111111",
            "statistics": [
                "files": [
                    [
                        "path": "nul.py", "added": .null, "removed": .null, "note": "binary, 3 bytes",
                        "shown": true,
                    ],
                    ["path": "run", "added": 0, "removed": 0, "note": "mode 644 → 755", "shown": true],
                    ["path": "zz.py", "added": 2, "removed": 1, "note": "", "shown": false],
                ]
            ],
        ])
        #expect(view.fileLines == ["  nul.py  binary, 3 bytes", "  run  mode 644 → 755", "  zz.py  +2 -1"])
        let cut = view.cutLines.joined(separator: "\n")
        #expect(
            cut.contains("1 file is not shown, or not whole:\n  zz.py") && cut.contains("000000000000..1111"))
    }

    @Test func `the list stands first, and one that is missing is said`() throws {
        let list = ChangeInspection(
            base: "", commit: "", tree: "",
            [
                ChangeItem(.mode, path: "run.sh", "new, and executable"),
                ChangeItem(.gate, path: "Makefile", "changed"), ChangeItem(.tests, path: "t.py", "removed"),
            ], rules: [AllowRule("tests")].compactMap { $0 })
        let lines = Self.view(["inspection": try JSONCoding.encode(list)]).attention
        #expect(
            lines == [
                "  before you read the diff (1 needs a person):", "  ! gate   Makefile: changed",
                "    tests  t.py: removed (allowed by tests)", "    mode   run.sh: new, and executable",
            ])
        #expect(Self.view([:]).attention == ["  what the diff cannot show is not known"])
    }
}
