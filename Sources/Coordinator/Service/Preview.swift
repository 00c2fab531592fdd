// A session that is checked and not started: what would happen, and what such sessions cost so far.
import Core
import Kit

/// What `run --dry-run` shows.
struct Preview {
    let prepared: SessionPreparation.Prepared
    /// Sessions that are over.
    let past: [SessionState]

    var json: JSON {
        var json: JSON = [
            "configuration": (try? JSONCoding.encode(configuration)) ?? .null, "agents": JSON(agents),
            "waves": .array(Self.waves(tasks).map { .array($0.map(Self.json)) }),
            "warnings": JSON(prepared.warnings),
        ]
        if let estimate { json["estimate"] = estimate }
        return json
    }

    private var configuration: SessionConfiguration { prepared.configuration }

    private var tasks: [PlanTask] {
        if let plan = configuration.plan { return plan.tasks }
        guard configuration.isSolo else { return [] }
        return [PlanTask(id: "t1", title: PlanTask.title(of: configuration.task))]
    }

    private var agents: [String] {
        var names: [String] = configuration.hasArchitect ? ["an architect"] : []
        let width = Self.waves(tasks).map(\.count).max() ?? configuration.coderLimit
        let count = min(max(1, width), configuration.coderLimit)
        let roles = Set(tasks.map(\.role)).subtracting(["coder"]).sorted()
        names.append("\(count == 1 ? "a coder" : "up to \(count) coders")")
        names += roles.map { "as \($0)" }
        if configuration.hasReviewer { names.append("a reviewer") }
        if configuration.hasTester { names.append("a tester") }
        return names
    }

    /// Tasks that can run at the same time, in the order of their beginning: each after what it depends on,
    /// and not beside one before it in the plan that writes the same files.
    static func waves(_ tasks: [PlanTask]) -> [[PlanTask]] {
        var wave: [String: Int] = [:]
        for _ in tasks {
            for (index, task) in tasks.enumerated() {
                var own = 0
                for name in task.dependsOn { own = max(own, (wave[name] ?? 0) + 1) }
                for other in tasks[..<index] where WriteSet.meet(other.writeSet, task.writeSet) {
                    let place = wave[other.id] ?? 0
                    // The one that waits for the other is ordered by that already.
                    if place == own { own = place + 1 }
                }
                wave[task.id] = max(own, wave[task.id] ?? 0)
            }
        }
        let last = wave.values.max() ?? -1
        guard last >= 0 else { return [] }
        return (0...last).map { number in tasks.filter { wave[$0.id] == number } }.filter { !$0.isEmpty }
    }

    private static func json(_ task: PlanTask) -> JSON {
        [
            "id": .string(task.id), "title": .string(task.title), "role": .string(task.role),
            "depends_on": JSON(task.dependsOn), "write_set": JSON(task.writeSet),
            "checks": JSON(task.checks ?? []), "model": task.model.map { .string($0) } ?? .null,
        ]
    }

    /// The middle half of what sessions with this model cost for a task, times the tasks there are. An
    /// architect's plan has as many tasks as plans had so far.
    private var estimate: JSON? {
        let alike = past.filter {
            $0.phase == .completed && $0.configuration?.model == configuration.model
                && $0.configuration?.planOnly != true && !$0.order.isEmpty
        }
        guard !alike.isEmpty else { return nil }
        let perTask = alike.map { $0.spent / Int64($0.order.count) }.sorted()
        let usual = alike.map(\.order.count).sorted()[alike.count / 2]
        let count = Int64(tasks.isEmpty ? usual : tasks.count)
        return [
            "low_microusd": JSON(perTask[perTask.count / 4] * count),
            "high_microusd": JSON(perTask[perTask.count * 3 / 4] * count), "sessions": JSON(alike.count),
        ]
    }
}
