import Delivery
import Gateway
import Journal
import Kit
import System

/// Turns what a person asked for into a session that can start; whatever is wrong is said before anything
/// is made.
struct SessionPreparation: Sendable {
    let home: Home
    let gateway: Gateway

    private static let fields: Set<String> = [
        "task", "repo", "ref", "agents", "plan", "model", "budget_microusd", "auto_approve", "merge",
        "isolation",
        "test_command", "deadline_ms", "allow_dirty", "credentials", "models", "limits_microusd",
    ]

    /// Checks, copies the repository, and says what the session is.
    func make(_ body: JSON) throws(ServiceError) -> SessionConfiguration {
        for key in (body.objectValue ?? [:]).keys.sorted() where !Self.fields.contains(key) {
            throw Self.usage("\(key) is no field of a session")
        }
        guard let task = body["task"]?.stringValue, !task.isEmpty, task.utf8.count <= 64 << 10 else {
            throw Self.usage("a session needs a task, a text of at most 64 KiB")
        }
        guard let repo = body["repo"]?.stringValue, !repo.isEmpty else {
            throw Self.usage("a session needs a repo")
        }
        let agents = body["agents"]?.intValue
        if let agents, !(1...8).contains(agents) {
            throw Self.usage("agents: \(agents); a session has 1 to 8")
        }
        let isolation = body["isolation"]?.stringValue ?? "namespace"
        guard isolation == "namespace" else {
            throw Self.usage("isolation \(isolation) is not in this build; namespace is")
        }
        let plan = try body["plan"].flatMap { $0.isNull ? nil : $0 }.map { (json) throws(ServiceError) in
            try read(json)
        }
        let model = body["model"]?.stringValue ?? "anthropic"
        try checkModel(model)
        let models = try texts(body["models"], "models")
        for (_, model) in models ?? [:] { try checkModel(model) }
        let limits = try amounts(body["limits_microusd"])
        let source = try inspect(repo, body)
        let id = SessionName.make(task: task, random: Random.bytes(4))
        let repository = try create(id, source)
        do {
            let base = repository.base
            let tree = try repository.tree(of: base)
            let command =
                try body["test_command"]?.stringValue ?? TestCommand.detect(in: repository, tree: base)
            var configuration = SessionConfiguration(
                session: id, task: task, repository: location(source), isRemote: source.isRemote,
                baseCommit: base,
                baseTree: tree, baseBranch: source.branch, agents: agents, plan: plan, model: model,
                budget: body["budget_microusd"]?.int64Value,
                autoApprove: body["auto_approve"]?.boolValue ?? false,
                merge: body["merge"]?.boolValue ?? false,
                testCommand: command.flatMap { $0.isEmpty ? nil : $0 },
                isolation: isolation, deadline: body["deadline_ms"]?.int64Value)
            (configuration.models, configuration.limits) = (models, limits)
            return configuration
        } catch {
            try? Files.removeTree(home.session(id))
            throw Self.failed(error)
        }
    }

    private static func usage(_ message: String) -> ServiceError {
        ServiceError(message, hint: "openclaw run --help", code: "usage", status: 400)
    }

    /// Models by role.
    private func texts(_ json: JSON?, _ field: String) throws(ServiceError) -> [String: String]? {
        guard let json, !json.isNull else { return nil }
        guard let members = json.objectValue, members.values.allSatisfy({ $0.stringValue != nil }) else {
            throw Self.usage("\(field) is an object of texts, by role")
        }
        return members.compactMapValues(\.stringValue)
    }

    /// Budgets by role or agent.
    private func amounts(_ json: JSON?) throws(ServiceError) -> [String: Int64]? {
        guard let json, !json.isNull else { return nil }
        guard let members = json.objectValue, members.values.allSatisfy({ ($0.int64Value ?? 0) > 0 }) else {
            throw Self.usage("limits_microusd is an object of amounts, by role or agent")
        }
        return members.compactMapValues(\.int64Value)
    }

    private func location(_ source: SourceRepository) -> String {
        switch source.place {
        case .local(let path): path
        case .remote(let url): url
        }
    }

    private func read(_ json: JSON) throws(ServiceError) -> Plan {
        do throws(PlanError) {
            if let text = json["text"]?.stringValue {
                return try Plan.parse(text, source: json["source"]?.stringValue ?? "plan")
            }
            return try Plan.parse(json)
        } catch {
            throw GuestAPI.refused("the plan has mistakes", error)
        }
    }

    private func checkModel(_ text: String) throws(ServiceError) {
        do throws(GatewayError) {
            try gateway.check(spec: text)
        } catch {
            throw ServiceError(
                error.description, hint: error.hint, code: error.isCredentials ? "credentials" : "bad_model",
                status: error.isCredentials ? 401 : 400)
        }
    }

    private func inspect(_ repo: String, _ body: JSON) throws(ServiceError) -> SourceRepository {
        do throws(DeliveryError) {
            return try SourceRepository.inspect(
                spec: repo, ref: body["ref"]?.stringValue,
                allowDirty: body["allow_dirty"]?.boolValue ?? false,
                credential: Environment.get("GITHUB_TOKEN"))
        } catch {
            throw Self.failed(error)
        }
    }

    static func failed(_ error: any Error) -> ServiceError {
        guard let error = error as? DeliveryError else { return ServiceError("\(error)") }
        let status = error.kind == .notFound || error.kind == .notARepository ? 404 : 422
        return ServiceError(
            "\(error.operation): \(error.reason)", hint: error.hint,
            code: error.kind == .notFound ? "not_found" : "usage",
            status: status)
    }

    /// The session's directory, its repositories and its secret.
    private func create(_ id: String, _ source: SourceRepository) throws(ServiceError) -> SessionRepository {
        let directory = home.session(id)
        do {
            try Files.makeDirectories("\(directory)/bodies", mode: 0o700)
            for name in ["agents", "artifacts", "notes"] {
                try Files.makeDirectories("\(directory)/workspace/\(name)")
            }
            try Files.write("\(directory)/secret", Array(Random.hex(32).utf8), mode: 0o600)
            return try SessionRepository.create(at: directory, session: id, from: source)
        } catch {
            try? Files.removeTree(directory)
            throw Self.failed(error)
        }
    }
}
