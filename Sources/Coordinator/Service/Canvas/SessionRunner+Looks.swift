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
        case "artifacts":
            return ["directory": .string(world.home.session(id)), "artifacts": .array(artifacts)]
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
}
