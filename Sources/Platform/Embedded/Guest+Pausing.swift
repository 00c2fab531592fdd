// A guest that stands still: when nobody needs it, or because somebody said so.
import Glibc
import Kit
import Synchronization
import System
import Wire

extension Guest {
    static var now: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }

    /// What the guest says about itself.
    func hearActivity(_ method: String, _ params: JSON) {
        let now = Self.now
        state.withLock { state in
            switch method {
            case "keepalive": state.idle?.keepalive(milliseconds: params["ttl_ms"]?.int64Value ?? 0, at: now)
            case "keepalive.release": state.idle?.release(at: now)
            default: state.idle?.activity(at: now)
            }
        }
    }

    /// It runs, waits for input, and has done so for too long.
    var isIdle: Bool {
        state.withLock { $0.phase == .running && $0.reason == nil && $0.idle?.isDue(at: Self.now) == true }
    }

    /// Stops it where it stands.
    /// - Returns: False when there was nothing to do: it stands already, or has become busy meanwhile.
    func pause(_ cause: Instance.PauseCause) throws(PlatformError) -> Bool {
        try steering.withLock { (_) throws(PlatformError) in
            let isWanted = state.withLock { state in
                // Who was idle and is now told to stand still stays so until told otherwise.
                if state.phase == .paused, cause == .asked { state.pause?.cause = .asked }
                return state.phase == .running
                    && (cause == .asked || state.idle?.isDue(at: Self.now) == true)
            }
            guard isWanted else { return false }
            try hold(true)
            state.withLock { state in
                guard !state.isEnded else { return }
                state.phase = .paused
                state.pause = Pause(cause: cause, since: Clock.bootNanoseconds())
            }
            return true
        }
    }

    /// Lets it go on.
    /// - Returns: How long it stood, in milliseconds; nil when it did not.
    func resume() throws(PlatformError) -> Int64? { try goOn { _ in true } }

    /// Somebody wants something of it: one that stands for want of work goes on, one that was told to stand
    /// still does not. One that is being paused at this moment is waited for.
    /// - Returns: As `resume`.
    func wake() throws(PlatformError) -> Int64? {
        state.withLock { $0.idle?.activity(at: Self.now) }
        return try goOn { $0 == .idle }
    }

    private func goOn(_ isMeant: (Instance.PauseCause) -> Bool) throws(PlatformError) -> Int64? {
        try steering.withLock { (_) throws(PlatformError) in
            guard let pause = state.withLock({ $0.phase == .paused ? $0.pause : nil }), isMeant(pause.cause)
            else { return nil }
            try hold(false)
            let stood = Clock.bootNanoseconds() - pause.since
            state.withLock { state in
                guard !state.isEnded else { return }
                state.phase = .running
                state.pause = nil
                state.idle?.activity(at: Self.now)
                // Its longest run time counts what it ran.
                state.deadline = state.deadline.map { $0 + stood }
            }
            if ground.isolation.isMachine { tellTime() }
            return stood / 1_000_000
        }
    }

    /// A machine that stood has a clock that did too.
    private func tellTime() {
        control.withLock { $0 }?.notify("setClock", ["clock_ms": JSON(Clock.wallMilliseconds())])
    }

    // MARK: How

    /// What can be done here to all guests of a kind, for the platform's status.
    static func means(_ groups: GuestGroups) -> String { groups.controllers == nil ? "sigstop" : "freezer" }

    /// Stops it where it stands, or lets it go on.
    private func hold(_ isStill: Bool) throws(PlatformError) {
        if let monitor { return try isStill ? monitor.stop() : monitor.proceed() }
        guard let group else { return signalAll(isStill ? SIGSTOP : SIGCONT) }
        do throws(SystemError) {
            try group.freeze(isStill)
        } catch {
            // Half frozen is neither.
            if isStill { try? group.freeze(false) }
            throw PlatformError("pause", "\(isStill ? "freeze" : "thaw") \(id): \(error)")
        }
    }

    /// Stops or continues every process of the guest, not its launcher. New ones may appear while the first
    /// are being stopped, so it goes on until none does.
    private func signalAll(_ signal: Int32) {
        var known: Set<Int32> = []
        for _ in 0..<100 {
            let all = Set([pid] + ((try? Processes.descendants(of: pid)) ?? []))
            let new = all.subtracting(known)
            if new.isEmpty { break }
            for process in new { try? Processes.kill(process, signal) }
            known.formUnion(new)
        }
    }
}
