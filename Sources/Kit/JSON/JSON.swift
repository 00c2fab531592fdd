// The one JSON value of the project. Everything that crosses a process boundary (HTTP bodies, JSON-RPC
// lines, the journal's payloads, tool inputs) is this value or is made from it by `JSONCoding`.

// Nothing of it is called: the conversions between Double and Int64 that the compiler emits need libm, and
// only this import asks the linker for it.
import Glibc

/// A JSON document as a value. Integers that fit 64 bits stay exact; every other number is a double.
///
/// Two strings that differ only in Unicode normalization are equal, as everywhere in Swift.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// The text when this is a string.
    public var stringValue: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The number when it is whole and fits; `3.0` counts as 3.
    public var int64Value: Int64? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int64(exactly: number)
        default: nil
        }
    }

    /// The number when it is whole and fits; `3.0` counts as 3.
    public var intValue: Int? {
        int64Value.flatMap { Int(exactly: $0) }
    }

    /// The number, also when it was written as an integer.
    public var doubleValue: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }

    public var boolValue: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    public var arrayValue: [JSON]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    public var objectValue: [String: JSON]? {
        if case .object(let members) = self { members } else { nil }
    }

    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The member of an object; nil when this is no object or has no such key. A member that is `null` is
    /// `.null`.
    ///
    /// Assigning nil removes the member. Assigning to anything that is no object replaces it by one with
    /// this member.
    public subscript(key: String) -> JSON? {
        get {
            if case .object(let members) = self { members[key] } else { nil }
        }
        set {
            var members: [String: JSON] = [:]
            if case .object(let existing) = self { members = existing }
            // Without this the dictionary would be copied on every assignment, because `self` still holds it.
            self = .null
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element of an array; nil when this is no array or is shorter.
    public subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// What a message calls this kind of value: "string", "object" ….
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// The last of two equal keys wins.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

extension JSON {
    public init(_ value: Int) { self = .integer(Int64(value)) }
    public init(_ value: Int64) { self = .integer(value) }
    public init(_ value: Double) { self = .double(value) }
    public init(_ value: Bool) { self = .bool(value) }
    public init(_ value: String) { self = .string(value) }
    public init(_ value: Substring) { self = .string(String(value)) }
    public init(_ value: [String]) { self = .array(value.map { .string($0) }) }
}

extension JSON: CustomStringConvertible {
    public var description: String { text }
}
