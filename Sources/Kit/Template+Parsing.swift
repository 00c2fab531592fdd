// Reads the file of a template; strict, all problems at once.

extension Template {
    /// Reads a template's YAML.
    public static func parse(_ text: String, source: String) throws(TemplateError) -> Template {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw TemplateError(source: source, problems: ["\(error.mark.line): \(error.reason)"])
        }
        guard case .mapping = node else {
            throw TemplateError(source: source, problems: ["1: a template is a mapping with name and task"])
        }
        var reader = TemplateReader(node: node)
        let template = reader.read()
        guard reader.problems.isEmpty else {
            throw TemplateError(source: source, problems: reader.problems)
        }
        return template
    }
}

private struct TemplateReader {
    let node: YAMLNode
    var problems: [String] = []

    private static let fields: Set<String> = ["name", "description", "parameters", "task", "plan", "options"]
    private static let parameterFields: Set<String> = [
        "type", "help", "required", "default", "choices", "minimum", "maximum",
    ]

    init(node: YAMLNode) { self.node = node }

    mutating func read() -> Template {
        refuseUnknown(node, Self.fields, "")
        let name = text(node["name"], "name") ?? ""
        if !Template.isName(name) { note(node["name"], "name", "must be small letters, digits and dashes") }
        let task = text(node["task"], "task") ?? ""
        if task.trimmed.isEmpty { note(node["task"], "task", "is missing") }
        let template = Template(
            name: name, description: text(node["description"], "description") ?? "", parameters: parameters(),
            task: task, plan: plan(), options: options())
        checkNames(template)
        return template
    }

    private mutating func parameters() -> [Template.Parameter] {
        guard let place = node["parameters"] else { return [] }
        guard case .mapping(let members, _) = place else {
            note(place, "parameters", "must be a mapping of names")
            return []
        }
        return members.map { parameter($0.key, $0.node) }
    }

    private mutating func parameter(_ name: String, _ node: YAMLNode) -> Template.Parameter {
        let field = "parameters.\(name)"
        if !Template.isName(name) { note(node, field, "must be small letters, digits and dashes") }
        refuseUnknown(node, Self.parameterFields, "\(field).")
        var kind = Template.Parameter.Kind.text
        switch text(node["type"], "\(field).type") ?? "text" {
        case "text": break
        case "boolean": kind = .boolean
        case "integer":
            let low = node["minimum"]?.json.intValue ?? 0
            let high = node["maximum"]?.json.intValue ?? 1_000_000
            if low > high { note(node, field, "minimum is above maximum") }
            kind = .integer(min(low, high)...max(low, high))
        case "choice":
            let choices = node["choices"]?.json.arrayValue?.compactMap(\.stringValue) ?? []
            if choices.isEmpty { note(node, "\(field).choices", "must be a list of texts") }
            kind = .choice(choices)
        case let other:
            note(node["type"], "\(field).type", "\(other) is none of text, boolean, integer, choice")
        }
        let isRequired = node["required"]?.json.boolValue ?? false
        let standard = node["default"].map { scalar($0) } ?? (kind == .boolean ? "false" : "")
        let parameter = Template.Parameter(
            name: name, kind: kind, help: text(node["help"], "\(field).help") ?? "", isRequired: isRequired,
            standard: standard)
        if let place = node["default"] {
            if isRequired { note(place, "\(field).default", "has no meaning for what is required") }
            var optional = parameter
            optional.isRequired = false
            if let problem = optional.check(standard) { note(place, "\(field).default", problem) }
        }
        return parameter
    }

    private mutating func plan() -> JSON? {
        guard let place = node["plan"] else { return nil }
        let plan = place.json
        do throws(PlanError) {
            _ = try Plan.parse(plan)
        } catch {
            for problem in error.problems { note(place, "plan\(problem.path)", problem.message) }
        }
        return plan
    }

    private mutating func options() -> [String: [String]] {
        guard let place = node["options"] else { return [:] }
        refuseUnknown(place, Set(Template.optionNames), "options.")
        guard case .mapping(let members, _) = place else { return [:] }
        var options: [String: [String]] = [:]
        for member in members where options[member.key] == nil {
            if let values = Template.optionValues(member.node, of: member.key) {
                options[member.key] = values
            } else {
                note(
                    member.node, "options.\(member.key)", "must be a value" + Template.byRoleHint(member.key))
            }
        }
        return options
    }

    /// Every name in `${…}` is a parameter.
    private mutating func checkNames(_ template: Template) {
        let known = Set(template.parameters.map(\.name))
        var texts = [(node["task"], "task", template.task)]
        for (name, value) in template.options.sorted(by: { $0.key < $1.key }) {
            for value in value { texts.append((node["options"], "options.\(name)", value)) }
        }
        if let plan = template.plan { texts.append((node["plan"], "plan", plan.text)) }
        for (place, field, text) in texts {
            for piece in Template.pieces(of: text) where piece.isName {
                let name = piece.text.hasPrefix("?") ? String(piece.text.dropFirst()) : piece.text
                if !known.contains(name) { note(place, field, "${\(piece.text)} is no parameter") }
            }
        }
    }

    // MARK: Fields

    private func scalar(_ node: YAMLNode) -> String {
        if case .scalar(let text, _, _) = node { return text }
        return node.json.text
    }

    private mutating func text(_ node: YAMLNode?, _ field: String) -> String? {
        guard let node else { return nil }
        guard let text = node.json.stringValue else {
            note(node, field, "must be a text")
            return nil
        }
        return text
    }

    private mutating func note(_ place: YAMLNode?, _ field: String, _ message: String) {
        problems.append("\((place ?? node).mark.line): \(field): \(message)")
    }

    private mutating func refuseUnknown(_ node: YAMLNode, _ known: Set<String>, _ prefix: String) {
        guard case .mapping(let members, _) = node else {
            return note(node, String(prefix.dropLast()), "must be a mapping")
        }
        for member in members where !known.contains(member.key) {
            note(
                member.node, prefix + member.key,
                "is no field; known are \(known.sorted().joined(separator: ", "))")
        }
    }
}

extension Template {
    /// Small letters, digits and dashes, 40 at most: also the name of its file.
    public static func isName(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count) && text.first != "-"
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }
}

extension Template {
    /// What a file says for an option of `openclaw run`, as values of the command line: `VALUE`, or
    /// `ROLE=VALUE` where it differs from role to role.
    /// - Returns: Nil when it is neither a value nor values by role, where the option takes those.
    public static func optionValues(_ node: YAMLNode, of option: String) -> [String]? {
        if case .scalar(let text, _, _) = node { return [text] }
        guard optionsByRole.contains(option), case .mapping(let members, _) = node, !members.isEmpty else {
            return nil
        }
        var values: [String] = []
        for member in members {
            guard case .scalar(let text, _, _) = member.node, Role.isName(member.key) else { return nil }
            values.append(member.key == "all" ? text : "\(member.key)=\(text)")
        }
        return values
    }

    static func byRoleHint(_ option: String) -> String {
        optionsByRole.contains(option) ? ", or values by role: {all: VALUE, ROLE: VALUE}" : ""
    }
}
