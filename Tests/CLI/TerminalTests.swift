import Kit
import Testing

@testable import CLI

@Suite struct TerminalTests {
    @Test(arguments: [
        ("\u{1B}[2J", "␛[2J"), ("a\r\nb", "a  b"), ("bell\u{07}", "bell␇"), ("\u{9B}31m", "\u{FFFD}31m"),
        ("\u{202E}cba", "\u{FFFD}cba"), ("\u{7F}", "␡"), ("tab\there", "tab\there"), ("a\u{2028}b", "a b"),
        ("\u{E0041}", "\u{FFFD}"), ("日本 👩‍👩‍👧", "日本 👩‍👩‍👧"), ("\u{0}", "␀"), ("x\u{200F}", "x\u{FFFD}"),
    ])
    func `what could steer a terminal is made visible`(text: String, harmless: String) {
        #expect(Terminal.harmless(text) == harmless)
    }

    @Test func `no control character of any kind survives`() {
        let all = (0..<0x3000).compactMap { Unicode.Scalar($0) }
        let text = String(String.UnicodeScalarView(all))
        let left = Terminal.harmless(text).unicodeScalars.filter {
            $0.properties.generalCategory == .control && $0 != "\t"
        }
        #expect(left.isEmpty)
        #expect(Terminal.harmless("a\nb", keepsLines: true) == "a\nb")
    }

    @Test func `every field that an agent can fill is harmless in every event's line`() {
        let evil = "\u{1B}]0;owned\u{07}\u{1B}[2J\r"
        let fields = [
            "agent", "task", "title", "message", "summary", "reason", "command", "text", "from", "to", "by",
            "path", "name",
            "branch", "instance", "kind", "output",
        ]
        var data = JSON.object(Dictionary(fields.map { ($0, JSON.string(evil)) }) { first, _ in first })
        data["plan"] = [
            "summary": .string(evil),
            "tasks": [["id": .string(evil), "title": .string(evil), "depends_on": [.string(evil)]]],
        ]
        data["comment"] = ["file": .string(evil), "body": .string(evil)]
        data["files"] = [.string(evil)]
        data["configuration"] = ["session": .string(evil)]
        var shown = 0
        for type in EventText.types {
            guard let line = EventText.line(type, data, Terminal()) else { continue }
            shown += 1
            #expect(
                !line.contains("\u{1B}") && !line.contains("\u{07}") && !line.contains("\r"),
                "\(type): \(line)")
        }
        #expect(shown > 25)
    }

    @Test(arguments: [
        ("abc", 3), ("日本", 4), ("é", 1), ("e\u{301}", 1), ("👩‍👩‍👧", 2), ("❤️", 2), ("", 0), ("한글", 4),
    ])
    func `cells are counted as terminals do`(text: String, cells: Int) {
        #expect(Terminal.width(text) == cells)
    }

    @Test func `a cut leaves a mark and never more cells than there are`() {
        #expect(Terminal.cut("abcdef", to: 4) == "abc…")
        #expect(Terminal.cut("abcd", to: 4) == "abcd")
        for limit in 1..<20 {
            #expect(Terminal.width(Terminal.cut("日本語のとても長いテキスト", to: limit)) <= limit)
            let line = "\u{1B}[1m日本語\u{1B}[0m and more"
            let fitted = Terminal.fitted(line, to: limit)
            #expect(fitted.hasSuffix("\u{1B}[0m") || fitted.contains("\u{1B}[0m"), "the colour is not reset")
        }
    }

    @Test func `wrapping loses no word`() {
        let text = "one two three four five six seven"
        for limit in 3..<40 {
            let lines = Terminal.wrap(text, to: limit)
            #expect(lines.joined(separator: " ") == text)
            #expect(lines.allSatisfy { $0.count <= max(limit, 5) })
        }
        #expect(Terminal.wrap("", to: 10) == [""])
    }

    @Test(
        arguments: [
            (nil, true, [:], true), (nil, false, [:], false), (nil, true, ["NO_COLOR": "1"], false),
            (nil, true, ["NO_COLOR": ""], true), ("always", false, ["NO_COLOR": "1"], true),
            ("never", true, [:], false),
            (nil, true, ["TERM": "dumb"], false), (nil, false, ["FORCE_COLOR": "1"], true),
            (nil, false, ["CLICOLOR_FORCE": "0"], false),
            (nil, true, ["FORCE_COLOR": "1", "NO_COLOR": "1"], false),
            ("auto", true, [:], true),
        ] as [(String?, Bool, [String: String], Bool)])
    func `colours follow the option, then NO_COLOR, then force, then the terminal`(
        choice: String?, isTerminal: Bool, variables: [String: String], expected: Bool
    ) {
        #expect(Terminal.wantsColors(choice, isTerminal: isTerminal) { variables[$0] } == expected)
    }

    @Test func `tables align by cells, not by characters, and end where the terminal does`() {
        let lines = Show.table([["日本", "x"], ["ab", "y"], ["\u{1B}[2mabc\u{1B}[0m", "z"]])
        #expect(lines == ["日本  x", "ab    y", "\u{1B}[2mabc\u{1B}[0m   z"])
        #expect(Show.table([["ab", "abcdefghij"]], limit: 8) == ["ab  abcd"])
    }

    @Test func `definitions stand side by side where there is room, else below each other`() {
        let rows = [
            (name: "--repo PATH", meaning: "the repository, and some more words about it that need room")
        ]
        #expect(Show.definitions(rows, columns: 40).first == "--repo PATH")
        #expect(Show.definitions(rows, columns: 100).count == 1)
        for columns in [30, 40, 60, 80, 200] {
            #expect(Show.definitions(rows, columns: columns).allSatisfy { $0.count <= columns })
        }
    }

    @Test(arguments: [
        (0, "$0.0000"), (49, "$0.0000"), (50, "$0.0001"), (999_949, "$0.9999"), (1_000_000, "$1.00"),
        (1_005_000, "$1.01"),
        (123_456_789, "$123.46"),
    ])
    func `money`(micro: Int64, text: String) { #expect(Show.money(micro) == text) }

    @Test(arguments: [
        (0, "0.0 s"), (9_999, "9.9 s"), (10_000, "10 s"), (61_000, "1 min 1 s"), (3_660_000, "1 h 1 min"),
        (26 * 3_600_000, "1 d 2 h"),
    ])
    func `durations`(milliseconds: Int64, text: String) {
        #expect(Show.duration(milliseconds: milliseconds) == text)
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (1_250_000, "1.3 MB"), (34_000_000_000, "34 GB"),
    ])
    func `sizes`(bytes: Int64, text: String) { #expect(Show.bytes(bytes) == text) }
}
