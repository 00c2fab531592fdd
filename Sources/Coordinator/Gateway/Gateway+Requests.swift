// The requests that guests may make, and what happens to a request before it becomes a call.
import Kit
import Synchronization
import System
public import Wire

extension Gateway {
    // MARK: Requests

    /// What is read of a request before `handle`: nothing. `handle` reads the body itself, up to its own
    /// limit.
    public static let bodyPlan = HTTPServer.BodyPlan.stream

    /// True for the paths that `handle` answers.
    public static func owns(path: String) -> Bool {
        path == "/anthropic" || path == "/openai" || path.hasPrefix("/anthropic/")
            || path.hasPrefix("/openai/")
    }

    /// The answer to a caller that nobody knows, in the words of the API that it asked for. Asking again does
    /// not help, and the official programs, which ask for minutes otherwise, obey the header that says so.
    public static func unauthorized(path: String, message: String) -> HTTPResponse {
        let failure = GuestFailure(401, message)
        let isMessages = !path.hasPrefix("/openai/")
        var response = HTTPResponse(
            status: failure.status,
            json: isMessages ? failure.json(requestID: "req_" + Random.hex(12)) : failure.openAIJSON)
        response.headers["x-should-retry"] = "false"
        return response
    }

    /// Answers a guest's request; returns when it is answered. Whoever calls has authenticated the guest.
    /// - Parameter request: With its body, when the server collected it; else the body is read here.
    public func handle(_ request: HTTPRequest, _ exchange: HTTPExchange, caller: Caller) {
        let requestID = "req_" + Random.hex(12)
        let isChat = request.path.hasPrefix("/openai/")
        let chat = ChatAnswer(
            id: requestID, createdMilliseconds: Clock.wallMilliseconds(), includesUsage: false)
        let plain = GuestOutput(
            exchange, requestID: requestID, isStreaming: false, form: isChat ? .chat(chat) : .messages)
        var caller = caller
        if caller.task == nil, let task = request.headers["x-openclaw-task"], task.utf8.count <= 64 {
            caller.task = task
        }
        do throws(GuestFailure) {
            if isStopping { throw GuestFailure(503, "the coordinator is stopping", isWorthRetrying: true) }
            switch (request.method, request.path) {
            case ("POST", "/anthropic/v1/messages"):
                try messages(try body(request, exchange), request, exchange, caller, requestID)
            case ("POST", "/anthropic/v1/messages/count_tokens"):
                try count(try body(request, exchange), request, plain, caller)
            case ("POST", "/openai/v1/chat/completions"):
                try completions(try body(request, exchange), request, exchange, caller, requestID)
            case ("POST", "/openai/v1/responses"):
                try responses(try body(request, exchange), request, exchange, caller, requestID)
            case ("GET", let path) where path.hasPrefix("/anthropic/v1/models"):
                try models(path.dropFirst("/anthropic/v1/models".utf8.count), plain, caller, isChat: false)
            case ("GET", let path) where path.hasPrefix("/openai/v1/models"):
                try models(path.dropFirst("/openai/v1/models".utf8.count), plain, caller, isChat: true)
            default:
                throw GuestFailure(404, "\(request.method) \(request.path) is not served here")
            }
        } catch {
            plain.fail(error)
        }
    }

    private func body(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(GuestFailure) -> JSON {
        let limit = configuration.limits.requestBytes
        let bytes: [UInt8]
        do throws(HTTPError) {
            bytes = request.body.isEmpty ? try exchange.collectBody(limit: limit) : request.body
        } catch {
            throw GuestFailure(error.status, "\(error)")
        }
        guard bytes.count <= limit else {
            throw GuestFailure(413, "the request is larger than \(limit) bytes")
        }
        do throws(JSONError) {
            return try JSON.parse(bytes)
        } catch {
            throw .invalid("the request's body: \(error)")
        }
    }

    private func messages(
        _ json: JSON, _ http: HTTPRequest, _ exchange: HTTPExchange, _ caller: Caller, _ requestID: String
    ) throws(GuestFailure) {
        let session = try resolve(caller).0
        let (whole, isHeld, earlier) = try session.threads.withLock { (book) throws(GuestFailure) in
            try book.expand(json)
        }
        let beta = Beta.read(http.headers)
        let request = try MessagesRequest(whole, notes: beta.notes)
        let caller = placed(caller, http, request, session)
        let output = GuestOutput(exchange, requestID: requestID, isStreaming: request.isStreaming)
        try run(request, beta.value, caller, output, restoresThinking: false) { answer in
            guard isHeld, let id = answer["id"]?.stringValue else { return }
            let turn: JSON = ["role": "assistant", "content": answer["content"] ?? []]
            let thread = ThreadBook.Thread(
                messages: request.messages + [turn], system: whole["system"], tools: whole["tools"],
                bytes: whole.serialized().count + turn.serialized().count)
            session.threads.withLock { $0.hold(id, thread, after: earlier) }
        }
    }

    /// The caller with the conversation that the request belongs to.
    private func placed(
        _ caller: Caller, _ http: HTTPRequest, _ request: MessagesRequest, _ session: Session
    ) -> Caller {
        var caller = caller
        switch ThreadIdentity(http.headers) {
        case .main: break
        case .named(let name): caller.thread = ThreadIdentity.name(name)
        case .unknown:
            caller.thread = session.book.withLock { $0.thread(at: caller.place, request.messages) }
        }
        return caller
    }

    private func completions(
        _ json: JSON, _ http: HTTPRequest, _ exchange: HTTPExchange, _ caller: Caller, _ requestID: String
    ) throws(GuestFailure) {
        let translated = try ChatRequest.messages(
            from: json, defaultOutputTokens: configuration.limits.defaultOutputTokens)
        let request = try MessagesRequest(translated.json, notes: translated.notes)
        let answer = ChatAnswer(
            id: requestID, createdMilliseconds: Clock.wallMilliseconds(),
            includesUsage: json["stream_options"]?["include_usage"] == true, tools: translated.tools)
        let output = GuestOutput(
            exchange, requestID: requestID, isStreaming: request.isStreaming, form: .chat(answer))
        let caller = placed(caller, http, request, try resolve(caller).0)
        try run(request, nil, caller, output, restoresThinking: true)
    }

    private func responses(
        _ json: JSON, _ http: HTTPRequest, _ exchange: HTTPExchange, _ caller: Caller, _ requestID: String
    ) throws(GuestFailure) {
        let translated = try ResponsesRequest.messages(
            from: json, defaultOutputTokens: configuration.limits.defaultOutputTokens)
        let request = try MessagesRequest(translated.json, notes: translated.notes)
        let answer = ResponsesAnswer(
            id: requestID, createdMilliseconds: Clock.wallMilliseconds(), tools: translated.tools)
        let output = GuestOutput(
            exchange, requestID: requestID, isStreaming: request.isStreaming, form: .responses(answer))
        let caller = placed(caller, http, request, try resolve(caller).0)
        try run(request, nil, caller, output, restoresThinking: true)
    }

    private func run(
        _ request: MessagesRequest, _ beta: String?, _ caller: Caller, _ output: GuestOutput,
        restoresThinking: Bool, whenDone: @escaping (JSON) -> Void = { _ in }
    ) throws(GuestFailure) {
        let (session, provider) = try resolve(caller)
        let messages =
            restoresThinking
            ? session.book.withLock { $0.restored(request.messages) } : request.messages
        let models = models(session, provider, caller, messages)
        do throws(GatewayError) {
            let prices = try prices(of: models[0], at: provider)
            let call = ProviderCall(
                caller: caller,
                request: shape(request, messages, session, provider, caller, model: models[0]),
                model: models[0], beta: beta)
            GatewayCall(
                self, session, provider, call, messages: messages, models: models, prices, output, whenDone
            ).run()
        } catch {
            throw refusal(error, caller)
        }
    }

    private func resolve(_ caller: Caller) throws(GuestFailure) -> (Session, any ModelProvider) {
        do throws(GatewayError) {
            return try provider(caller)
        } catch {
            throw refusal(error, caller)
        }
    }

    private func refusal(_ error: GatewayError, _ caller: Caller) -> GuestFailure {
        recorder.refused(caller, reason: "\(error)")
        return GuestFailure(error.isCredentials ? 502 : 400, "\(error). \(error.hint)")
    }

    /// The models that may answer: the conversation's own, or at its start the list of the route.
    private func models(
        _ session: Session, _ provider: any ModelProvider, _ caller: Caller, _ messages: [JSON]
    ) -> [String] {
        let primary = provider.model(for: caller.role)
        let list = provider.route.models(primary: primary, attempt: caller.attempt)
        guard messages.contains(where: { $0["role"] == "assistant" }) else { return list }
        let known = session.book.withLock { $0[caller.conversation].model }
        let model = known ?? session.conversations?.model(task: caller.task, agent: caller.agent)
        // A transcript of another provider's model is no choice here.
        let possible = Set([primary] + provider.route.fallback + [provider.route.escalate].compactMap { $0 })
        // A subagent has the model of the conversation that it belongs to, when it has none of its own.
        guard let model, possible.contains(model) else { return [list[0]] }
        return [model]
    }

    /// What the gateway adds: notes on the budget and from an earlier attempt, an order of the tools, and
    /// marks for the provider's cache.
    private func shape(
        _ request: MessagesRequest, _ messages: [JSON], _ session: Session, _ provider: any ModelProvider,
        _ caller: Caller, model: String
    ) -> MessagesRequest {
        let notes = notes(messages, session, provider, caller)
        var request = request
        if !provider.takesDocuments, !request.documents.isEmpty {
            request.notes.append("documents were replaced by a sentence: \(provider.name) gets none")
        }
        var json = request.json
        let refused = session.book.withLock { $0.pictures(refusedBy: "\(provider.name)/\(model)") }
        json["messages"] = .array(
            RequestShape.adding(notes, to: Pictures.removing(refused, from: messages)))
        json = RequestShape.sortingTools(json)
        if provider.marksCache { json = RequestShape.markingCache(json) }
        return json == request.json ? request : request.reshaped(json)
    }

    private func notes(
        _ messages: [JSON], _ session: Session, _ provider: any ModelProvider, _ caller: Caller
    ) -> [(index: Int, text: String)] {
        var entry = session.book.withLock { $0[caller.conversation] }
        // A guest that shortened its history has cut off what the notes belonged to.
        entry.notes.removeAll { !messages.indices.contains($0.index) || messages[$0.index]["role"] != "user" }
        let isStart = !messages.contains { $0["role"] == "assistant" }
        if isStart { entry.notes = caller.thread == nil ? handOver(session, provider, caller) : [] }
        if messages.last?["role"] == "user",
            let (scope, account) = session.ledger.tightest([
                .session, .role(caller.role), .agent(caller.agent),
            ]),
            let percent = account.percent,
            let threshold = BudgetNote.threshold(percent: percent, told: entry.warnedPercent)
        {
            entry.warnedPercent = threshold
            entry.notes.append((messages.count - 1, BudgetNote.text(threshold, scope, account)))
            recorder.warned(caller, percent: threshold, scope: scope, left: account.left ?? 0)
        }
        let kept = entry
        session.book.withLock { $0[caller.conversation] = kept }
        return kept.notes
    }

    /// What a stronger model is told about the attempt before its own.
    private func handOver(
        _ session: Session, _ provider: any ModelProvider, _ caller: Caller
    ) -> [(index: Int, text: String)] {
        guard let escalate = provider.route.escalate, (caller.attempt ?? 1) >= 2,
            let before = session.conversations?.model(task: caller.task, agent: caller.agent),
            before != escalate,
            let earlier = try? session.conversations?.messages(task: caller.task, agent: caller.agent)
                .messages
        else { return [] }
        let words = earlier.last { $0["role"] == "assistant" && !ChatRequest.text(of: $0["content"]).isEmpty }
        let text = ChatRequest.text(of: words?["content"]).prefix(GatewayLimits.handOverCharacters)
        return [
            (
                0,
                "<hand-over from=\"coordinator\">An earlier attempt with \(before) did not do. It made "
                    + "\(earlier.count { $0["role"] == "assistant" }) turns; its work is in the clone. "
                    + "The last it said: \(text)</hand-over>"
            )
        ]
    }

    private func count(
        _ json: JSON, _ http: HTTPRequest, _ output: GuestOutput, _ caller: Caller
    ) throws(GuestFailure) {
        let request = try MessagesRequest(json, isCount: true)
        let (_, provider) = try resolve(caller)
        let model = provider.model(for: caller.role)
        let call = ProviderCall(
            caller: caller, request: request, model: model, beta: Beta.read(http.headers).value)
        do throws(ProviderFailure) {
            let tokens = try provider.countTokens(call, cancel: OutputCancellation(self, output))
            output.respond(200, ["input_tokens": JSON(tokens)])
        } catch {
            throw error.guestFailure
        }
    }

    /// A guest has one model.
    private func models(
        _ rest: Substring, _ output: GuestOutput, _ caller: Caller, isChat: Bool
    ) throws(GuestFailure) {
        let model = try resolve(caller).1.model(for: caller.role)
        var entry: JSON = ["id": .string(model)]
        if isChat {
            entry["object"] = "model"
            entry["created"] = 0
            entry["owned_by"] = "openclaw"
        } else {
            entry["type"] = "model"
            entry["display_name"] = .string(model)
            entry["created_at"] = "1970-01-01T00:00:00Z"
        }
        if rest.isEmpty || rest == "/" {
            var list: JSON = ["data": [entry]]
            if isChat {
                list["object"] = "list"
            } else {
                list["has_more"] = false
                list["first_id"] = .string(model)
                list["last_id"] = .string(model)
            }
            return output.respond(200, list)
        }
        guard rest == "/\(model)" else {
            throw GuestFailure(404, "the model of \(caller.agent) is \(model); there is no other")
        }
        output.respond(200, entry)
    }
}

/// For calls that are short enough to need no more.
private final class OutputCancellation: Cancellation {
    private let gateway: Gateway
    private let output: GuestOutput

    init(_ gateway: Gateway, _ output: GuestOutput) { (self.gateway, self.output) = (gateway, output) }

    var isCancelled: Bool { gateway.isStopping || output.isGone }
}
