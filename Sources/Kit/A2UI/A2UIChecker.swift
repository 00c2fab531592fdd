/// Why an agent's drawing was refused.
public struct A2UIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where: `/messages/0/updateComponents/components/3/text`.
    public let path: String
    public let message: String

    init(_ path: String, _ message: String) { (self.path, self.message) = (path, message) }

    public var description: String { "\(path): \(message)" }
}

/// Checks values against shapes, and notes which components they refer to.
struct A2UIChecker {
    let catalog: A2UICatalog
    /// Ids of components that were named on the way.
    private(set) var references: [String] = []

    init(_ catalog: A2UICatalog) { self.catalog = catalog }

    // MARK: Components

    private static let common = ["id", "component", "weight", "accessibility"]

    mutating func component(_ json: JSON, _ path: String) throws(A2UIError) {
        guard let object = json.objectValue else { throw A2UIError(path, "a component is an object") }
        guard let name = object["component"]?.stringValue, let known = catalog.components[name] else {
            throw A2UIError(
                "\(path)/component",
                "\(A2UIChecker.show(object["component"])) is no component of \(catalog.id); it has "
                    + catalog.components.keys.sorted().joined(separator: ", "))
        }
        if let weight = object["weight"], weight.doubleValue == nil {
            throw A2UIError("\(path)/weight", "expected a number")
        }
        if let accessibility = object["accessibility"] {
            try properties(
                accessibility, ["label": .may(.dynamicString), "description": .may(.dynamicString)],
                "\(path)/accessibility")
        }
        var rest = object.filter { !Self.common.contains($0.key) }
        if known.isCheckable, let checks = rest.removeValue(forKey: "checks") {
            try value(
                checks,
                .list(
                    .object(["condition": .must(.dynamicBoolean), "message": .must(.string)]), least: 0,
                    most: 20), "\(path)/checks", depth: 0)
        }
        try properties(.object(rest), known.properties, path)
        if name == "Diagram" { try diagram(json, path) }
    }

    /// Arrows lead from box to box.
    private func diagram(_ json: JSON, _ path: String) throws(A2UIError) {
        let nodes = (json["nodes"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        let groups = Set((json["groups"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue })
        let known = Set(nodes)
        guard known.count == nodes.count else { throw A2UIError("\(path)/nodes", "two nodes have one id") }
        for (index, node) in (json["nodes"]?.arrayValue ?? []).enumerated() {
            guard let group = node["group"]?.stringValue, !groups.contains(group) else { continue }
            throw A2UIError("\(path)/nodes/\(index)/group", "there is no group \(group)")
        }
        for (index, edge) in (json["edges"]?.arrayValue ?? []).enumerated() {
            for end in ["from", "to"] where !known.contains(edge[end]?.stringValue ?? "") {
                throw A2UIError(
                    "\(path)/edges/\(index)/\(end)", "there is no node \(A2UIChecker.show(edge[end]))")
            }
        }
    }

    private mutating func properties(
        _ json: JSON, _ known: [String: A2UIProperty], _ path: String, depth: Int = 0
    ) throws(A2UIError) {
        guard let object = json.objectValue else { throw A2UIError(path, "expected an object") }
        if let missing = known.filter({ $0.value.isRequired && object[$0.key] == nil }).keys.min() {
            throw A2UIError("\(path)/\(missing)", "is required")
        }
        for name in object.keys.sorted() {
            guard let property = known[name], let given = object[name] else {
                throw A2UIError(
                    "\(path)/\(name.prefix(64))",
                    "is not known here; known are \(known.keys.sorted().joined(separator: ", "))")
            }
            try value(given, property.shape, "\(path)/\(name)", depth: depth)
        }
    }

    // MARK: Values

    private static func show(_ json: JSON?) -> String { String((json?.text ?? "nothing").prefix(80)) }

    private mutating func value(
        _ json: JSON, _ shape: A2UIShape, _ path: String, depth: Int
    ) throws(A2UIError) {
        switch shape {
        case .any: try Self.plain(json, path)
        case .string: _ = try text(json, path)
        case .pattern:
            guard try text(json, path).utf8.count <= A2UILimits.patternBytes else {
                throw A2UIError(path, "a pattern has at most \(A2UILimits.patternBytes) bytes")
            }
        case .number: try expect(json.doubleValue != nil, json, "a number", path)
        case .natural: try expect((json.int64Value ?? -1) >= 0, json, "a whole number from 0", path)
        case .boolean: try expect(json.boolValue != nil, json, "true or false", path)
        case .word(let words):
            try expect(words.contains(json.stringValue ?? ""), json, "one of \(words)", path)
        case .link: try link(json, ["http", "https"], path)
        case .component: references.append(try name(json, path))
        case .children: try children(json, path)
        case .icon: try icon(json, path)
        case .action: try action(json, path)
        case .object(let known): try properties(json, known, path, depth: depth)
        case .list(let element, let least, let most):
            guard let array = json.arrayValue, (least...most).contains(array.count) else {
                throw A2UIError(path, "expected a list of \(least) to \(most)")
            }
            for (index, one) in array.enumerated() {
                try value(one, element, "\(path)/\(index)", depth: depth)
            }
        case .dynamicString, .dynamicNumber, .dynamicBoolean, .dynamicStringList, .dynamicValue,
            .dynamicDate, .dynamicMedia:
            try dynamic(json, shape, path, depth: depth)
        }
    }

    private func expect(
        _ isRight: Bool, _ json: JSON, _ what: String, _ path: String
    ) throws(A2UIError) {
        guard isRight else { throw A2UIError(path, "expected \(what), found \(Self.show(json))") }
    }

    private func text(_ json: JSON, _ path: String) throws(A2UIError) -> String {
        guard let text = json.stringValue else {
            throw A2UIError(path, "expected a text, found \(Self.show(json))")
        }
        guard text.utf8.count <= A2UILimits.textBytes else {
            throw A2UIError(path, "a text has at most \(A2UILimits.textBytes) bytes")
        }
        return text
    }

    private func name(_ json: JSON, _ path: String) throws(A2UIError) -> String {
        let name = json.stringValue ?? ""
        guard !name.isEmpty, name.utf8.count <= A2UILimits.nameBytes else {
            throw A2UIError(path, "expected an id of 1 to \(A2UILimits.nameBytes) bytes")
        }
        return name
    }

    private mutating func dynamic(
        _ json: JSON, _ shape: A2UIShape, _ path: String, depth: Int
    ) throws(A2UIError) {
        if let object = json.objectValue {
            if let pointer = object["path"] {
                try expect(object.count == 1, json, "{\"path\":…} alone", path)
                return try Self.pointer(try text(pointer, "\(path)/path"), "\(path)/path")
            }
            return try call(json, shape, path, depth: depth)
        }
        switch shape {
        case .dynamicString: _ = try text(json, path)
        case .dynamicNumber: try expect(json.doubleValue != nil, json, "a number", path)
        case .dynamicBoolean: try expect(json.boolValue != nil, json, "true or false", path)
        case .dynamicStringList:
            guard let array = json.arrayValue, array.count <= A2UILimits.list else {
                throw A2UIError(path, "expected a list of texts")
            }
            for (index, one) in array.enumerated() { _ = try text(one, "\(path)/\(index)") }
        case .dynamicDate: try expect(A2UIDate.isDate(try text(json, path)), json, "a date", path)
        case .dynamicMedia: try link(json, ["http", "https", "data"], path)
        default:
            try expect(!json.isNull, json, "a value", path)
            try Self.plain(json, path)
        }
    }

    private mutating func call(
        _ json: JSON, _ shape: A2UIShape, _ path: String, depth: Int
    ) throws(A2UIError) {
        let wanted: A2UIFunction.Result? =
            switch shape {
            case .dynamicString, .dynamicMedia, .dynamicDate: .string
            case .dynamicBoolean: .boolean
            default: nil
            }
        let function = try call(json, path, depth: depth)
        let fits: Bool
        switch shape {
        // No function of the catalog returns a number or a list.
        case .dynamicNumber, .dynamicStringList: fits = false
        case .dynamicValue: fits = function.returns != .void
        default: fits = function.returns == wanted
        }
        guard fits else { throw A2UIError("\(path)/call", "returns \(function.returns), which does not fit") }
    }

    private mutating func call(
        _ json: JSON, _ path: String, depth: Int
    ) throws(A2UIError) -> A2UIFunction {
        guard depth < A2UILimits.callDepth else {
            throw A2UIError(path, "calls are nested deeper than \(A2UILimits.callDepth)")
        }
        guard let name = json["call"]?.stringValue, let function = catalog.functions[name] else {
            throw A2UIError(
                "\(path)/call",
                "\(Self.show(json["call"])) is no function; there are "
                    + catalog.functions.keys.sorted().joined(separator: ", "))
        }
        if let unknown = json.objectValue?.keys.first(where: { !["call", "args", "returnType"].contains($0) })
        {
            throw A2UIError("\(path)/\(unknown.prefix(64))", "is not part of a call")
        }
        if let given = json["returnType"], given.stringValue != function.returns.rawValue {
            throw A2UIError("\(path)/returnType", "\(name) returns \(function.returns)")
        }
        let arguments = json["args"] ?? [:]
        try properties(arguments, function.arguments, "\(path)/args", depth: depth + 1)
        guard function.oneOf.isEmpty || function.oneOf.contains(where: { arguments[$0] != nil }) else {
            throw A2UIError("\(path)/args", "needs one of \(function.oneOf.joined(separator: ", "))")
        }
        return function
    }

    private mutating func children(_ json: JSON, _ path: String) throws(A2UIError) {
        if let array = json.arrayValue {
            guard array.count <= A2UILimits.list else {
                throw A2UIError(path, "at most \(A2UILimits.list) children")
            }
            for (index, one) in array.enumerated() { references.append(try name(one, "\(path)/\(index)")) }
            return
        }
        guard let template = json["componentId"], let pointer = json["path"], json.objectValue?.count == 2
        else { throw A2UIError(path, "expected a list of ids, or {\"componentId\",\"path\"}") }
        references.append(try name(template, "\(path)/componentId"))
        try Self.pointer(try text(pointer, "\(path)/path"), "\(path)/path")
    }

    private func icon(_ json: JSON, _ path: String) throws(A2UIError) {
        if let name = json.stringValue {
            return try expect(A2UICatalog.icons.contains(name), json, "the name of an icon", path)
        }
        if let pointer = json["path"]?.stringValue, json.objectValue?.count == 1 {
            return try Self.pointer(pointer, "\(path)/path")
        }
        guard let outline = json["svgPath"]?.stringValue, json.objectValue?.count == 1,
            outline.utf8.allSatisfy({ Self.outline.contains($0) }), outline.utf8.count <= 4096
        else { throw A2UIError(path, "expected the name of an icon, {\"path\"} or {\"svgPath\"}") }
    }

    /// The letters of SVG's path grammar.
    private static let outline = Set("MmZzLlHhVvCcSsQqTtAaEe0123456789+-., \t\n".utf8)

    private mutating func action(_ json: JSON, _ path: String) throws(A2UIError) {
        guard json.objectValue?.count == 1 else {
            throw A2UIError(path, "expected {\"event\":…} or {\"functionCall\":…}")
        }
        if let call = json["functionCall"] {
            _ = try self.call(call, "\(path)/functionCall", depth: 0)
            return
        }
        guard let event = json["event"] else {
            throw A2UIError(path, "expected {\"event\":…} or {\"functionCall\":…}")
        }
        let keys = Set(event.objectValue?.keys.map { $0 } ?? [])
        guard keys.isSubset(of: ["name", "context"]) else {
            throw A2UIError("\(path)/event", "has a `name` and a `context`")
        }
        _ = try name(event["name"] ?? .null, "\(path)/event/name")
        guard let context = (event["context"] ?? [:]).objectValue, context.count <= 100 else {
            throw A2UIError("\(path)/event/context", "expected an object of at most 100 members")
        }
        for key in context.keys.sorted() {
            try A2UIChecker.key(key, "\(path)/event/context")
            try dynamic(context[key] ?? .null, .dynamicValue, "\(path)/event/context/\(key)", depth: 0)
        }
    }

    // MARK: Links and data

    private func link(_ json: JSON, _ schemes: [String], _ path: String) throws(A2UIError) {
        let link = try text(json, path)
        guard A2UILink.isAllowed(link, schemes: schemes) else {
            throw A2UIError(path, "expected an address that begins with \(schemes.joined(separator: " or "))")
        }
    }

    /// A JSON pointer; without a slash in front it is relative to a template's item.
    static func pointer(_ pointer: String, _ path: String) throws(A2UIError) {
        guard pointer.utf8.count <= 1024 else { throw A2UIError(path, "a path has at most 1024 bytes") }
        for part in pointer.split(separator: "/", omittingEmptySubsequences: false) {
            try key(String(part), path)
        }
    }

    /// Names that are doors to a prototype in a browser.
    private static let doors: Set<String> = ["__proto__", "constructor", "prototype"]

    static func key(_ key: String, _ path: String) throws(A2UIError) {
        guard key.utf8.count <= A2UILimits.nameBytes, !doors.contains(key) else {
            throw A2UIError(path, "\(key.prefix(64)) may not be a name")
        }
    }

    /// Data: anything, but not too deep, and without such names.
    static func plain(_ json: JSON, _ path: String, depth: Int = 0) throws(A2UIError) {
        guard depth <= A2UILimits.dataDepth else {
            throw A2UIError(path, "is nested deeper than \(A2UILimits.dataDepth)")
        }
        switch json {
        case .array(let elements):
            for element in elements { try plain(element, path, depth: depth + 1) }
        case .object(let members):
            for (name, value) in members {
                try key(name, path)
                try plain(value, path, depth: depth + 1)
            }
        default: break
        }
    }
}

/// Addresses that a page may show or send a person to.
enum A2UILink {
    /// - Parameter schemes: In small letters.
    static func isAllowed(_ link: String, schemes: [String]) -> Bool {
        // Browsers skip tabs and line feeds inside of a scheme, so no control character may be there at all.
        guard link.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), let colon = link.firstIndex(of: ":") else {
            return false
        }
        let scheme = link[..<colon].lowercased()
        guard schemes.contains(scheme) else { return false }
        let rest = link[link.index(after: colon)...]
        if scheme == "data" {
            let kinds = ["image/png", "image/jpeg", "image/gif", "image/webp"]
            return kinds.contains { rest.hasPrefix("\($0);base64,") }
        }
        return rest.hasPrefix("//") && rest.utf8.count > 2 && !rest.dropFirst(2).hasPrefix("/")
    }
}

/// Dates as RFC 3339 writes them.
enum A2UIDate {
    /// `2026-11-22`, or `2026-11-22T10:00:00Z`.
    static func isDate(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return false }
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        for (index, byte) in bytes.enumerated() {
            let isDigit = (0x30...0x39).contains(byte)
            if pattern[index] == 0x30 ? !isDigit : byte != pattern[index] { return false }
        }
        func number(_ start: Int) -> Int { Int(bytes[start] - 0x30) * 10 + Int(bytes[start + 1] - 0x30) }
        guard (1...12).contains(number(5)), (1...28).contains(number(8)) else { return false }
        return bytes.count == 10 || (number(11) < 24 && number(14) < 60 && number(17) < 60)
    }
}
