// Components that show parts of the session. None of them decides anything: what approves, pauses or cancels
// is not for agents to draw.

extension A2UICatalog {
    private static let status = A2UIShape.word(["passed", "failed", "skipped", "running", "waiting"])

    static let sessionComponents: [String: A2UIComponent] = [
        // The agents side by side, or some of them.
        "AgentLanes": A2UIComponent(["agents": .may(.list(.string, least: 0, most: 64))]),
        // The plan as a graph.
        "TaskGraph": A2UIComponent([
            "tasks": .may(.list(.string, least: 0, most: 500)), "showCriticalPath": .may(.boolean),
            "layout": .may(.word(["down", "right"])),
        ]),
        // The change as it stands, or some files of it.
        "DiffView": A2UIComponent([
            "files": .may(.list(.string, least: 0, most: 500)),
            "layout": .may(.word(["split", "unified"])),
        ]),
        // What tests came to, as the agent has it.
        "TestTree": A2UIComponent([
            "suites": .must(
                .list(
                    .object([
                        "name": .must(.string), "status": .must(status),
                        "cases": .may(
                            .list(
                                .object([
                                    "name": .must(.string), "status": .must(status),
                                    "milliseconds": .may(.number), "message": .may(.string),
                                ]), least: 0, most: A2UILimits.list)),
                    ]), least: 0, most: 500))
        ]),
        // The end of an agent's output.
        "LogTail": A2UIComponent(["agent": .must(.string), "lines": .may(.natural)]),
        // An architecture: boxes, arrows, frames around boxes.
        "Diagram": A2UIComponent([
            "nodes": .must(
                .list(
                    .object([
                        "id": .must(.string), "label": .must(.string),
                        "kind": .may(
                            .word([
                                "component", "service", "store", "queue", "actor", "external", "file",
                            ])),
                        "group": .may(.string), "detail": .may(.string),
                    ]), least: 1, most: 500)),
            "edges": .may(
                .list(
                    .object([
                        "from": .must(.string), "to": .must(.string), "label": .may(.string),
                        "kind": .may(.word(["calls", "data", "depends", "event"])),
                    ]), least: 0, most: A2UILimits.list)),
            "groups": .may(
                .list(.object(["id": .must(.string), "label": .must(.string)]), least: 0, most: 100)),
            "direction": .may(.word(["down", "right"])), "title": .may(.dynamicString),
        ]),
        // What happened when.
        "Timeline": A2UIComponent(["fromSeq": .may(.natural), "toSeq": .may(.natural)]),
        // What it costs.
        "CostMeter": A2UIComponent([
            "scope": .may(.word(["session", "agent", "task"])), "id": .may(.string),
        ]),
    ]

    /// The JSON schema (2020-12) of one of our own components, in the form of an A2UI catalog.
    static func schema(of component: A2UIComponent, named name: String) -> JSON {
        var properties = component.properties.mapValues { schema(of: $0.shape) }
        properties["component"] = ["const": .string(name)]
        let required = component.properties.filter(\.value.isRequired).keys.sorted()
        return [
            "type": "object",
            "allOf": [["$ref": "common_types.json#/$defs/ComponentCommon"]],
            "properties": .object(properties), "required": JSON(["component"] + required),
            "unevaluatedProperties": false,
        ]
    }

    /// Our catalog's own part, as a document for others.
    public static var sessionSchema: JSON {
        let components = sessionComponents.map { ($0.key, schema(of: $0.value, named: $0.key)) }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "catalogId": .string(session.id),
            "title": "OpenClaw session components; the basic catalog of A2UI v0.9 is part of it too",
            "components": .object(Dictionary(components) { first, _ in first }),
        ]
    }

    private static func schema(of shape: A2UIShape) -> JSON {
        switch shape {
        case .string, .pattern: return ["type": "string"]
        case .number: return ["type": "number"]
        case .natural: return ["type": "integer", "minimum": 0]
        case .boolean: return ["type": "boolean"]
        case .dynamicString, .dynamicDate, .dynamicMedia: return reference("DynamicString")
        case .dynamicNumber: return reference("DynamicNumber")
        case .dynamicBoolean: return reference("DynamicBoolean")
        case .dynamicStringList: return reference("DynamicStringList")
        case .dynamicValue: return reference("DynamicValue")
        case .component: return reference("ComponentId")
        case .children: return reference("ChildList")
        case .action: return reference("Action")
        case .link: return ["type": "string", "format": "uri"]
        case .word(let words): return ["type": "string", "enum": JSON(words)]
        case .icon: return ["type": "string", "enum": JSON(icons.sorted())]
        case .object(let properties):
            return [
                "type": "object", "properties": .object(properties.mapValues { schema(of: $0.shape) }),
                "required": JSON(properties.filter(\.value.isRequired).keys.sorted()),
                "additionalProperties": false,
            ]
        case .list(let element, let least, let most):
            return [
                "type": "array", "items": schema(of: element), "minItems": JSON(least),
                "maxItems": JSON(most),
            ]
        case .any: return [:]
        }
    }

    private static func reference(_ name: String) -> JSON {
        ["$ref": .string("common_types.json#/$defs/\(name)")]
    }
}
