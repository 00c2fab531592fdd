/// Header fields in the order of the wire. Names compare without case; one name may occur several times.
public struct HTTPHeaders: Sendable, Hashable {
    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public private(set) var fields: [Field] = []

    public init() {}

    public init(_ fields: [(String, String)]) {
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value of a name. Assigning replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { HTTPHeaders.isEqual($0.name, name) }?.value }
        set {
            let index = fields.firstIndex { HTTPHeaders.isEqual($0.name, name) } ?? fields.count
            fields.removeAll { HTTPHeaders.isEqual($0.name, name) }
            if let newValue { fields.insert(Field(name: name, value: newValue), at: index) }
        }
    }

    public mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Every value of a name, in order.
    public func all(_ name: String) -> [String] {
        fields.filter { HTTPHeaders.isEqual($0.name, name) }.map(\.value)
    }

    /// The elements of a list field such as `Connection`, in lower case, from all its occurrences.
    public func tokens(_ name: String) -> [String] {
        all(name).flatMap { $0.split(separator: ",") }.map { HTTPHeaders.trim($0).lowercased() }
    }

    /// Without optional white space (RFC 9110, section 5.6.3) at both ends.
    static func trim(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }

    /// Names are ASCII, so only ASCII letters fold.
    public static func isEqual(_ left: String, _ right: String) -> Bool {
        func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
        return left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
    }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }
}

/// The grammar of RFC 9110 that both directions share.
enum HTTPGrammar {
    /// RFC 9110, section 5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isTokenByte)
    }

    /// Visible characters, white space and what old texts call obs-text; no control characters.
    static func isFieldValue(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    /// One line of a header section, without its CRLF.
    static func field(_ line: ArraySlice<UInt8>) throws(HTTPError) -> HTTPHeaders.Field {
        guard let first = line.first, first != 0x20, first != 0x09 else {
            throw HTTPError(
                .malformed, "a header line starts with white space (line folding is not accepted)")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]) else {
            throw HTTPError(.malformed, "a header line has no valid name before a colon")
        }
        var value = line[(colon + 1)...]
        while let byte = value.first, byte == 0x20 || byte == 0x09 { value.removeFirst() }
        while let byte = value.last, byte == 0x20 || byte == 0x09 { value.removeLast() }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        guard isFieldValue(value), let text = String(validating: value, as: UTF8.self) else {
            throw HTTPError(.malformed, "the header \(name) has a value with control characters or bad UTF-8")
        }
        return HTTPHeaders.Field(name: name, value: text)
    }
}
