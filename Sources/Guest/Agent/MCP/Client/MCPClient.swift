import Kit
import System
import Wire

/// One server: the handshake, the list of its tools, calls. Everything that it sends is bounded, and
/// everything that we wait for has an end.
final class MCPClient: Sendable {
    private struct State {
        var exchange = MCPExchange()
        var endReason: String?
    }

    let spec: MCPServerSpec
    private let state = Condition(State())
    private let transport: any MCPTransport
    private let onProgress: @Sendable (String) -> Void

    /// Starts the server and shakes hands with it.
    /// - Parameter secrets: Values by name, of those that the server is to have.
    init(
        spec: MCPServerSpec, secrets: [String: String], environment: [String: String],
        startMilliseconds: Int = MCPLimits.startMilliseconds,
        onProgress: @escaping @Sendable (String) -> Void
    ) throws(MCPError) {
        (self.spec, self.onProgress) = (spec, onProgress)
        for name in spec.secretNames where secrets[name] == nil {
            throw MCPError("the host has no secret \(name) for it")
        }
        let post = Outbox()
        transport = try Self.transport(
            spec, secrets, environment, Self.receiver(state, onProgress, answer: { post.add($0) }))
        post.open(transport)
        do throws(MCPError) {
            try shakeHands(startMilliseconds)
        } catch {
            transport.close()
            throw error
        }
    }

    private static func transport(
        _ spec: MCPServerSpec, _ secrets: [String: String], _ environment: [String: String],
        _ receiver: MCPReceiver
    ) throws(MCPError) -> any MCPTransport {
        switch spec.transport {
        case .stdio(let command, let own):
            var all = environment.merging(own) { $1 }
            for name in spec.secrets { all[name] = secrets[name] }
            let log: OutputFile
            do throws(SystemError) {
                log = try OutputFile("mcp-\(spec.name)")
            } catch {
                throw MCPError("its log cannot be made: \(error)")
            }
            return try StdioTransport(command: command, environment: all, log: log, receiver: receiver)
        case .http(let url, let headers):
            return try HTTPTransport(
                url: url, headers: headers, bearer: spec.bearer.flatMap { secrets[$0] },
                environment: environment, receiver: receiver)
        case .unusable(let reason): throw MCPError(reason)
        }
    }

    private static func receiver(
        _ state: Condition<State>, _ onProgress: @escaping @Sendable (String) -> Void,
        answer: @escaping @Sendable (JSON) -> Void
    ) -> MCPReceiver {
        MCPReceiver(
            message: { json in
                let reaction = state.withLock { state in state.exchange.receive(json) }
                for words in reaction.progress { onProgress(words) }
                for message in reaction.answers { answer(message) }
            },
            stray: { what in state.withLock { $0.exchange.stray(what) } },
            end: { reason in state.withLock { if $0.endReason == nil { $0.endReason = reason } } },
            isOpen: { id in state.withLock { $0.exchange.isOpen(id) } },
            lost: { id, reason in state.withLock { $0.exchange.settle(id, .server(reason)) } })
    }

    /// Why it cannot be talked to any more; nil while it can.
    var endReason: String? { state.withLock { $0.endReason ?? $0.exchange.failure } }
    /// Grows when the server says that its tools are others now.
    var listChanges: Int { state.withLock { $0.exchange.listChanges } }

    func close() { transport.close() }

    // MARK: What is asked

    private func shakeHands(_ milliseconds: Int) throws(MCPError) {
        let answer = try ask(
            "initialize",
            [
                "protocolVersion": .string(MCPLimits.versions[0]), "capabilities": [:],
                "clientInfo": ["name": "openclaw-agent", "version": "0.1.0"],
            ], milliseconds: milliseconds)
        guard let version = answer["protocolVersion"]?.stringValue, MCPLimits.versions.contains(version)
        else {
            throw .said(
                "it speaks a version of the protocol that is not known here",
                answer["protocolVersion"]?.stringValue ?? "none")
        }
        transport.begin(version: version)
        try transport.send(JSONRPCMessage.notification(method: "notifications/initialized", params: [:]).json)
    }

    /// The tools that it says it has, as it says it, as far as the role lets it offer them.
    ///
    /// A role's choice comes before every bound: what it names is found however long the list is.
    /// - Returns: The tools, at most `MCPLimits.tools`, and what is not among them.
    func tools() throws(MCPError) -> (tools: [JSON], problems: [String]) {
        var chosen: [JSON] = []
        var names: Set<String> = []
        var (seen, leftOut) = (0, 0)
        var cursor: String?
        for _ in 0..<MCPLimits.pages {
            let answer: JSON
            do throws(MCPError) {
                answer = try ask(
                    "tools/list", cursor.map { ["cursor": .string($0)] } ?? [:],
                    milliseconds: MCPLimits.startMilliseconds)
            } catch {
                // It has none and does not know the question.
                if error.code == JSONRPCError.methodNotFoundCode { return ([], []) }
                throw error
            }
            for tool in (answer["tools"]?.arrayValue ?? []).prefix(MCPLimits.listed - seen) {
                seen += 1
                let name = tool["name"]?.stringValue ?? ""
                guard spec.tools?.contains(name) ?? true else { continue }
                names.insert(name)
                if chosen.count < MCPLimits.tools { chosen.append(tool) } else { leftOut += 1 }
            }
            guard seen < MCPLimits.listed, let next = answer["nextCursor"]?.stringValue, next != cursor
            else { break }
            cursor = next
        }
        var problems: [String] = []
        if leftOut > 0 {
            problems.append(
                "\(leftOut) more tools are left out, because \(MCPLimits.tools) of a server are used; "
                    + "a role's `tools` for it says which")
        }
        let missing = (spec.tools ?? []).filter { !names.contains($0) }
        if !missing.isEmpty {
            problems.append("it has no tool \(missing.joined(separator: ", ")), which the role names")
        }
        return (chosen, problems)
    }

    /// Calls a tool; the result is as the server gave it.
    func call(_ tool: String, _ arguments: JSON) throws(MCPError) -> JSON {
        try ask(
            "tools/call", ["name": .string(tool), "arguments": arguments],
            milliseconds: spec.timeoutMilliseconds)
    }

    /// - Parameter milliseconds: Of silence; a report of progress starts them anew.
    private func ask(_ method: String, _ params: JSON, milliseconds: Int) throws(MCPError) -> JSON {
        let (id, message) = state.withLock { $0.exchange.request(method, params) }
        defer { state.withLock { $0.exchange.forget(id) } }
        try transport.send(message)
        let end = Clock.monotonicNanoseconds() + Int64(MCPLimits.callMilliseconds) * 1_000_000
        var reports = 0
        while true {
            let left = Int((end - Clock.monotonicNanoseconds()) / 1_000_000)
            let news = state.wait(timeoutMilliseconds: max(0, min(milliseconds, left))) { state -> News? in
                if let answer = state.exchange.take(id) { return .answer(answer) }
                if let reason = state.endReason ?? state.exchange.failure { return .end(reason) }
                let seen = state.exchange.reports[id] ?? 0
                return seen > reports ? .progress(seen) : nil
            }
            switch news {
            case .answer(.success(let result)): return result
            case .answer(.failure(let error)):
                var problem = MCPError.said(method, "\(error)")
                problem.code = error.code
                throw problem
            case .end(let reason): throw MCPError("\(method): \(reason)")
            case .progress(let seen) where left > 0: reports = seen
            default:
                if method != "initialize" { cancel(id) }
                throw MCPError(
                    "\(method): no answer and no progress for \(milliseconds / 1000) s; it was cancelled")
            }
        }
    }

    private enum News {
        case answer(Result<JSON, JSONRPCError>)
        case progress(Int)
        case end(String)
    }

    private func cancel(_ id: Int64) {
        let params: JSON = ["requestId": JSON(id), "reason": "it took too long"]
        // A server that does not hear it wastes only its own time.
        try? transport.send(
            JSONRPCMessage.notification(method: "notifications/cancelled", params: params).json)
    }
}

/// What is answered before the way to answer is there waits for it.
private final class Outbox: Sendable {
    private let state = Condition<(transport: (any MCPTransport)?, waiting: [JSON])>((nil, []))

    func open(_ transport: any MCPTransport) {
        let waiting = state.withLock { state in
            defer { state = (transport, []) }
            return state.waiting
        }
        for message in waiting { try? transport.send(message) }
    }

    func add(_ message: JSON) {
        let transport = state.withLock { state in
            if state.transport == nil, state.waiting.count < MCPLimits.batch { state.waiting.append(message) }
            return state.transport
        }
        // A server that does not take its answer has none.
        try? transport?.send(message)
    }
}
