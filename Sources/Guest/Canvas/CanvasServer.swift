// The program of the canvas guest: the files of the app, and a relay to the coordinator. It holds no token of
// its own; what a viewer may do is decided by the coordinator from the viewer's token.
import Glibc
import Kit
import System
import Wire

/// The server on port 80 of a canvas guest.
public enum CanvasServer {
    private static let port: UInt16 = 80
    /// Viewers of one session; each has a socket and a thread for each direction.
    private static let connections = 320
    /// The agent's user of a guest: nothing here needs more once the port is taken.
    private static let user: UInt32 = 1000
    private static let bodyBytes = 64 << 10

    /// Runs until the guest ends.
    public static func main(_ words: [String]) -> Int32 {
        Signals.ignoreSIGPIPE()
        guard words.count == 2 else {
            report("usage: openclaw-canvas DIRECTORY HOST:PORT")
            return 64
        }
        let place = words[1].split(separator: ":")
        guard place.count == 2, let other = UInt16(place[1]) else {
            report("\(words[1]) is not HOST:PORT")
            return 64
        }
        do {
            let listener = SharedDescriptor(try Sockets.listenTCP("0.0.0.0", port: port))
            dropPrivileges()
            let server = try make(
                listener, files: AppFiles(directory: words[0]), coordinator: .tcp(String(place[0]), other))
            report("serving \(words[0]) on port \(port)")
            try server.run()
            return 0
        } catch {
            report("\(error)")
            return 1
        }
    }

    /// Leaves root, which was needed for the port. A guest of a user with a single id has nobody else to be.
    private static func dropPrivileges() {
        guard Credentials.effectiveUser() == 0 else { return }
        do throws(SystemError) {
            try Credentials.setGroup(user)
            try Credentials.setUser(user)
        } catch {
            report("goes on as root of the guest: \(error)")
        }
    }

    private static func report(_ text: String) {
        // Standard error is all there is to report to.
        try? IO.writeAll(2, Array("openclaw-canvas: \(text)\n".utf8))
    }

    static func make(
        _ listener: SharedDescriptor, files: AppFiles, coordinator: HTTPAddress
    ) throws(SystemError) -> HTTPServer {
        var limits = HTTPServer.Limits()
        limits.connections = connections
        return try HTTPServer(
            listener: listener, name: "canvas", limits: limits,
            bodyPlan: { _ in .collect(limit: bodyBytes) }, report: { error, _ in report("\(error)") },
            handler: { request, exchange in try answer(request, exchange, files, coordinator) })
    }

    private static func answer(
        _ request: HTTPRequest, _ exchange: HTTPExchange, _ files: AppFiles, _ coordinator: HTTPAddress
    ) throws(HTTPError) {
        let segments = request.target.segments
        guard segments.count >= 3, segments[0] == "session", segments[2] == "canvas" else {
            return try exchange.respond(
                .error(404, code: "not_found", message: "there is no \(request.method) \(request.path)"))
        }
        let name = segments.count > 3 ? segments[3] : ""
        let isFile = segments.count <= 4 && !["stream", "commands", "api"].contains(name)
        if isFile, ["GET", "HEAD"].contains(request.method), let file = files.response(name, for: request) {
            return try exchange.respond(file)
        }
        do throws(HTTPError) {
            try HTTPRelay.forward(request, exchange, to: coordinator)
        } catch {
            guard !exchange.hasAnswered else { throw error }
            try exchange.respond(
                .error(
                    502, code: "no_coordinator", message: "the coordinator does not answer: \(error)",
                    hint: "openclaw coordinator status"))
        }
    }
}
