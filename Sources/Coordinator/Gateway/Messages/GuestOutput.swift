// The guest's side of a call: the same answer as a stream or whole, in one of two languages.
import Kit
import System
import Wire

/// Answers one exchange. Used by the exchange's thread only.
final class GuestOutput {
    /// The language of the guest.
    enum Form {
        case messages, chat(ChatAnswer), responses(ResponsesAnswer)
    }

    /// Names the request to the guest.
    let requestID: String
    let isStreaming: Bool
    private let exchange: HTTPExchange
    private var form: Form
    private var hasBegun = false
    /// True once something of the answer itself was sent, so that it cannot be started again.
    private(set) var hasContent = false
    /// What came before the first content; sent with it, so that an early failure can still be tried again.
    private var preamble: [MessageEvent] = []
    private(set) var isBroken = false

    init(_ exchange: HTTPExchange, requestID: String, isStreaming: Bool, form: Form = .messages) {
        (self.exchange, self.requestID, self.isStreaming, self.form) = (
            exchange, requestID, isStreaming, form
        )
    }

    /// True when there is nobody to answer.
    var isGone: Bool { isBroken || exchange.peerIsGone }

    /// A new attempt: what the failed one began with is forgotten.
    func restart() { preamble = [] }

    /// Passes an event on, unless the guest wants the answer whole.
    func send(_ event: MessageEvent) {
        guard isStreaming, !isBroken else { return }
        if !hasContent, event.isPreamble {
            preamble.append(event)
            // Pings of a long start show that the model works, but need not be kept one by one.
            if event.type == "ping" {
                preamble.removeLast()
                keepAlive()
            }
            return
        }
        hasContent = true
        for earlier in preamble { write(earlier) }
        preamble = []
        write(event)
    }

    /// Shows a streaming guest that its call is not forgotten. Only when the answer has begun, because with
    /// the head the status of a failure would be lost; `isUrgent` begins it.
    func keepAlive(isUrgent: Bool = false) {
        guard isStreaming, hasBegun || isUrgent else { return }
        switch form {
        case .messages: write(MessageEvent.ping.serialized())
        case .chat, .responses: write(ServerSentEvent.keepAlive)
        }
    }

    /// Ends the answer.
    /// - Parameter last: The event that tells the guest that its turn is complete.
    func finish(_ last: MessageEvent, _ message: JSON, _ usage: TokenUsage) {
        guard isStreaming else {
            switch form {
            case .messages: respond(200, message)
            case .chat(let answer): respond(200, answer.completion(message, usage))
            case .responses(let answer): respond(200, answer.response(message, usage))
            }
            return
        }
        for event in preamble + [last] { write(event) }
        preamble = []
        switch form {
        case .messages: break
        case .chat(let answer): write(answer.tail(usage))
        case .responses(var answer): write(answer.tail(usage).serialized())
        }
        end()
    }

    /// Answers with JSON.
    func respond(_ status: Int, _ json: JSON, isWorthRetrying: Bool = false) {
        attempt { () throws(HTTPError) in
            var response = HTTPResponse(status: status, json: json)
            response.headers["request-id"] = requestID
            // SDKs and our own agent obey this.
            if status >= 400 { response.headers["x-should-retry"] = isWorthRetrying ? "true" : "false" }
            try exchange.respond(response)
        }
    }

    /// Tells of a failure: as a status when nothing was sent, else as the stream's last event.
    func fail(_ failure: GuestFailure) {
        let isMessages = if case .messages = form { true } else { false }
        let json = isMessages ? failure.json(requestID: requestID) : failure.openAIJSON
        guard hasBegun else {
            return respond(failure.status, json, isWorthRetrying: failure.isWorthRetrying)
        }
        switch form {
        case .messages: write(ServerSentEvent(event: "error", data: json.text).serialized())
        case .chat: write(ServerSentEvent(data: json.text).serialized())
        case .responses(var answer): write(answer.failure(failure).serialized())
        }
        end()
    }

    private func end() {
        attempt { () throws(HTTPError) in try exchange.end() }
    }

    private func write(_ event: MessageEvent) {
        var bytes: [UInt8]
        switch form {
        case .messages: bytes = event.serialized()
        case .chat(var answer):
            bytes = answer.chunks(event).flatMap { ServerSentEvent(data: $0.text).serialized() }
            form = .chat(answer)
        case .responses(var answer):
            bytes = answer.events(event).flatMap { $0.serialized() }
            form = .responses(answer)
        }
        if !bytes.isEmpty { write(bytes) }
    }

    private func write(_ bytes: [UInt8]) {
        attempt { () throws(HTTPError) in
            if !hasBegun {
                hasBegun = true
                try exchange.begin(
                    200,
                    headers: [
                        "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache",
                        "request-id": requestID,
                    ])
            }
            try exchange.write(bytes)
        }
    }

    /// A guest that left in the middle is no error of the gateway: the call is ended, and that is all.
    private func attempt(_ body: () throws(HTTPError) -> Void) {
        guard !isBroken else { return }
        do throws(HTTPError) {
            try body()
        } catch {
            isBroken = true
        }
    }
}
