// A guest at work: commands in it, its pause, its end.
import Glibc
import Kit
import Synchronization
import System
import Wire

extension Guest {
    /// A day.
    private static let longestExec = 86_400_000

    /// Runs a command, and collects what it says.
    func exec(_ params: JSON) throws(PlatformError) -> ExecOutcome {
        let exec = "x-\(Random.hex(4))"
        let milliseconds = params["timeout_ms"]?.clamped(to: 0...Self.longestExec) ?? 600_000
        var request = params
        request["exec_id"] = .string(exec)
        if request["env"] == nil { request["env"] = [:] }
        state.withLock { $0.execs[exec] = Exec() }
        defer { state.withLock { _ = $0.execs.removeValue(forKey: exec) } }
        _ = try call("exec", request)
        let done = state.wait(timeoutMilliseconds: milliseconds + 20_000) { state -> ExecOutcome? in
            guard let known = state.execs[exec] else { return nil }
            if let code = known.exitCode {
                return ExecOutcome(exitCode: code, output: known.output, report: known.report)
            }
            return state.isEnded ? ExecOutcome(exitCode: -1, output: known.output) : nil
        }
        guard let done else { throw PlatformError("timeout", "the command in \(id) gave no answer in time") }
        guard done.exitCode != -1 else { throw PlatformError("gone", "\(id) ended while the command ran") }
        return done
    }

    /// Its harness answers within the time that a living one needs, on a busy machine too.
    var answers: Bool {
        let milliseconds = ground.isolation == .emulated ? 10_000 : 2000
        return (try? call("health", [:], timeoutMilliseconds: milliseconds)) != nil
    }

    /// Its launcher has ended.
    var isGone: Bool { state.withLock { $0.isEnded } }

    /// Asks the guest to end, then ends it.
    func end(_ reason: String, graceMilliseconds: Int) {
        state.withLock { if $0.reason == nil { $0.reason = reason } }
        if graceMilliseconds > 0 {
            // A guest that stands still hears nothing.
            _ = try? resume()
            _ = try? call(
                "shutdown", ["grace_ms": JSON(graceMilliseconds)],
                timeoutMilliseconds: graceMilliseconds + 1000)
            let isEnded = state.wait(timeoutMilliseconds: graceMilliseconds + 2000) {
                $0.isEnded ? true : nil
            }
            if isEnded == true { return }
        }
        try? launcher.kill(SIGKILL)
        _ = state.wait(timeoutMilliseconds: 10_000) { $0.isEnded ? true : nil }
    }
}
