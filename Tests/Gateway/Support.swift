import Kit
import Synchronization
import System
import Wire

@testable import Gateway

/// Takes events as a call does.
final class Collector: EventSink {
    var events: [MessageEvent] = []
    var headers: HTTPHeaders?
    var isCancelled = false

    func accepted(_ headers: HTTPHeaders) { self.headers = headers }

    func receive(_ event: MessageEvent) -> Bool {
        events.append(event)
        return true
    }

    var assembled: MessageAssembler {
        var assembler = MessageAssembler()
        for event in events { assembler.receive(event) }
        return assembler
    }
}

/// What a stream comes to, however its bytes were cut.
struct Outcome: Hashable {
    var events: [MessageEvent]
    var failure: ProviderFailure?
}

/// Reads the pieces of one answer as they would come from a socket.
func read(
    _ pieces: [[UInt8]], _ translator: some StreamTranslator, limits: GatewayLimits = GatewayLimits()
) -> Outcome {
    let sink = Collector()
    let reader = StreamReader(translator, into: sink, name: "test", limits: limits)
    reader.head(200, ["Content-Type": "text/event-stream"])
    for piece in pieces where !reader.body(piece) { break }
    do throws(ProviderFailure) {
        try reader.finish(nil)
        return Outcome(events: sink.events)
    } catch {
        return Outcome(events: sink.events, failure: error)
    }
}

/// Remembers what the gateway reports.
final class Records: GatewayRecorder {
    struct State {
        var reserved: [String: Int64] = [:]
        var settled: [Settlement] = []
        var warned: [(percent: Int, scope: Ledger.Scope)] = []
        var refused: [String] = []
        var noted: [String] = []
        var waited: [(milliseconds: Int64, reason: String)] = []
    }

    let state = Mutex(State())

    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) {
        state.withLock { $0.reserved[call] = microUSD }
    }

    func settled(_ caller: Caller, _ settlement: Settlement) {
        state.withLock { $0.settled.append(settlement) }
    }

    func warned(_ caller: Caller, percent: Int, scope: Ledger.Scope, left: Int64) {
        state.withLock { $0.warned.append((percent, scope)) }
    }

    func noted(_ caller: Caller, note: String) { state.withLock { $0.noted.append(note) } }

    func refused(_ caller: Caller, reason: String) { state.withLock { $0.refused.append(reason) } }

    func waited(_ caller: Caller, milliseconds: Int64, reason: String) {
        state.withLock { $0.waited.append((milliseconds, reason)) }
    }
}

/// A provider on loopback: each request is answered by the next of its answers, the last one again and again.
final class StubProvider: Sendable {
    typealias Answer = @Sendable (HTTPRequest, HTTPExchange) throws -> Void

    private final class State: Sendable {
        let answers: Mutex<[Answer]>
        let requests = Mutex<[HTTPRequest]>([])
        let asked = Mutex<[String]>([])

        init(_ answers: [Answer]) { self.answers = Mutex(answers) }
    }

    private let state: State
    private let server: HTTPServer
    let port: UInt16

    /// - Parameter facts: What it tells of itself, by path; the rest it does not know.
    init(_ answers: Answer..., facts: [String: JSON] = [:]) throws {
        Signals.ignoreSIGPIPE()
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        let state = State(answers)
        self.state = state
        server = try HTTPServer(
            listener: listener, name: "provider", report: { _, _ in },
            handler: { request, exchange in
                if ["/v1/models", "/props", "/api/show", "/api/ps"].contains(request.path) {
                    state.asked.withLock { $0.append(request.path) }
                    let fact = facts[request.path]
                    return try exchange.respond(
                        HTTPResponse(status: fact == nil ? 404 : 200, json: fact ?? [:]))
                }
                state.requests.withLock { $0.append(request) }
                let next = state.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
                try next?(request, exchange)
            })
        server.start()
    }

    deinit { server.stop() }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [HTTPRequest] { state.requests.withLock { $0 } }
    /// What it was asked of itself.
    var asked: [String] { state.asked.withLock { $0 } }
    func stop() { server.stop() }
}

extension StubProvider {
    static func stream(_ bytes: [UInt8], headers: HTTPHeaders = [:]) -> Answer {
        { _, exchange in
            var all: HTTPHeaders = ["Content-Type": "text/event-stream"]
            for field in headers.fields { all.add(field.name, field.value) }
            try exchange.begin(200, headers: all)
            try exchange.write(bytes)
            try exchange.end()
        }
    }

    static func failure(_ status: Int, _ type: String, headers: HTTPHeaders = [:], details: JSON? = nil)
        -> Answer
    {
        { _, exchange in
            var error: JSON = ["type": .string(type), "message": .string("the stub says \(type)")]
            if let details { error["details"] = details }
            var response = HTTPResponse(status: status, json: ["type": "error", "error": error])
            for field in headers.fields { response.headers.add(field.name, field.value) }
            try exchange.respond(response)
        }
    }
}

/// A gateway with a server in front of it, as guests see it.
final class Stage: Sendable {
    let gateway: Gateway
    let records = Records()
    let port: UInt16
    private let server: HTTPServer

    /// - Parameter caller: The guest behind every request.
    init(
        _ configuration: GatewayConfiguration, caller: Caller, budget: Int64? = nil,
        limits: [Ledger.Scope: Int64] = [:], conversations: String? = nil
    ) throws {
        Signals.ignoreSIGPIPE()
        let gateway = Gateway(configuration: configuration, recorder: records)
        self.gateway = gateway
        try gateway.open(
            session: caller.session, spec: caller.spec, budgetMicroUSD: budget, limits: limits,
            conversations: conversations)
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        server = try HTTPServer(
            listener: listener, name: "gateway", bodyPlan: { _ in Gateway.bodyPlan }, report: { _, _ in },
            handler: { request, exchange in
                var caller = caller
                if let agent = request.headers["x-test-agent"] { caller.agent = agent }
                if let role = request.headers["x-test-role"] { caller.role = role }
                gateway.handle(request, exchange, caller: caller)
            })
        server.start()
    }

    deinit { server.stop() }

    func stop() {
        gateway.stop()
        server.stop()
    }

    var ledger: Ledger.Snapshot {
        get throws {
            guard let ledger = gateway.ledger(of: "s") else { throw GatewayError.unknownSession("s") }
            return ledger.snapshot
        }
    }

    func send(
        _ body: JSON, to path: String = "/anthropic/v1/messages", headers: [(String, String)] = []
    ) throws -> HTTPResponse {
        try HTTPClient.send(
            HTTPRequest("POST", path, headers: HTTPHeaders(headers), json: body),
            to: .tcp("127.0.0.1", port), timeoutMilliseconds: 60_000, idleMilliseconds: 60_000)
    }

    /// The bytes of a streamed answer, and the status.
    func stream(
        _ body: JSON, to path: String = "/anthropic/v1/messages", headers: [(String, String)] = []
    ) throws -> (response: HTTPResponse, events: [ServerSentEvent]) {
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        var body = body
        body["stream"] = true
        let response = try HTTPClient.send(
            HTTPRequest("POST", path, headers: HTTPHeaders(headers), json: body),
            to: .tcp("127.0.0.1", port), timeoutMilliseconds: 60_000, idleMilliseconds: 60_000
        ) { bytes in
            events += (try? parser.receive(bytes)) ?? []
            return true
        }
        return (response, events)
    }
}

extension Caller {
    static func test(_ spec: String, role: String = "coder") -> Caller {
        Caller(
            session: "s", agent: "coder-1", role: role, task: "t1", taskKind: "implement", attempt: 1,
            spec: spec)
    }
}

let question: JSON = [
    "model": "default", "max_tokens": 100, "messages": [["role": "user", "content": "Add two numbers"]],
]
