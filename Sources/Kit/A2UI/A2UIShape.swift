// What a property of an A2UI component may be. The same tables check what agents send and make the JSON
// schema of our catalog, so the two cannot differ.

/// The kind of a value.
indirect enum A2UIShape: Sendable {
    case string
    /// A text that a renderer uses as a pattern; short, because matching may be slow.
    case pattern
    case number
    case natural
    case boolean
    /// A literal, a path into the data model, or a call that returns such a value.
    case dynamicString
    case dynamicNumber
    case dynamicBoolean
    case dynamicStringList
    case dynamicValue
    /// A date, a time or both; or a dynamic string.
    case dynamicDate
    /// Where media comes from. Never followed by the renderer unless it is `data:`.
    case dynamicMedia
    /// Where a person may be sent: http and https only.
    case link
    case component
    case children
    case word([String])
    case icon
    case action
    case object([String: A2UIProperty])
    case list(A2UIShape, least: Int, most: Int)
    /// Anything at all.
    case any
}

/// A named value of a component, a function or an object.
struct A2UIProperty: Sendable {
    var shape: A2UIShape
    var isRequired: Bool

    static func must(_ shape: A2UIShape) -> A2UIProperty { A2UIProperty(shape: shape, isRequired: true) }
    static func may(_ shape: A2UIShape) -> A2UIProperty { A2UIProperty(shape: shape, isRequired: false) }
}

/// A kind of component.
struct A2UIComponent: Sendable {
    var properties: [String: A2UIProperty]
    /// It takes input, which may be checked.
    var isCheckable = false

    init(_ properties: [String: A2UIProperty], isCheckable: Bool = false) {
        (self.properties, self.isCheckable) = (properties, isCheckable)
    }
}

/// A function that the renderer knows.
struct A2UIFunction: Sendable {
    enum Result: String, Sendable {
        case string, boolean, void
    }

    var arguments: [String: A2UIProperty]
    var returns: Result
    /// At least one of these must be there.
    var oneOf: [String] = []

    init(_ returns: Result, _ arguments: [String: A2UIProperty], oneOf: [String] = []) {
        (self.returns, self.arguments, self.oneOf) = (returns, arguments, oneOf)
    }
}

/// What may be sent at most.
public enum A2UILimits {
    /// Of one canvas.update, in bytes.
    public static let updateBytes = 1 << 20
    public static let messages = 64
    /// Of one agent.
    public static let surfaces = 8
    /// Of one surface.
    public static let components = 5000
    /// From the root down.
    public static let depth = 50
    /// Calls within calls.
    public static let callDepth = 5
    /// Of a data model, within values.
    public static let dataDepth = 32
    /// Of an id or a name.
    public static let nameBytes = 128
    /// Of one text.
    public static let textBytes = 64 << 10
    /// Of a regular expression.
    public static let patternBytes = 256
    /// Of one list in a component.
    public static let list = 2000
}
