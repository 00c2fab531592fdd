import Journal
import Kit
import Synchronization
import System
public import Wire

/// Everything below `/session/ID/canvas`: the page, its stream, its commands and its reads.
public final class CanvasSite: Sendable {
    private struct State {
        var feeds: [String: EventFeed] = [:]
        var snapshots: [String: Snapshots] = [:]
        var viewers: [String: [ObjectIdentifier: Viewer]] = [:]
        var isClosing = false
    }

    /// Who asks.
    public enum Door: Sendable {
        /// A browser on this machine, at this port.
        case loopback(port: UInt16)
        /// A canvas guest, which passes on what it was asked; its router checked the browser.
        case guest
    }

    private let files: AppFiles
    private let find: @Sendable (String) -> (any ChannelSession)?
    private let state = Mutex(State())

    /// - Parameter find: The session of an id.
    public init(files: AppFiles, find: @escaping @Sendable (String) -> (any ChannelSession)?) {
        (self.files, self.find) = (files, find)
    }

    /// How many watch a session.
    public func viewerCount(_ session: String) -> Int { state.withLock { $0.viewers[session]?.count ?? 0 } }

    /// Ends every socket with a word; no new ones are taken.
    public func close() {
        let viewers = state.withLock { state in
            state.isClosing = true
            return state.viewers.values.flatMap(\.values)
        }
        for viewer in viewers { viewer.farewell("restart", "the coordinator ends; connect again") }
    }

    /// Bodies are small here.
    public static let bodyPlan = HTTPServer.BodyPlan.collect(limit: Limits.commandBytes)

    /// Answers a request; the path is `/session/ID/canvas…`.
    public func answer(_ request: HTTPRequest, _ exchange: HTTPExchange, door: Door) throws(HTTPError) {
        do throws(ChannelError) {
            if case .loopback(let port) = door, let refusal = OriginGuard(port: port).refusal(of: request) {
                throw refusal
            }
            try route(request, exchange)
        } catch {
            guard !exchange.hasAnswered else { return }
            try exchange.respond(error.response)
        }
    }

    private func route(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(ChannelError) {
        let segments = request.target.segments
        guard segments.count >= 3, segments[0] == "session", segments[2] == "canvas" else {
            throw missing(request)
        }
        let rest = Array(segments.dropFirst(3))
        switch (request.method, rest.first, rest.count) {
        case ("GET", nil, 0), ("HEAD", nil, 0):
            guard request.target.rawPath.hasSuffix("/") else {
                // The page's own files are named relative to it.
                let place = "/session/\(Percent.encode(segments[1]))/canvas/"
                return reply(exchange, HTTPResponse(status: 308, headers: ["Location": place]))
            }
            try page("", request, exchange)
        case ("GET", "stream", 1): try stream(try session(segments[1]), request, exchange)
        case ("POST", "commands", 1): try command(try session(segments[1]), request, exchange)
        case ("GET", "api", 2):
            let session = try session(segments[1])
            _ = try authority(request, session)
            switch rest[1] {
            case "events", "snapshot": reply(exchange, try past(rest[1], request, session))
            default:
                let json = try session.read(rest[1])
                reply(exchange, HTTPResponse(status: 200, headers: AppFiles.headers, json: json))
            }
        case ("GET", .some(let name), 1), ("HEAD", .some(let name), 1): try page(name, request, exchange)
        default: throw missing(request)
        }
    }

    private func missing(_ request: HTTPRequest) -> ChannelError {
        ChannelError(404, "not_found", "there is no \(request.method) \(request.path)")
    }

    /// Whether a session exists is nobody's business without its token, so the page is the same for all.
    private func page(
        _ name: String, _ request: HTTPRequest, _ exchange: HTTPExchange
    ) throws(ChannelError) {
        guard let response = files.response(name, for: request) else { throw missing(request) }
        reply(exchange, response)
    }

    /// A client that left needs no answer.
    private func reply(_ exchange: HTTPExchange, _ response: HTTPResponse) { try? exchange.respond(response) }

    private func session(_ id: String) throws(ChannelError) -> any ChannelSession {
        guard let session = find(id) else {
            throw ChannelError(
                404, "not_found", "there is no session \(id)", hint: "openclaw sessions lists them")
        }
        return session
    }

    private func authority(
        _ request: HTTPRequest, _ session: any ChannelSession
    ) throws(ChannelError) -> Authority {
        guard let token = request.bearerToken, let authority = session.authority(of: token) else {
            throw ChannelError(
                401, "unauthorized", "this needs the token of the session",
                hint: "open the address that `openclaw session \(session.id) --canvas` prints")
        }
        return authority
    }

    // MARK: Commands

    private func command(
        _ session: any ChannelSession, _ request: HTTPRequest, _ exchange: HTTPExchange
    ) throws(ChannelError) {
        guard try authority(request, session) == .operate else {
            throw ChannelError(403, "read_only", "this address is for looking only")
        }
        // A form of another page can send text, but not this type without asking first.
        let type = request.headers["Content-Type"]?.split(separator: ";").first
        guard type.map({ HTTPHeaders.isEqual(String($0), "application/json") }) == true else {
            throw ChannelError(415, "bad_request", "a command is application/json")
        }
        let body: JSON
        do throws(HTTPError) {
            body = try request.json(limits: JSON.Limits(depth: 16, bytes: Limits.commandBytes))
        } catch {
            throw ChannelError(400, "bad_request", error.message)
        }
        let answer = try session.perform(try CanvasCommand(body))
        reply(exchange, HTTPResponse(status: 200, headers: AppFiles.headers, json: answer))
    }

    // MARK: The past

    /// `snapshot?at=N` is the session as of an event; `events?after=N` are the events after one.
    private func past(
        _ what: String, _ request: HTTPRequest, _ session: any ChannelSession
    ) throws(ChannelError) -> HTTPResponse {
        let name = what == "events" ? "after" : "at"
        guard let seq = request.target.query[name].flatMap(Int64.init), seq >= 0, seq <= session.head else {
            throw ChannelError(
                400, "bad_request", "`\(name)` is the number of an event, at most \(session.head)")
        }
        let body: [UInt8]
        do throws(JournalError) {
            body =
                what == "events"
                ? ServerFrame.document(try session.lines(after: seq, limit: Limits.pastEvents))
                : try snapshots(of: session).at(seq).document
        } catch {
            throw ChannelError(500, "journal", "read the journal of \(session.id): \(error)")
        }
        var response = HTTPResponse(status: 200, headers: AppFiles.headers, body: body)
        response.headers["Content-Type"] = "application/json"
        return response
    }

    /// Kept while somebody watches.
    private func snapshots(of session: any ChannelSession) -> Snapshots {
        state.withLock { state in
            if let known = state.snapshots[session.id] { return known }
            let made = Snapshots(session)
            if state.viewers[session.id] != nil { state.snapshots[session.id] = made }
            return made
        }
    }

    // MARK: The stream

    private func stream(
        _ session: any ChannelSession, _ request: HTTPRequest, _ exchange: HTTPExchange
    ) throws(ChannelError) {
        var limits = WebSocketConnection.Limits()
        limits.messageBytes = Limits.clientFrameBytes
        limits.writeMilliseconds = Limits.writeMilliseconds
        guard viewerCount(session.id) < Limits.viewers else {
            throw ChannelError(503, "too_many_viewers", "\(Limits.viewers) watch \(session.id) already")
        }
        let socket: WebSocketConnection
        do throws(HTTPError) {
            socket = try WebSocketConnection.accept(exchange, limits: limits)
        } catch {
            throw ChannelError(error.status, "bad_request", error.message)
        }
        let (feed, snapshots) = state.withLock { state in
            let feed = state.feeds[session.id] ?? EventFeed(session)
            let snapshots = state.snapshots[session.id] ?? Snapshots(session)
            (state.feeds[session.id], state.snapshots[session.id]) = (feed, snapshots)
            return (feed, snapshots)
        }
        let viewer = Viewer(session, feed: feed, snapshots: snapshots, socket: socket)
        let isClosing = state.withLock { state in
            state.viewers[session.id, default: [:]][ObjectIdentifier(viewer)] = viewer
            return state.isClosing
        }
        if isClosing { viewer.farewell("restart", "the coordinator ends; connect again") }
        viewer.run()
        state.withLock { state in
            state.viewers[session.id]?.removeValue(forKey: ObjectIdentifier(viewer))
            guard state.viewers[session.id]?.isEmpty == true else { return }
            state.viewers.removeValue(forKey: session.id)
            state.feeds.removeValue(forKey: session.id)
            state.snapshots.removeValue(forKey: session.id)
        }
    }
}
