// Members of an object taken one by one, so that what is left over in the end is what nobody knows.

/// Reads the fields of an object into variables that hold their defaults; null counts as absent.
struct FieldReader {
    private var members: [String: JSON]
    private let pointer: String

    /// - Parameter pointer: Where the object is, as an RFC 6901 pointer.
    init(_ json: JSON, at pointer: String) throws(JSONCodingError) {
        guard case .object(let members) = json else { throw Self.wrong(pointer, "an object", json) }
        (self.members, self.pointer) = (members, pointer)
    }

    static func wrong(_ pointer: String, _ wanted: String, _ value: JSON) -> JSONCodingError {
        let text = value.text
        let shown = text.utf8.count <= 40 ? text : "a long \(value.kindName)"
        return JSONCodingError(pointer: pointer, reason: "is \(shown) where \(wanted) should be")
    }

    /// Takes a member out; nil when it is absent.
    mutating func member(_ name: String) -> JSON? {
        guard let value = members.removeValue(forKey: name), !value.isNull else { return nil }
        return value
    }

    /// A field that has no default.
    func demand(_ name: String) throws(JSONCodingError) {
        guard members[name] != nil else {
            throw JSONCodingError(pointer: "\(pointer)/\(name)", reason: "is missing")
        }
    }

    /// Whatever was not taken is a misspelt field, and a misspelt restriction must not be a missing one.
    func finish(_ what: String) throws(JSONCodingError) {
        guard let name = members.keys.min() else { return }
        throw JSONCodingError(pointer: "\(pointer)/\(name)", reason: "is not a field of \(what)")
    }

    mutating func take(_ name: String, _ place: inout String) throws(JSONCodingError) {
        guard let value = member(name) else { return }
        guard case .string(let text) = value else { throw wrong(name, "a string", value) }
        place = text
    }

    mutating func take(_ name: String, _ place: inout Bool) throws(JSONCodingError) {
        guard let value = member(name) else { return }
        guard case .bool(let flag) = value else { throw wrong(name, "true or false", value) }
        place = flag
    }

    mutating func take<Number: FixedWidthInteger>(_ name: String, _ place: inout Number)
        throws(JSONCodingError)
    {
        guard let value = member(name) else { return }
        guard let number = value.int64Value else { throw wrong(name, "an integer", value) }
        guard let exact = Number(exactly: number) else {
            throw JSONCodingError(
                pointer: "\(pointer)/\(name)", reason: "\(number) does not fit \(Number.bitWidth) bits")
        }
        place = exact
    }

    mutating func take<Choice: RawRepresentable<String>>(_ name: String, _ place: inout Choice)
        throws(JSONCodingError)
    {
        guard let value = member(name) else { return }
        guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
            throw wrong(name, "one of its known values", value)
        }
        place = choice
    }

    mutating func take(_ name: String, _ place: inout [String]) throws(JSONCodingError) {
        guard let value = member(name) else { return }
        guard case .array(let elements) = value else { throw wrong(name, "a list", value) }
        place = []
        for element in elements {
            guard case .string(let text) = element else { throw wrong(name, "a list of strings", element) }
            place.append(text)
        }
    }

    mutating func take(_ name: String, _ place: inout [String: String]) throws(JSONCodingError) {
        guard let value = member(name) else { return }
        guard case .object(let entries) = value else { throw wrong(name, "an object", value) }
        place = [:]
        for (key, entry) in entries {
            guard case .string(let text) = entry else { throw wrong("\(name)/\(key)", "a string", entry) }
            place[key] = text
        }
    }

    private func wrong(_ name: String, _ wanted: String, _ value: JSON) -> JSONCodingError {
        Self.wrong("\(pointer)/\(name)", wanted, value)
    }
}
