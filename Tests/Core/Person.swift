import Kit
import TestSupport

@testable import Core

extension World {
    /// What a person does now and then, whatever the session is at. Most of it is refused at most times, and
    /// a refusal must change nothing.
    mutating func meddle() {
        let commands: [Command] = [
            .pause(by: "user"), .resume(by: "user"),
            .say(from: "user", to: "all", text: "hello \(events.count)"),
            .addTask(PlanTask(id: "x\(additions)", title: "One more"), by: "user"),
            .requestChanges(
                tree: state.tree, by: "user", comments: [ReviewComment(file: "t1.swift", body: "shorter")]),
            .editPlan(edited, by: "user"), .approve(tree: state.tree, by: "user"),
            .requestChanges(tree: "tree-0", by: "user", comments: [ReviewComment(file: "", body: "late")]),
        ]
        let command = commands[Int(random.next() % UInt64(commands.count))]
        // A person does not go on for ever.
        if case .addTask = command, additions >= 3 { return }
        if case .requestChanges = command, requests >= 3 { return }
        let before = state
        do throws(Rejection) {
            try send(command)
            if case .addTask = command { additions += 1 }
            if case .requestChanges = command { requests += 1 }
        } catch {
            precondition(before == state, "a refused command changed the session")
        }
    }

    /// An agent says something, or an architect thinks of one more task.
    mutating func talk() throws(Rejection) {
        let names = state.agents.filter { $0.value.status == .ready }.keys.sorted()
        guard !names.isEmpty, !state.phase.isOver else { return }
        talks += 1
        let from = names[Int(random.next() % UInt64(names.count))]
        let to = names[Int(random.next() % UInt64(names.count))]
        let commands: [Command] = [
            .say(from: from, to: to == from ? "all" : to, text: "said \(talks)"),
            .note(agent: from, text: "noted \(talks)"),
            .addTask(PlanTask(id: "a\(talks)", title: "Thought of"), by: from),
        ]
        let command = commands[Int(random.next() % UInt64(additions < 3 ? 3 : 2))]
        do throws(Rejection) {
            try send(command)
            if case .addTask = command { additions += 1 }
            // Said twice, because an answer was lost: held twice it must not be.
            let held = state.held.count
            if case .addTask = command { return }
            if state.configuration?.asks(for: .notes) == true { try send(command) }
            precondition(state.held.count <= max(held, 1), "held twice")
        } catch {
            guard ["no_plan", "no_such_agent", "too_many", "over", "task_exists"].contains(error.code) else {
                throw error
            }
        }
    }

    mutating func changeRate() throws(Rejection) {
        guard !state.phase.isOver else { return }
        let feeds = [nil, 1, 2, 5][random.below(4)]
        try send(.feed(agents: feeds, reason: "limit of requests"))
    }

    /// The plan with a task more, and without the last one that nobody has begun.
    private var edited: Plan {
        var plan = state.plan ?? World.plan
        if let last = plan.tasks.last, state.tasks[last.id]?.agent == nil, plan.tasks.count > 2 {
            plan.tasks.removeLast()
        } else if plan.tasks.count < 6 {
            plan.tasks.append(PlanTask(id: "e\(plan.tasks.count)", title: "Edited in"))
        }
        plan.tasks = plan.tasks.map { task in
            var task = task
            let isBegun = state.tasks[task.id].map { $0.agent != nil || $0.attempt > 0 } ?? false
            if !isBegun { task.dependsOn.removeAll { name in !plan.tasks.contains { $0.id == name } } }
            return task
        }
        return plan
    }

    /// Everything that waits for a person is answered, so that a session comes to its end.
    mutating func answerQuestions() throws(Rejection) -> Bool {
        if state.phase.isOver { return false }
        if state.isPaused {
            try send(.resume(by: "user"))
            return true
        }
        if let question = state.permissions.first {
            if chance(refuseChance) {
                try send(.refuse(id: question.id, by: "user", reason: chance(50) ? "make it simpler" : ""))
            } else {
                let isText = state.held[question.id].map { $0.task == nil } ?? false
                try send(
                    .permit(id: question.id, by: "user", text: isText && chance(30) ? "other words" : nil))
            }
            return true
        }
        guard state.phase == .approving, let approval = state.approval else { return false }
        try send(.approve(tree: approval.tree, by: "user"))
        return true
    }
}
