import Testing

@testable import Kit

/// Foreign text made safe to show, globs, and the rules of what may pass.
@Suite struct ShownTextTests {
    @Test(arguments: [
        ("a\u{200B}b", "a<U+200B>b"), ("x\u{202E}y", "x<U+202E>y"), ("\u{1B}[2J", "<U+001B>[2J"),
        ("a\r\nb\tc", "a  b c"), ("\u{E0041}", "<U+E0041>"), ("👩‍👩‍👧 ☀️", "👩‍👩‍👧 ☀️"), ("a\u{200D}b", "a<U+200D>b"),
    ])
    func `one line holds nothing that hides or steers`(text: String, shown: String) {
        #expect(ShownText.line(text) == shown)
        #expect(ShownText.line(String(repeating: "a", count: 400)).count == 301)
    }

    @Test func `a path is as it is, or quoted byte by byte`() {
        for (bytes, shown): ([UInt8], String) in [
            (Array("src/größe x.py".utf8), "src/größe x.py"), ([0x66, 0xE4], "\"f\\344\""),
            (Array("a\nb".utf8), "\"a\\012b\""), (Array("q\"\\".utf8), "\"q\\\"\\\\\""),
            (Array("z\u{200B}".utf8), "\"z\\342\\200\\213\""),
        ] {
            #expect(ShownText.path(bytes) == shown)
        }
    }

    @Test func `a line ends at its byte, also where a carriage return stands before it`() {
        #expect("a\r\nb\n".byteLines == ["a\r", "b", ""])
        #expect("".byteLines == [""])
    }

    @Test(arguments: [
        ("a/*.yml", "a/x.yml", true), ("a/*.yml", "a/b/x.yml", false), ("a/**", "a/b/x.yml", true),
        ("a/**", "a", false), ("**/x", "x", true), ("**/x", "a/b/x", true), ("a/**/x", "a/x", true),
        ("?.c", "ä.c", false), ("*", "[x]", true), ("[x]", "x", false), ("*a*b*c", "xaxbxc", true),
        ("*a*b*d", "xaxbxc", false), ("a", "A", false),
    ])
    func `globs stay within a directory unless they say so`(pattern: String, path: String, matches: Bool) {
        #expect(PathGlob.matches(pattern, path) == matches)
    }

    @Test func `a glob of many stars ends at once`() {
        let pattern = String(repeating: "*a", count: 40)
        #expect(!PathGlob.matches(pattern, String(repeating: "a", count: 39) + "b"))
    }

    @Test func `a rule names a kind that needs a person, and a glob of paths`() {
        #expect(AllowRule("gate") != nil && AllowRule("gate:Makefile") != nil)
        for text in ["", "mode", "everything", "gate:", "*", ":x"] {
            #expect(AllowRule(text) == nil, "\(text)")
        }
        let rule = AllowRule("gate:*.mk")
        #expect(rule?.allows(ChangeItem(.gate, path: "x.mk", "")) == true)
        #expect(rule?.allows(ChangeItem(.gate, path: "a/x.mk", "")) == false)
        #expect(rule?.allows(ChangeItem(.tests, path: "x.mk", "")) == false)
        #expect(rule?.allows(ChangeItem(.gate, "")) == false)
    }

    @Test func `an inspection goes through JSON and comes back`() throws {
        let list = ChangeInspection(
            base: "b", commit: "c", tree: "t",
            [ChangeItem(.mode, path: "x", "new"), ChangeItem(.gate, path: "Makefile", "changed")],
            rules: [AllowRule("gate")].compactMap { $0 })
        #expect(list.items.map(\.kind) == [.gate, .mode] && list.reasons == [])
        let event = EventBody.changeInspected(inspection: list)
        let (type, data) = event.json
        #expect(type == "change.inspected")
        #expect(try EventBody(type: type, data: data) == event)
        let failed = ChangeInspection.failed(base: "b", commit: "c", tree: "t", "no\u{1B} disk")
        #expect(failed.reasons == ["unread: this list could not be made: no<U+001B> disk"])
    }

    @Test func `what a sandbox keeps is part of what is told`() {
        for path in Role.defaultProtected {
            #expect(ProtectedPath.find(Array("\(path)/x".utf8)) != nil, "\(path)")
        }
        #expect(Role.defaultProtected.contains(".github/workflows"))
        #expect(ProtectedPath.find(Array("src/main.c".utf8)) == nil)
    }
}
