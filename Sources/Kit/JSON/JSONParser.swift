// Strict RFC 8259. Input comes from guests and models, so the parser refuses what two readers could
// understand differently: duplicate keys, lone surrogates, invalid UTF-8, numbers that would become infinite.

/// Why a text is not JSON, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Offset in bytes from the start of the text.
    public let offset: Int
    public let reason: String

    public init(offset: Int, reason: String) {
        self.offset = offset
        self.reason = reason
    }

    public var description: String { "invalid JSON at byte \(offset): \(reason)" }
}

extension JSON {
    /// What the parser accepts at most.
    public struct Limits: Sendable, Hashable {
        /// Nesting of arrays and objects. The parser recurses, so more than 512 is taken as 512.
        public var depth: Int
        /// Size of the text in bytes.
        public var bytes: Int

        public init(depth: Int = 64, bytes: Int = 32 << 20) {
            self.depth = min(depth, 512)
            self.bytes = bytes
        }

        public static let standard = Limits()
    }

    /// Parses one JSON document with nothing but white space around it.
    public static func parse(_ bytes: [UInt8], limits: Limits = .standard) throws(JSONError) -> JSON {
        try bytes.withUnsafeBufferPointer { (input) throws(JSONError) -> JSON in
            try parse(buffer: input, limits: limits)
        }
    }

    /// Parses one JSON document with nothing but white space around it.
    public static func parse(_ text: String, limits: Limits = .standard) throws(JSONError) -> JSON {
        try parse(Array(text.utf8), limits: limits)
    }

    private static func parse(
        buffer: UnsafeBufferPointer<UInt8>, limits: Limits
    ) throws(JSONError) -> JSON {
        guard buffer.count <= limits.bytes else {
            throw JSONError(offset: limits.bytes, reason: "longer than \(limits.bytes) bytes")
        }
        var parser = JSONParser(input: buffer, depthLimit: limits.depth)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.isAtEnd else { throw parser.error("something follows the document") }
        return value
    }
}

private struct JSONParser {
    let input: UnsafeBufferPointer<UInt8>
    let depthLimit: Int
    var position = 0

    var isAtEnd: Bool { position == input.count }

    /// The byte at the position; 0 past the end, which no rule of the grammar accepts.
    var byte: UInt8 { position < input.count ? input[position] : 0 }

    func error(_ reason: String) -> JSONError { JSONError(offset: position, reason: reason) }

    func unexpected(_ wanted: String) -> JSONError {
        if isAtEnd { return error("the text ends where \(wanted) should be") }
        let found = byte
        let shown =
            found > 0x20 && found < 0x7F
            ? "'\(Character(Unicode.Scalar(found)))'" : "byte 0x\(String(found, radix: 16))"
        return error("\(shown) where \(wanted) should be")
    }

    mutating func skipSpace() {
        while position < input.count {
            switch input[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSON {
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw unexpected("a value")
        }
    }

    mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for index in 0..<text.utf8CodeUnitCount {
            guard position < input.count, input[position] == text.utf8Start[index] else {
                throw unexpected("the word \(text)")
            }
            position += 1
        }
        return value
    }

    mutating func array(depth: Int) throws(JSONError) -> JSON {
        guard depth <= depthLimit else { throw error("nested deeper than \(depthLimit) levels") }
        position += 1
        skipSpace()
        var elements: [JSON] = []
        if byte == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            skipSpace()
            elements.append(try value(depth: depth))
            skipSpace()
            switch byte {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw unexpected("',' or ']'")
            }
        }
    }

    mutating func object(depth: Int) throws(JSONError) -> JSON {
        guard depth <= depthLimit else { throw error("nested deeper than \(depthLimit) levels") }
        position += 1
        skipSpace()
        var members: [String: JSON] = [:]
        if byte == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let start = position
            let key = try string()
            skipSpace()
            guard byte == UInt8(ascii: ":") else { throw unexpected("':'") }
            position += 1
            skipSpace()
            let member = try value(depth: depth)
            guard members.updateValue(member, forKey: key) == nil else {
                throw JSONError(offset: start, reason: "the key \"\(key.prefix(64))\" occurs twice")
            }
            skipSpace()
            switch byte {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(members)
            default: throw unexpected("',' or '}'")
            }
        }
    }

    mutating func digits() throws(JSONError) {
        guard byte >= 0x30, byte <= 0x39 else { throw unexpected("a digit") }
        while byte >= 0x30, byte <= 0x39 { position += 1 }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start = position
        var isWhole = true
        if byte == UInt8(ascii: "-") { position += 1 }
        if byte == UInt8(ascii: "0") {
            position += 1
            guard !(byte >= 0x30 && byte <= 0x39) else { throw error("a number starts with 0") }
        } else {
            try digits()
        }
        if byte == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: input[start..<position]), as: UTF8.self)
        // "-0" is a double: as an integer it would lose its sign.
        if isWhole, text != "-0", let whole = Int64(text) { return .integer(whole) }
        guard let number = Double(text), number.isFinite else {
            throw JSONError(offset: start, reason: "the number \(text.prefix(40)) is out of range")
        }
        return .double(number)
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < input.count {
            let byte = input[position]
            if byte == UInt8(ascii: "\"") {
                let text = try validated(UnsafeBufferPointer(rebasing: input[start..<position]), start)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(start: start) }
            guard byte >= 0x20 else { throw error("an unescaped control character in a string") }
            position += 1
        }
        throw error("the text ends inside a string")
    }

    func validated(_ bytes: some Collection<UInt8>, _ start: Int) throws(JSONError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(offset: start, reason: "a string that is not UTF-8")
        }
        return text
    }

    /// The slow path of `string`, entered at the first backslash.
    mutating func escapedString(start: Int) throws(JSONError) -> String {
        var bytes = Array(input[start..<position])
        while position < input.count {
            let byte = input[position]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try validated(bytes, start)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &bytes)
            default:
                guard byte >= 0x20 else { throw error("an unescaped control character in a string") }
                bytes.append(byte)
                position += 1
            }
        }
        throw error("the text ends inside a string")
    }

    mutating func escape(into bytes: inout [UInt8]) throws(JSONError) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            let scalar = try unicodeEscape()
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            return
        default: throw unexpected("an escape")
        }
        position += 1
    }

    mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let lone = JSONError(offset: start, reason: "half of a surrogate pair")
        guard first < 0xDC00, byte == UInt8(ascii: "\\") else { throw lone }
        position += 1
        guard byte == UInt8(ascii: "u") else { throw lone }
        position += 1
        let second = UInt32(try fourHexDigits())
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((UInt32(first) - 0xD800) << 10) + (second - 0xDC00))
        else { throw lone }
        return scalar
    }

    mutating func fourHexDigits() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard !isAtEnd, let digit = Hex.digit(byte) else { throw unexpected("a hexadecimal digit") }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
