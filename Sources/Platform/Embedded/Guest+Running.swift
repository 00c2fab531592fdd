// A guest at work: commands in it, its pause, its end.
import Glibc
import Kit
import Synchronization
import System
import Wire

extension Guest {
    /// Runs a command, and collects what it says.
    func exec(_ params: JSON) throws(PlatformError) -> ExecOutcome {
        let exec = "x-\(Random.hex(4))"
        let milliseconds = params["timeout_ms"]?.intValue ?? 600_000
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

    /// Stops or continues every process of the guest, not its launcher. New ones may appear while the first
    /// are being stopped, so it goes on until none does.
    func signalAll(_ signal: Int32) throws(PlatformError) {
        var known: Set<Int32> = []
        for _ in 0..<100 {
            let all = Set([pid] + ((try? Processes.descendants(of: pid)) ?? []))
            let new = all.subtracting(known)
            if new.isEmpty { break }
            for process in new { try? Processes.kill(process, signal) }
            known.formUnion(new)
        }
        state.withLock { state in
            if !state.isEnded { state.phase = signal == SIGSTOP ? .paused : .running }
        }
    }

    /// A machine that slept has a wrong clock.
    func tellTime() {
        control.withLock { $0 }?.notify("setClock", ["clock_ms": JSON(Clock.wallMilliseconds())])
    }

    /// Asks the guest to end, then ends it.
    func end(_ reason: String, graceMilliseconds: Int) {
        let isPaused = state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.phase == .paused
        }
        if graceMilliseconds > 0 {
            if isPaused { try? signalAll(SIGCONT) }
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
