import Kit

// How many agents work at the same time when the person leaves it to us.

extension Work {
    /// Agents follow the work: as many as there are tasks that nobody holds up, as the provider's rate and
    /// the money that is left can feed, and as the session may have. Everything that decides is in the
    /// journal.
    mutating func scale() {
        guard let configuration = state.configuration, configuration.agents == nil, state.plan != nil,
            state.phase != .delivering
        else { return }
        let (limit, reason) = wanted
        if limit != state.workers {
            add(.agentsScaled(limit: limit, reason: reason))
        }
        retireIdle(beyond: state.workers)
    }

    /// The smallest of all bounds, and which one that is.
    private var wanted: (limit: Int, reason: String) {
        let begun = state.order.count { id in
            state.tasks[id].map { $0.agent != nil && $0.status != .merged } ?? false
        }
        var fresh: [[String]] = []
        for id in state.order {
            // What meets none that is ready before it can be worked on beside it.
            guard let task = state.tasks[id], task.status == .submitted, task.agent == nil,
                canStart(id, task),
                !fresh.contains(where: { WriteSet.meet($0, task.plan.writeSet) })
            else { continue }
            fresh.append(task.plan.writeSet)
        }
        let work = begun + fresh.count
        let judges = state.agents.values.count {
            ["reviewer", "tester"].contains($0.role) && $0.status != .retired
        }
        let limit = SessionConfiguration.agentLimit
        var bounds = [
            (max(1, work), "\(work) \(work == 1 ? "task is" : "tasks are") ready or under way"),
            (limit - Session.spare - judges, "a session has \(limit) agents"),
        ]
        if let feeds = state.headroom {
            bounds.append((max(1, feeds), "the provider's rate feeds \(feeds): \(state.headroomReason)"))
        }
        if let money { bounds.append((max(1, money), "the budget that is left is for \(money)")) }
        // The first of equals: work is a better reason than a limit.
        return bounds.dropFirst().reduce(bounds[0]) { $1.0 < $0.0 ? $1 : $0 }
    }

    /// How many tasks the money that is left pays for, at what a begun one has cost on the average; nil
    /// without a budget, or when nothing is known yet.
    private var money: Int? {
        guard let budget = state.budget, state.spent > 0 else { return nil }
        let begun = Int64(max(1, state.order.count { (state.tasks[$0]?.attempt ?? 0) > 0 }))
        let reserved = state.reserved.values.reduce(0) { $0 + $1.amount }
        return Int(min(64, max(0, budget - state.spent - reserved) / max(1, state.spent / begun)))
    }

    /// Who has nothing to do and nothing that could come back makes room; the last come goes first.
    private mutating func retireIdle(beyond limit: Int) {
        let others = ["architect", "reviewer", "tester"]
        let workers = state.agents.filter { !others.contains($0.value.role) && $0.value.status != .retired }
        var surplus = workers.count - limit
        let idle = workers.filter { name, agent in
            [.ready, .lost].contains(agent.status) && agent.task == nil && !agent.isTaken
                && agent.inbox.isEmpty
                && !state.tasks.values.contains { $0.agent == name && $0.status != .merged }
        }
        for (name, agent) in idle.sorted(by: { $0.key > $1.key }) where surplus > 0 {
            add(.agentRetired(agent: name, generation: agent.generation))
            surplus -= 1
        }
    }

    /// Whether one more guest may be there. Who is asked for by number is counted where it is asked for.
    func hasRoom(for role: String) -> Bool {
        guard state.configuration?.agents == nil else { return true }
        let count = state.agents.values.count { [.requested, .ready].contains($0.status) }
        return count < SessionConfiguration.agentLimit - (role == "architect" ? 0 : Session.spare)
    }

    /// What holds of every session.
    enum Session {
        /// Kept for an architect: when no author gets its work in, somebody must still be there to be asked.
        static let spare = 1
    }
}
