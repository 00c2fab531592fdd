extension Manifest {
    /// Reads a manifest strictly: unknown keys, wrong types, values out of range and missing fields are all
    /// reported, in one error.
    /// - Parameter source: Names the text in messages, usually its path.
    public static func parse(_ text: String, source: String) throws(ManifestError) -> Manifest {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw ManifestError(
                source: source,
                problems: [ManifestError.Problem(line: error.mark.line, path: "", message: error.reason)])
        }
        let problems = ManifestProblems()
        let manifest = ManifestFields(node, path: "", problems).flatMap { Manifest($0) }
        guard let manifest, problems.list.isEmpty else {
            let sorted = problems.list.enumerated()
                .sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
            throw ManifestError(source: source, problems: sorted)
        }
        return manifest
    }

    /// Nil only after a problem was reported.
    private init?(_ fields: ManifestFields) {
        var fields = fields
        let name = fields.string(
            "name", isRequired: true, "1 to 63 lower-case letters, digits and hyphens, a letter first",
            Self.isName)
        let version = fields.string(
            "version", isRequired: true, "a semantic version such as 1.0.0", { SemanticVersion($0) != nil })
        let description = fields.string("description", isRequired: true)
        let homepage = fields.string(
            "homepage", "a URL", { $0.hasPrefix("https://") || $0.hasPrefix("http://") })
        var image = fields.section("image", isRequired: true)
        let base = image?.string("base", isRequired: true, "an image reference", Self.isImageReference)
        image?.finish()
        let secrets = Self.secrets(&fields)
        routing = fields.section("routing").flatMap { Routing($0) }
        networking = fields.section("networking").map { Networking($0) } ?? Networking()
        policies = fields.section("policies").map { Policies($0) } ?? Policies()
        resources = fields.section("resources").map { Resources($0) } ?? Resources()
        workspace = fields.section("workspace").map { Workspace($0) } ?? Workspace()
        fields.finish()
        guard let name, let version = version.flatMap({ SemanticVersion($0) }), let description, let base
        else {
            return nil
        }
        (self.name, self.version, self.description) = (name, version, description)
        (self.homepage, self.image, self.secrets) = (homepage ?? "", Image(base: base), secrets)
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 63 else {
            return false
        }
        return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    private static func isImageReference(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func secrets(_ fields: inout ManifestFields) -> [Secret] {
        guard var section = fields.section("secrets") else { return [] }
        var secrets: [Secret] = []
        for fields in section.sections("required") {
            guard let secret = Secret(fields) else { continue }
            if secrets.contains(where: { $0.name == secret.name }) {
                fields.report("name", "\(secret.name) occurs twice; expected each secret once")
            }
            secrets.append(secret)
        }
        section.finish()
        return secrets
    }
}

extension Manifest.Secret {
    fileprivate init?(_ fields: ManifestFields) {
        var fields = fields
        let name = fields.string(
            "name", isRequired: true, "the name of an environment variable: capitals, digits and underscores",
            { Self.isVariable($0) })
        description = fields.string("description") ?? ""
        let scope = fields.choice("scope", Scope.self, isRequired: true)
        isUserProvided = fields.bool("user_provided") ?? false
        isGenerated = fields.bool("generated") ?? false
        isOptional = fields.bool("optional") ?? false
        if isUserProvided && isGenerated {
            fields.report("generated", "a secret is user_provided or generated; expected one of the two")
        }
        fields.finish()
        guard let name, let scope else { return nil }
        (self.name, self.scope) = (name, scope)
    }

    private static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x41...0x5A).contains(first) || first == 0x5F else {
            return false
        }
        return text.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}

extension Manifest.Routing {
    fileprivate init?(_ fields: ManifestFields) {
        var fields = fields
        let scheme = fields.string(
            "scheme", isRequired: true, "a path that starts with /", { $0.hasPrefix("/") })
        hasSessionStickiness = fields.bool("session_stickiness") ?? false
        hasWebSocket = fields.bool("websocket") ?? false
        expose = fields.sections("expose").compactMap { Port($0) }
        fields.finish()
        guard let scheme else { return nil }
        self.scheme = scheme
    }
}

extension Manifest.Routing.Port {
    fileprivate init?(_ fields: ManifestFields) {
        var fields = fields
        let number = fields.integer("port", 1...65535, isRequired: true)
        transport = fields.choice("protocol", Transport.self) ?? .http
        isUI = fields.bool("ui") ?? false
        fields.finish()
        guard let number else { return nil }
        self.number = number
    }
}

extension Manifest.Networking {
    fileprivate init(_ fields: ManifestFields) {
        var fields = fields
        egress = fields.choice("egress", Egress.self) ?? .deny
        internalHosts = fields.strings("internal_hosts", "host:port", { Self.isHostAndPort($0) })
        isInterVM = fields.bool("inter_vm") ?? false
        hasLongLivedConnections = fields.bool("long_lived_connections") ?? false
        fields.finish()
    }

    private static func isHostAndPort(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]) else { return false }
        return (1...65535).contains(port)
    }
}

extension Manifest.Policies {
    fileprivate init(_ fields: ManifestFields) {
        var fields = fields
        defaultTask = fields.choice("default_task", Name.self) ?? .stateless
        defaultServe = fields.choice("default_serve", Name.self) ?? .serve
        warmPool = fields.integer("warm_pool", 0...64) ?? 0
        fields.finish()
    }
}

extension Manifest.Resources {
    fileprivate init(_ fields: ManifestFields) {
        var fields = fields
        memoryMegabytes = fields.megabytes("memory", 64...1 << 20) ?? 512
        cpu = fields.integer("cpu", 1...256) ?? 1
        diskMegabytes = fields.megabytes("disk", 64...1 << 24) ?? 1024
        maxima = fields.integers(prefix: "max_", 1...1_000_000)
        fields.finish()
    }
}

extension Manifest.Workspace {
    fileprivate init(_ fields: ManifestFields) {
        var fields = fields
        mode = fields.choice("mode", Mode.self) ?? .isolated
        fields.finish()
    }
}
