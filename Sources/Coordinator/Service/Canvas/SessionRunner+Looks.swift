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
        case "diff": return try diff(nil)
        case "cost": return try cost()
        case "verify": return try verify()
        case "artifacts":
            return ["directory": .string(world.home.session(id)), "artifacts": .array(artifacts)]
        case "output": return output
        default:
            throw ServiceError("a session has no \(what)", code: "no_such_request", status: 404)
        }
    }

    /// The newest lines of one agent that an export takes along.
    private static let outputLines = 2000
    /// Of one of them, in bytes.
    private static let outputLineBytes = 16 << 10

    /// What agents printed, as far as the platform still has it: `{AGENT: [{seq, at, stream, source,
    /// line}]}`. It is kept for as long as the platform runs, so an old session has none.
    private var output: JSON {
        var output: [String: JSON] = [:]
        for (agent, known) in state.agents {
            guard let instance = known.instance else { continue }
            var lines: [JSON] = []
            // A platform that is away has nothing to tell.
            try? world.platform.logs(instance, after: 0, follow: false) { line in
                let head = String(decoding: Array(line.line.utf8.prefix(Self.outputLineBytes)), as: UTF8.self)
                lines.append([
                    "seq": JSON(line.seq), "at": JSON(line.at), "stream": .string(line.stream),
                    "source": .string(line.source), "line": .string(head),
                ])
                if lines.count > Self.outputLines * 2 { lines.removeFirst(Self.outputLines) }
                return true
            }
            if !lines.isEmpty { output[agent] = .array(lines.suffix(Self.outputLines)) }
        }
        return .object(output)
    }

    /// The change with what a diff cannot show of it, which comes first.
    /// - Parameter commit: The one to show; the newest merged one when nil.
    func diff(_ commit: String?) throws(ServiceError) -> JSON {
        do throws(DeliveryError) {
            let state = state
            let head = try repository.commit(of: commit ?? state.head)
            let changes = try repository.diff(from: repository.base, to: head)
            let inspection = inspection(of: head)
            return [
                "base": .string(repository.base), "head": .string(head),
                "tree": .string(inspection.tree), "seq": JSON(state.seq),
                "inspection": (try? JSONCoding.encode(inspection)) ?? .null,
                "patch": .string(changes.patch), "truncated": JSON(changes.isTruncated),
                "statistics": changes.statistics,
            ]
        } catch {
            throw ServiceError("show the change of \(id): \(error)")
        }
    }

    private func verify() throws(ServiceError) -> JSON {
        let state = state
        // What the commits say that the journal was then; who has them elsewhere can compare.
        let heads = (try? repository.journalHeads(upTo: state.head)) ?? []
        do throws(JournalError) {
            let result = try world.journal.verify(id, heads: heads)
            return [
                "ok": JSON(result.problem == nil), "sound": JSON(result.sound),
                "checkpoints": JSON(result.checkpoints), "unsigned": JSON(result.unsigned),
                "noted": JSON(result.noted), "summary": .string(result.summary),
            ]
        } catch {
            throw ServiceError("verify \(id): \(error)")
        }
    }
}
