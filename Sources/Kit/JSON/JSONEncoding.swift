// The encoding half of `JSONCoding`. Containers of the standard library outlive the call that made them, so
// each value under construction is a slot that its container fills and its parent reads at the end.

/// A value under construction.
final class JSONSlot {
    enum Content {
        case empty
        case value(JSON)
        case array([JSONSlot])
        case object([String: JSONSlot])
    }

    var content = Content.empty

    init() {}

    init(_ value: JSON) { content = .value(value) }

    /// A type whose `encode(to:)` encoded nothing becomes an empty object, as with other coders.
    var json: JSON {
        switch content {
        case .empty: .object([:])
        case .value(let value): value
        case .array(let slots): .array(slots.map(\.json))
        case .object(let slots): .object(slots.mapValues(\.json))
        }
    }

    func add(_ slot: JSONSlot) {
        guard case .array(var slots) = content else { return }
        content = .empty
        slots.append(slot)
        content = .array(slots)
    }

    func set(_ key: String, _ slot: JSONSlot) {
        guard case .object(var slots) = content else { return }
        content = .empty
        slots[key] = slot
        content = .object(slots)
    }

    var count: Int {
        if case .array(let slots) = content { slots.count } else { 0 }
    }

    static func encode<T: Encodable>(_ value: T, path: [any CodingKey]) throws -> JSON {
        switch value {
        case let json as JSON: return json
        case let text as String: return .string(text)
        case let flag as Bool: return .bool(flag)
        case let number as Double: return try double(number, path)
        case let number as Float: return try double(Double(number.description) ?? Double(number), path)
        case let number as any FixedWidthInteger: return try integer(number, path)
        default:
            let encoder = JSONTarget(slot: JSONSlot(), codingPath: path)
            do {
                try value.encode(to: encoder)
            } catch  where !(error is EncodingError || error is JSONCodingError) {
                throw JSONCodingError(pointer: JSONCoding.pointer(path), reason: "\(error)", cause: error)
            }
            return encoder.slot.json
        }
    }

    private static func integer(_ number: any FixedWidthInteger, _ path: [any CodingKey]) throws -> JSON {
        guard let exact = Int64(exactly: number) else {
            throw EncodingError.invalidValue(
                number,
                .init(codingPath: path, debugDescription: "\(number) does not fit 64 bits with a sign"))
        }
        return .integer(exact)
    }

    private static func double(_ number: Double, _ path: [any CodingKey]) throws -> JSON {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number, .init(codingPath: path, debugDescription: "JSON has no way to say \(number)"))
        }
        return .double(number)
    }
}

private struct JSONTarget: Encoder {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .object = slot.content {} else { slot.content = .object([:]) }
        return KeyedEncodingContainer(JSONKeyedTarget<Key>(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array = slot.content {} else { slot.content = .array([]) }
        return JSONUnkeyedTarget(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension JSONTarget: SingleValueEncodingContainer {
    func encodeNil() throws { slot.content = .value(.null) }

    func encode<T: Encodable>(_ value: T) throws {
        slot.content = .value(try JSONSlot.encode(value, path: codingPath))
    }
}

private struct JSONKeyedTarget<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) throws { slot.set(key.stringValue, JSONSlot(.null)) }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        slot.set(key.stringValue, JSONSlot(try JSONSlot.encode(value, path: codingPath + [key])))
    }

    private func child(_ key: any CodingKey) -> JSONTarget {
        let child = JSONSlot()
        slot.set(key.stringValue, child)
        return JSONTarget(slot: child, codingPath: codingPath + [key])
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        child(key).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        child(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { child(JSONKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { child(key) }
}

private struct JSONUnkeyedTarget: UnkeyedEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    var count: Int { slot.count }

    func encodeNil() throws { slot.add(JSONSlot(.null)) }

    func encode<T: Encodable>(_ value: T) throws {
        slot.add(JSONSlot(try JSONSlot.encode(value, path: codingPath + [JSONKey(intValue: count)])))
    }

    private func child() -> JSONTarget {
        let path = codingPath + [JSONKey(intValue: count)]
        let child = JSONSlot()
        slot.add(child)
        return JSONTarget(slot: child, codingPath: path)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        child().container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
    func superEncoder() -> any Encoder { child() }
}
