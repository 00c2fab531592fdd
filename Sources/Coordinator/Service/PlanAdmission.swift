// Which plans a session takes: the rules that need to know its roles and its models.
import Gateway
import Kit

extension SessionRunner {
    /// The session's roles as their files are now.
    var roles: Roles { Roles(home: world.home, session: id) }

    /// The roles that do tasks of this session's plan.
    var workingRoles: Set<String> { roles.working }

    /// A role as this session has it: the kit's and the user's, or one of its repository.
    func role(_ name: String) -> Role? {
        world.roles[name] ?? ((try? roles.role(name)) ?? nil)
    }

    /// Reads a plan of an architect.
    func admit(proposed json: JSON) throws(PlanError) -> Plan {
        let plan = try Plan.parse(json, roles: workingRoles)
        try Self.refuseModels(plan.tasks)
        return plan
    }

    /// Reads a task that an architect adds.
    func admit(proposed json: JSON, to plan: Plan) throws(PlanError) -> PlanTask {
        let task = try Plan.parse(task: json, in: plan, roles: workingRoles)
        try Self.refuseModels([task])
        return task
    }

    /// Reads a task that a person adds.
    func admit(_ json: JSON, to plan: Plan) throws(ServiceError) -> PlanTask {
        let task: PlanTask
        do throws(PlanError) {
            task = try Plan.parse(task: json, in: plan, roles: workingRoles)
        } catch {
            throw GuestAPI.refused("the task is refused", error)
        }
        try gateway.check(models: [task])
        return task
    }

    /// Reads a plan as a person edited it.
    func admit(edited json: JSON) throws(ServiceError) -> Plan {
        let plan = try SessionPreparation.read(plan: json, roles: workingRoles)
        try gateway.check(models: plan.tasks)
        return plan
    }

    /// A model's name says where the code goes and what it costs. That is for a person to say: an architect
    /// repeats what it reads in the repository.
    private static func refuseModels(_ tasks: [PlanTask]) throws(PlanError) {
        let problems = tasks.enumerated().filter { $0.element.model != nil }.map {
            PlanError.Problem(path: "/tasks/\($0.offset)/model", message: "only a person chooses models")
        }
        if !problems.isEmpty { throw PlanError(problems) }
    }
}

extension Gateway {
    /// Whether a model's name can be used, with the keys that are there.
    func check(model: String) throws(ServiceError) {
        do throws(GatewayError) {
            try check(spec: model)
        } catch {
            throw ServiceError(
                error.description, hint: error.hint, code: error.isCredentials ? "credentials" : "bad_model",
                status: error.isCredentials ? 401 : 400)
        }
    }

    /// The models of single tasks.
    func check(models tasks: [PlanTask]) throws(ServiceError) {
        for task in tasks {
            if let model = task.model { try check(model: model) }
        }
    }
}
