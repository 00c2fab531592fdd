// State that threads share and wait on.
import CSystem
import Glibc

/// A value behind a lock, with a way to wait until it changes. Linux: pthread_cond_timedwait(3)
///
/// Timeouts run on the monotonic clock. Every `withLock` wakes all waiters, so a change cannot be missed.
// SAFETY: `state` is touched only between lock and unlock of `mutex`.
public final class Condition<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    /// Takes the first value.
    public init(_ state: sending State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Reads or changes the value, then wakes all waiters. Not to be nested. References must not be carried
    /// out of the body to be used without the lock.
    public func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits until `attempt` gives a value, trying it under the lock now and after every change.
    /// - Parameter timeoutMilliseconds: Nil waits without end; then the result is never nil.
    /// - Returns: The value, or nil when the time was over first.
    public func wait<Result>(
        timeoutMilliseconds: Int? = nil, until attempt: (inout State) -> Result?
    ) -> Result? {
        let deadline = timeoutMilliseconds.map { Clock.monotonicNanoseconds() + Int64($0) * 1_000_000 }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = attempt(&state) {
                // The attempt may have taken something away that others wait to see gone.
                pthread_cond_broadcast(condition)
                return result
            }
            guard let deadline else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            if Clock.monotonicNanoseconds() >= deadline { return nil }
            var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}
