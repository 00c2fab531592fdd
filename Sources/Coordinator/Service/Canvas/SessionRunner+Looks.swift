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

    private static let deliverMilliseconds = 5000

    /// Hands a person's message to the agents that it is for. The journal has it already; an agent whose
    /// guest is away meets it there.
    func deliver(to: String, from: String, _ text: String) {
        let names = state.agents.filter { (to == "all" || $0.key == to) && $0.value.status == .ready }.keys
        for agent in names {
            Worker.start("message") { [self] in
                let token = AgentToken.derive(sessionToken: secret, agent: agent) ?? ""
                do {
                    let socket = try world.platform.connect(group: id, host: agent, port: 8700)
                    _ = try HTTPClient.send(
                        HTTPRequest(
                            "POST", "/messages", headers: ["Authorization": Authorization.bearer(token)],
                            json: ["from": .string(from), "text": .string(text)]),
                        to: .descriptor(socket), timeoutMilliseconds: Self.deliverMilliseconds)
                } catch {
                    world.log("\(id): a message to \(agent) was not delivered: \(error)")
                }
            }
        }
    }
}
