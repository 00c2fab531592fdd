import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Channel
@testable import Journal

/// A session on a real journal, behind a real server on loopback.
final class Fixture: ChannelSession {
    let id = "s-1"
    let directory: String
    let journal: Journal
    let port: UInt16
    private let server: Mutex<HTTPServer?> = Mutex(nil)
    private let siteBox: Mutex<CanvasSite?> = Mutex(nil)
    let commands = Mutex<[CanvasCommand]>([])
    /// Lines that an agent printed.
    let output = Condition<[LogEntry]>([])
    static let token = "operate-token"
    static let viewToken = "view-token"

    init() throws {
        Signals.ignoreSIGPIPE()
        directory = try Files.temporaryDirectory(prefix: "channel-test-")
        journal = try Journal(path: "\(directory)/j.db")
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        try Files.makeDirectories("\(directory)/canvas", mode: 0o755)
        let site = CanvasSite(files: AppFiles(directory: "\(directory)/canvas")) { [weak self] id in
            id == "s-1" ? self : nil
        }
        let port = port
        let made = try HTTPServer(
            listener: listener, name: "channel", bodyPlan: { _ in CanvasSite.bodyPlan },
            handler: { request, exchange in
                try site.answer(request, exchange, door: .loopback(port: port))
            })
        made.start()
        server.withLock { $0 = made }
        siteBox.withLock { $0 = site }
    }

    deinit { try? Files.removeTree(directory) }

    func stop() {
        site?.close()
        server.withLock { $0 }?.stop()
        _ = server.withLock { $0 }?.waitUntilStopped(timeoutMilliseconds: 20_000)
    }

    var site: CanvasSite? { siteBox.withLock { $0 } }

    /// Appends so many events.
    @discardableResult
    func note(_ count: Int, text: String = "x") throws -> [Event] {
        try journal.append(
            id, (0..<count).map { .noteAppended(agent: "coder-1", text: "\($0) \(text)") }, at: 7)
    }

    // MARK: ChannelSession

    func authority(of token: String) -> Authority? {
        switch token {
        case Self.token: .operate
        case Self.viewToken: .view
        default: nil
        }
    }
    func lines(after: Int64, limit: Int) throws(JournalError) -> [JournalLine] {
        try journal.lines(id, after: after, limit: limit)
    }
    var head: Int64 { journal.head(id) }
    var snapshotDirectory: String { "\(directory)/snapshots" }
    var changes: Condition<Int64> { journal.changes }
    func read(_ what: String) throws(ChannelError) -> JSON {
        guard what == "summary" else { throw ChannelError(404, "not_found", "no \(what)") }
        return ["seq": JSON(head), "state": "working"]
    }
    func perform(_ command: CanvasCommand) throws(ChannelError) -> JSON {
        if command.basis?.digest == "old" {
            throw ChannelError(409, "stale_tree", "it changed", facts: ["head": JSON(head), "tree": "new"])
        }
        commands.withLock { $0.append(command) }
        return ["ok": true]
    }
    func instance(of agent: String) -> String? { agent == "coder-1" ? "i-1" : nil }
    func follow(instance: String, after: Int64, _ body: @escaping (LogEntry) -> Bool) {
        var last = after
        while true {
            let next = output.wait(timeoutMilliseconds: 200) { lines in lines.first { $0.seq > last } }
            guard let next else { return }
            if !body(next) { return }
            last = next.seq
        }
    }

    // MARK: A client

    func connect(
        _ target: String = "/session/s-1/canvas/stream", headers: HTTPHeaders = [:]
    ) throws -> WebSocketConnection {
        try WebSocketConnection.connect(to: .tcp("127.0.0.1", port), target: target, headers: headers)
    }

    func open(after: Int64 = 0, token: String = Fixture.token) throws -> TestClient {
        let client = TestClient(try connect(), after: after)
        try client.say(["token": .string(token), "after": JSON(after)])
        return client
    }

    func send(_ request: HTTPRequest, token: String? = Fixture.token) throws -> HTTPResponse {
        var request = request
        if let token { request.headers["Authorization"] = Authorization.bearer(token) }
        return try HTTPClient.send(request, to: .tcp("127.0.0.1", port), timeoutMilliseconds: 20_000)
    }
}

/// A page: applies an event iff it is the next one.
final class TestClient {
    let socket: WebSocketConnection
    private(set) var last: Int64
    private(set) var lines: [JSON] = []
    private(set) var others: [JSON] = []

    init(_ socket: WebSocketConnection, after: Int64) { (self.socket, last) = (socket, after) }

    func say(_ json: JSON) throws { try socket.send(.text(json.text)) }

    /// The next frame; nil at the end.
    func frame(timeoutMilliseconds: Int = 20_000) throws -> JSON? {
        guard case .text(let text) = try socket.receive(timeoutMilliseconds: timeoutMilliseconds) else {
            return nil
        }
        let json = try JSON.parse(text)
        if json["k"] == "ev" {
            for event in json["e"]?.arrayValue ?? [] {
                let seq = event["seq"]?.int64Value ?? -1
                #expect(seq == last + 1, "a gap or a repetition")
                last = seq
                lines.append(event)
            }
        } else {
            others.append(json)
        }
        return json
    }

    /// Reads frames until an event is applied.
    func read(until seq: Int64) throws {
        while last < seq {
            guard try frame() != nil else {
                Issue.record("the stream ended at \(last)")
                return
            }
        }
    }

    func frame(_ kind: String) throws -> JSON? {
        if let known = others.first(where: { $0["k"]?.stringValue == kind }) { return known }
        while let frame = try frame() { if frame["k"]?.stringValue == kind { return frame } }
        return nil
    }
}
