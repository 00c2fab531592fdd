import Kit
import TestSupport
import Testing

@Suite struct JSONTests {
    @Test func `a document reads as the value it says`() throws {
        let text = #" {"a":[1,-2,3.5,1e2,true,false,null],"b":{"c":"x\n\"\u00e9\ud83d\ude00/é"},"d":""} "#
        let expected: JSON = [
            "a": [1, -2, 3.5, 100.0, true, false, .null], "b": ["c": "x\n\"é😀/é"], "d": "",
        ]
        #expect(try JSON.parse(text) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "[,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}",
        "01", "-", "-01", "+1", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "1e999", "tru", "nul",
        "True",
        "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\t\"", "\"\n\"", "[1] 2", "[1]]", "1 1", "\u{FEFF}1",
        "// c\n1",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
    ])
    func `what is not strict JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSON.parse(text) }
    }

    @Test(
        arguments: [
            [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0xEF, 0xBB, 0xBF, 0x31], [0x22, 0x5C, 0x6E, 0xFF, 0x22],
            [0x31, 0x00],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSON.parse(bytes) }
    }

    @Test func `an error says where`() {
        let error = #expect(throws: JSONError.self) { try JSON.parse("{\"a\": [1, x]}") }
        #expect(error?.offset == 10)
        #expect(error?.description == "invalid JSON at byte 10: 'x' where a value should be")
    }

    @Test func `limits hold at their edge`() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try JSON.parse(deep)
        #expect(throws: JSONError.self) { try JSON.parse("[" + deep + "]") }
        #expect(throws: JSONError.self) { try JSON.parse("[1,2]", limits: JSON.Limits(bytes: 4)) }
        _ = try JSON.parse("[1,2]", limits: JSON.Limits(bytes: 5))
        let hostile = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSON.parse(hostile, limits: JSON.Limits(depth: 1_000_000)) }
    }

    @Test func `integers stay exact and larger ones become doubles`() throws {
        #expect(try JSON.parse("9223372036854775807") == .integer(.max))
        #expect(try JSON.parse("-9223372036854775808") == .integer(.min))
        #expect(try JSON.parse("9223372036854775808") == .double(9223372036854775808))
        #expect(try JSON.parse("-0").text == "-0.0")
        #expect(JSON.integer(.max).text == "9223372036854775807")
    }

    @Test func `the canonical form is compact, sorted and escaped`() {
        let value: JSON = [
            "b": 1, "a": ["\u{1}\u{8}\t\n\u{C}\r\"\\/é", .double(1e20), .double(.nan)], "B": .null,
        ]
        #expect(value.text == #"{"B":null,"a":["\u0001\b\t\n\f\r\"\\/é",1e+20,null],"b":1}"#)
        #expect(value.prettyText.hasPrefix("{\n  \"B\": null,\n  \"a\": [\n    \""))
        #expect((["a": [], "b": [:]] as JSON).prettyText == "{\n  \"a\": [],\n  \"b\": {}\n}\n")
    }

    @Test func `what is written reads back the same`() throws {
        var random = SeededRandom(seed: 7)
        for round in 0..<500 {
            let value = random.json(depth: 4)
            let bytes = value.serialized()
            #expect(try JSON.parse(bytes) == value, "seed 7, round \(round)")
            #expect(try JSON.parse(bytes).serialized() == bytes, "seed 7, round \(round)")
            #expect(try JSON.parse(value.prettyText) == value, "seed 7, round \(round)")
        }
    }

    @Test func `every truncation of a document is refused`() {
        let bytes = Array(#"{"a":[1.5e3,"\u00e9\ud83d\ude00é",{"b":null}],"c":true}"#.utf8)
        for length in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSON.parse(Array(bytes[..<length])) }
        }
    }

    @Test func `mutations never trap, and what is accepted has one canonical form`() throws {
        let corpus = Array(#"{"a":[1.5e3,-0,"\u00e9\ud83d\ude00é",{"b":null}],"c":true,"d":"x\\y"}"#.utf8)
        var random = SeededRandom(seed: 11)
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = random.mutate(corpus)
            guard let value = try? JSON.parse(bytes) else { continue }
            accepted += 1
            let canonical = value.serialized()
            #expect(try JSON.parse(canonical).serialized() == canonical, "seed 11: \(bytes)")
        }
        #expect(accepted > 100)
    }

    @Test func `accessors and subscripts read and build`() throws {
        var value: JSON = ["list": [1, "two"], "number": 3.0]
        #expect(value["list"]?[0]?.intValue == 1)
        #expect(value["list"]?[1]?.stringValue == "two")
        #expect(value["list"]?[2] == nil)
        #expect(value["list"]?[-1] == nil)
        #expect(value["number"]?.intValue == 3)
        #expect(JSON.double(3.5).intValue == nil)
        #expect(JSON.integer(3).doubleValue == 3.0)
        #expect(value["none"] == nil)
        value["none"] = .null
        #expect(value["none"] == .some(.null))
        #expect(value["none"]?.isNull == true)
        value["none"] = nil
        #expect(value.objectValue?.count == 2)
        var built = JSON.null
        built["a"] = 1
        #expect(built == ["a": 1])
    }
}
