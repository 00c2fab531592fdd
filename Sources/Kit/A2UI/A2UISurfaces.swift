/// What one agent has drawn: checks its updates and keeps what the next one must fit to. A value: no I/O.
///
/// One update is taken whole or not at all.
public struct A2UISurfaces: Sendable {
    private struct Surface: Sendable {
        var catalog: A2UICatalog
        /// Id to the ids that it refers to.
        var components: [String: [String]] = [:]
        /// Ids that the update under way brought.
        var brought: Set<String> = []
    }

    private let agent: String
    private var surfaces: [String: Surface] = [:]

    public init(agent: String) { self.agent = agent }

    /// The agent's own names of its surfaces.
    public var names: [String] { surfaces.keys.sorted() }

    /// Takes the messages of one update.
    /// - Returns: The messages as viewers get them: the id of each surface begins with the agent's, and who
    ///   drew it is said by us.
    public mutating func update(_ messages: [JSON]) throws(A2UIError) -> [JSON] {
        guard (1...A2UILimits.messages).contains(messages.count) else {
            throw A2UIError("/messages", "expected 1 to \(A2UILimits.messages) messages")
        }
        var next = self
        var passed: [JSON] = []
        var touched: Set<String> = []
        for (index, message) in messages.enumerated() {
            let (json, surface) = try next.take(message, "/messages/\(index)")
            passed.append(json)
            touched.insert(surface)
        }
        for name in touched.sorted() {
            guard let surface = next.surfaces[name] else { continue }
            try Self.checkTree(surface, name)
            next.surfaces[name]?.brought = []
        }
        self = next
        return passed
    }

    // MARK: Messages

    private static let kinds = ["createSurface", "updateComponents", "updateDataModel", "deleteSurface"]

    private mutating func take(_ message: JSON, _ path: String) throws(A2UIError) -> (JSON, String) {
        guard let object = message.objectValue, ["v0.9", "v0.9.1"].contains(object["version"]?.stringValue)
        else { throw A2UIError("\(path)/version", "expected an object with `version` \"v0.9\"") }
        let given = object.keys.filter { $0 != "version" }
        guard given.count == 1, let kind = given.first, Self.kinds.contains(kind),
            var body = object[kind]?.objectValue
        else { throw A2UIError(path, "expected exactly one of \(Self.kinds.joined(separator: ", "))") }
        let place = "\(path)/\(kind)"
        let name = try Self.surfaceName(body["surfaceId"], "\(place)/surfaceId")
        switch kind {
        case "createSurface": try create(name, &body, place)
        case "updateComponents": try updateComponents(name, body, place)
        case "updateDataModel": try updateData(name, body, place)
        default:
            try Self.only(["surfaceId"], body, place)
            _ = try surface(name, place)
            surfaces[name] = nil
        }
        body["surfaceId"] = .string("\(agent)/\(name)")
        return (["version": "v0.9", kind: .object(body)], name)
    }

    private static func surfaceName(_ json: JSON?, _ path: String) throws(A2UIError) -> String {
        let name = json?.stringValue ?? ""
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isPlain, !name.isEmpty, name.utf8.count <= 64 else {
            throw A2UIError(path, "expected 1 to 64 letters, digits, `-`, `_` or `.`")
        }
        try A2UIChecker.key(name, path)
        return name
    }

    private static func only(_ known: [String], _ body: [String: JSON], _ path: String) throws(A2UIError) {
        if let unknown = body.keys.filter({ !known.contains($0) }).min() {
            throw A2UIError("\(path)/\(unknown.prefix(64))", "is not known here")
        }
    }

    private func surface(_ name: String, _ path: String) throws(A2UIError) -> Surface {
        guard let surface = surfaces[name] else {
            throw A2UIError(
                "\(path)/surfaceId", "there is no surface \(name); createSurface makes it first")
        }
        return surface
    }

    private mutating func create(
        _ name: String, _ body: inout [String: JSON], _ path: String
    ) throws(A2UIError) {
        try Self.only(["surfaceId", "catalogId", "theme", "sendDataModel"], body, path)
        guard surfaces[name] == nil else {
            throw A2UIError("\(path)/surfaceId", "the surface \(name) is there already; delete it first")
        }
        guard surfaces.count < A2UILimits.surfaces else {
            throw A2UIError(path, "an agent has at most \(A2UILimits.surfaces) surfaces")
        }
        guard let catalog = A2UICatalog.find(body["catalogId"]?.stringValue ?? "") else {
            throw A2UIError(
                "\(path)/catalogId", "expected \(A2UICatalog.session.id) or \(A2UICatalog.basic.id)")
        }
        if let flag = body["sendDataModel"], flag.boolValue == nil {
            throw A2UIError("\(path)/sendDataModel", "expected true or false")
        }
        var theme: [String: JSON] = [:]
        if let given = body["theme"] {
            guard let object = given.objectValue else {
                throw A2UIError("\(path)/theme", "expected an object")
            }
            if let color = object["primaryColor"] {
                let digits = color.stringValue?.dropFirst() ?? ""
                guard color.stringValue?.hasPrefix("#") == true, digits.utf8.count == 6,
                    digits.allSatisfy({ $0.isASCII && $0.isHexDigit })
                else { throw A2UIError("\(path)/theme/primaryColor", "expected #RRGGBB") }
                theme["primaryColor"] = color
            }
        }
        // Who draws is not for the one who draws to say, and there is no picture of an agent.
        theme["agentDisplayName"] = .string(agent)
        body["catalogId"] = .string(catalog.id)
        body["theme"] = .object(theme)
        surfaces[name] = Surface(catalog: catalog)
    }

    private mutating func updateComponents(
        _ name: String, _ body: [String: JSON], _ path: String
    ) throws(A2UIError) {
        try Self.only(["surfaceId", "components"], body, path)
        var surface = try surface(name, path)
        guard let components = body["components"]?.arrayValue, !components.isEmpty else {
            throw A2UIError("\(path)/components", "expected a list of at least one component")
        }
        var seen: Set<String> = []
        for (index, component) in components.enumerated() {
            let place = "\(path)/components/\(index)"
            let id = component["id"]?.stringValue ?? ""
            guard !id.isEmpty, id.utf8.count <= A2UILimits.nameBytes else {
                throw A2UIError("\(place)/id", "expected an id of 1 to \(A2UILimits.nameBytes) bytes")
            }
            try A2UIChecker.key(id, "\(place)/id")
            guard seen.insert(id).inserted else { throw A2UIError("\(place)/id", "\(id) is there twice") }
            var checker = A2UIChecker(surface.catalog)
            try checker.component(component, place)
            surface.components[id] = checker.references
            surface.brought.insert(id)
        }
        guard surface.components.count <= A2UILimits.components else {
            throw A2UIError("\(path)/components", "a surface has at most \(A2UILimits.components) components")
        }
        surfaces[name] = surface
    }

    private func updateData(
        _ name: String, _ body: [String: JSON], _ path: String
    ) throws(A2UIError) {
        try Self.only(["surfaceId", "path", "value"], body, path)
        _ = try surface(name, path)
        if let pointer = body["path"] {
            guard let text = pointer.stringValue, text.hasPrefix("/") else {
                throw A2UIError("\(path)/path", "expected a path that begins with a slash")
            }
            try A2UIChecker.pointer(text, "\(path)/path")
        }
        if let value = body["value"] { try A2UIChecker.plain(value, "\(path)/value") }
    }

    // MARK: The tree

    /// There is a root; everything that is named is there; nothing contains itself, is too deep, or hangs in
    /// the air.
    private static func checkTree(_ surface: Surface, _ name: String) throws(A2UIError) {
        let path = "/surfaces/\(name)"
        guard surface.components["root"] != nil else {
            throw A2UIError(path, "there is no component `root`; send it in the same update")
        }
        // Without recursion: the depth of a hostile tree is not known yet.
        var height: [String: Int] = [:]
        var open: Set<String> = []
        var stack: [(id: String, next: Int)] = [("root", 0)]
        open.insert("root")
        while let (id, next) = stack.last {
            guard let children = surface.components[id] else {
                throw A2UIError(path, "\(id) is referred to, but there is no such component")
            }
            guard next < children.count else {
                height[id] = 1 + (children.compactMap { height[$0] }.max() ?? 0)
                open.remove(id)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let child = children[next]
            guard !open.contains(child) else { throw A2UIError(path, "\(child) contains itself") }
            guard height[child] == nil else { continue }
            guard stack.count < A2UILimits.components else { throw A2UIError(path, "is too deep") }
            open.insert(child)
            stack.append((child, 0))
        }
        guard height["root"] ?? 0 <= A2UILimits.depth else {
            throw A2UIError(path, "is deeper than \(A2UILimits.depth) components")
        }
        // What an earlier update drew may have been replaced since; what comes now belongs somewhere.
        if let orphan = surface.brought.filter({ height[$0] == nil }).min() {
            throw A2UIError(path, "\(orphan) is part of nothing; the root must lead to it")
        }
    }
}
