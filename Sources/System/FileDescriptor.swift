// Owners of descriptors: one that moves, one that is shared between threads.
import CSystem
import Glibc
import Synchronization

/// A descriptor with one owner; closed when the owner goes. Linux: close(2)
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number, for calls that need it while the owner lives.
    public let raw: Int32

    /// Takes over an open descriptor.
    public init(adopting raw: Int32) { self.raw = raw }

    /// Gives the number away; the caller closes it.
    public consuming func take() -> Int32 {
        let number = raw
        discard self
        return number
    }

    /// Gives the descriptor to a shared owner.
    public consuming func shared() -> SharedDescriptor { SharedDescriptor(adopting: take()) }

    /// A second descriptor of the same open file. Linux: fcntl(2)
    public borrowing func duplicate() throws(SystemError) -> FileDescriptor { try IO.duplicate(raw) }

    // Linux releases the number even when close is interrupted, so it must not be retried.
    deinit { _ = close(raw) }
}

/// A descriptor that several threads hold; closed by `close()` or with the last reference.
public final class SharedDescriptor: Sendable {
    private let number: Atomic<Int32>

    /// Takes over an open descriptor.
    public init(adopting raw: Int32) { number = Atomic(raw) }

    /// Takes over from a single owner.
    public convenience init(_ descriptor: consuming FileDescriptor) { self.init(adopting: descriptor.take()) }

    /// The number; -1 once closed. A thread that is blocked on it is woken by `IO.shutdown`, not by `close`.
    public var raw: Int32 { number.load(ordering: .acquiring) }

    /// Closes now. May be called again.
    public func close() {
        let old = number.exchange(-1, ordering: .acquiringAndReleasing)
        if old >= 0 { _ = Glibc.close(old) }
    }

    deinit { close() }
}
