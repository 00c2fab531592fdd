import Kit
import System

/// The hook that judges an app's configuration: known keys, a known role, resources within the manifest's.
enum ValidateConfig {
    /// The roles that the kit ships (seed specification, section 3.2).
    static let builtInRoles = ["architect", "coder", "reviewer", "tester", "browser"]
    /// The longest role file or manifest in bytes.
    private static let fileLimit = 1 << 20

    static func answer(_ fields: InputFields, _ problems: Problems, kitDirectory: String?) -> JSON? {
        var fields = fields
        let config = fields.object("app_config", isRequired: true, isJudged: true)
        // Both are for platforms that keep them elsewhere than beside the hook.
        let manifestPath = fields.string("manifest")
        let plugins = fields.strings("roles", "the name of a role", Names.isLabel)
        fields.finish(alsoKnown: ["api", "hook"])
        guard let config, !problems.hasMalformed else { return nil }
        let roles = builtInRoles + (plugins + installedRoles(kitDirectory)).sorted()
        let resources = resources(manifestPath ?? kitDirectory.map { "\($0)/aegis-kit.yaml" }, problems)
        check(config, roles: roles, resources)
        return ["ok": true]
    }

    private static func check(_ config: InputFields, roles: [String], _ limits: Manifest.Resources) {
        var config = config
        let label = "1 to 63 lower-case letters, digits and hyphens, a letter first"
        if var agent = config.object("agent", isRequired: true) {
            _ = agent.string("id", isRequired: true, label, Names.isLabel)
            if let role = agent.string("role", isRequired: true), !roles.contains(role) {
                agent.report(
                    agent.pointer("role"), "unknown_role",
                    "is no known role; expected one of \(roles.joined(separator: ", "))")
            }
            agent.finish()
        }
        if var resources = config.object("resources") {
            check("cpu_millis", 1...limits.cpu * 1000, &resources)
            check("mem_mb", 64...limits.memoryMegabytes, &resources)
            check("disk_mb", 64...limits.diskMegabytes, &resources)
            resources.finish()
        }
        if var session = config.object("session") {
            _ = session.string("id", label, Names.isLabel)
            check("agents", 1...limits.maxAgentsPerSession, &session)
            check("sessions_in_workspace", 1...limits.maxSessionsPerWorkspace, &session)
            session.finish()
        }
        if var app = config.object("config") {
            _ = app.string("llm", "\"gateway\" or \"direct\"") { ["gateway", "direct"].contains($0) }
            _ = app.string("model", "the name of a model, at most 128 bytes") {
                !$0.isEmpty && $0.utf8.count <= 128
            }
            _ = app.string("effort", "low, medium, high or max") {
                ["low", "medium", "high", "max"].contains($0)
            }
            app.finish()
        }
        config.finish()
    }

    private static func check(_ key: String, _ range: ClosedRange<Int>, _ fields: inout InputFields) {
        guard let value = fields.integer(key), !range.contains(value) else { return }
        fields.report(
            fields.pointer(key), "out_of_range",
            "is \(value); expected \(range.lowerBound) to \(range.upperBound), the kit's own limit")
    }

    /// The limits of the manifest; a manifest that is there and cannot be read is no reason to allow
    /// everything.
    private static func resources(_ path: String?, _ problems: Problems) -> Manifest.Resources {
        var shipped = Manifest.Resources()
        (shipped.memoryMegabytes, shipped.cpu, shipped.diskMegabytes) = (1024, 2, 5120)
        guard let path, Files.exists(path) else { return shipped }
        do {
            return try Manifest.parse(try Files.readText(path, limit: fileLimit), source: path).resources
        } catch {
            problems.malformed("/manifest", "unreadable", "\(error)")
            return shipped
        }
    }

    /// The names of the role files beside the hook. None is the same as no folder: the built-in ones remain.
    private static func installedRoles(_ kitDirectory: String?) -> [String] {
        let names = kitDirectory.flatMap { try? Files.list("\($0)/roles") } ?? []
        return names.compactMap { name in
            guard name.hasSuffix(".yaml") else { return nil }
            let role = String(name.dropLast(5))
            return Names.isLabel(role) && !builtInRoles.contains(role) ? role : nil
        }
    }
}
