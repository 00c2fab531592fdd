// Both ends of a WebSocket that the conformance suite holds Wire against: a server that echoes, and a
// client that asks for the cases and echoes.
import Glibc
import System
import Wire

@main struct Main {
    /// The largest messages of the suite are 16 MiB.
    private static var limits: WebSocketConnection.Limits {
        var limits = WebSocketConnection.Limits()
        limits.messageBytes = 16 << 20
        return limits
    }

    static func main() throws {
        Signals.ignoreSIGPIPE()
        let words = CommandLine.arguments.dropFirst()
        switch words.first {
        case "server": try serve()
        case "client": try call(Environment.get("WSCONF_URL") ?? "")
        default:
            print("usage: websocket-echo server|client")
            exit(64)
        }
    }

    /// Prints its port, and echoes until its input ends.
    private static func serve() throws {
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        let limits = limits
        let server = try HTTPServer(listener: listener) { _, exchange in
            echo(try WebSocketConnection.accept(exchange, limits: limits))
        }
        server.start()
        try IO.writeAll(1, Array("\(try Sockets.localPort(listener.raw))\n".utf8))
        _ = try IO.readAll(0)
        server.stop()
    }

    /// A broken connection is what many cases want to see, so it is the end and no error.
    private static func echo(_ socket: WebSocketConnection) {
        while let message = (try? socket.receive()) ?? nil {
            guard (try? socket.send(message)) != nil else { break }
        }
        socket.interrupt()
    }

    private static func call(_ url: String) throws {
        let authority = url.dropFirst("ws://".count).prefix { $0 != "/" }.split(separator: ":")
        guard authority.count == 2, let port = UInt16(authority[1]) else {
            print("WSCONF_URL is ws://HOST:PORT")
            exit(64)
        }
        let address = HTTPAddress.tcp(String(authority[0]), port)
        func connect(_ target: String) throws -> WebSocketConnection {
            try WebSocketConnection.connect(to: address, target: target, limits: limits)
        }
        let asking = try connect("/getCaseCount")
        guard case .text(let text) = try asking.receive(), let count = Int(text) else { exit(1) }
        while try asking.receive() != nil {}
        for number in 1...max(1, count) { echo(try connect("/runCase?case=\(number)&agent=openclaw")) }
        let updating = try connect("/updateReports?agent=openclaw")
        while try updating.receive() != nil {}
    }
}
