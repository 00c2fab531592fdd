// From the chunks of a server of chat completions to events of the Messages API.
import Kit
import System
import Wire

/// A value: no I/O. Thoughts and text stream through; calls of tools are handed on when they are whole,
/// because servers differ in how they cut and mix them. Until then a ping a chunk shows that the model works.
struct ChatTranslator: StreamTranslator {
    let name: String
    let model: String
    private(set) var isComplete = false
    private var hasStarted = false
    /// The block that is open: what it is, and its index.
    private var open: (kind: Kind, index: Int)?
    private var blocks = 0
    private var calls = ChatCalls()
    private var written: WrittenCalls
    private var reason: String?
    private var usage: JSON?
    /// The field that the server gives thoughts in.
    private var thoughts: String?
    /// Of the answer, for servers that count nothing.
    private var outputBytes = 0
    private let promptTokens: Int

    private enum Kind { case text, thinking }

    /// - Parameters:
    ///   - promptTokens: An estimate, used when the server does not count.
    ///   - tools: That the model was offered.
    init(name: String, model: String, promptTokens: Int, tools: Set<String> = []) {
        (self.name, self.model, self.promptTokens) = (name, model, promptTokens)
        written = WrittenCalls(tools: tools)
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
        if let counted = chunk["usage"], counted.objectValue != nil { usage = counted }
        let choice = chunk["choices"]?[0]
        if let delta = choice?["delta"] { events += try receive(delta) }
        if let finish = choice?["finish_reason"]?.stringValue { reason = finish }
        return events
    }

    private mutating func receive(_ delta: JSON) throws(ProviderFailure) -> [MessageEvent] {
        var events: [MessageEvent] = []
        for field in ChatThoughts.fields {
            guard let text = delta[field]?.stringValue, !text.isEmpty else { continue }
            thoughts = field
            outputBytes += text.utf8.count
            events += begin(.thinking)
            events.append(
                MessageEvent(
                    "content_block_delta",
                    [
                        "index": JSON(blocks - 1),
                        "delta": ["type": "thinking_delta", "thinking": .string(text)],
                    ]))
            break
        }
        if let text = delta["content"]?.stringValue, !text.isEmpty {
            outputBytes += text.utf8.count
            events += say(written.receive(text))
        }
        for piece in delta["tool_calls"]?.arrayValue ?? [] {
            guard calls.add(piece) else {
                throw ProviderFailure(.malformed, "\(name): its answer has more calls than anybody can make")
            }
        }
        // A piece of a call, or of what may be one, shows that the model works.
        return events.isEmpty ? [.ping] : events
    }

    private mutating func say(_ text: String) -> [MessageEvent] {
        text.isEmpty ? [] : begin(.text) + [.text(blocks - 1, text)]
    }

    private mutating func begin(_ kind: Kind) -> [MessageEvent] {
        if open?.kind == kind { return [] }
        let events = close()
        open = (kind, blocks)
        blocks += 1
        let block: JSON =
            kind == .text
            ? ["type": "text", "text": ""] : ["type": "thinking", "thinking": "", "signature": ""]
        return events + [.blockStart(blocks - 1, block)]
    }

    private mutating func close() -> [MessageEvent] {
        guard let (kind, index) = open else { return [] }
        open = nil
        guard kind == .thinking, let thoughts else { return [.blockStop(index)] }
        let signature = JSON.string(ChatThoughts.mark + thoughts)
        return [
            MessageEvent(
                "content_block_delta",
                ["index": JSON(index), "delta": ["type": "signature_delta", "signature": signature]]),
            .blockStop(index),
        ]
    }

    mutating func end() throws(ProviderFailure) -> [MessageEvent] {
        // Without a reason the stream was cut, whatever its last bytes were.
        guard !isComplete, hasStarted, let reason else { return [] }
        var whole = calls.whole
        let rest = written.end(isCut: reason == "length" || !whole.isEmpty)
        whole += rest.calls.map { ChatCalls.Call(name: $0.name, arguments: $0.arguments) }
        var events = say(rest.text) + close()
        for call in whole {
            outputBytes += call.arguments.utf8.count + call.name.utf8.count
            events += toolEvents(call)
        }
        isComplete = true
        let counted = ChatUsage.read(
            usage, promptTokens: promptTokens, outputTokens: TokenEstimate.tokens(bytes: outputBytes))
        return events + [
            .delta(stopReason: stopReason(reason, hasCalls: !whole.isEmpty), usage: counted), .stop,
        ]
    }

    private mutating func toolEvents(_ call: ChatCalls.Call) -> [MessageEvent] {
        defer { blocks += 1 }
        let id = call.id.isEmpty ? "call_\(Random.hex(8))" : call.id
        let block: JSON = ["type": "tool_use", "id": .string(id), "name": .string(call.name), "input": [:]]
        return [
            .blockStart(blocks, block), .input(blocks, call.arguments.isEmpty ? "{}" : call.arguments),
            .blockStop(blocks),
        ]
    }

    private func stopReason(_ reason: String, hasCalls: Bool) -> String {
        switch reason {
        case "length": "max_tokens"
        case "content_filter": "refusal"
        // Some servers say "stop" although they call tools.
        default: hasCalls ? "tool_use" : "end_turn"
        }
    }

    private func failure(_ error: JSON) -> ProviderFailure {
        let text = error["message"]?.stringValue ?? error.stringValue ?? error.text
        let status = error["code"]?.intValue.flatMap { (400..<600).contains($0) ? $0 : nil } ?? 500
        var failure = ProviderFailure(.status(status), "\(name), in the middle of the answer: \(text)")
        failure.charge = blocks > 0 || !calls.whole.isEmpty ? .unknown : .nothing
        return failure
    }
}
