import Glibc
import System

/// What the parent waits for. In memory of its own and not in an array, whose type the runtime would have to
/// make first: that takes longer than the waiting.
final class PollSet {
    private let entries: UnsafeMutablePointer<pollfd>
    private var count = 0

    /// More than the parent ever has: two a connection of the relay, and its own few.
    private static let capacity = 512

    init() { entries = .allocate(capacity: Self.capacity) }
    deinit { entries.deallocate() }

    func clear() { count = 0 }

    /// A descriptor below 0, or one too many, is not waited for.
    func add(_ descriptor: Int32, _ events: Int32 = POLLIN) {
        guard descriptor >= 0, count < Self.capacity else { return }
        entries[count] = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        count += 1
    }

    /// Linux: poll(2). An interruption is as good as an event: whoever waits looks again.
    func wait(milliseconds: Int) throws(SystemError) {
        if poll(entries, nfds_t(count), Int32(clamping: milliseconds)) >= 0 { return }
        let code = errno
        for index in 0..<count { entries[index].revents = 0 }
        if code != EINTR { throw SystemError(call: "poll", code: code) }
    }

    /// What happened to a descriptor; nil for nothing.
    subscript(descriptor: Int32) -> Int32? {
        for index in 0..<count where entries[index].fd == descriptor && entries[index].revents != 0 {
            return Int32(entries[index].revents)
        }
        return nil
    }
}
