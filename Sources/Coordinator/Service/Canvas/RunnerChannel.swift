import Channel
import Core
import Delivery
import Journal
import Kit
import Platform
import System

/// A session as the channel sees it.
struct RunnerChannel: ChannelSession {
    let session: SessionRunner

    /// Names that no agent has: an agent's id begins with a letter.
    private static let operatorName = "@canvas"
    private static let viewerName = "@viewer"

    var id: String { session.id }
    var head: Int64 { session.world.journal.head(session.id) }
    var snapshotDirectory: String { "\(session.world.home.session(session.id))/snapshots" }
    var changes: Condition<Int64> { session.world.journal.changes }

    /// The token for the address of the canvas; derived, so that nothing is stored.
    func token(_ authority: Authority) -> String? {
        let name = authority == .operate ? Self.operatorName : Self.viewerName
        return AgentToken.derive(sessionToken: session.secret, agent: name, generation: 1)
    }

    func authority(of token: String) -> Authority? {
        switch AgentToken.agent(of: token, sessionToken: session.secret, generation: { _ in 1 }) {
        case Self.operatorName: .operate
        case Self.viewerName: .view
        default: nil
        }
    }

    func lines(after: Int64, limit: Int) throws(JournalError) -> [JournalLine] {
        try session.world.journal.lines(session.id, after: after, limit: limit)
    }

    func read(_ what: String) throws(ChannelError) -> JSON {
        do throws(ServiceError) {
            return try session.look(what)
        } catch {
            throw ChannelError(error.status, error.code, error.message, hint: error.hint)
        }
    }

    func instance(of agent: String) -> String? { session.instance(of: agent) }

    func follow(instance: String, after: Int64, _ body: @escaping (LogEntry) -> Bool) {
        // A platform that ended is started again by the coordinator; the caller asks again.
        try? session.world.platform.logs(instance, after: after, follow: true) { line in
            body(
                LogEntry(
                    seq: line.seq, at: line.at, stream: line.stream, source: line.source, line: line.line))
        }
    }

    func perform(_ command: CanvasCommand) throws(ChannelError) -> JSON {
        try perform(command, by: "user", via: "canvas")
    }

    func perform(_ command: CanvasCommand, by: String, via: String) throws(ChannelError) -> JSON {
        let request = PersonRequest(command, by: by, via: via)
        do throws(ServiceError) {
            try session.submit(Self.coreCommand(command, by: by, state: session.state), for: request)
        } catch {
            let state = session.state
            var facts: [String: JSON] = ["head": JSON(state.seq), "tree": .string(state.tree)]
            facts["approval"] = state.summary["approval"] ?? .null
            throw ChannelError(error.status, error.code, error.message, hint: error.hint, facts: facts)
        }
        let state = session.state
        return [
            "ok": true, "id": .string(command.id), "head": JSON(state.seq), "tree": .string(state.tree),
            "state": state.summary["state"] ?? .null,
        ]
    }

    private static func coreCommand(
        _ command: CanvasCommand, by: String, state: SessionState
    ) throws(ServiceError) -> Command {
        switch command.action {
        case .approve: return .approve(tree: command.basis?.digest ?? "", by: by)
        case .deny(let reason): return .deny(by: by, reason: reason)
        case .permit(let words): return .permit(id: command.basis?.digest ?? "", by: by, text: words)
        case .refuse(let reason): return .refuse(id: command.basis?.digest ?? "", by: by, reason: reason)
        case .pause: return .pause(by: by)
        case .resume: return .resume(by: by)
        case .cancel: return .cancel(by: by)
        case .message(let to, let text):
            guard to == "all" || state.agents[to] != nil else {
                throw ServiceError("there is no agent \(to)", code: "not_found", status: 404)
            }
            return .say(from: by, to: to, text: text)
        case .comment(let comment): return .record([.commentMade(agent: by, comment: comment)])
        case .surface(let surface, let name, let source, let context):
            let (agent, own) = SurfaceID.split(surface)
            guard state.agents[agent] != nil else {
                throw ServiceError(
                    "the surface \(surface) is of no agent of this session", code: "not_found", status: 404)
            }
            let action: JSON = [
                "surfaceId": .string(own), "name": .string(name), "sourceComponentId": .string(source),
                "context": context,
            ]
            return .record([.messageSent(from: by, to: agent, text: SurfaceID.message(action))])
        }
    }
}

/// The id of a surface on the canvas: its agent's id, a slash, the agent's own name for it.
enum SurfaceID {
    static func split(_ id: String) -> (agent: String, own: String) {
        let parts = id.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : "")
    }

    /// What the agent is told: words for a model, and the action for a program.
    static func message(_ action: JSON) -> String { "canvas action: " + action.text }
}
