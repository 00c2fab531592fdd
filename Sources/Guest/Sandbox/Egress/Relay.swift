import Glibc
import Kit
import System

/// A way out of a tool's network namespace: a listener on its loopback, whose connections the sandbox's
/// parent carries to the coordinator, to its egress proxy or to its model gateway. The tool has no route to
/// anything else, and the token that says who is calling is added here, where the tool cannot see it.
struct Relay {
    private let host: String
    private let port: UInt16
    private let token: String
    private let isProxy: Bool
    private let listener: SharedDescriptor
    private var links: [Link] = []

    /// Connections at a time; more wait in the listener's backlog.
    private static let limit = 128
    /// How long reaching the coordinator may take. It is the next machine, or this one.
    private static let connectMilliseconds = 3000

    /// - Parameters:
    ///   - place: HOST:PORT, of a policy that was checked.
    ///   - isProxy: It leads to the egress proxy, else to the model gateway.
    init(listener: SharedDescriptor, to place: String, token: String, isProxy: Bool) {
        let parts = place.split(separator: ":")
        host = String(parts.first ?? "")
        port = parts.last.flatMap { UInt16($0) } ?? 0
        (self.listener, self.token, self.isProxy) = (listener, token, isProxy)
    }

    /// Says what to wait for.
    func watch(_ set: PollSet) {
        if links.count < Self.limit { set.add(listener.raw) }
        for link in links { link.watch(set) }
    }

    /// Does what the ready descriptors allow.
    mutating func serve(_ ready: PollSet, _ denials: inout Denials) {
        if ready[listener.raw] != nil { accept() }
        for index in links.indices { links[index].serve(ready, &denials) }
        links.removeAll { $0.isOver }
    }

    private mutating func accept() {
        guard let client = try? Sockets.accept(listener.raw).shared() else { return }
        let server = try? Sockets.connectTCP(host, port: port, timeoutMilliseconds: Self.connectMilliseconds)
        guard let server = server?.shared(), (try? IO.setNonBlocking(client.raw)) != nil,
            (try? IO.setNonBlocking(server.raw)) != nil
        else {
            let text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            try? IO.writeAll(client.raw, Array(text.utf8))
            return
        }
        let head: Link.Head =
            isProxy
            ? .proxy(ProxyRequestHead()) : .models(ModelRequestHead(token: token, host: "\(host):\(port)"))
        links.append(Link(client: client, server: server, token: token, request: head))
    }
}

/// One connection: the head of the request gets the token, the head of the answer is looked at, and
/// everything else passes.
private struct Link {
    /// What is read before anything is passed on.
    enum Head {
        case proxy(ProxyRequestHead)
        case models(ModelRequestHead)
    }

    private let client: SharedDescriptor
    private let server: SharedDescriptor
    private let token: String
    private var request: Head?
    private var target = ""
    private var answer: [UInt8]? = []
    private var up = Buffer()
    private var down = Buffer()
    private(set) var isOver = false

    init(client: SharedDescriptor, server: SharedDescriptor, token: String, request: Head) {
        (self.client, self.server, self.token, self.request) = (client, server, token, request)
        // Only the proxy's refusals are a matter of the sandbox.
        if case .models = request { answer = nil }
    }

    func watch(_ set: PollSet) {
        var (toClient, toServer): (Int32, Int32) = (0, 0)
        if up.canTake { toClient |= POLLIN }
        if !down.isEmpty { toClient |= POLLOUT }
        if down.canTake { toServer |= POLLIN }
        if !up.isEmpty { toServer |= POLLOUT }
        if toClient != 0 { set.add(client.raw, toClient) }
        if toServer != 0 { set.add(server.raw, toServer) }
    }

    mutating func serve(_ ready: PollSet, _ denials: inout Denials) {
        guard !isOver else { return }
        if ready[client.raw] != nil, up.canTake { take(from: client, isRequest: true, &denials) }
        if ready[server.raw] != nil, down.canTake { take(from: server, isRequest: false, &denials) }
        up.flush(to: server)
        down.flush(to: client)
        if up.isBroken || down.isBroken || (up.isDone && down.isDone) || (down.isDone && request == nil) {
            isOver = true
        }
        if isOver {
            client.close()
            server.close()
        }
    }

    private mutating func take(from source: SharedDescriptor, isRequest: Bool, _ denials: inout Denials) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try IO.read(source.raw, 16384)
        } catch {
            if error.code != EAGAIN { isOver = true }
            return
        }
        guard !bytes.isEmpty else {
            if isRequest { up.end() } else { down.end() }
            return
        }
        if isRequest { ask(bytes) } else { hear(bytes, &denials) }
    }

    private mutating func ask(_ bytes: [UInt8]) {
        switch request {
        case nil: up.add(bytes)
        case .proxy(var head):
            let step = head.add(bytes)
            request = .proxy(head)
            switch step {
            case .more: break
            case .head(let head):
                target = head.target
                pass(head.bytes(token: token))
            case .refused(let reason): refuse("the request is not one for a proxy: \(reason)")
            }
        case .models(var head):
            let step = head.add(bytes)
            request = .models(head)
            switch step {
            case .more: break
            case .head(let bytes): pass(bytes)
            case .refused(let reason): refuse("the request is not one for a model: \(reason)")
            }
        }
    }

    private mutating func pass(_ bytes: [UInt8]) {
        up.add(bytes)
        request = nil
    }

    private mutating func refuse(_ reason: String) {
        let text = reason + "\n"
        let head =
            "HTTP/1.1 400 Bad Request\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n"
        down.add(Array((head + text).utf8))
        down.end()
        up.end()
        request = nil
    }

    private mutating func hear(_ bytes: [UInt8], _ denials: inout Denials) {
        if let known = answer {
            let start = known + bytes.prefix(64)
            if start.count >= 12 {
                let status = String(decoding: start[9..<12], as: UTF8.self)
                if status == "403" {
                    denials.note(
                        "egress", target, "the host \(target) is not one that this role may reach",
                        ["host": .string(target)])
                }
                answer = nil
            } else {
                answer = start
            }
        }
        down.add(bytes)
    }
}

/// Bytes on their way, bounded by reading only when there is room.
private struct Buffer {
    private var bytes: [UInt8] = []
    private var isEnding = false
    private(set) var isDone = false
    private(set) var isBroken = false
    private static let room = 65536

    var isEmpty: Bool { bytes.isEmpty }
    var canTake: Bool { !isEnding && bytes.count < Self.room }

    mutating func add(_ more: [UInt8]) { bytes += more }
    mutating func end() { isEnding = true }

    mutating func flush(to target: SharedDescriptor) {
        while !bytes.isEmpty {
            let count = send(target.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            if count > 0 {
                bytes.removeFirst(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                isBroken = true
                return
            }
        }
        if isEnding, !isDone {
            isDone = true
            IO.shutdown(target.raw, read: false, write: true)
        }
    }
}
