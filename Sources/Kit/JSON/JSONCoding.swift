// Codable over `JSON`, so that structs use the code the compiler writes and no Foundation is linked.

/// Why a value could not be made from JSON or turned into it.
public struct JSONCodingError: Error, CustomStringConvertible {
    /// RFC 6901 pointer to the place; empty for the document itself.
    public let pointer: String
    public let reason: String
    /// What a type's own `init(from:)` or `encode(to:)` threw, when it was neither of the standard errors.
    public let cause: (any Error)?

    public init(pointer: String, reason: String, cause: (any Error)? = nil) {
        self.pointer = pointer
        self.reason = reason
        self.cause = cause
    }

    public var description: String { "\(pointer.isEmpty ? "the document" : pointer): \(reason)" }
}

/// Turns `Codable` values into `JSON` and back.
public enum JSONCoding {
    /// Optionals that are nil are left out of objects. Numbers that JSON cannot say are errors.
    public static func encode<T: Encodable>(_ value: T) throws(JSONCodingError) -> JSON {
        do {
            return try JSONSlot.encode(value, path: [])
        } catch let error as EncodingError {
            guard case .invalidValue(_, let context) = error else {
                throw JSONCodingError(pointer: "", reason: "\(error)", cause: error)
            }
            throw JSONCodingError(pointer: pointer(context.codingPath), reason: context.debugDescription)
        } catch let error as JSONCodingError {
            throw error
        } catch {
            throw JSONCodingError(pointer: "", reason: "\(error)", cause: error)
        }
    }

    /// Members that the type does not know are ignored. Integers are range-checked; whole doubles are taken
    /// as integers and integers as doubles, nothing else is converted.
    public static func decode<T: Decodable>(
        _ type: T.Type, from json: JSON
    ) throws(JSONCodingError) -> T {
        do {
            return try JSONSource(value: json, codingPath: []).decode(type)
        } catch let error as DecodingError {
            throw converted(error)
        } catch let error as JSONCodingError {
            throw error
        } catch {
            throw JSONCodingError(pointer: "", reason: "\(error)", cause: error)
        }
    }

    private static func converted(_ error: DecodingError) -> JSONCodingError {
        switch error {
        case .keyNotFound(let key, let context):
            JSONCodingError(pointer: pointer(context.codingPath + [key]), reason: "is missing")
        case .valueNotFound(_, let context), .typeMismatch(_, let context), .dataCorrupted(let context):
            JSONCodingError(
                pointer: pointer(context.codingPath), reason: context.debugDescription,
                cause: context.underlyingError)
        @unknown default:
            JSONCodingError(pointer: "", reason: "\(error)", cause: error)
        }
    }

    /// The RFC 6901 pointer of a coding path.
    static func pointer(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            text += "/"
            for character in key.stringValue {
                switch character {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.append(character)
                }
            }
        }
        return text
    }
}

/// The key of a container that has no names of its own: an index, or `super`.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        self.intValue = nil
    }

    init(intValue: Int) {
        self.stringValue = intValue.description
        self.intValue = intValue
    }

    static let `super` = JSONKey(stringValue: "super")
}

// `JSONCoding` passes a `JSON` through as it is; this is for other coders.
extension JSON: Codable {
    public init(from decoder: any Decoder) throws {
        if let source = decoder as? JSONSource {
            self = source.value
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else if let number = try? container.decode(Double.self) {
            self = .double(number)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let elements = try? container.decode([JSON].self) {
            self = .array(elements)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let flag): try container.encode(flag)
        case .integer(let number): try container.encode(number)
        case .double(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        }
    }
}
