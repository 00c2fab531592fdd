import Synchronization
import System
public import Wire

/// What Aegis's router does for an app with a serve target, over any platform: wakes its guest when somebody
/// comes, holds the connection meanwhile, and lets the guest pause and end when nobody is there.
public final class ServeRouter: Sendable {
    /// A guest that serves.
    public struct App: Sendable {
        public var request: InstanceRequest
        /// Its name and port in the network group.
        public var host: String
        public var port: UInt16

        public init(request: InstanceRequest, host: String, port: UInt16 = 80) {
            (self.request, self.host, self.port) = (request, host, port)
        }
    }

    private struct Entry {
        var app: App
        var policy: ServePolicy
        var instance: String?
        var problem: String?
    }

    private static let tickMilliseconds = 500
    /// Until a guest that was started takes connections.
    private static let wakeMilliseconds: Int64 = 30_000
    private static let probeMilliseconds = 20
    private static let endMilliseconds = 2000

    private let platform: PlatformClient
    private let patience: ServePolicy.Patience
    private let log: @Sendable (String) -> Void
    private let entries = Condition<[String: Entry]>([:])
    private let isStopping = Condition(false)

    public init(
        _ platform: PlatformClient, patience: ServePolicy.Patience = .init(),
        log: @escaping @Sendable (String) -> Void
    ) {
        (self.platform, self.patience, self.log) = (platform, patience, log)
        Worker.start("serve-router") { [weak self, isStopping] in
            while isStopping.wait(timeoutMilliseconds: Self.tickMilliseconds, until: { $0 ? true : nil })
                == nil
            { self?.tick() }
        }
    }

    deinit { isStopping.withLock { $0 = true } }

    private static var now: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }

    /// The stage of an app's guest.
    public func stage(of id: String) -> ServePolicy.Stage {
        entries.withLock { $0[id]?.policy.stage ?? .absent }
    }

    /// Runs a body with a connection to the app's guest, which is there for as long as the body takes.
    /// - Parameter patience: How long to wait for the guest; nil is returned when that was too short, and
    ///   the guest goes on waking.
    public func withGuest<Value>(
        _ app: App, patienceMilliseconds: Int, _ body: (HTTPAddress) throws(HTTPError) -> Value
    ) throws(HTTPError) -> Value? {
        let id = app.request.app.id
        let action = entries.withLock { entries in
            if entries[id] == nil {
                entries[id] = Entry(app: app, policy: ServePolicy(patience: patience))
            }
            entries[id]?.problem = nil
            return entries[id]?.policy.connect()
        }
        defer { entries.withLock { $0[id]?.policy.disconnect(at: Self.now) } }
        if let action { start(action, id) }
        let outcome = entries.wait(timeoutMilliseconds: patienceMilliseconds) { entries -> Bool? in
            guard let entry = entries[id] else { return false }
            if entry.policy.stage == .running { return true }
            return entry.problem == nil ? nil : false
        }
        guard let outcome else { return nil }
        let problem = entries.withLock { $0[id]?.problem } ?? "it is gone"
        guard outcome else { throw HTTPError(.closed, "the guest \(id) does not serve: \(problem)") }
        let socket: SharedDescriptor
        do throws(PlatformError) {
            socket = try platform.connect(group: app.request.group ?? "", host: app.host, port: app.port)
        } catch {
            entries.withLock { $0[id]?.policy.lost() }
            throw HTTPError(.closed, "connect to the guest \(id): \(error)")
        }
        return try body(.descriptor(socket))
    }

    // MARK: Waking, pausing, ending

    private func tick() {
        let due = entries.withLock { entries -> [(String, ServePolicy.Action)] in
            entries.keys.sorted().compactMap { id in entries[id]?.policy.tick(at: Self.now).map { (id, $0) } }
        }
        for (id, action) in due { start(action, id) }
    }

    private func start(_ action: ServePolicy.Action, _ id: String) {
        Worker.start("serve") { [self] in
            var next: ServePolicy.Action? = action
            while let current = next {
                var problem: String?
                do throws(PlatformError) {
                    try perform(current, id)
                } catch {
                    problem = "\(error)"
                    log("\(id): \(current) failed: \(error)")
                }
                next = entries.withLock { entries in
                    entries[id]?.problem = problem
                    return entries[id]?.policy.done(current, succeeded: problem == nil, at: Self.now)
                }
            }
        }
    }

    private func perform(_ action: ServePolicy.Action, _ id: String) throws(PlatformError) {
        guard let entry = entries.withLock({ $0[id] }) else { return }
        switch action {
        case .wake:
            let start = Clock.monotonicNanoseconds()
            let instance = try platform.ensure(entry.app.request)
            if instance.state == .paused { try platform.resume(instance.id) }
            entries.withLock { $0[id]?.instance = instance.id }
            try waitUntilItServes(entry.app)
            log("\(id): awake after \((Clock.monotonicNanoseconds() - start) / 1_000_000) ms")
        case .pause:
            if let instance = entry.instance { try platform.pause(instance) }
            log("\(id): paused, nobody is there")
        case .end:
            if let instance = entry.instance {
                try platform.terminate(instance, graceMilliseconds: Self.endMilliseconds)
            }
            log("\(id): ended, nobody came back")
        }
    }

    private func waitUntilItServes(_ app: App) throws(PlatformError) {
        let deadline = Self.now + Self.wakeMilliseconds
        while true {
            do throws(PlatformError) {
                _ = try platform.connect(group: app.request.group ?? "", host: app.host, port: app.port)
                return
            } catch {
                guard Self.now < deadline else { throw error }
            }
            _ = isStopping.wait(timeoutMilliseconds: Self.probeMilliseconds) { $0 ? true : nil }
        }
    }
}
