// From the events of a server of the Responses API to events of the Messages API.
import Kit
import System
import Wire

/// A value: no I/O.
struct ResponsesTranslator: StreamTranslator {
    let name: String
    let model: String
    private(set) var isComplete = false
    private var hasStarted = false
    private var hasContent = false
    private var hasCalls = false
    private var isRefusal = false
    /// Blocks by the place of their part in the answer.
    private var blocks: [String: Int] = [:]
    private var count = 0
    /// Blocks of calls whose arguments came, in pieces or whole.
    private var filled: Set<Int> = []
    /// Items that something came of, by their place; the others come whole at their end.
    private var begun: Set<Int> = []
    /// Of the answer, for servers that count nothing.
    private var outputBytes = 0
    private let promptTokens: Int

    /// - Parameter promptTokens: An estimate, used when the server does not count.
    init(name: String, model: String, promptTokens: Int = 0) {
        (self.name, self.model, self.promptTokens) = (name, model, promptTokens)
    }

    mutating func receive(_ event: ServerSentEvent) throws(ProviderFailure) -> [MessageEvent] {
        if isComplete || event.data == "[DONE]" { return [] }
        let data: JSON
        do throws(JSONError) {
            data = try JSON.parse(event.data)
        } catch {
            throw ProviderFailure(.malformed, "\(name): an event of its stream is no JSON (\(error))")
        }
        var events: [MessageEvent] = []
        if !hasStarted {
            hasStarted = true
            let response = data["response"]
            events.append(
                .start(
                    id: response?["id"]?.stringValue ?? "resp_\(Random.hex(8))",
                    model: response?["model"]?.stringValue ?? model, usage: TokenUsage()))
        }
        return events + (try translate(data["type"]?.stringValue ?? event.event, data))
    }

    mutating func end() -> [MessageEvent] { [] }

    private mutating func translate(_ type: String, _ data: JSON) throws(ProviderFailure) -> [MessageEvent] {
        switch type {
        case "response.content_part.added":
            return [begin(place(data, isPart: true), ["type": "text", "text": ""])]
        case "response.output_item.added":
            guard let item = data["item"], item["type"] == "function_call" else { return [.ping] }
            return [beginCall(item, data)]
        case "response.output_text.delta", "response.refusal.delta":
            if type == "response.refusal.delta" { isRefusal = true }
            guard let text = data["delta"]?.stringValue else { return [] }
            let place = place(data, isPart: true)
            outputBytes += text.utf8.count
            // Some servers leave out the event that begins a part.
            let opening = blocks[place] == nil ? [begin(place, ["type": "text", "text": ""])] : []
            return opening + (blocks[place].map { [.text($0, text)] } ?? [])
        case "response.function_call_arguments.delta":
            return fill(data, data["delta"])
        case "response.function_call_arguments.done": return fill(data, data["arguments"], isWhole: true)
        case "response.content_part.done": return close(place(data, isPart: true))
        case "response.output_item.done": return done(data)
        case "response.completed", "response.incomplete": return finish(data["response"] ?? [:])
        case "response.failed": throw failure(data["response"]?["error"] ?? [:])
        case "error": throw failure(data["error"] ?? data)
        default: return [.ping]
        }
    }

    private func place(_ data: JSON, isPart: Bool) -> String {
        let item = data["output_index"]?.intValue ?? 0
        return isPart ? "\(item).\(data["content_index"]?.intValue ?? 0)" : "\(item)"
    }

    private mutating func begin(_ place: String, _ block: JSON) -> MessageEvent {
        hasContent = true
        blocks[place] = count
        if let item = place.split(separator: ".").first.flatMap({ Int($0) }) { begun.insert(item) }
        defer { count += 1 }
        return .blockStart(count, block)
    }

    private mutating func beginCall(_ item: JSON, _ data: JSON) -> MessageEvent {
        hasCalls = true
        let id = item["call_id"]?.stringValue ?? "call_\(Random.hex(8))"
        return begin(
            place(data, isPart: false),
            ["type": "tool_use", "id": .string(id), "name": item["name"] ?? "", "input": [:]])
    }

    /// Arguments come in pieces, or whole at the end, or both ways.
    private mutating func fill(_ data: JSON, _ arguments: JSON?, isWhole: Bool = false) -> [MessageEvent] {
        let text = arguments?.stringValue ?? arguments?.objectValue.map { JSON.object($0).text }
        guard let block = blocks[place(data, isPart: false)], let text, !text.isEmpty,
            !isWhole || !filled.contains(block)
        else { return [.ping] }
        filled.insert(block)
        outputBytes += text.utf8.count
        return [.input(block, text)]
    }

    private mutating func close(_ place: String) -> [MessageEvent] {
        blocks.removeValue(forKey: place).map { [.blockStop($0)] } ?? []
    }

    /// What is still open of an item is closed; a thought comes only now, sealed and whole.
    private mutating func done(_ data: JSON) -> [MessageEvent] {
        guard let item = data["item"] else { return [] }
        let here = place(data, isPart: false)
        if item["type"] == "reasoning" {
            guard item["encrypted_content"]?.stringValue?.isEmpty == false else { return [] }
            let sealed = JSON.string(ResponsesRequest.sealed + item.text)
            return [begin(here, ["type": "redacted_thinking", "data": sealed])] + close(here)
        }
        let index = data["output_index"]?.intValue ?? 0
        switch item["type"]?.stringValue {
        case "function_call":
            let opening = begun.contains(index) ? [] : [beginCall(item, data)]
            return opening + fill(data, item["arguments"], isWhole: true).filter { $0.type != "ping" }
                + close(here)
        case "message" where !begun.contains(index): return whole(item, data)
        default: break
        }
        let parts = blocks.keys.filter { $0.hasPrefix("\(here).") }.sorted()
        return parts.flatMap { close($0) } + close(here)
    }

    /// A message of which nothing came before its end.
    private mutating func whole(_ item: JSON, _ data: JSON) -> [MessageEvent] {
        var events: [MessageEvent] = []
        for (index, part) in (item["content"]?.arrayValue ?? []).enumerated() {
            guard let text = part["text"]?.stringValue ?? part["refusal"]?.stringValue, !text.isEmpty else {
                continue
            }
            if part["type"] == "refusal" { isRefusal = true }
            outputBytes += text.utf8.count
            let place = "\(data["output_index"]?.intValue ?? 0).\(index)"
            let opening = begin(place, ["type": "text", "text": ""])
            events += [opening, .text(count - 1, text)] + close(place)
        }
        return events
    }

    private mutating func finish(_ response: JSON) -> [MessageEvent] {
        var open = blocks.keys.sorted().flatMap { close($0) }
        // Some servers tell what they said only here.
        for (index, item) in (response["output"]?.arrayValue ?? []).enumerated() where !begun.contains(index)
        {
            open += done(["item": item, "output_index": JSON(index)])
        }
        let usage = ChatUsage.read(
            ChatUsage.renamed(response["usage"]), promptTokens: promptTokens,
            outputTokens: TokenEstimate.tokens(bytes: outputBytes))
        let reason =
            switch response["incomplete_details"]?["reason"]?.stringValue {
            case "max_output_tokens": "max_tokens"
            case .some: "refusal"
            case nil: isRefusal ? "refusal" : hasCalls ? "tool_use" : "end_turn"
            }
        isComplete = true
        return open + [.delta(stopReason: reason, usage: usage), .stop]
    }

    private func failure(_ error: JSON) -> ProviderFailure {
        let code = error["code"]?.stringValue ?? ""
        let status = code.contains("rate_limit") ? 429 : code == "server_is_overloaded" ? 529 : 500
        let text = error["message"]?.stringValue ?? error.text
        var failure = ProviderFailure(.status(status), "\(name), in the middle of the answer: \(text)")
        failure.charge = hasContent ? .unknown : .nothing
        return failure
    }
}
