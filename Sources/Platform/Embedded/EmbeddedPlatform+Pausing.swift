// Guests that stand still and go on.
import Kit
import System

extension EmbeddedPlatform {
    /// Pauses a guest that waits for input.
    func pauseIdle(_ guest: Guest) {
        do throws(PlatformError) {
            if try guest.pause(.idle) { publish(guest) }
        } catch {
            // Not before it has been idle for as long again.
            guest.hearActivity("activity", [:])
            guest.log.add(stream: "stderr", source: "platform", line: "it is not paused: \(error)")
        }
    }

    /// Before something is wanted of a guest. One that somebody told to stand still stays so.
    func wake(_ guest: Guest) throws(PlatformError) {
        if let stood = try guest.wake() { goesOn(guest, stood) }
    }

    /// It has missed who came and went meanwhile.
    func goesOn(_ guest: Guest, _ stoodMilliseconds: Int64) {
        publish(guest, pausedMilliseconds: stoodMilliseconds)
        if let group = guest.state.withLock({ $0.group }) { tellHosts(group, [guest]) }
    }
}
