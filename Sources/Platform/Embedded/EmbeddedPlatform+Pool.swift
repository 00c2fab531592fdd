// Guests that wait, booted, for work.
import Kit
import System

extension EmbeddedPlatform {
    /// Tries to boot a virtual machine: one that hangs is killed and made again.
    private static let bootTries = 2
    /// Below this share of its memory the machine is tight, in percent.
    private static let tightPercent: Int64 = 8

    /// A spare guest costs memory and, while it boots, a processor.
    private static let mostSpares: Int = {
        let wanted = Environment.get("AEGIS_WARM_POOL").flatMap { Int($0) }
        return min(max(wanted ?? max(1, Processes.processors() / 2), 0), 16)
    }()

    /// A cold start, bounded and repeated.
    func boot(_ ground: Guest.Ground) throws(PlatformError) -> Guest {
        var tries = ground.isolation.isMachine ? Self.bootTries : 1
        while true {
            tries -= 1
            do throws(PlatformError) { return try Guest(ground) } catch {
                guard tries > 0, error.code == "boot", !state.withLock({ $0.isStopping }) else { throw error }
            }
        }
    }

    /// A guest that was claimed: a spare one, or a new one when there is none that lives.
    /// - Parameter claim: Does it; the second argument says that it is a spare.
    func claimed(
        _ ground: Guest.Ground, _ claim: (Guest, Bool) throws(PlatformError) -> Void
    ) throws(PlatformError) -> Guest {
        while let spare = takeSpare(ground.isolation) {
            // One that hangs is as good as dead, and is found out before it holds anything.
            guard spare.answers else {
                discard(spare, "it did not answer when it was needed")
                continue
            }
            do throws(PlatformError) {
                try claim(spare, true)
                return spare
            } catch {
                discard(spare, "it could not be claimed: \(error)")
                // Died just now; anything else would befall the next one too.
                guard spare.isGone || error.code == "guest" else { throw error }
            }
        }
        let guest = try boot(ground)
        do throws(PlatformError) {
            try claim(guest, false)
            return guest
        } catch {
            guest.end("it could not be claimed: \(error)", graceMilliseconds: 0)
            throw error
        }
    }

    private func discard(_ guest: Guest, _ reason: String) {
        // It was nobody's: neither its end nor its name is that of the guest that is taken instead.
        let group = guest.state.withLock { state in
            state.request = nil
            return state.group
        }
        group?.leave(guest.id)
        Worker.start("discard") { guest.end(reason, graceMilliseconds: 0) }
    }

    /// A booted guest of this kind; one that is known to have died is passed over.
    private func takeSpare(_ isolation: Isolation) -> Guest? {
        state.withLock { state in
            state.pooled.insert(isolation)
            while let index = state.pool.firstIndex(where: { $0.ground.isolation == isolation }) {
                let guest = state.pool.remove(at: index)
                if guest.summary.state != .terminated { return guest }
            }
            return nil
        }
    }

    /// Boots what is missing, in the background, one after the other.
    func fillPool() {
        let kinds = state.withLock { state -> [Isolation] in
            guard !state.isStopping, !state.isTight, let manifest = state.manifests["openclaw"] else {
                return []
            }
            let target = min(manifest.policies.warmPool, Self.mostSpares)
            return state.pooled.filter { kind in
                let there = state.pool.count { $0.ground.isolation == kind }
                guard there < target, state.filling[kind] == nil else { return false }
                state.filling[kind] = target - there
                return true
            }
        }
        for kind in kinds {
            Worker.start("pool") { [self] in
                while fillOne(kind) {}
                state.withLock { $0.filling[kind] = nil }
            }
        }
    }

    /// One more guest of this kind.
    /// - Returns: False when no more are wanted, or when it failed: the next claim boots cold and says why.
    private func fillOne(_ kind: Isolation) -> Bool {
        let isWanted = state.withLock { state in
            guard !state.isStopping, !state.isTight, let left = state.filling[kind], left > 0 else {
                return false
            }
            state.filling[kind] = left - 1
            return true
        }
        guard isWanted, let ground = try? ground("openclaw", kind), let guest = try? boot(ground) else {
            return false
        }
        let isKept = state.withLock { state in
            if state.isStopping || state.isTight { return false }
            state.pool.append(guest)
            return true
        }
        if !isKept { guest.end("nobody waits for it", graceMilliseconds: 0) }
        return isKept
    }

    /// Lets the spare guests go before anybody's work has to: they are the only memory here that nobody uses.
    func watchMemory() {
        guard let text = try? Files.readText("/proc/meminfo", limit: 65536),
            let isTight = Self.isTight(meminfo: text)
        else { return }
        let spares = state.withLock { state -> [Guest] in
            state.isTight = isTight
            guard isTight else { return [] }
            defer { state.pool = [] }
            return state.pool
        }
        for guest in spares {
            Worker.start("drain") { guest.end("the machine is short of memory", graceMilliseconds: 0) }
        }
        if !isTight { fillPool() }
    }

    /// Linux: proc(5) meminfo. Nil when it does not say.
    static func isTight(meminfo: String) -> Bool? {
        func value(_ name: String) -> Int64? {
            let line = meminfo.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            return line?.split(separator: " ").dropFirst().first.flatMap { Int64($0) }
        }
        guard let total = value("MemTotal"), let available = value("MemAvailable"), total > 0 else {
            return nil
        }
        return available * 100 / total < tightPercent
    }
}
