import Kit

/// The schema of a tool's input as a model is shown it: one that every provider takes, of bounded size. What
/// has to go is what a schema can lose and stay true: words first, then conditions. JSON Schema 2020-12
enum MCPSchema {
    /// Levels that are kept when a schema is too large, tried in this order.
    private static let depths = [MCPLimits.schemaDepth, 24, 16, 12, 8, 6, 4]
    /// Words that say how a value is to be understood, and do not decide whether it is one.
    private static let words: Set<String> = ["description", "title", "$comment", "examples"]
    /// Members that providers refuse at the top of a schema.
    private static let refusedAtTop = [
        "$schema", "$id", "$ref", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "enum",
    ]

    static func shown(_ json: JSON) -> JSON {
        let anything: JSON = ["type": "object"]
        guard json.objectValue != nil, json["type"] == nil || json["type"] == "object" else {
            return anything
        }
        let whole = joined(json)
        for (depth, hasWords) in depths.flatMap({ depth in [true, false].map { (depth, $0) } }) {
            var schema = pruned(whole, depth: depth, hasWords: hasWords)
            schema["type"] = "object"
            for key in refusedAtTop { schema[key] = nil }
            if schema.serialized().count <= MCPLimits.schemaBytes { return schema }
        }
        return anything
    }

    /// A text whose end is missing says so.
    static func cut(_ text: String, _ limit: Int) -> String {
        guard text.count > limit else { return text }
        return text.prefix(limit) + " […]"
    }

    // MARK: The top

    /// The forms of a top that is a choice, as one object that has the members of all: what every form
    /// demands is demanded.
    private static func joined(_ json: JSON) -> JSON {
        var schema = json
        if let name = json["$ref"]?.stringValue, name.hasPrefix("#/$defs/"),
            let target = json["$defs"]?[String(name.dropFirst(8))], target.objectValue != nil
        {
            schema = target
            schema["$defs"] = json["$defs"]
        }
        for (key, isChoice) in [("allOf", false), ("anyOf", true), ("oneOf", true)] {
            let forms = (schema[key]?.arrayValue ?? []).filter { $0["properties"]?.objectValue != nil }
            guard !forms.isEmpty else { continue }
            for form in forms { add(form["properties"]?.objectValue ?? [:], to: &schema) }
            let all = forms.map { Set(($0["required"]?.arrayValue ?? []).compactMap(\.stringValue)) }
            let demanded =
                isChoice
                ? all.dropFirst().reduce(all.first ?? []) { $0.intersection($1) }
                : all.reduce([]) { $0.union($1) }
            let known = (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue)
            let required = known + demanded.subtracting(known).sorted()
            if !required.isEmpty { schema["required"] = JSON(required) }
            // A form that knows only its own members would refuse those of the others.
            schema["additionalProperties"] = nil
        }
        return schema
    }

    private static func add(_ members: [String: JSON], to schema: inout JSON) {
        var properties = schema["properties"]?.objectValue ?? [:]
        for (name, member) in members {
            if let other = properties[name], other != member {
                let forms = (other["anyOf"]?.arrayValue ?? [other]) + [member]
                properties[name] = ["anyOf": .array(forms)]
            } else {
                properties[name] = member
            }
        }
        schema["properties"] = .object(properties)
    }

    // MARK: Size

    /// What is below the depth is any value of its kind.
    private static func pruned(_ json: JSON, depth: Int, hasWords: Bool) -> JSON {
        switch json {
        case .array(let items):
            return .array(items.map { pruned($0, depth: depth - 1, hasWords: hasWords) })
        case .object(let members):
            guard depth > 0 else {
                return members["type"].map { $0.stringValue == nil ? [:] : ["type": $0] } ?? [:]
            }
            var kept: [String: JSON] = [:]
            for (key, value) in members {
                if words.contains(key), value.objectValue == nil {
                    guard hasWords else { continue }
                    kept[key] =
                        value.stringValue.map { .string(cut($0, MCPLimits.parameterCharacters)) } ?? value
                } else {
                    kept[key] = pruned(value, depth: depth - 1, hasWords: hasWords)
                }
            }
            return .object(kept)
        default: return json
        }
    }
}
