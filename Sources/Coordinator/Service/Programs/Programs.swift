// Agent programs of somebody else's: which are known, and which of them plays which role of a session.
public import Kit
import Platform
import System

/// The descriptions: the kit's and the user's, which win.
public struct Programs: Sendable {
    /// The agent that comes with the kit.
    public static let own = "openclaw"

    private var files: [String: Roles.File] = [:]

    public init(home: Home) {
        for directory in ["\(home.kit)/agents", "\(home.path)/agents"] {
            for file in Roles.files(in: directory) { files[file.name] = file }
        }
    }

    /// Every name, in order.
    public var names: [String] { files.keys.sorted() }

    /// Where a description lies.
    public func path(_ name: String) -> String? { files[name]?.path }

    /// The program of a name.
    public func program(_ name: String) throws(ProgramProblem) -> AgentProgram {
        guard let file = files[name] else {
            let known = ([Self.own] + names).joined(separator: ", ")
            let isNumber = !name.isEmpty && name.utf8.allSatisfy { (0x30...0x39).contains($0) }
            throw ProgramProblem(
                message: "there is no agent program \(name); known are \(known)",
                hint: isNumber
                    ? "how many agents there are is said with --agents \(name)"
                    : "describe it in agents/\(name).yaml in AEGIS_OPENCLAW_HOME; openclaw help agents")
        }
        do throws(AgentProgram.Problems) {
            let program = try AgentProgram.parse(file.text, source: file.path)
            guard program.name == name else {
                throw AgentProgram.Problems(
                    source: file.path,
                    problems: ["1: name: is \(program.name); file and name must be the same"])
            }
            return program
        } catch {
            throw ProgramProblem(message: error.description, hint: "correct the lines named above")
        }
    }
}

extension Programs {
    /// Why agents of the role could not be started on this machine, in words; nil when they can.
    public static func problem(of role: Role, home: Home) -> String? {
        SessionPrograms().problem(of: role, home: home).map { "\($0)" }
    }
}

/// Which program plays which role of one session, fixed at its start.
struct SessionPrograms: Sendable {
    /// For every role that says nothing else; nil for our own agent.
    var general: String?
    var byRole: [String: String] = [:]
    var places = ProgramPlaces.current

    private static func file(_ home: Home, _ session: String) -> String {
        "\(home.session(session))/programs.json"
    }

    init() {}

    /// What a person asked for.
    init(body: JSON) throws(ServiceError) {
        general = body["program"]?.stringValue
        if let json = body["programs"], !json.isNull {
            guard let members = json.objectValue, members.values.allSatisfy({ $0.stringValue != nil }) else {
                throw ServiceError("programs is an object of names, by role", code: "usage", status: 400)
            }
            byRole = members.compactMapValues(\.stringValue)
        }
        if let places = ProgramPlaces(body["program_places"]) { self.places = places }
    }

    /// What a session was begun with.
    init(home: Home, session: String) {
        guard let text = try? Files.readText(Self.file(home, session), limit: 1 << 20),
            let json = try? JSON.parse(text)
        else { return }
        general = json["program"]?.stringValue
        byRole = (json["programs"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        if let places = ProgramPlaces(json["places"]) { self.places = places }
    }

    func save(home: Home, session: String) throws(SystemError) {
        let json: JSON = [
            "program": general.map { .string($0) } ?? .null,
            "programs": .object(byRole.mapValues { .string($0) }), "places": places.json,
        ]
        try Files.write(Self.file(home, session), Array(json.text.utf8), mode: 0o600)
    }

    /// The program of a role; nil for our own agent, or one that the role's `command` names.
    func name(for role: Role) -> String? {
        let name =
            byRole[role.name] ?? role.agent ?? (role.command == nil && Self.isPlayed(role) ? general : nil)
        return name == Programs.own ? nil : name
    }

    /// What --agent without a role is about: a role whose work is in tools that only our own agent has is
    /// left to it.
    private static func isPlayed(_ role: Role) -> Bool { role.workspace != .none }

    /// Everything that the roles of a session need is there and can do its role.
    func check(home: Home, roles: Roles) throws {
        for (role, _) in byRole where !roles.names.contains(role) {
            throw ServiceError(
                "--agent \(role)=: there is no role \(role)", hint: "openclaw roles list", code: "usage",
                status: 422)
        }
        let programs = Programs(home: home)
        // Said even if no role would use it.
        if let general, general != Programs.own { _ = try Self.found(general, programs, home, places) }
        for roleName in Set(byRole.keys).union(["architect", "coder", "reviewer", "tester"]).sorted() {
            guard let role = try roles.role(roleName) else { continue }
            if let problem = problem(of: role, home: home) { throw problem }
            guard let name = name(for: role) else { continue }
            let program = try Self.found(name, programs, home, places).0
            let needsTools = ["architect", "reviewer", "tester"].contains(roleName)
            guard needsTools, !program.hasTools else { continue }
            // Asked for by name it is a mistake; as part of all roles it is left to our own agent.
            guard byRole[roleName] == nil, role.agent == nil else {
                throw ServiceError(
                    "\(name) cannot be the \(roleName): it takes no tools by MCP, so it could give no "
                        + "verdict, result or plan", hint: "openclaw agents list says which can",
                    code: "usage",
                    status: 422)
            }
        }
    }

    /// Why agents of the role could not be started here; nil when they can.
    func problem(of role: Role, home: Home) -> ServiceError? {
        if let name = name(for: role) {
            do throws(ServiceError) {
                _ = try Self.found(name, Programs(home: home), home, places)
                return nil
            } catch {
                return error
            }
        }
        guard let command = role.command,
            let problem = ProgramFinder(places, home: home).missing(command, kit: home.kit)
        else { return nil }
        return ServiceError(
            "the role \(role.name) names the command \(command[0]): \(problem.message)",
            hint: problem.hint, code: "no_program", status: 422)
    }

    private static func found(
        _ name: String, _ programs: Programs, _ home: Home, _ places: ProgramPlaces
    ) throws(ServiceError) -> (AgentProgram, FoundProgram) {
        do throws(ProgramProblem) {
            let program = try programs.program(name)
            return (program, try ProgramFinder(places, home: home).find(program))
        } catch {
            throw ServiceError(error.message, hint: error.hint, code: "no_program", status: 422)
        }
    }

    /// What a guest of the role is started with.
    struct Place {
        var command = ["/openclaw/bin/openclaw-agent"]
        var document: JSON?
        /// Of the host, by where it is on the session's volume.
        var shown: [String: String] = [:]
    }

    /// - Parameter model: The specification of the agent's model.
    func place(_ role: Role, home: Home, model: String) throws -> Place {
        if let name = name(for: role) {
            let (program, found) = try Self.found(name, Programs(home: home), home, places)
            let needsTools = ["architect", "reviewer", "tester"].contains(role.name)
            if program.hasTools || !needsTools { return Self.place(program, found, role, model) }
        }
        guard let command = role.command else { return Place() }
        if let problem = problem(of: role, home: home) { throw problem }
        return Place(
            command: ["/openclaw/bin/openclaw-agent", "command"], document: ["command": JSON(command)])
    }

    private static func place(
        _ program: AgentProgram, _ found: FoundProgram, _ role: Role, _ model: String
    ) -> Place {
        var program = program
        program.environment.merge(found.environment) { own, _ in own }
        var place = Place(command: ["/openclaw/bin/openclaw-agent", "program"])
        var views: [JSON] = []
        for (index, path) in found.shown.enumerated() {
            let name = "\(ProgramPlace.shown)/\(program.name)-\(index)"
            place.shown[name] = path
            views.append([
                "source": .string("\(GuestDocument.workspace)/\(name)"), "target": .string(path),
                "mode": "ro",
            ])
        }
        place.document = [
            "description": program.json, "path": .string(found.path), "views": .array(views),
            "paths": JSON(found.paths), "model": .string(Self.modelName(model)), "turns": JSON(role.turns),
        ]
        return place
    }

    /// What a program calls its model: the gateway knows which one is meant whatever it is called.
    static func modelName(_ spec: String) -> String {
        let prefixes = ["script:", "anthropic:", "openai:"]
        guard let prefix = prefixes.first(where: { spec.hasPrefix($0) }) ?? (spec.contains(":") ? nil : ""),
            prefix != "script:"
        else { return "default" }
        let name = spec.dropFirst(prefix.count).prefix { $0 != "@" && $0 != "?" }
        return name.isEmpty || name == "anthropic" ? "default" : String(name)
    }
}
