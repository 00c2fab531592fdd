// The plan of a session: what an architect proposes, or a person gives with --plan.

/// One piece of work, done by one agent and merged as one.
public struct PlanTask: Sendable, Hashable, Codable {
    public var id: String
    public var title: String
    public var description: String
    /// Whose work it is; `coder` when the plan does not say.
    public var role: String
    /// Tasks that must be merged before this one starts.
    public var dependsOn: [String]
    /// Globs of the files it will write; tasks whose sets meet run one after the other. Empty means anything.
    public var writeSet: [String]
    /// What must hold when it is done, for the agent and for the reviewer.
    public var acceptance: [String]
    /// Commands that must end with 0 on the merged tree; nil when there are none.
    public var checks: [String]?
    /// The model of its agent while it is at this task; nil for that of its role.
    public var model: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, title, description, role, acceptance, checks, model
        case dependsOn = "depends_on"
        case writeSet = "write_set"
    }

    public init(
        id: String, title: String, description: String = "", role: String = "coder", dependsOn: [String] = [],
        writeSet: [String] = [], acceptance: [String] = [], checks: [String]? = nil, model: String? = nil
    ) {
        (self.id, self.title, self.description, self.role) = (id, title, description, role)
        (self.dependsOn, self.writeSet, self.acceptance) = (dependsOn, writeSet, acceptance)
        (self.checks, self.model) = (checks, model)
    }

    /// The longest title, in bytes.
    public static let titleBytes = 200

    /// The first line of a text that says anything, as a title.
    public static func title(of text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.split(whereSeparator: \.isWhitespace) }
        let words = lines.first { !$0.isEmpty }?.joined(separator: " ") ?? ""
        guard words.utf8.count > titleBytes else { return words }
        var cut = words.prefix(titleBytes)
        while cut.utf8.count > titleBytes - "…".utf8.count { cut.removeLast() }
        return cut + "…"
    }
}

/// The work of a session, in the order in which it is merged.
public struct Plan: Sendable, Hashable, Codable {
    public var summary: String
    public var tasks: [PlanTask]

    public init(summary: String, tasks: [PlanTask]) {
        (self.summary, self.tasks) = (summary, tasks)
    }

    /// The most tasks that a plan may have.
    public static let taskLimit = 64
    /// The roles that do the tasks of a plan.
    public static let workRoles = ["coder"]
    /// What a plan's file may also say, for the session and not for its tasks.
    public static let sessionFields = [
        "task", "agents", "allow", "model", "models", "budget", "budgets", "deadline", "test",
    ]
    /// The most commands that a task's acceptance may have: each is run on each candidate after it.
    public static let checkLimit = 8
}

extension Plan {
    /// Why a role does not do a task.
    public static func refusal(of role: String, known: Set<String>) -> String {
        "\(role) does not do tasks of a plan; \(known.sorted().joined(separator: ", ")) "
            + "\(known.count == 1 ? "does" : "do"). Review and tests follow by themselves"
    }
}

/// Everything that is wrong with a plan.
public struct PlanError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Problem: Sendable, Hashable {
        /// RFC 6901 pointer to the place, with the line before it when the plan is a text: "plan.yaml:7
        /// /tasks/1".
        public let path: String
        public let message: String

        public init(path: String, message: String) {
            (self.path, self.message) = (path, message)
        }
    }

    /// At least one.
    public let problems: [Problem]

    public init(_ problems: [Problem]) { self.problems = problems }

    public var description: String { problems.map { "\($0.path): \($0.message)" }.joined(separator: "\n") }
}

extension Plan {
    /// Reads a plan's YAML (of which JSON is a part); all problems at once.
    /// - Parameter roles: Those that do tasks of a plan; nil leaves it to the caller to look.
    public static func parse(_ text: String, source: String, roles: Set<String>? = Set(workRoles))
        throws(PlanError) -> Plan
    {
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw PlanError([.init(path: "\(error.source):\(error.mark.line)", message: error.reason)])
        }
        var reader = PlanReader(place: { pointer in
            "\(source):\(node.line(at: pointer)) /\(pointer.joined(separator: "/"))"
        })
        reader.roles = roles
        return try reader.read(node.json)
    }

    /// Reads a plan as an agent proposes it; all problems at once.
    public static func parse(_ json: JSON, roles: Set<String>? = Set(workRoles)) throws(PlanError) -> Plan {
        var reader = PlanReader(place: { "/" + $0.joined(separator: "/") })
        reader.roles = roles
        return try reader.read(json)
    }

    /// Reads one task, as an architect adds it to a plan that is under way.
    public static func parse(
        task json: JSON, in plan: Plan, roles: Set<String>? = Set(workRoles)
    ) throws(PlanError) -> PlanTask {
        var reader = PlanReader(place: { "/" + $0.joined(separator: "/") })
        reader.roles = roles
        return try reader.read(task: json, in: plan)
    }
}

extension YAMLNode {
    /// The line of the deepest node on the way to a pointer.
    fileprivate func line(at pointer: [String]) -> Int {
        var node = self
        for step in pointer {
            switch node {
            case .mapping: guard let next = node[step] else { return node.mark.line }; node = next
            case .sequence(let items, _):
                guard let index = Int(step), items.indices.contains(index) else { return node.mark.line }
                node = items[index]
            case .scalar: return node.mark.line
            }
        }
        return node.mark.line
    }
}

/// Turns JSON into a plan and collects what is wrong.
private struct PlanReader {
    let place: ([String]) -> String
    var roles: Set<String>? = Set(Plan.workRoles)
    var problems: [PlanError.Problem] = []

    init(place: @escaping ([String]) -> String) { self.place = place }

    mutating func read(_ json: JSON) throws(PlanError) -> Plan {
        guard let members = json.objectValue else {
            throw PlanError([.init(path: place([]), message: "a plan is an object with summary and tasks")])
        }
        refuseUnknown(members, known: Set(["summary", "tasks", "version"] + Plan.sessionFields), at: [])
        let summary = text(members["summary"], at: ["summary"], limit: 10_000) ?? ""
        var tasks: [PlanTask] = []
        if let items = members["tasks"]?.arrayValue {
            if items.isEmpty { note(["tasks"], "a plan has at least one task") }
            if items.count > Plan.taskLimit { note(["tasks"], "a plan has at most \(Plan.taskLimit) tasks") }
            for (index, item) in items.prefix(Plan.taskLimit).enumerated() {
                if let task = task(item, number: index + 1, at: ["tasks", "\(index)"]) { tasks.append(task) }
            }
        } else {
            note(["tasks"], "must be a list of tasks")
        }
        checkNames(tasks)
        guard problems.isEmpty else { throw PlanError(problems) }
        return Plan(summary: summary, tasks: tasks)
    }

    mutating func read(task json: JSON, in plan: Plan) throws(PlanError) -> PlanTask {
        guard let task = task(json, number: plan.tasks.count + 1, at: ["task"]) else {
            throw PlanError(problems)
        }
        if plan.tasks.count >= Plan.taskLimit {
            note(["task"], "the plan has \(Plan.taskLimit) tasks already")
        }
        if plan.tasks.contains(where: { $0.id == task.id }) {
            note(["task", "id"], "\(task.id) is in the plan already")
        }
        for (index, name) in task.dependsOn.enumerated() where !plan.tasks.contains(where: { $0.id == name })
        {
            note(["task", "depends_on", "\(index)"], "there is no task \(name)")
        }
        guard problems.isEmpty else { throw PlanError(problems) }
        return task
    }

    private mutating func note(_ pointer: [String], _ message: String) {
        problems.append(.init(path: place(pointer), message: message))
    }

    private mutating func refuseUnknown(_ members: [String: JSON], known: Set<String>, at pointer: [String]) {
        for key in members.keys.sorted() where !known.contains(key) {
            note(
                pointer + [key],
                "is not a field of a plan; known are \(known.sorted().joined(separator: ", "))")
        }
    }

    private mutating func task(_ json: JSON, number: Int, at pointer: [String]) -> PlanTask? {
        guard let members = json.objectValue else {
            note(pointer, "must be an object with id, title and description")
            return nil
        }
        refuseUnknown(members, known: Set(PlanTask.CodingKeys.allCases.map(\.rawValue)), at: pointer)
        let id = text(members["id"], at: pointer + ["id"], limit: 32) ?? "t\(number)"
        if !Self.isName(id) { note(pointer + ["id"], "\(id) is not letters, digits and dashes, 32 at most") }
        guard let title = text(members["title"], at: pointer + ["title"], limit: PlanTask.titleBytes),
            !title.isEmpty
        else {
            note(pointer + ["title"], "is missing")
            return nil
        }
        // It becomes the subject of a commit.
        let breaks: [Unicode.GeneralCategory] = [.control, .lineSeparator, .paragraphSeparator]
        if title.unicodeScalars.contains(where: { breaks.contains($0.properties.generalCategory) }) {
            note(pointer + ["title"], "is more than one line")
        }
        let role = text(members["role"], at: pointer + ["role"], limit: 64) ?? "coder"
        if let roles, !roles.contains(role) {
            note(pointer + ["role"], Plan.refusal(of: role, known: roles))
        }
        return PlanTask(
            id: id, title: title,
            description: text(members["description"], at: pointer + ["description"], limit: 50_000) ?? "",
            role: role, dependsOn: texts(members["depends_on"], at: pointer + ["depends_on"]),
            writeSet: texts(members["write_set"], at: pointer + ["write_set"]),
            acceptance: texts(members["acceptance"], at: pointer + ["acceptance"]),
            checks: checks(members["checks"], at: pointer + ["checks"]),
            model: text(members["model"], at: pointer + ["model"], limit: 500))
    }

    /// Commands: not empty, and few.
    private mutating func checks(_ json: JSON?, at pointer: [String]) -> [String]? {
        let commands = texts(json, at: pointer)
        if commands.count > Plan.checkLimit { note(pointer, "has more than \(Plan.checkLimit) commands") }
        for (index, command) in commands.enumerated() where command.allSatisfy(\.isWhitespace) {
            note(pointer + ["\(index)"], "is no command")
        }
        return commands.isEmpty ? nil : commands
    }

    private mutating func text(_ json: JSON?, at pointer: [String], limit: Int) -> String? {
        guard let json, !json.isNull else { return nil }
        // A number is what YAML makes of an unquoted id.
        guard let text = json.stringValue ?? json.intValue.map({ "\($0)" }) else {
            note(pointer, "must be a text, but is \(json.kindName)")
            return nil
        }
        if text.utf8.count > limit { note(pointer, "is longer than \(limit) bytes") }
        return text
    }

    private mutating func texts(_ json: JSON?, at pointer: [String]) -> [String] {
        guard let json, !json.isNull else { return [] }
        guard let items = json.arrayValue else {
            note(pointer, "must be a list of texts, but is \(json.kindName)")
            return []
        }
        if items.count > 200 { note(pointer, "has more than 200 entries") }
        var result: [String] = []
        for (index, item) in items.prefix(200).enumerated() {
            if let text = text(item, at: pointer + ["\(index)"], limit: 2000) { result.append(text) }
        }
        return result
    }

    /// Ids are unique, dependencies exist, and nothing waits for itself.
    private mutating func checkNames(_ tasks: [PlanTask]) {
        var seen: Set<String> = []
        for (index, task) in tasks.enumerated() where !seen.insert(task.id).inserted {
            note(["tasks", "\(index)", "id"], "\(task.id) is used twice")
        }
        for (index, task) in tasks.enumerated() {
            for (position, name) in task.dependsOn.enumerated() where !seen.contains(name) {
                note(["tasks", "\(index)", "depends_on", "\(position)"], "there is no task \(name)")
            }
        }
        if let cycle = Self.cycle(tasks) {
            note(["tasks"], "these tasks wait for each other: \(cycle.joined(separator: " → "))")
        }
    }

    /// A cycle of dependencies, first task repeated at the end.
    private static func cycle(_ tasks: [PlanTask]) -> [String]? {
        let next = Dictionary(tasks.map { ($0.id, $0.dependsOn) }) { first, _ in first }
        var done: Set<String> = []
        func walk(_ id: String, _ path: [String]) -> [String]? {
            if let start = path.firstIndex(of: id) { return Array(path[start...]) + [id] }
            guard !done.contains(id) else { return nil }
            for dependency in next[id] ?? [] {
                if let cycle = walk(dependency, path + [id]) { return cycle }
            }
            done.insert(id)
            return nil
        }
        for task in tasks {
            if let cycle = walk(task.id, []) { return cycle }
        }
        return nil
    }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 32 && text.first != "-"
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                    || $0 == 0x2D
            }
    }
}
