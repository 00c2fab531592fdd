// The decoding half of `JSONCoding`.

/// A place in a document that a value is decoded from.
struct JSONSource: Decoder {
    let value: JSON
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch(type, wanted: "an object") }
        return KeyedDecodingContainer(JSONKeyedSource<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSON].self, wanted: "an array") }
        return JSONUnkeyedSource(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func mismatch(_ type: Any.Type, wanted: String) -> DecodingError {
        DecodingError.typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "is \(shown) where \(wanted) should be"))
    }

    /// The kind of the value and, when it is short, the value itself.
    private var shown: String {
        switch value {
        case .null: return "null"
        case .array, .object: return "of kind \(value.kindName)"
        default:
            let text = value.text
            return text.utf8.count <= 40 ? "the \(value.kindName) \(text)" : "a long \(value.kindName)"
        }
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let done = value as? T, type == JSON.self { return done }
        if type == String.self {
            guard case .string(let text) = value, let done = text as? T else {
                throw mismatch(type, wanted: "a string")
            }
            return done
        }
        if type == Bool.self {
            guard case .bool(let flag) = value, let done = flag as? T else {
                throw mismatch(type, wanted: "true or false")
            }
            return done
        }
        if let integer = type as? any FixedWidthInteger.Type {
            guard let done = try self.integer(integer) as? T else {
                throw mismatch(type, wanted: "an integer")
            }
            return done
        }
        if type == Double.self || type == Float.self {
            guard let number = value.doubleValue, let done = number as? T ?? Float(number) as? T else {
                throw mismatch(type, wanted: "a number")
            }
            return done
        }
        do {
            return try T(from: self)
        } catch  where !(error is DecodingError || error is JSONCodingError) {
            throw JSONCodingError(
                pointer: JSONCoding.pointer(codingPath), reason: "\(error)", cause: error)
        }
    }

    private func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
        guard let number = value.int64Value else { throw mismatch(type, wanted: "an integer") }
        guard let exact = I(exactly: number) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "\(number) does not fit \(type)"))
        }
        return exact
    }
}

extension JSONSource: SingleValueDecodingContainer {
    func decodeNil() -> Bool { value.isNull }
}

private struct JSONKeyedSource<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: JSON]
    let codingPath: [any CodingKey]

    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }
    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    private func source(_ key: any CodingKey) throws -> JSONSource {
        guard let member = members[key.stringValue] else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "is missing"))
        }
        return JSONSource(value: member, codingPath: codingPath + [key])
    }

    func decodeNil(forKey key: Key) throws -> Bool { try source(key).value.isNull }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try source(key).decode(type) }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try source(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try source(key).unkeyedContainer()
    }

    /// A class without a `super` member decodes its parent from null, as with other coders.
    func superDecoder() throws -> any Decoder {
        JSONSource(value: members["super"] ?? .null, codingPath: codingPath + [JSONKey.super])
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try source(key) }
}

private struct JSONUnkeyedSource: UnkeyedDecodingContainer {
    let elements: [JSON]
    let codingPath: [any CodingKey]
    var currentIndex = 0

    init(elements: [JSON], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private func source(_ type: Any.Type) throws -> JSONSource {
        let path = codingPath + [JSONKey(intValue: currentIndex)]
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                type,
                .init(codingPath: path, debugDescription: "the array has only \(elements.count) elements"))
        }
        return JSONSource(value: elements[currentIndex], codingPath: path)
    }

    mutating func decodeNil() throws -> Bool {
        guard try source(JSON.self).value.isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value = try source(type).decode(type)
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        let container = try source(type).container(keyedBy: type)
        currentIndex += 1
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try source([JSON].self).unkeyedContainer()
        currentIndex += 1
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = try source(JSON.self)
        currentIndex += 1
        return decoder
    }
}
