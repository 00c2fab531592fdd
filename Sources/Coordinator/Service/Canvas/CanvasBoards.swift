import Core
import Kit
import Synchronization
import System

/// What the agents of a session have drawn, and how often they may.
struct CanvasBoards: Sendable {
    private struct Board: Sendable {
        var surfaces: A2UISurfaces
        /// Updates that may come at once, and the time they were counted at.
        var tokens = CanvasBoards.burst
        var countedAt: Int64 = 0
        var bytes = 0
    }

    /// Updates of one agent: so many at once, then so many a second. What is drawn is for people, who see no
    /// more than that; and the journal keeps every one.
    private static let burst = 20.0
    private static let perSecond = 4.0
    /// Of one agent in one session.
    private static let sessionBytes = 64 << 20

    private var boards: [String: Board] = [:]

    /// Draws again what the journal says was drawn.
    init(_ events: [Event]) {
        for case .canvasChanged(let agent, let messages) in events.lazy.map(\.body) {
            var board = boards[agent] ?? Board(surfaces: A2UISurfaces(agent: agent))
            // It was checked before it was written; a rule that is stricter by now may refuse it, and then
            // the agent is told so when it goes on.
            _ = try? board.surfaces.update(messages.map { Self.own($0, agent: agent) })
            boards[agent] = board
        }
    }

    /// A message as the agent sent it.
    private static func own(_ message: JSON, agent: String) -> JSON {
        guard let (kind, given) = message.objectValue?.first(where: { $0.key != "version" }) else {
            return message
        }
        var body = given
        let id = body["surfaceId"]?.stringValue ?? ""
        body["surfaceId"] = .string(id.hasPrefix("\(agent)/") ? String(id.dropFirst(agent.count + 1)) : id)
        return ["version": "v0.9", kind: body]
    }

    /// Checks an update and keeps it, if the body can write it down.
    /// - Returns: The agent's surfaces.
    mutating func draw(
        _ agent: String, _ messages: [JSON], at now: Int64, _ write: ([JSON]) throws(ServiceError) -> Void
    ) throws(ServiceError) -> [String] {
        var board = boards[agent] ?? Board(surfaces: A2UISurfaces(agent: agent))
        let gained = Double(max(0, now - board.countedAt)) / 1000 * Self.perSecond
        board.tokens = min(Self.burst, board.tokens + gained) - 1
        board.countedAt = now
        guard board.tokens >= 0 else {
            throw ServiceError(
                "\(agent) draws more often than people can see",
                hint: "at most \(Int(Self.perSecond)) updates a second; put more into one",
                code: "too_often", status: 429)
        }
        let passed: [JSON]
        do throws(A2UIError) {
            passed = try board.surfaces.update(messages)
        } catch {
            throw ServiceError(
                "the drawing is refused: \(error)", hint: "nothing of it was shown", code: "bad_drawing",
                status: 422)
        }
        board.bytes += JSON.array(passed).serialized().count
        guard board.bytes <= Self.sessionBytes else {
            throw ServiceError("\(agent) has drawn too much", code: "too_much", status: 413)
        }
        try write(passed)
        boards[agent] = board
        return board.surfaces.names
    }
}

extension SessionRunner {
    /// Shows what an agent drew.
    func draw(_ agent: String, _ messages: [JSON]) throws(ServiceError) -> [String] {
        guard JSON.array(messages).serialized().count <= A2UILimits.updateBytes else {
            throw ServiceError(
                "an update has at most \(A2UILimits.updateBytes) bytes", code: "too_much", status: 413)
        }
        // The lock is held while the journal is written, so that what is drawn is what is on record.
        return try boards.withLock { (boards) throws(ServiceError) in
            try boards.draw(agent, messages, at: Clock.monotonicNanoseconds() / 1_000_000) {
                (passed) throws(ServiceError) in
                try submit(.record([.canvasChanged(agent: agent, messages: passed)]))
            }
        }
    }
}
