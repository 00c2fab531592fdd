// A role that builds on another one: it takes everything that it does not say itself.

extension Role {
    /// How deep roles may build on each other.
    public static let inheritanceLimit = 8

    /// Reads a role that may say `extends: NAME`.
    ///
    /// Fields replace those of the base; of `limits` and `sandbox` each field does. The prompt of the base
    /// comes first and the role's own follows it, so that what the base forbids stays said.
    /// - Parameter base: The text of another role and where it is from; nil when there is none.
    public static func parse(
        _ text: String, source: String, base: (String) -> (text: String, source: String)?
    ) throws(RoleError) -> Role {
        let merged = try merge(text, source, base, path: [])
        return try read(merged, source: source)
    }

    private static func merge(
        _ text: String, _ source: String, _ base: (String) -> (text: String, source: String)?, path: [String]
    ) throws(RoleError) -> YAMLNode {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw RoleError(source: source, problems: ["\(error.mark.line): \(error.reason)"])
        }
        guard case .mapping(let members, let mark) = node, let place = node["extends"] else { return node }
        let own = YAMLNode.mapping(members.filter { $0.key != "extends" }, mark: mark)
        guard let name = place.json.stringValue, let parent = base(name) else {
            throw RoleError(
                source: source,
                problems: [
                    "\(place.mark.line): extends: there is no role "
                        + "\(place.json.stringValue ?? place.json.text)"
                ]
            )
        }
        let chain = path + [node["name"]?.json.stringValue ?? "?"]
        guard !chain.contains(name), chain.count < inheritanceLimit else {
            throw RoleError(
                source: source,
                problems: [
                    "\(place.mark.line): extends: these roles build on each other: "
                        + (chain + [name]).joined(separator: " → ")
                ])
        }
        let inherited = try merge(parent.text, parent.source, base, path: chain)
        return overlay(own, on: inherited)
    }

    private static func overlay(_ own: YAMLNode, on base: YAMLNode) -> YAMLNode {
        guard case .mapping(let members, let mark) = own, case .mapping(let inherited, _) = base else {
            return own
        }
        var result = inherited.filter { member in !members.contains { $0.key == member.key } }
        for member in members {
            guard let old = base[member.key] else {
                result.append(member)
                continue
            }
            switch (member.key, old, member.node) {
            case ("limits", _, .mapping), ("sandbox", _, .mapping):
                result.append((member.key, overlay(member.node, on: old)))
            case ("prompt", .scalar(let first, _, _), .scalar(let second, let plain, let place)):
                let text = first + (first.hasSuffix("\n") ? "" : "\n") + second
                result.append((member.key, .scalar(text, plain: plain, mark: place)))
            default: result.append(member)
            }
        }
        return .mapping(result, mark: mark)
    }

    /// What a role asks for beyond what the kit's manifest allows; empty when nothing.
    public func excess(over manifest: Manifest) -> [String] {
        var problems: [String] = []
        if manifest.networking.egress == .deny, !egress.isEmpty {
            problems.append(
                "egress: the kit lets no guest out, but the role wants \(egress.joined(separator: ", "))")
        }
        return problems
    }

    /// The roles that come with the kit and have a place of their own in every session. A plugin may build on
    /// them and not take their names.
    public static let builtIn = ["architect", "coder", "reviewer", "tester", "browser"]

    /// A label of a host name (RFC 1123) that starts with a letter: an agent of the role is called after it.
    public static func isName(_ text: String) -> Bool {
        Template.isName(text) && text.first.map { $0.isLetter } ?? false && text.last != "-"
    }

    /// It can do tasks of a plan: it writes in a clone of its own.
    public var doesPlannedWork: Bool { workspace == .clone }
}
