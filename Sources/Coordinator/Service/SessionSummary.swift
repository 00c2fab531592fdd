import Core
import Kit
import System

extension SessionState {
    /// A session as the API and `--json` show it.
    var summary: JSON {
        guard let configuration else { return [:] }
        var json: JSON = [
            "id": .string(configuration.session), "task": .string(configuration.task),
            "repository": .string(configuration.repository), "model": .string(configuration.model),
            "state": .string(isPaused && !phase.isOver ? "paused" : phase.rawValue),
            "started_at": JSON(startedAt),
            "ended_at": endedAt.map { JSON($0) } ?? .null, "seq": JSON(seq), "spent_microusd": JSON(spent),
            "budget_microusd": budget.map { JSON($0) } ?? .null,
            "branch": .string("openclaw/\(configuration.session)"), "base": .string(configuration.baseCommit),
            "head": .string(head), "tree": .string(tree), "round": JSON(round),
            "test_command": configuration.testCommand.map { .string($0) } ?? .null,
        ]
        json["approval"] =
            approval.flatMap { approval in
                isApproved || phase.isOver
                    ? nil
                    : [
                        "tree": .string(approval.tree), "commit": .string(approval.commit),
                        "held": JSON(approvalHolds),
                    ]
            } ?? .null
        json["verdict"] = verdict.map { .string($0.rawValue) } ?? .null
        json["tests_passed"] = testsPassed.map { JSON($0) } ?? .null
        if let failure {
            json["failure"] = ["reason": .string(failure.reason), "hint": .string(failure.hint)]
        }
        if let delivery {
            json["delivery"] = [
                "branch": .string(delivery.branch), "commit": .string(delivery.commit),
                "merged": JSON(delivery.isMerged), "command": delivery.command.map { .string($0) } ?? .null,
                "reason": .string(delivery.reason),
            ]
        }
        if let pull {
            json["pull_request"] = [
                "url": .string(pull.url), "number": JSON(pull.number), "commit": .string(pull.commit),
                "draft": JSON(pull.isDraft),
            ]
        }
        json["permissions"] = .array(
            phase.isOver
                ? []
                : permissions.map {
                    [
                        "id": .string($0.id), "kind": .string($0.kind.rawValue),
                        "summary": .string($0.summary),
                    ]
                })
        json["merge_queue"] = statistics.json
        json["agents"] = .array(agents.sorted { $0.key < $1.key }.map { Self.summary($0, $1) })
        let special = tasks.keys.filter { !order.contains($0) }.sorted()
        json["tasks"] = .array((order + special).compactMap { id in tasks[id].map { Self.summary(id, $0) } })
        return json
    }

    private static func summary(_ id: String, _ agent: AgentState) -> JSON {
        [
            "id": .string(id), "role": .string(agent.role),
            "state": .string(agent.isPaused ? "paused" : agent.status.rawValue),
            "task": agent.task.map { .string($0) } ?? .null,
            "guest": agent.instance.map { .string($0) } ?? .null,
            "generation": JSON(agent.generation),
        ]
    }

    private static func summary(_ id: String, _ task: TaskState) -> JSON {
        [
            "id": .string(id), "title": .string(task.plan.title), "kind": .string(task.kind.rawValue),
            "state": .string(task.status.rawValue), "agent": task.agent.map { .string($0) } ?? .null,
            "attempt": JSON(task.attempt), "depends_on": JSON(task.plan.dependsOn),
        ]
    }
}

extension SessionState.MergeStatistics {
    var json: JSON {
        [
            "batches": JSON(batches), "merged": JSON(merged), "gates": JSON(gates),
            "red_gates": JSON(redGates), "flaky_gates": JSON(flakyGates), "conflicts": JSON(conflicts),
            "deferred": JSON(deferred), "returned": JSON(returned), "escalated": JSON(escalated),
            "forecasts": JSON(forecasts), "voided": JSON(voided),
        ]
    }
}
