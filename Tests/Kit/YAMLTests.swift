import Kit
import TestSupport
import Testing

@Suite struct YAMLTests {
    @Test func `a document keeps its values and their lines`() throws {
        let text = """
            # a role
            name: coder
            tools: [bash, "read"]
            limits:
              turns: 40
              ratio: .5
              none: ~
            prompt: |
              Two
              lines
            """
        let node = try YAML.parse(text, source: "role.yaml")
        #expect(
            node.json == [
                "name": "coder", "tools": ["bash", "read"],
                "limits": ["turns": 40, "ratio": 0.5, "none": .null],
                "prompt": "Two\nlines",
            ])
        #expect(node["limits"]?["turns"]?.mark == YAMLMark(line: 5, column: 10))
        #expect(node["tools"]?.mark == YAMLMark(line: 3, column: 8))
    }

    @Test(
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("true", true), ("False", false), ("yes", "yes"),
            ("no", "no"),
            ("on", "on"), ("12", 12), ("+12", 12), ("-12", -12), ("0x1F", 31), ("0o17", 15), ("017", 17),
            ("1.5", 1.5),
            ("1e3", 1000.0), (".inf", ".inf"), (".nan", ".nan"), ("0x", "0x"), ("0x-1", "0x-1"),
            ("1.2.3", "1.2.3"),
            ("2001-01-01", "2001-01-01"), ("1_000", "1_000"), ("12:30", "12:30"), ("-", [.null]), (".", "."),
            ("é", "é"),
            ("'12'", "12"), ("\"true\"", "true"), ("''", ""), ("infinity", "infinity"), ("nan", "nan"),
        ] as [(String, JSON)])
    func `plain scalars follow the core schema`(text: String, expected: JSON) throws {
        #expect(try YAML.parse(text, source: "test").json == expected)
    }

    @Test(arguments: [
        ("a: &x 1", 1, "an anchor (&name); write the value where it is needed"),
        ("a: 1\nb: *x", 2, "an alias (*name); write the value again"),
        ("a: !!int 1", 1, "a tag (!type); the type follows from the value"),
        ("a: 1\n---\nb: 2", 2, "a second document; only one is read"),
        ("a: 1\nb: 2\na: 3", 3, "the key \"a\" occurs twice, first in line 1"),
        ("1: a", 1, "the key 1 is no string; put it in quotes"),
        ("? [a]\n: b", 1, "a key that is no string"),
        ("a:\n  <<: {b: 1}\n  true: 2", 3, "the key true is no string; put it in quotes"),
        ("a: [1, 2", 2, "did not find expected ',' or ']' (while parsing a flow sequence in line 1)"),
    ])
    func `what makes YAML surprising is refused with its line`(text: String, line: Int, reason: String) {
        let error = #expect(throws: YAMLError.self) { try YAML.parse(text, source: "f.yaml") }
        #expect(error?.mark.line == line)
        #expect(error?.reason == reason)
        #expect(error?.description.hasPrefix("f.yaml:\(line):") == true)
    }

    @Test func `limits hold at their edge`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try YAML.parse(nested(33), source: "t")
        #expect(throws: YAMLError.self) { try YAML.parse(nested(34), source: "t") }
        #expect(throws: YAMLError.self) { try YAML.parse(nested(100_000), source: "t") }
        let long = String(repeating: "#", count: YAML.sizeLimit)
        #expect(try YAML.parse(long, source: "t").json == .null)
        #expect(throws: YAMLError.self) { try YAML.parse(long + "#", source: "t") }
    }

    @Test func `truncations and mutations never trap`() {
        let corpus = Array("a: {b: [1, 'x', \"y\\n\"], c: |\n  t}\nd:\n  - é\n  - ? k\n    : v\n".utf8)
        var random = SeededRandom(seed: 3)
        var accepted = 0
        for round in 0..<3000 {
            let bytes = round < corpus.count ? Array(corpus[..<round]) : random.mutate(corpus)
            if (try? YAML.parse(String(decoding: bytes, as: UTF8.self), source: "seed 3")) != nil {
                accepted += 1
            }
        }
        #expect(accepted > 10)
    }
}
