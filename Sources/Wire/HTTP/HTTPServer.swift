import Glibc
import Synchronization
public import System

/// A blocking HTTP/1.1 server with one thread a connection.
///
/// The listening socket is only borrowed: stopping the server neither shuts it down nor closes it, because
/// the platform keeps such sockets for the next coordinator.
public final class HTTPServer: Sendable {
    public struct Limits: Sendable, Hashable {
        /// Connections served at once. The next ones are answered 503; beyond `refusals` of those, closed.
        public var connections = 512
        /// Threads that tell clients 503.
        public var refusals = 16
        /// The largest body that is collected when a route says nothing, in bytes.
        public var bodyBytes = 8 << 20
        /// How long a kept connection may be idle.
        public var idleMilliseconds = 120_000
        /// How long a request's head may take from its first byte.
        public var headMilliseconds = 15_000
        /// How long a body may bring nothing.
        public var bodyMilliseconds = 60_000
        /// How long a client may take nothing while it is sent something.
        public var writeMilliseconds = 30_000
        /// How much of a body that nobody read is skipped to keep the connection, in bytes.
        public var skippedBytes = 256 << 10
        /// How long a client gets to read the last answer before the connection closes.
        public var lingerMilliseconds = 1000
        public var parser = HTTPParserLimits()

        public init() {}
    }

    /// What happens with a request's body before the handler is called.
    public enum BodyPlan: Sendable, Hashable {
        /// It becomes `request.body`; more bytes than this are answered 413.
        case collect(limit: Int)
        /// The handler reads it with `HTTPExchange.readBody`.
        case stream
    }

    /// Answers one request before it returns. What it throws is answered with 500 (an `HTTPError` with its
    /// own status) or, when an answer had begun, by cutting the connection.
    public typealias Handler = @Sendable (HTTPRequest, HTTPExchange) throws -> Void

    private struct State {
        var isStopping = false
        var isRunning = false
        var connections: [ObjectIdentifier: HTTPSocket] = [:]
    }

    let limits: Limits
    let handler: Handler
    let bodyPlan: @Sendable (HTTPRequest) -> BodyPlan
    /// Told what was thrown, with the request when there was one.
    let report: @Sendable (any Error, HTTPRequest?) -> Void
    private let listener: SharedDescriptor
    private let name: String
    private let wakeReader: SharedDescriptor
    private let wakeWriter: SharedDescriptor
    private let state = Condition(State())

    /// - Parameters:
    ///   - name: Of the threads; 15 bytes are shown.
    ///   - bodyPlan: Asked with the head of each request; nil collects up to `limits.bodyBytes`.
    ///   - report: Hears of handlers that threw and of clients that sent no HTTP.
    public init(
        listener: SharedDescriptor, name: String = "http", limits: Limits = Limits(),
        bodyPlan: (@Sendable (HTTPRequest) -> BodyPlan)? = nil,
        report: @escaping @Sendable (any Error, HTTPRequest?) -> Void = { _, _ in },
        handler: @escaping Handler
    ) throws(SystemError) {
        self.listener = listener
        self.name = name
        self.limits = limits
        self.handler = handler
        self.report = report
        self.bodyPlan = bodyPlan ?? { _ in .collect(limit: limits.bodyBytes) }
        (wakeReader, wakeWriter) = try IO.pipe().split()
    }

    /// Runs the server on a thread of its own until `stop`. Its failure goes to `report`.
    @discardableResult
    public func start() -> Worker {
        state.withLock { $0.isRunning = true }
        return Worker.start(name) {
            do throws(SystemError) {
                try self.run()
            } catch {
                self.report(error, nil)
            }
        }
    }

    /// Serves until `stop`; returns when the last connection ended.
    public func run() throws(SystemError) {
        state.withLock { $0.isRunning = true }
        defer {
            interruptConnections()
            _ = state.wait { $0.connections.isEmpty ? true : nil }
            state.withLock { $0.isRunning = false }
        }
        while try waitForClient() {
            let descriptor: SharedDescriptor
            do throws(SystemError) {
                descriptor = SharedDescriptor(try Sockets.accept(listener.raw))
            } catch {
                guard [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.code) else { throw error }
                report(error, nil)
                // Nothing can be accepted until a connection ends; asking again at once would burn the
                // processor.
                _ = try IO.waitReadable(wakeReader.raw, timeoutMilliseconds: 100)
                continue
            }
            accept(descriptor)
        }
    }

    /// Ends the server: no new connections, every blocked read and write fails, `run` returns. May be
    /// called again.
    public func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        // The pipe is ours and empty, so its one byte is always taken.
        try? IO.writeAll(wakeWriter.raw, [0])
        interruptConnections()
    }

    /// Waits until a server that was started has ended.
    /// - Returns: False when the time was over first.
    @discardableResult
    public func waitUntilStopped(timeoutMilliseconds: Int? = nil) -> Bool {
        state.wait(timeoutMilliseconds: timeoutMilliseconds) { $0.isRunning ? nil : true } ?? false
    }

    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// How many connections are open.
    public var connectionCount: Int { state.withLock { $0.connections.count } }

    private func interruptConnections() {
        for socket in state.withLock({ Array($0.connections.values) }) { socket.interrupt() }
    }

    /// False when the server is to stop.
    private func waitForClient() throws(SystemError) -> Bool {
        var entries = [
            pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeReader.raw, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            try IO.poll(&entries, timeoutMilliseconds: -1)
            if entries[1].revents != 0 || isStopping { return false }
            if entries[0].revents & Int16(POLLIN) != 0 { return true }
            if entries[0].revents != 0 {
                throw SystemError(call: "accept", operand: "fd \(listener.raw)", code: EINVAL)
            }
        }
    }

    private func accept(_ descriptor: SharedDescriptor) {
        let socket: HTTPSocket
        do throws(HTTPError) {
            socket = try HTTPSocket(descriptor, name: "a client", writeMilliseconds: limits.writeMilliseconds)
        } catch {
            report(error, nil)
            return
        }
        let count = state.withLock { state in
            if state.isStopping { return Int.max }
            state.connections[ObjectIdentifier(socket)] = socket
            return state.connections.count
        }
        guard count <= limits.connections + limits.refusals else {
            forget(socket)
            socket.descriptor.close()
            return
        }
        Worker.start(name, stackBytes: 1 << 20) {
            HTTPServerConnection(socket: socket, server: self, isRefused: count > self.limits.connections)
                .run()
            self.forget(socket)
        }
    }

    private func forget(_ socket: HTTPSocket) {
        _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(socket)) }
    }
}
