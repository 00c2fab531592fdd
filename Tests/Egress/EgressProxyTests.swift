// The proxy on this machine's loopback, with a server behind it.
import Egress
import Glibc
import Kit
import Synchronization
import System
import Testing

/// A proxy, a server that answers "hello" and echoes tunnels, and everything that was recorded.
private final class Rig: Sendable {
    let proxyPort: UInt16
    let serverPort: UInt16
    private let proxy: EgressProxy
    private let server: SharedDescriptor

    init(hosts: (UInt16) -> [String]) throws {
        Signals.ignoreSIGPIPE()
        let server = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        self.server = server
        serverPort = try Sockets.localPort(server.raw)
        let listener = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        proxyPort = try Sockets.localPort(listener.raw)
        let kept = Kept()
        let caller = EgressCaller(agent: "coder-1", role: "coder", hosts: hosts(serverPort))
        proxy = EgressProxy(
            listener: listener, caller: { $0 == "good" ? caller : nil },
            record: { record in kept.records.withLock { $0.append(record) } }, log: { _ in })
        self.kept = kept
        proxy.start()
        Worker.start("server") {
            while let client = try? Sockets.accept(server.raw).shared() {
                guard let bytes = try? IO.read(client.raw) else { continue }
                let text = String(decoding: bytes, as: UTF8.self)
                let answer =
                    text.hasPrefix("GET")
                    ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" : "echo:" + text
                try? IO.writeAll(client.raw, Array(answer.utf8))
                client.close()
            }
        }
    }

    private final class Kept: Sendable { let records = Mutex<[EgressRecord]>([]) }
    private let kept: Kept

    var recorded: [EgressRecord] { kept.records.withLock { $0 } }

    /// Everything that comes back for a request.
    func ask(_ head: String, token: String? = "good", then more: String = "") throws -> String {
        let socket = try Sockets.connectTCP("127.0.0.1", port: proxyPort)
        let authorization = token.map { "Proxy-Authorization: Bearer \($0)\r\n" } ?? ""
        try IO.writeAll(socket.raw, Array("\(head) HTTP/1.1\r\n\(authorization)\r\n\(more)".utf8))
        return String(decoding: try IO.readAll(socket.raw), as: UTF8.self)
    }

    func stop() {
        proxy.stop()
        IO.shutdown(server.raw)
    }
}

@Suite struct EgressProxyTests {
    @Test func `a listed host is reached, by tunnel and by plain request, and both are on record`() throws {
        let rig = try Rig { ["localhost:\($0)"] }
        defer { rig.stop() }
        let tunnel = try rig.ask("CONNECT localhost:\(rig.serverPort)", then: "ping")
        #expect(tunnel == "HTTP/1.1 200 Connection established\r\n\r\necho:ping")
        let plain = try rig.ask("GET http://localhost:\(rig.serverPort)/x")
        #expect(plain.hasSuffix("hello"))
        #expect(
            rig.recorded
                == Array(
                    repeating: EgressRecord(agent: "coder-1", host: "localhost", port: rig.serverPort),
                    count: 2))
    }

    @Test func `a host that is not listed is refused by its name, and on record`() throws {
        let rig = try Rig { _ in ["example.org"] }
        defer { rig.stop() }
        let answer = try rig.ask("CONNECT evil.example:443")
        #expect(answer.hasPrefix("HTTP/1.1 403 "))
        #expect(
            answer.contains(
                "evil.example:443 is not on the allow-list of the role coder, which reaches example.org"))
        #expect(rig.recorded.map(\.host) == ["evil.example"] && rig.recorded[0].refusal != nil)
    }

    @Test func `a port that is not listed is another host`() throws {
        let rig = try Rig { _ in ["localhost"] }
        defer { rig.stop() }
        #expect(try rig.ask("CONNECT localhost:\(rig.serverPort)").hasPrefix("HTTP/1.1 403 "))
    }

    /// `ip6-localhost`-like names: a pattern with a star fits them, and their address is this machine's.
    @Test func `a listed name that leads to a private address is refused`() throws {
        let rig = try Rig { ["127.0.0.1.nip.io:\($0)", "*.localdomain:\($0)"] }
        defer { rig.stop() }
        // A literal that is not listed stays refused, whatever the names say.
        #expect(try rig.ask("CONNECT 127.0.0.1:\(rig.serverPort)").hasPrefix("HTTP/1.1 403 "))
    }

    @Test(arguments: [nil, "bad", ""]) func `without an agent's token nothing is let through`(token: String?)
        throws
    {
        let rig = try Rig { ["localhost:\($0)"] }
        defer { rig.stop() }
        #expect(try rig.ask("CONNECT localhost:\(rig.serverPort)", token: token).hasPrefix("HTTP/1.1 407 "))
        #expect(rig.recorded.isEmpty)
    }

    @Test func `what is no request to a proxy is told so`() throws {
        let rig = try Rig { ["localhost:\($0)"] }
        defer { rig.stop() }
        #expect(try rig.ask("GET /").hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `a host that does not answer is a bad gateway, not a hanging client`() throws {
        let free = try Sockets.listenTCP("127.0.0.1", port: 0).shared()
        let port = try Sockets.localPort(free.raw)
        free.close()
        let rig = try Rig { _ in ["localhost:\(port)"] }
        defer { rig.stop() }
        #expect(try rig.ask("CONNECT localhost:\(port)").hasPrefix("HTTP/1.1 502 "))
    }
}
