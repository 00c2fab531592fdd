import Kit
import Testing

private struct Sample: Codable, Equatable {
    enum Kind: String, Codable { case plan, review = "the-review" }
    enum Choice: Codable, Equatable {
        case none
        case some(count: Int)
    }
    var name: String
    var kind: Kind
    var choice: Choice
    var count: Int
    var small: UInt8
    var ratio: Double
    var single: Float
    var note: String?
    var tags: [String]
    var nested: [String: [Int]]
    var any: JSON
    var anyMap: [String: JSON]
    var anyList: [JSON]
    var optionals: [Int?]
}

private class Base: Codable {
    var a = 1
}

private final class Derived: Base {
    var b = 2
    enum CodingKeys: CodingKey { case b }
    override init() { super.init() }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        b = try container.decode(Int.self, forKey: .b)
        try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(b, forKey: .b)
        try super.encode(to: container.superEncoder())
    }
}

private struct Picky: Codable {
    struct Refused: Error {}
    init(from decoder: any Decoder) throws { throw Refused() }
    func encode(to encoder: any Encoder) throws { throw Refused() }
}

@Suite struct JSONCodingTests {
    private let sample = Sample(
        name: "x", kind: .review, choice: .some(count: 3), count: -5, small: 255, ratio: 2, single: 0.1,
        note: nil,
        tags: ["a"], nested: ["k": [1, 2]], any: ["free": [1, .null]], anyMap: ["m": true],
        anyList: [1.5, "s"],
        optionals: [1, nil])

    @Test func `a struct becomes the object it looks like and comes back`() throws {
        let json = try JSONCoding.encode(sample)
        #expect(
            json.text == """
                {"any":{"free":[1,null]},"anyList":[1.5,"s"],"anyMap":{"m":true},\
                "choice":{"some":{"count":3}},\
                "count":-5,"kind":"the-review","name":"x","nested":{"k":[1,2]},"optionals":[1,null],\
                "ratio":2.0,"single":0.1,"small":255,"tags":["a"]}
                """)
        #expect(try JSONCoding.decode(Sample.self, from: json) == sample)
        #expect(try JSONCoding.decode(Sample.self, from: JSON.parse(json.text)) == sample)
    }

    @Test func `scalars, arrays and JSON itself pass at the top`() throws {
        #expect(try JSONCoding.encode("x") == "x")
        #expect(try JSONCoding.encode([1, 2]) == [1, 2])
        #expect(try JSONCoding.encode(["a": 1] as JSON) == ["a": 1])
        #expect(try JSONCoding.decode([String: Int].self, from: ["a": 1]) == ["a": 1])
        #expect(try JSONCoding.decode(JSON.self, from: ["a": .null]) == ["a": .null])
        #expect(try JSONCoding.decode(Int?.self, from: .null) == nil)
        #expect(try JSONCoding.decode(JSON?.self, from: ["a": 1]) == ["a": 1])
    }

    @Test func `whole doubles are integers and integers are doubles`() throws {
        #expect(try JSONCoding.decode([Int].self, from: [1, 2.0]) == [1, 2])
        #expect(try JSONCoding.decode([Double].self, from: [1, 2.5]) == [1, 2.5])
    }

    @Test(
        arguments: [
            ("count", .string("1"), "/count", "is the string \"1\" where an integer should be"),
            ("count", .double(1.5), "/count", "is the number 1.5 where an integer should be"),
            ("small", 256, "/small", "256 does not fit UInt8"),
            ("kind", "unknown", "/kind", "Cannot initialize Kind from invalid String value unknown"),
            ("tags", ["a", 1], "/tags/1", "is the integer 1 where a string should be"),
            ("nested", ["a/b~c": [.null]], "/nested/a~1b~0c/0", "is null where an integer should be"),
            ("name", nil, "/name", "is missing"),
            ("ratio", .null, "/ratio", "is null where a number should be"),
            ("tags", [:], "/tags", "is of kind object where an array should be"),
        ] as [(String, JSON?, String, String)])
    func `an error points at its place`(key: String, value: JSON?, pointer: String, reason: String) throws {
        var json = try JSONCoding.encode(sample)
        json[key] = value
        let error = #expect(throws: JSONCodingError.self) { try JSONCoding.decode(Sample.self, from: json) }
        #expect(error?.pointer == pointer)
        #expect(error?.reason == reason)
    }

    @Test func `what a type throws itself is kept as the cause`() throws {
        let error = #expect(throws: JSONCodingError.self) {
            try JSONCoding.decode([Picky].self, from: [1])
        }
        #expect(error?.pointer == "/0")
        #expect(error?.cause is Picky.Refused)
    }

    @Test func `numbers that JSON cannot say are errors`() {
        let error = #expect(throws: JSONCodingError.self) { try JSONCoding.encode(["a": Double.infinity]) }
        #expect(error?.pointer == "/a")
        #expect(throws: JSONCodingError.self) { try JSONCoding.encode(UInt64.max) }
    }

    @Test func `a class keeps its parent under super`() throws {
        let derived = Derived()
        derived.a = 7
        let json = try JSONCoding.encode(derived)
        #expect(json == ["b": 2, "super": ["a": 7]])
        #expect(try JSONCoding.decode(Derived.self, from: json).a == 7)
    }
}
