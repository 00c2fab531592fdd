// Waiting on many descriptors at once.
import CSystem
import Glibc

/// An epoll set with a wake-up. Linux: epoll(7), eventfd(2)
public final class Poller: Sendable {
    /// What to wait for, and what happened.
    public struct Mask: OptionSet, Sendable, Hashable {
        public var rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let read = Mask(rawValue: 0x1)
        public static let write = Mask(rawValue: 0x4)
        public static let error = Mask(rawValue: 0x8)
        public static let hangUp = Mask(rawValue: 0x10)
        public static let readHangUp = Mask(rawValue: 0x2000)
        public static let oneShot = Mask(rawValue: 1 << 30)
        public static let edge = Mask(rawValue: 1 << 31)
    }

    /// One descriptor that is ready.
    public struct Event: Sendable, Hashable {
        public var token: UInt64
        public var mask: Mask
    }

    /// The token that `wake()` shows up as; no other descriptor may use it.
    public static let wakeToken = UInt64.max
    /// How many events one `wait` returns at most.
    public static let batch = 64

    private let set: SharedDescriptor
    private let wakeup: SharedDescriptor

    public init() throws(SystemError) {
        set = SharedDescriptor(adopting: try check("epoll_create1") { cs_epoll_create() })
        wakeup = SharedDescriptor(adopting: try check("eventfd") { cs_event_descriptor() })
        try add(wakeup.raw, .read, token: Self.wakeToken)
    }

    /// Starts watching. The token comes back with each event.
    public func add(_ fd: Int32, _ mask: Mask, token: UInt64) throws(SystemError) {
        try control(1, fd, mask, token)
    }

    /// Changes what is watched.
    public func modify(_ fd: Int32, _ mask: Mask, token: UInt64) throws(SystemError) {
        try control(3, fd, mask, token)
    }

    /// Stops watching; before the descriptor is closed.
    public func remove(_ fd: Int32) throws(SystemError) { try control(2, fd, [], 0) }

    private func control(_ operation: Int32, _ fd: Int32, _ mask: Mask, _ token: UInt64) throws(SystemError) {
        try check("epoll_ctl", "fd \(fd)") { cs_epoll_control(set.raw, operation, fd, mask.rawValue, token) }
    }

    /// Waits for events; empty when the time was over or a signal came.
    /// - Parameter timeoutMilliseconds: Negative waits without end.
    public func wait(timeoutMilliseconds: Int = -1) throws(SystemError) -> [Event] {
        var tokens = [UInt64](repeating: 0, count: Self.batch)
        var masks = [UInt32](repeating: 0, count: Self.batch)
        let timeout = timeoutMilliseconds < 0 ? -1 : Int32(clamping: timeoutMilliseconds)
        let count = cs_epoll_wait(set.raw, &tokens, &masks, Int32(Self.batch), timeout)
        if count < 0 {
            let code = cs_errno()
            if code == EINTR { return [] }
            throw SystemError(call: "epoll_wait", code: code)
        }
        return (0..<Int(count)).map { index in
            if tokens[index] == Self.wakeToken {
                var value: UInt64 = 0
                _ = Glibc.read(wakeup.raw, &value, 8)
            }
            return Event(token: tokens[index], mask: Mask(rawValue: masks[index]))
        }
    }

    /// Ends a `wait` on another thread with an event of `wakeToken`.
    public func wake() {
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the wait ends anyway.
        _ = Glibc.write(wakeup.raw, &one, 8)
    }
}
