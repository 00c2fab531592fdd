// Anthropic's Messages API, and whatever speaks it.
import Kit
import Transfer
import Wire

/// Streams from the API; the guest's fields go through unchanged, key and model are the coordinator's.
struct AnthropicProvider: ModelProvider {
    let url: ProviderURL
    let key: String
    let route: ModelRoute
    let configuration: GatewayConfiguration
    let pool: TransferPool

    var name: String { "anthropic" }
    var isFree: Bool { false }
    var marksCache: Bool { route.caches }

    func model(for role: String) -> String {
        if case .anthropic(let model?) = route.spec { return model }
        return configuration.roleModels[role] ?? configuration.defaultModel
    }

    /// Limits are by class: `opus` for every claude-opus-….
    func rateClass(of model: String) -> String? {
        let words = model.split(separator: "-")
        return words.first == "claude" ? words.dropFirst().first { Int($0) == nil }.map(String.init) : model
    }

    func stream(_ call: ProviderCall, into sink: any EventSink) throws(ProviderFailure) {
        var body = call.request.json
        body["model"] = .string(call.model)
        body["stream"] = true
        if let effort = route.effort, body["output_config"]?["effort"] == nil {
            var output = body["output_config"] ?? [:]
            output["effort"] = .string(effort)
            body["output_config"] = output
        }
        let reader = StreamReader(
            AnthropicTranslator(name: name), into: sink, name: name, limits: configuration.limits)
        var failure: TransferFailure?
        do throws(TransferFailure) {
            try pool.run(request("/v1/messages", body, beta: call.beta), reader)
        } catch {
            failure = error
        }
        try reader.finish(failure)
    }

    func countTokens(_ call: ProviderCall, cancel: any Cancellation) throws(ProviderFailure) -> Int {
        var body = call.request.json
        for field in ["max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata"] {
            if body[field] != nil { body[field] = nil }
        }
        body["model"] = .string(call.model)
        let reader = PageReader(cancel)
        do throws(TransferFailure) {
            try pool.run(request("/v1/messages/count_tokens", body, beta: call.beta), reader)
        } catch {
            throw ProviderFailure(.connection, "\(name): \(error.message)")
        }
        let json = try? JSON.parse(reader.page)
        guard reader.status == 200, let count = json?["input_tokens"]?.count else {
            let reason = json?["error"]?["message"]?.stringValue ?? "no count"
            throw ProviderFailure(
                .status(reader.status == 200 ? 502 : reader.status),
                "\(name) answered \(reader.status): \(reason)")
        }
        return count
    }

    private func request(_ path: String, _ body: JSON, beta: String?) -> TransferRequest {
        var headers = [
            ("Content-Type", "application/json"), ("x-api-key", key), ("anthropic-version", "2023-06-01"),
        ]
        if let beta { headers.append(("anthropic-beta", beta)) }
        return TransferRequest(
            url: url.text + path, headers: headers.map { (name: $0.0, value: $0.1) }, body: body.serialized(),
            connectMilliseconds: configuration.limits.connectMilliseconds,
            idleMilliseconds: configuration.limits.idleMilliseconds,
            wallMilliseconds: configuration.limits.wallMilliseconds,
            certificateFile: configuration.certificateFile)
    }
}

/// The API's events are the inner language already; only errors are told apart.
struct AnthropicTranslator: StreamTranslator {
    let name: String
    private(set) var isComplete = false
    private var hasContent = false

    init(name: String) { self.name = name }

    mutating func receive(_ event: ServerSentEvent) throws(ProviderFailure) -> [MessageEvent] {
        if isComplete { return [] }
        let data: JSON
        do throws(JSONError) {
            data = try JSON.parse(event.data)
        } catch {
            throw ProviderFailure(.malformed, "\(name): an event of its stream is no JSON (\(error))")
        }
        let type = data["type"]?.stringValue ?? event.event
        switch type {
        case "error": throw failure(data)
        case "message_stop": isComplete = true
        case "content_block_start": hasContent = true
        default: break
        }
        return [MessageEvent(type, data, text: event.data)]
    }

    mutating func end() -> [MessageEvent] { [] }

    private func failure(_ data: JSON) -> ProviderFailure {
        let type = data["error"]?["type"]?.stringValue ?? "api_error"
        let text = data["error"]?["message"]?.stringValue ?? "an error without a message"
        var failure = ProviderFailure(
            .status(GuestFailure.status(ofType: type)), "\(name), in the middle of the answer: \(text)")
        failure.type = type
        // With content, some of the work was done.
        failure.charge = hasContent ? .unknown : .nothing
        return failure
    }
}
