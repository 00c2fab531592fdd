import Delivery
import Gateway
import Journal
import Kit
import Platform
import System

/// Turns what a person asked for into a session that can start; whatever is wrong is said before anything
/// is made.
struct SessionPreparation: Sendable {
    let home: Home
    let gateway: Gateway

    private static let fields: Set<String> = [
        "task", "repo", "ref", "agents", "plan", "model", "budget_microusd", "auto_approve", "merge",
        "isolation",
        "test_command", "deadline_ms", "allow_dirty", "credentials", "approve", "pull_request",
        "issue", "forge", "models", "limits_microusd", "plan_only", "dry_run", "subdir", "depth",
        "program", "programs", "program_places", "allow",
    ]

    /// A session that can begin.
    struct Prepared: Sendable {
        var configuration: SessionConfiguration
        /// What the person may not expect of this repository.
        var warnings: [String]
    }

    /// Checks, copies the repository, and says what the session is.
    func make(_ body: JSON) throws(ServiceError) -> Prepared {
        for key in (body.objectValue ?? [:]).keys.sorted() where !Self.fields.contains(key) {
            throw Self.usage("\(key) is no field of a session")
        }
        guard let repo = body["repo"]?.stringValue, !repo.isEmpty else {
            throw Self.usage("a session needs a repo")
        }
        var task = body["task"]?.stringValue ?? ""
        guard !task.isEmpty || body["issue"]?.intValue != nil, task.utf8.count <= 64 << 10 else {
            throw Self.usage("a session needs a task, a text of at most 64 KiB, or an issue")
        }
        let agents = body["agents"]?.intValue
        if let agents, !(1...SessionConfiguration.agentLimit).contains(agents) {
            throw Self.usage("agents: \(agents); a session has 1 to \(SessionConfiguration.agentLimit)")
        }
        if let depth = body["depth"], !depth.isNull, depth.intValue.map({ $0 < 1 }) ?? true {
            throw Self.usage("depth: \(depth.text); a session copies at least 1 commit")
        }
        let isolation = try isolation(body["isolation"]?.stringValue ?? Isolation.namespace.rawValue)
        let plan = try body["plan"].flatMap { $0.isNull ? nil : $0 }.map { (json) throws(ServiceError) in
            try Self.read(plan: json)
        }
        let approve = try approvals(body["approve"])
        let allow = try allowances(body["allow"])
        let pull = try pullRequest(body["pull_request"])
        let model = body["model"]?.stringValue ?? "anthropic"
        try checkModel(model)
        let models = try texts(body["models"], "models")
        for (_, model) in models ?? [:] { try checkModel(model) }
        try gateway.check(models: plan?.tasks ?? [])
        let limits = try amounts(body["limits_microusd"])
        let source = try inspect(repo, body)
        var warnings = source.warnings
        if let pull {
            do throws(DeliveryError) {
                let address = location(source)
                let remote = source.isRemote ? address : SourceRepository.remote(of: address) ?? address
                _ = try ForgePlace(remote: remote, provider: pull.provider, api: pull.api)
            } catch {
                throw Self.failed(error)
            }
        }
        if let number = body["issue"]?.intValue {
            let issue = try issue(number, source, body)
            task = task.isEmpty ? issue.text : "\(task)\n\n\(issue.text)"
            if issue.leftOut > 0 {
                warnings.append(
                    "\(issue.leftOut) comments of issue \(number) are left out: their authors do not belong "
                        + "to the repository; say in the task what of them counts")
            }
        }
        let id = SessionName.make(task: task, random: Random.bytes(4))
        let repository = try create(id, source, Self.forgeTokens(body), depth: body["depth"]?.intValue)
        do {
            let base = repository.base
            let tree = try repository.tree(of: base)
            let subdirectory = try subdirectory(body, source, repository)
            let command =
                try body["test_command"]?.stringValue
                ?? TestCommand.detect(in: repository, tree: base + (subdirectory.map { ":\($0)" } ?? ""))
            let (roles, untrusted) = try freezeRoles(id, repository, tree)
            if let plan { try check(plan, roles, untrusted) }
            let programs = try SessionPrograms(body: body)
            try programs.check(home: home, roles: roles)
            try programs.save(home: home, session: id)
            var configuration = SessionConfiguration(
                session: id, task: task, repository: location(source), isRemote: source.isRemote,
                baseCommit: base,
                baseTree: tree, baseBranch: source.branch, agents: agents, plan: plan, model: model,
                budget: body["budget_microusd"]?.int64Value,
                autoApprove: body["auto_approve"]?.boolValue ?? false,
                merge: body["merge"]?.boolValue ?? false,
                testCommand: command.flatMap { $0.isEmpty ? nil : $0 },
                isolation: isolation, deadline: body["deadline_ms"]?.int64Value)
            configuration.subdirectory = subdirectory
            configuration.approve = approve.isEmpty ? nil : approve
            configuration.allow = allow.isEmpty ? nil : allow
            configuration.pullRequest = pull
            (configuration.models, configuration.limits) = (models, limits)
            configuration.planOnly = body["plan_only"]?.boolValue == true ? true : nil
            configuration.program = programs.general
            configuration.programs = programs.byRole.isEmpty ? nil : programs.byRole
            configuration.workRoles = roles.offers.isEmpty ? nil : roles.offers
            return Prepared(
                configuration: configuration, warnings: warnings + ((try? repository.limits()) ?? []))
        } catch {
            try? Files.removeTree(home.session(id))
            throw Self.failed(error)
        }
    }

    /// The kind of guests that is meant: `auto` is the strongest that runs well here.
    private func isolation(_ word: String) throws(ServiceError) -> String {
        if word == SessionConfiguration.automatic { return home.machines.best.rawValue }
        guard let kind = Isolation(rawValue: word) else {
            let kinds = SessionConfiguration.isolationWords.joined(separator: ", ")
            throw Self.usage("isolation \(word) is unknown; the kinds are \(kinds)")
        }
        return kind.rawValue
    }

    // MARK: Roles

    /// Keeps the repository's trusted roles with the session.
    /// - Returns: All roles of the session, and the names of those that are not trusted.
    private func freezeRoles(_ id: String, _ repository: SessionRepository, _ tree: String) throws
        -> (roles: Roles, untrusted: Set<String>)
    {
        var roles = Roles(home: home)
        let trust = RoleTrust(home: home)
        var untrusted: Set<String> = []
        for file in try RepositoryRoles(repository, tree: tree).files {
            guard trust.trusts(file.text) else {
                untrusted.insert(file.name)
                continue
            }
            guard roles.add(file) else { continue }
            try Files.makeDirectories("\(home.session(id))/roles", mode: 0o700)
            try Files.write("\(home.session(id))/roles/\(file.name).yaml", Array(file.text.utf8), mode: 0o600)
        }
        try RepositoryServers.freeze(home, session: id, repository, tree: tree, trust)
        return (roles, untrusted)
    }

    /// Every task of the plan has a role that is there, is trusted, can be read, and can write.
    private func check(_ plan: Plan, _ roles: Roles, _ untrusted: Set<String>) throws {
        let working = roles.working
        var problems: [PlanError.Problem] = []
        for (index, task) in plan.tasks.enumerated() where !working.contains(task.role) {
            // What is wrong with its file says more than that it cannot be used.
            if roles.names.contains(task.role), !untrusted.contains(task.role) {
                _ = try roles.role(task.role)
            }
            let words =
                untrusted.contains(task.role)
                ? "the repository's role \(task.role) is not trusted; look at it with openclaw roles show "
                    + "\(task.role), then openclaw roles trust \(task.role)"
                : Plan.refusal(of: task.role, known: working)
            problems.append(.init(path: "/tasks/\(index)/role", message: words))
        }
        guard problems.isEmpty else { throw GuestAPI.refused("the plan has mistakes", PlanError(problems)) }
    }

    /// A directory of the commit that the session starts from; a link to one is none.
    private func subdirectory(
        _ body: JSON, _ source: SourceRepository, _ repository: SessionRepository
    ) throws(ServiceError) -> String? {
        guard let text = body["subdir"]?.stringValue ?? source.subdirectory, !text.isEmpty else { return nil }
        guard let plain = RepositoryAddress.plain(text) else {
            throw Self.usage("subdir: \(text) is no plain path below the repository's top")
        }
        let isThere = (try? repository.isDirectory(plain, in: repository.base)) ?? false
        guard isThere else {
            throw ServiceError(
                "\(source.commit.prefix(12)) has no directory \(plain)",
                hint: "git ls-tree -d \(source.commit.prefix(12)) lists those at the top", code: "not_found",
                status: 404)
        }
        return plain
    }

    private static func usage(_ message: String) -> ServiceError {
        ServiceError(message, hint: "openclaw run --help", code: "usage", status: 400)
    }

    /// The words of an issue, of the repository's own forge.
    private func issue(
        _ number: Int, _ source: SourceRepository, _ body: JSON
    ) throws(ServiceError) -> (text: String, leftOut: Int) {
        let address = location(source)
        let remote = source.isRemote ? address : SourceRepository.remote(of: address) ?? address
        do throws(DeliveryError) {
            let place = try ForgePlace(
                remote: remote, provider: body["forge"]?["provider"]?.stringValue,
                api: body["forge"]?["api"]?.stringValue)
            let token = ForgeCredential.find(place, SessionPreparation.forgeTokens(body))
            return try PullRequests(place, token: token).task(issue: number)
        } catch {
            throw Self.failed(error)
        }
    }

    /// What the person gave along for the forge.
    static func forgeTokens(_ body: JSON) -> ForgeTokens {
        let all = (body["credentials"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        let provider = (body["pull_request"]?["provider"] ?? body["forge"]?["provider"])?.stringValue
        return ForgeTokens(
            all.filter { ForgeTokens.names.contains($0.key) },
            provider: provider.flatMap { ForgePlace.Provider(rawValue: $0) })
    }

    /// What `--yes` may pass.
    private func allowances(_ json: JSON?) throws(ServiceError) -> [String] {
        guard let json, !json.isNull else { return [] }
        var rules: [String] = []
        for item in json.arrayValue ?? [json] {
            guard let rule = item.stringValue.flatMap({ AllowRule($0) }) else {
                let kinds = AllowRule.kinds.joined(separator: ", ")
                throw Self.usage("allow: \(item.text) is no KIND or KIND:GLOB; the kinds are \(kinds)")
            }
            rules.append(rule.text)
        }
        return rules
    }

    private func approvals(_ json: JSON?) throws(ServiceError) -> [ApprovalKind] {
        var kinds: [ApprovalKind] = []
        let known = ApprovalKind.allCases.filter { $0 != .stuck }.map(\.rawValue).joined(separator: ", ")
        for item in json?.arrayValue ?? [] {
            guard let kind = item.stringValue.flatMap({ ApprovalKind(rawValue: $0) }), kind != .stuck else {
                throw Self.usage("approve: \(item.text) is none of \(known)")
            }
            kinds.append(kind)
        }
        return kinds
    }

    private func pullRequest(_ json: JSON?) throws(ServiceError) -> PullRequestOptions? {
        guard let json, !json.isNull, json != false else { return nil }
        let texts = { (name: String) in (json[name]?.arrayValue ?? []).compactMap(\.stringValue) }
        let watches = json["watch_checks"]?.boolValue ?? false
        let options = PullRequestOptions(
            // Checks run on a pull request that is there.
            isDraft: watches || json["draft"]?.boolValue ?? false, labels: texts("labels"),
            reviewers: texts("reviewers"), base: json["base"]?.stringValue, watchesChecks: watches,
            provider: json["provider"]?.stringValue, api: json["api"]?.stringValue)
        return options
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

    /// - Parameter roles: Those that its tasks may name; nil leaves that to the caller.
    static func read(plan json: JSON, roles: Set<String>? = nil) throws(ServiceError) -> Plan {
        do throws(PlanError) {
            if let text = json["text"]?.stringValue {
                return try Plan.parse(text, source: json["source"]?.stringValue ?? "plan", roles: roles)
            }
            return try Plan.parse(json, roles: roles)
        } catch {
            throw GuestAPI.refused("the plan has mistakes", error)
        }
    }

    private func checkModel(_ text: String) throws(ServiceError) { try gateway.check(model: text) }

    private func inspect(_ repo: String, _ body: JSON) throws(ServiceError) -> SourceRepository {
        do throws(DeliveryError) {
            return try SourceRepository.inspect(
                spec: repo, ref: body["ref"]?.stringValue,
                allowDirty: body["allow_dirty"]?.boolValue ?? false,
                tokens: Self.forgeTokens(body))
        } catch {
            throw Self.failed(error)
        }
    }

    static func failed(_ error: any Error) -> ServiceError {
        if let error = error as? ServiceError { return error }
        if let error = error as? RoleError {
            return ServiceError(
                error.description, hint: "openclaw roles check", code: "usage", status: 422)
        }
        guard let error = error as? DeliveryError else { return ServiceError("\(error)") }
        let status = error.kind == .notFound || error.kind == .notARepository ? 404 : 422
        return ServiceError(
            "\(error.operation): \(error.reason)", hint: error.hint,
            code: error.kind == .notFound ? "not_found" : "usage",
            status: status)
    }

    /// The session's directory, its repositories and its secret.
    private func create(_ id: String, _ source: SourceRepository, _ tokens: ForgeTokens, depth: Int?)
        throws(ServiceError)
        -> SessionRepository
    {
        let directory = home.session(id)
        do {
            try Files.makeDirectories("\(directory)/bodies", mode: 0o700)
            for name in ["agents", "artifacts", "notes"] {
                try Files.makeDirectories("\(directory)/workspace/\(name)")
            }
            try Files.write("\(directory)/secret", Array(Random.hex(32).utf8), mode: 0o600)
            return try SessionRepository.create(
                at: directory, session: id, from: source, tokens: tokens, depth: depth)
        } catch {
            try? Files.removeTree(directory)
            throw Self.failed(error)
        }
    }
}
