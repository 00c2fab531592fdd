import Core
import Delivery
import Journal
import Kit
import Platform
import System
import Wire

/// What can be read of a session beside its events, the same for the terminal and for the canvas.
extension SessionRunner {
    func look(_ what: String) throws(ServiceError) -> JSON {
        switch what {
        case "summary": return state.summary
        case "diff": return try diff()
        case "cost": return try cost()
        case "verify": return try verify()
        default:
            throw ServiceError("a session has no \(what)", code: "no_such_request", status: 404)
        }
    }

    private func diff() throws(ServiceError) -> JSON {
        do throws(DeliveryError) {
            let state = state
            let changes = try repository.diff(from: repository.base, to: state.head)
            return [
                "base": .string(repository.base), "head": .string(state.head),
                "tree": .string(state.tree), "seq": JSON(state.seq),
                "patch": .string(changes.patch), "truncated": JSON(changes.isTruncated),
                "statistics": changes.statistics,
            ]
        } catch {
            throw ServiceError("show the change of \(id): \(error)")
        }
    }

    private func verify() throws(ServiceError) -> JSON {
        do throws(JournalError) {
            let (sound, problem) = try world.journal.verify(id)
            let words = problem ?? "all \(sound) events are as they were written"
            return ["ok": JSON(problem == nil), "sound": JSON(sound), "summary": .string(words)]
        } catch {
            throw ServiceError("verify \(id): \(error)")
        }
    }

    /// What was spent, by agent, by model and by task.
    private func cost() throws(ServiceError) -> JSON {
        do throws(JournalError) {
            var total = Cost()
            var agents: [String: Cost] = [:]
            var models: [String: Cost] = [:]
            var tasks: [String: Cost] = [:]
            for event in try world.journal.events(id) {
                guard
                    case .modelSettled(let agent, let task, let model, let amount, let input, let output) =
                        event.body
                else { continue }
                let one = Cost(microusd: amount, input: input, output: output, calls: 1)
                total += one
                agents[agent, default: Cost()] += one
                models[model, default: Cost()] += one
                if let task { tasks[task, default: Cost()] += one }
            }
            return [
                "total": total.json, "agents": .object(agents.mapValues(\.json)),
                "models": .object(models.mapValues(\.json)), "tasks": .object(tasks.mapValues(\.json)),
                "budget_microusd": state.configuration?.budget.map { JSON($0) } ?? .null,
            ]
        } catch {
            throw ServiceError("read the cost of \(id): \(error)")
        }
    }

    private struct Cost {
        var microusd: Int64 = 0
        var input = 0
        var output = 0
        var calls = 0

        static func += (left: inout Cost, right: Cost) {
            left.microusd += right.microusd
            left.input += right.input
            left.output += right.output
            left.calls += right.calls
        }

        var json: JSON {
            [
                "microusd": JSON(microusd), "input": JSON(input), "output": JSON(output),
                "calls": JSON(calls),
            ]
        }
    }
}
