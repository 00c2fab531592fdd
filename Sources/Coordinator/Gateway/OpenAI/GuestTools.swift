// The tools of a guest's request in one of OpenAI's two languages, as functions of the Messages API, and the
// way back: groups of tools (`namespace`) are flattened, free-text tools (`custom`) become functions with one
// string.
import Kit

/// What a guest's tools are called for the model, and what they are for the guest. A value.
struct GuestTools: Sendable {
    /// A tool as the guest knows it.
    struct Tool: Sendable, Hashable {
        var name: String
        var namespace: String?
        /// Its input is a text, not an object.
        var isCustom = false
    }

    /// In the form of the Messages API.
    private(set) var translated: [JSON] = []
    /// What was left out, in sentences.
    private(set) var notes: [String] = []
    private var tools: [String: Tool] = [:]
    private var names: [Tool: String] = [:]

    /// OpenAI's name for what is in no group.
    private static let common = "functions"
    /// The longest name that both APIs take.
    private static let nameLength = 64
    /// Groups within groups that are read.
    private static let depth = 4

    // MARK: From the guest

    /// Adds tools; what runs at the provider's is left out with a note, because nothing may reach out for a
    /// guest.
    /// - Parameter nested: The field that holds a tool's words in chat completions; nil in responses.
    mutating func add(_ list: JSON?, at place: String, nested: Bool) throws(GuestFailure) {
        try add(list, at: place, nested: nested, namespace: nil, depth: 0)
    }

    private mutating func add(
        _ list: JSON?, at place: String, nested: Bool, namespace: String?, depth: Int
    ) throws(GuestFailure) {
        guard let list, !list.isNull else { return }
        guard let tools = list.arrayValue else { throw .invalid("\(place): must be an array") }
        for (index, tool) in tools.enumerated() {
            let here = "\(place)/\(index)"
            switch tool["type"]?.stringValue {
            case "function":
                guard let words = nested ? tool["function"] : tool else {
                    throw .invalid("\(here)/function: is missing")
                }
                try add(function: words, namespace: namespace, at: here)
            case "custom":
                guard let words = nested ? tool["custom"] : tool else {
                    throw .invalid("\(here)/custom: is missing")
                }
                try add(custom: words, namespace: namespace, at: here)
            case "namespace" where depth < GuestTools.depth:
                let name = tool["name"]?.stringValue ?? ""
                try add(
                    tool["tools"], at: "\(here)/tools", nested: nested,
                    namespace: name == GuestTools.common ? namespace : name, depth: depth + 1)
            case let kind?:
                notes.append(
                    "the tool \(kind) was dropped: only tools that run in the guest are offered to the model")
            case nil: throw .invalid("\(here)/type: is missing")
            }
        }
    }

    private mutating func add(function: JSON, namespace: String?, at place: String) throws(GuestFailure) {
        let schema = function["parameters"].flatMap { $0.isNull ? nil : $0 }
        try add(
            Tool(name: function["name"]?.stringValue ?? "", namespace: namespace),
            function["description"]?.stringValue, schema ?? ["type": "object", "properties": [:]], at: place)
    }

    private mutating func add(custom: JSON, namespace: String?, at place: String) throws(GuestFailure) {
        var description = custom["description"]?.stringValue ?? ""
        let format = custom["format"]
        let grammar = format?["grammar"] ?? format
        if let definition = grammar?["definition"]?.stringValue {
            let syntax = grammar?["syntax"]?.stringValue ?? "lark"
            description +=
                "\n\nThe whole of `input` must be a text of this grammar (\(syntax)), without quotes or "
                + "fences around it:\n\(definition)"
        }
        try add(
            Tool(name: custom["name"]?.stringValue ?? "", namespace: namespace, isCustom: true), description,
            [
                "type": "object", "required": ["input"], "additionalProperties": false,
                "properties": [
                    "input": ["type": "string", "description": "The tool's input, as plain text."]
                ],
            ], at: place)
    }

    private mutating func add(
        _ tool: Tool, _ description: String?, _ schema: JSON, at place: String
    ) throws(GuestFailure) {
        guard !tool.name.isEmpty else { throw .invalid("\(place)/name: is missing") }
        let name = GuestTools.flat(tool)
        // The last word holds, as when a list of more tools follows in the input.
        if tools[name] != nil { translated.removeAll { $0["name"] == .string(name) } }
        var entry: JSON = ["name": .string(name), "input_schema": schema]
        if let description, !description.isEmpty { entry["description"] = .string(description) }
        translated.append(entry)
        tools[name] = tool
        names[Tool(name: tool.name, namespace: tool.namespace)] = name
    }

    /// One name for a tool of a group. The same on every call, because it stands in the prompt.
    private static func flat(_ tool: Tool) -> String {
        let name = tool.namespace.map { "\($0)__\(tool.name)" } ?? tool.name
        guard name.utf8.count > nameLength else { return name }
        let digest = Digest.sha256Hex(Array(name.utf8)).prefix(8)
        return "\(name.prefix(nameLength - 9))_\(digest)"
    }

    /// What the model knows a tool by that the guest names.
    func name(_ name: JSON?, namespace: JSON? = nil) -> String {
        let group = namespace?.stringValue.flatMap { $0 == GuestTools.common || $0.isEmpty ? nil : $0 }
        let tool = Tool(name: name?.stringValue ?? "", namespace: group)
        return names[tool] ?? GuestTools.flat(tool)
    }

    /// The choice of the guest in the words of the Messages API; nil when it leaves it to the model.
    mutating func choice(_ choice: JSON?) -> JSON? {
        switch choice {
        case "required": return ["type": "any"]
        case "none": return ["type": "none"]
        case .some(.object(let object)) where object["type"] == "allowed_tools":
            let words = object["allowed_tools"] ?? .object(object)
            let allowed = Set(
                (words["tools"]?.arrayValue ?? []).map { tool in
                    name((tool["function"] ?? tool["custom"] ?? tool)["name"], namespace: tool["namespace"])
                })
            translated.removeAll { !allowed.contains($0["name"]?.stringValue ?? "") }
            return words["mode"] == "required" ? ["type": "any"] : nil
        case .some(.object(let object)):
            let words = object["function"] ?? object["custom"] ?? .object(object)
            let name = name(words["name"], namespace: words["namespace"])
            // One that was left out cannot be forced.
            return tools[name] == nil ? nil : ["type": "tool", "name": .string(name)]
        default: return nil
        }
    }

    // MARK: Back to the guest

    /// The tool as the guest knows it; one that the model made up has the name that it gave.
    subscript(name: JSON?) -> Tool {
        let name = name?.stringValue ?? ""
        return tools[name] ?? Tool(name: name)
    }

    /// The text of a free-text tool, from what the model gave as the function's arguments.
    static func text(ofArguments arguments: String) -> String {
        guard let json = try? JSON.parse(arguments) else { return arguments }
        if let text = json["input"]?.stringValue ?? json.stringValue { return text }
        let fields = json.objectValue ?? [:]
        if fields.count == 1, let text = fields.first?.value.stringValue { return text }
        return fields.isEmpty ? "" : arguments
    }
}
