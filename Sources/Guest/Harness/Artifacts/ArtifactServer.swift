// The owner's side: files over the session's network.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// `GET /artifacts/DIGEST` on the harness's port, whole or from a place on.
struct ArtifactServer: Sendable {
    let store: ArtifactStore
    /// This agent's own token; nil before the platform gave it.
    let token: @Sendable () -> String?
    private let running: Count

    /// Transfers under way.
    private final class Count: Sendable { let value = Mutex(0) }

    static let path = "/artifacts/"

    init(store: ArtifactStore, token: @escaping @Sendable () -> String?) {
        (self.store, self.token, running) = (store, token, Count())
    }

    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(HTTPError) {
        let digest = String(request.path.dropFirst(Self.path.count))
        // Whoever has no leave is told the same about what is there and what is not.
        guard let shown = request.bearerToken, let token = token(),
            PeerGrant.check(
                shown, owner: token, use: .artifact(digest), now: Clock.wallMilliseconds()) != nil
        else {
            return try exchange.respond(
                .error(401, code: "unauthorized", message: "this needs the coordinator's leave for this file")
            )
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            return try exchange.respond(
                .error(405, code: "method", message: "a file is read with GET or HEAD"))
        }
        guard let (file, size) = try? store.open(digest) else {
            return try exchange.respond(
                .error(404, code: "not_found", message: "there is no file with this digest here"))
        }
        let hasRoom = running.value.withLock { count in
            guard count < Limits.artifactTransfers else { return false }
            count += 1
            return true
        }
        guard hasRoom else {
            var busy = HTTPResponse.error(
                503, code: "busy", message: "\(Limits.artifactTransfers) transfers are under way")
            busy.headers["Retry-After"] = "1"
            return try exchange.respond(busy)
        }
        defer { running.value.withLock { $0 -= 1 } }
        try send(file, size, digest, request, exchange)
    }

    private func send(
        _ file: SharedDescriptor, _ size: Int64, _ digest: String, _ request: HTTPRequest,
        _ exchange: HTTPExchange
    ) throws(HTTPError) {
        var headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "ETag": "\"\(digest)\"",
        ]
        let range: ByteRange
        switch ByteRange.parse(request.headers["Range"], size: size) {
        case .unsatisfiable:
            headers["Content-Range"] = "bytes */\(size)"
            return try exchange.respond(HTTPResponse(status: 416, headers: headers))
        case .whole:
            range = ByteRange(first: 0, last: size - 1)
            try exchange.begin(200, headers: headers, length: size)
        case .part(let part):
            range = part
            headers["Content-Range"] = part.contentRange(of: size)
            try exchange.begin(206, headers: headers, length: part.count)
        }
        var offset = range.first
        while offset <= range.last, request.method == "GET" {
            let wanted = min(Int64(ArtifactStore.pieceBytes), range.last - offset + 1)
            let piece: [UInt8]
            do throws(SystemError) {
                piece = try IO.read(file.raw, at: offset, Int(wanted))
            } catch {
                throw HTTPError(.system, "reading the artifact \(digest)", system: error)
            }
            // It is shorter than it was: `end` cuts, and the receiver sees that it is not whole.
            if piece.isEmpty { break }
            try exchange.write(piece)
            offset += Int64(piece.count)
        }
        try exchange.end()
    }
}
