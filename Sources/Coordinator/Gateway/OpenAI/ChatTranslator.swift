// From the chunks of a server of chat completions to events of the Messages API.
import Kit
import System
import Wire

/// A value: no I/O. Text streams through; calls of tools are handed on when they are whole, because servers
/// differ in how they cut and mix them. Until then a ping a chunk shows that the model works.
struct ChatTranslator: StreamTranslator {
    private struct Call {
        var id = ""
        var name = ""
        var arguments = ""
    }

    let name: String
    let model: String
    private(set) var isComplete = false
    private var hasStarted = false
    private var hasText = false
    private var blocks = 0
    private var calls: [Int: Call] = [:]
    private var reason: String?
    private var usage: TokenUsage?
    /// Of the answer, for servers that count nothing.
    private var outputBytes = 0
    private let promptTokens: Int
    private let requiresUsage: Bool

    /// - Parameters:
    ///   - promptTokens: An estimate, used when the server does not count.
    ///   - requiresUsage: An answer that costs money must be counted by the server.
    init(name: String, model: String, promptTokens: Int, requiresUsage: Bool) {
        (self.name, self.model) = (name, model)
        (self.promptTokens, self.requiresUsage) = (promptTokens, requiresUsage)
    }

    mutating func receive(_ event: ServerSentEvent) throws(ProviderFailure) -> [MessageEvent] {
        if isComplete { return [] }
        if event.data == "[DONE]" { return try end() }
        let chunk: JSON
        do throws(JSONError) {
            chunk = try JSON.parse(event.data)
        } catch {
            throw ProviderFailure(.malformed, "\(name): a chunk of its stream is no JSON (\(error))")
        }
        if let error = chunk["error"], !error.isNull { throw failure(error) }
        var events: [MessageEvent] = []
        if !hasStarted {
            hasStarted = true
            let id = chunk["id"]?.stringValue ?? "chat_\(Random.hex(8))"
            events.append(.start(id: id, model: chunk["model"]?.stringValue ?? model, usage: TokenUsage()))
        }
        if let counted = chunk["usage"], counted.objectValue != nil { take(usage: counted) }
        let choice = chunk["choices"]?[0]
        if let delta = choice?["delta"] { events += receive(delta) }
        if let finish = choice?["finish_reason"]?.stringValue { reason = finish }
        return events
    }

    private mutating func receive(_ delta: JSON) -> [MessageEvent] {
        var events: [MessageEvent] = []
        if let text = delta["content"]?.stringValue, !text.isEmpty {
            outputBytes += text.utf8.count
            if !hasText {
                hasText = true
                events.append(.blockStart(blocks, ["type": "text", "text": ""]))
            }
            events.append(.text(blocks, text))
        } else {
            // Reasoning that the server shows, or a piece of a call.
            events.append(.ping)
        }
        for (position, piece) in (delta["tool_calls"]?.arrayValue ?? []).enumerated() {
            let index = piece["index"]?.intValue ?? position
            if let id = piece["id"]?.stringValue, !id.isEmpty { calls[index, default: Call()].id = id }
            if let name = piece["function"]?["name"]?.stringValue, !name.isEmpty {
                calls[index, default: Call()].name = name
            }
            // Some servers give the arguments as an object.
            switch piece["function"]?["arguments"] {
            case .string(let text): calls[index, default: Call()].arguments += text
            case .object(let object): calls[index, default: Call()].arguments = JSON.object(object).text
            default: break
            }
        }
        return events
    }

    private mutating func take(usage json: JSON) {
        usage = TokenUsage(
            prompt: json["prompt_tokens"], cached: json["prompt_tokens_details"]?["cached_tokens"],
            output: json["completion_tokens"])
    }

    mutating func end() throws(ProviderFailure) -> [MessageEvent] {
        // Without a reason the stream was cut, whatever its last bytes were.
        guard !isComplete, hasStarted, let reason else { return [] }
        if requiresUsage, usage == nil {
            throw ProviderFailure(
                .malformed, "\(name): the answer has no usage, so it cannot be accounted for")
        }
        var events: [MessageEvent] = []
        if hasText {
            events.append(.blockStop(blocks))
            blocks += 1
        }
        for (_, call) in calls.sorted(by: { $0.key < $1.key }) {
            outputBytes += call.arguments.utf8.count + call.name.utf8.count
            events += toolEvents(call)
        }
        let counted =
            usage ?? TokenUsage(input: promptTokens, output: TokenEstimate.tokens(bytes: outputBytes))
        isComplete = true
        return events + [.delta(stopReason: stopReason(reason), usage: counted), .stop]
    }

    private mutating func toolEvents(_ call: Call) -> [MessageEvent] {
        defer { blocks += 1 }
        let id = call.id.isEmpty ? "call_\(Random.hex(8))" : call.id
        let block: JSON = ["type": "tool_use", "id": .string(id), "name": .string(call.name), "input": [:]]
        return [
            .blockStart(blocks, block), .input(blocks, call.arguments.isEmpty ? "{}" : call.arguments),
            .blockStop(blocks),
        ]
    }

    private func stopReason(_ reason: String) -> String {
        switch reason {
        case "length": "max_tokens"
        case "content_filter": "refusal"
        // Some servers say "stop" although they call tools.
        default: calls.isEmpty ? "end_turn" : "tool_use"
        }
    }

    private func failure(_ error: JSON) -> ProviderFailure {
        let text = error["message"]?.stringValue ?? error.stringValue ?? error.text
        let status = error["code"]?.intValue.flatMap { (400..<600).contains($0) ? $0 : nil } ?? 500
        var failure = ProviderFailure(.status(status), "\(name), in the middle of the answer: \(text)")
        failure.charge = hasText || !calls.isEmpty ? .unknown : .nothing
        return failure
    }
}
