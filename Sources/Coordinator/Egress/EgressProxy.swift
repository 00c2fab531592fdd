// The only way out of a guest: a CONNECT proxy with a list for each role. RFC 9110 section 9.3.6
import Glibc
import Kit
import Synchronization
public import System

/// Serves one session's egress on a listener in its group's network. A thread a connection: there are tens.
public final class EgressProxy: Sendable {
    /// Limits, and why they are what they are.
    enum Limits {
        /// Of one session at a time; a package manager opens about fifty.
        static let connections = 256
        /// For the head of a request: a client that says nothing holds a thread.
        static let headMilliseconds = 15_000
        static let connectMilliseconds = 15_000
        /// A tunnel without a byte either way.
        static let idleMilliseconds = 300_000
        static let chunkBytes = 65_536
    }

    private let listener: SharedDescriptor
    private let work: String
    private let caller: @Sendable (String) -> EgressCaller?
    private let record: @Sendable (EgressRecord) -> Void
    private let log: @Sendable (String) -> Void
    private let open = Mutex<[Int32: SharedDescriptor]>([:])
    private let isStopping = Atomic(false)

    /// - Parameters:
    ///   - work: Names what is done here, for the case that the process dies of it.
    ///   - caller: Whose token it is; nil when nobody's.
    ///   - record: Called before a request is let through or refused.
    public init(
        listener: SharedDescriptor, work: String = "egress",
        caller: @escaping @Sendable (String) -> EgressCaller?,
        record: @escaping @Sendable (EgressRecord) -> Void, log: @escaping @Sendable (String) -> Void
    ) {
        (self.listener, self.work, self.caller, self.record, self.log) = (listener, work, caller, record, log)
    }

    public func start() { Worker.start("egress", stackBytes: 256 * 1024) { [self] in accept() } }

    /// Ends it and everything it carries.
    public func stop() {
        isStopping.store(true, ordering: .releasing)
        // The listener itself is the platform's and outlives this process; its accept must end all the same.
        IO.shutdown(listener.raw)
        for socket in open.withLock({ Array($0.values) }) { IO.shutdown(socket.raw) }
    }

    private func accept() {
        while !isStopping.load(ordering: .acquiring) {
            let client: SharedDescriptor
            do throws(SystemError) {
                // Looks around now and then: a listener that is shared cannot always be shut down.
                guard try IO.waitReadable(listener.raw, timeoutMilliseconds: 500) else { continue }
                client = try Sockets.accept(listener.raw).shared()
            } catch {
                if !isStopping.load(ordering: .acquiring) { log("egress: \(error)") }
                return
            }
            let isRoom = open.withLock { open in
                guard open.count < Limits.connections else { return false }
                open[client.raw] = client
                return true
            }
            guard isRoom else {
                Self.answer(client, 503, "there are \(Limits.connections) connections already; try again")
                continue
            }
            let number = client.raw
            Worker.start("egress-link", stackBytes: 256 * 1024) { [self] in
                CrashRecord.holding(work) { serve(client) }
                _ = open.withLock { $0.removeValue(forKey: number) }
                client.close()
            }
        }
    }

    private func serve(_ client: SharedDescriptor) {
        guard let request = readHead(client) else { return }
        guard let token = request.token, let caller = caller(token) else {
            return Self.answer(client, 407, "this proxy needs the token of an agent of the session")
        }
        if let refusal = EgressPolicy.refusal(caller, request) {
            return refuse(client, request, caller, refusal)
        }
        let addresses: [Address]
        do throws(SystemError) {
            addresses = try Address.resolve(request.host)
        } catch {
            return Self.answer(client, 502, "\(request.host) has no address: \(error)")
        }
        // All of them are looked at, and one of exactly these is connected to: the name is not asked for
        // again.
        for address in addresses {
            if let refusal = EgressPolicy.refusal(address, of: request, caller) {
                return refuse(client, request, caller, refusal)
            }
        }
        record(EgressRecord(agent: caller.agent, host: request.host, port: request.port))
        guard let server = connect(addresses, request.port) else {
            return Self.answer(client, 502, "\(request.target) does not answer")
        }
        do throws(SystemError) {
            if request.isTunnel {
                try IO.writeAll(client.raw, Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
                try IO.writeAll(server.raw, request.rest)
            } else {
                try IO.writeAll(server.raw, request.origin)
            }
            try Tunnel(client: client, server: server).carry()
        } catch {
            // Either side left in the middle; whoever is still there sees the end of its connection.
            return
        }
    }

    private func readHead(_ client: SharedDescriptor) -> ProxyRequest? {
        var head = ProxyRequestHead()
        let deadline = Clock.monotonicNanoseconds() + Int64(Limits.headMilliseconds) * 1_000_000
        while true {
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            guard left > 0, (try? IO.waitReadable(client.raw, timeoutMilliseconds: left)) == true,
                let bytes = try? IO.read(client.raw, Limits.chunkBytes), !bytes.isEmpty
            else { return nil }
            switch head.add(bytes) {
            case .more: continue
            case .head(let request): return request
            case .refused(let reason):
                Self.answer(client, 400, reason)
                return nil
            }
        }
    }

    private func connect(_ addresses: [Address], _ port: UInt16) -> SharedDescriptor? {
        for address in addresses {
            do throws(SystemError) {
                return try Sockets.connectTCP(
                    address, port: port,
                    timeoutMilliseconds: Limits.connectMilliseconds / max(1, addresses.count)
                ).shared()
            } catch {
                // The next address may answer; when none does, the caller hears that.
                continue
            }
        }
        return nil
    }

    private func refuse(
        _ client: SharedDescriptor, _ request: ProxyRequest, _ caller: EgressCaller, _ refusal: String
    ) {
        record(EgressRecord(agent: caller.agent, host: request.host, port: request.port, refusal: refusal))
        Self.answer(client, 403, refusal)
    }

    private static let reasons = [
        400: "Bad Request", 403: "Forbidden", 407: "Proxy Authentication Required", 502: "Bad Gateway",
        503: "Service Unavailable",
    ]

    private static func answer(_ client: SharedDescriptor, _ status: Int, _ text: String) {
        let body = "openclaw: \(text)\n"
        let head =
            "HTTP/1.1 \(status) \(reasons[status] ?? "Error")\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        // A client that has left wants no answer.
        try? IO.writeAll(client.raw, Array((head + body).utf8))
        // What it still sends is read, so that the answer is not lost to a reset.
        IO.shutdown(client.raw, read: false, write: true)
        var left = 16
        while left > 0, (try? IO.waitReadable(client.raw, timeoutMilliseconds: 200)) == true,
            let bytes = try? IO.read(client.raw, Limits.chunkBytes), !bytes.isEmpty
        {
            left -= 1
        }
    }
}

/// Two sockets, and bytes from each to the other until both have ended.
private struct Tunnel {
    let client: SharedDescriptor
    let server: SharedDescriptor

    func carry() throws(SystemError) {
        var isUp = true
        var isDown = true
        while isUp || isDown {
            var entries = [
                pollfd(fd: isUp ? client.raw : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isDown ? server.raw : -1, events: Int16(POLLIN), revents: 0),
            ]
            try IO.poll(&entries, timeoutMilliseconds: EgressProxy.Limits.idleMilliseconds)
            if entries.allSatisfy({ $0.revents == 0 }) { return }
            // Writing waits for the slower side; nothing is read meanwhile, so nothing piles up.
            if entries[0].revents != 0 { isUp = try pass(client, server) }
            if entries[1].revents != 0 { isDown = try pass(server, client) }
        }
    }

    private func pass(_ from: SharedDescriptor, _ to: SharedDescriptor) throws(SystemError) -> Bool {
        let bytes = try IO.read(from.raw, EgressProxy.Limits.chunkBytes)
        if bytes.isEmpty {
            IO.shutdown(to.raw, read: false, write: true)
            return false
        }
        try IO.writeAll(to.raw, bytes)
        return true
    }
}
