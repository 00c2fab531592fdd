// A session whose work ended the coordinator again and again stands still, until a person lets it go on.
import Core
import Kit
import Platform
import Synchronization
import System

extension SessionRunner {
    /// Who pauses a session in a coordinator's place, as the journal says it.
    static let keeper = "coordinator"

    /// Does something of this session's, known as that if the coordinator dies of it.
    func holding<Result, Failure: Error>(
        _ what: String, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try CrashRecord.holding(CrashBook.work(id, what), body)
    }

    /// Leaves the session as it is: its guests stand, nothing is served to them, and no effect of it is
    /// begun.
    func isolate(_ crashes: [CrashBook.Crash]) {
        isolation.withLock { $0 = true }
        guard let last = crashes.last, !state.isPaused else { return }
        insist(.pause(by: Self.keeper))
        let words =
            "the coordinator died \(crashes.count) times within an hour while it worked for this session, "
            + "the last time at: \(last.work). Other sessions go on; this one stands still. "
            + "\(world.home.coordinatorLog) may say more; then: openclaw resume \(id), or "
            + "openclaw cancel \(id)"
        insist(.record([.messageSent(from: "coordinator", to: "user", text: words)]))
        world.log("\(id): \(words)")
    }

    var isIsolated: Bool { isolation.withLock { $0 } }

    /// Before a person's command is carried out: one that lets an isolated session go on makes again what its
    /// guests need.
    /// - Returns: True when the session is to be gone on with after the command.
    func readmit(_ command: Command) throws(ServiceError) -> Bool {
        guard case .resume = command, isIsolated else { return false }
        do throws(SystemError) {
            try world.crashes.forget(id)
        } catch {
            throw ServiceError("forget the crashes of \(id): \(error)")
        }
        if let configuration = state.configuration { try open(configuration) }
        isolation.withLock { $0 = false }
        return true
    }
}

extension Coordinator {
    /// The sessions that are not gone on with, and why: those of the book of crashes, and those that stood
    /// still for that reason before.
    func isolate(_ session: SessionRunner, _ events: [EventBody], _ crashes: [String: [CrashBook.Crash]])
        -> Bool
    {
        let last = events.last { body in
            switch body {
            case .sessionPaused, .sessionResumed: true
            default: false
            }
        }
        let stoodStill = if case .sessionPaused(SessionRunner.keeper) = last { true } else { false }
        guard !session.state.phase.isOver, crashes[session.id] != nil || stoodStill else { return false }
        session.isolate(crashes[session.id] ?? [])
        return true
    }
}
