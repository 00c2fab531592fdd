import Kit
import System
import TestSupport
import Testing

@testable import Agent

private let golden = """
    *** Begin Patch
    *** Add File: new/a.txt
    +one
    +
    *** Update File: b.py
    *** Move to: c.py
    @@ def f():
     x = 1
    -y = 2
    +y = 3
    @@
    -last
    *** End of File
    *** Delete File: d.txt
    *** End Patch
    """

@Suite struct PatchTests {
    @Test func `a patch is read as it is written`() throws {
        let patch = try Patch.parse(golden)
        #expect(
            patch.changes == [
                .add(path: "new/a.txt", lines: ["one", ""]),
                .update(
                    path: "b.py", moveTo: "c.py",
                    hunks: [
                        .init(anchor: "def f():", old: ["x = 1", "y = 2"], new: ["x = 1", "y = 3"]),
                        .init(old: ["last"], new: [], isAtEnd: true),
                    ]), .delete(path: "d.txt"),
            ])
        #expect(try Patch.parse("\n\n" + golden + "\n \n") == patch)
    }

    @Test(arguments: [
        ("", "begins with"), ("*** Begin Patch\n*** End Patch", "changes nothing"),
        ("*** Begin Patch\n*** Add File:\n*** End Patch", "path is missing"),
        ("*** Begin Patch\n*** Update File: a\n*** End Patch", "has no hunk"),
        ("*** Begin Patch\n*** Update File: a\n@@\n*** End Patch", "hunk is empty"),
        ("*** Begin Patch\n*** Update File: a\n@@\nx\n*** End Patch", "begins with a blank"),
        ("*** Begin Patch\nwords\n*** End Patch", "is expected here"),
        ("*** Begin Patch\n*** Delete File: a\n*** End Patch\nmore", "follows"),
        ("*** Begin Patch\n*** Delete File: a", "ends with"),
    ])
    func `a broken patch is refused with its line`(text: String, reason: String) {
        #expect { try Patch.parse(text) } throws: { "\($0)".contains(reason) && "\($0)".hasPrefix("line ") }
    }

    @Test func `a patch cut anywhere is whole or refused`() throws {
        for count in 0..<golden.count {
            let parsed = try? Patch.parse(String(golden.prefix(count)))
            #expect(parsed == nil, "\(count) characters")
        }
    }

    @Test func `random changes of a patch never crash its reader`() {
        var random = SeededRandom(seed: 41)
        for _ in 0..<3000 {
            let bytes = random.mutate(Array(golden.utf8))
            _ = try? Patch.parse(String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func `hunks find their place, and blanks at the ends of lines do not matter`() throws {
        let scratch = try Scratch()
        _ = try scratch.file(
            "a.py", "def f():\n    x = 1  \n    return x\n\ndef g():\n    x = 1\n    return x\n")
        let patch = """
            *** Begin Patch
            *** Update File: \(scratch.path)/a.py
            @@ def g():
                 x = 1
            -    return x
            +    return x + 1
            *** Add File: \(scratch.path)/n/b.py
            +print()
            *** End Patch
            """
        #expect(tool("patch", ["patch": .string(patch)]).hasPrefix("Done: updated"))
        #expect(
            try scratch.text("a.py")
                == "def f():\n    x = 1  \n    return x\n\ndef g():\n    x = 1\n    return x + 1\n")
        #expect(try scratch.text("n/b.py") == "print()\n")
    }

    @Test func `a patch of which one hunk does not fit changes nothing`() throws {
        let scratch = try Scratch()
        _ = try scratch.file("a.txt", "one\n")
        _ = try scratch.file("b.txt", "two\n")
        let patch = """
            *** Begin Patch
            *** Update File: \(scratch.path)/a.txt
            -one
            +1
            *** Delete File: \(scratch.path)/b.txt
            *** Update File: \(scratch.path)/a.txt
            -three
            +3
            *** End Patch
            """
        #expect(
            tool("patch", ["patch": .string(patch)]).contains("Nothing was changed: the hunk was not found"))
        #expect(try scratch.text("a.txt") == "one\n")
        #expect(try scratch.text("b.txt") == "two\n")
    }

    @Test func `files are moved, deleted and not overwritten`() throws {
        let scratch = try Scratch()
        let (a, b) = (try scratch.file("a.txt", "one\ntwo\n"), try scratch.file("b.txt", "x\n"))
        let add = "*** Begin Patch\n*** Add File: \(a)\n+x\n*** End Patch"
        #expect(tool("patch", ["patch": .string(add)]).contains("is there already"))
        let move =
            "*** Begin Patch\n*** Update File: \(a)\n*** Move to: \(scratch.path)/c.txt\n@@ one\n+middle\n"
            + "*** Delete File: \(b)\n*** End Patch"
        #expect(tool("patch", ["patch": .string(move)]).hasPrefix("Done: moved"))
        #expect(!Files.exists(a) && !Files.exists(b))
        #expect(try scratch.text("c.txt") == "one\nmiddle\ntwo\n")
    }
}
