// A named thread.
import CSystem
import Glibc
import Synchronization

/// One POSIX thread. The host handles each connection on one, with blocking calls. Linux: pthread_create(3)
public final class Worker: Sendable {
    private struct State {
        var thread: pthread_t?
    }
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let state: Mutex<State>

    private init(thread: pthread_t?) { state = Mutex(State(thread: thread)) }

    /// Starts `body` on a new thread.
    ///
    /// A worker that nobody joins is detached when its last reference goes. When the system has no thread
    /// to give (EAGAIN), `body` runs on the caller's thread before this returns, so that no work is lost.
    /// - Parameters:
    ///   - name: Shown by ps and debuggers, cut to 15 bytes.
    ///   - stackBytes: At least 16 KiB.
    @discardableResult
    public static func start(
        _ name: String, stackBytes: Int = 512 * 1024, _ body: @escaping @Sendable () -> Void
    ) -> Worker {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, max(stackBytes, 16384))
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                cs_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        if code == 0 { return Worker(thread: thread) }
        start.takeRetainedValue().body()
        return Worker(thread: nil)
    }

    /// Waits for the end of the body. A second call returns at once.
    public func join() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            return state.thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit {
        let thread = state.withLock { $0.thread }
        if let thread { pthread_detach(thread) }
    }
}
