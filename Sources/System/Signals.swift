// Signals as data: blocked, then read from a descriptor.
import CSystem
import Glibc

/// Signals that are read instead of handled. Linux: signalfd(2)
///
/// Make it before any other thread starts: threads inherit the mask, and a thread without it would take the
/// signal.
public final class Signals: Sendable {
    private let descriptor: SharedDescriptor

    /// Blocks the signals for this thread and those it starts, and opens a descriptor for them.
    public init(_ numbers: [Int32]) throws(SystemError) {
        descriptor = SharedDescriptor(
            adopting: try check("signalfd", "\(numbers)") {
                cs_signal_descriptor(numbers, Int32(numbers.count), 1)
            })
    }

    /// Readable when a signal waits.
    public var raw: Int32 { descriptor.raw }

    /// The next signal, or nil when none came in time.
    /// - Parameter timeoutMilliseconds: Negative waits without end; 0 only looks.
    public func next(timeoutMilliseconds: Int = -1) throws(SystemError) -> Int32? {
        while true {
            let number = try check("read", "signalfd") { cs_signal_read(descriptor.raw) }
            if number > 0 { return number }
            guard try IO.waitReadable(descriptor.raw, timeoutMilliseconds: timeoutMilliseconds) else {
                return nil
            }
        }
    }

    /// Lets a write to a closed pipe or socket fail with EPIPE instead of ending the process.
    public static func ignoreSIGPIPE() { _ = cs_ignore_signal(SIGPIPE) }

    /// Every disposition to its default, nothing blocked: what a program expects at its start.
    public static func reset() throws(SystemError) { try check("sigprocmask") { cs_reset_signals() } }
}
