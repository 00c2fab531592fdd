import Kit
import Synchronization
import System
import Wire

/// Plays a script for one session.
final class ScriptProvider: ModelProvider {
    let script: Script
    private let limits: GatewayLimits
    /// How often each fault was played, by task and turn.
    private let faults = Mutex<[String: Int]>([:])

    let route: ModelRoute

    init(_ script: Script, route: ModelRoute, limits: GatewayLimits) {
        (self.script, self.route, self.limits) = (script, route, limits)
    }

    var name: String { "script:\(script.name)" }
    var isFree: Bool { script.priceAs == nil }

    func model(for role: String) -> String { script.priceAs ?? name }
    func rateClass(of model: String) -> String? { nil }

    func stream(_ call: ProviderCall, into sink: any EventSink) throws(ProviderFailure) {
        let messages = call.request.messages
        guard let (conversation, index) = script.find(call.caller, messages) else {
            throw ProviderFailure(.status(400), script.noMatch(call.caller, messages))
        }
        let turns = script.conversations[conversation].turns
        let turn = turns.indices.contains(index) ? turns[index] : Script.Turn(text: "done")
        try pause(turn.delayMilliseconds, sink)
        var cut: Int?
        if let fault = take(
            turn.fault, "\(call.caller.agent)/\(call.caller.task ?? "")/\(conversation)/\(index)")
        {
            cut = try play(fault, sink)
        }
        var sent = 0
        for event in events(turn, call) {
            if let cut, sent + event.serialized().count > cut {
                var failure = ProviderFailure(.cut, "\(name): the answer ended in the middle")
                failure.charge = .unknown
                throw failure
            }
            sent += event.serialized().count
            guard sink.receive(event) else { throw cancelled }
        }
    }

    /// A fault, as long as it is not used up.
    private func take(_ fault: Script.Fault?, _ key: String) -> Script.Fault.Kind? {
        guard let fault else { return nil }
        let count = faults.withLock { counts in
            counts[key, default: 0] += 1
            return counts[key] ?? 0
        }
        return count <= fault.times ? fault.kind : nil
    }

    /// - Returns: After how many bytes the answer ends, if it does.
    private func play(_ fault: Script.Fault.Kind, _ sink: any EventSink) throws(ProviderFailure) -> Int? {
        switch fault {
        case .status(let status, let after):
            var failure = ProviderFailure(.status(status), "\(name) answered \(status), as the script says")
            failure.retryAfterMilliseconds = after.map { Int($0 * 1000) }
            throw failure
        case .malformed(let text):
            // The same way that a real stream would go.
            var translator = AnthropicTranslator(name: name)
            do throws(ProviderFailure) {
                for event in try translator.receive(ServerSentEvent(data: text)) {
                    guard sink.receive(event) else { throw cancelled }
                }
            } catch {
                var failure = error
                failure.charge = .unknown
                throw failure
            }
            var failure = ProviderFailure(.cut, "\(name): the answer ended in the middle")
            failure.charge = .unknown
            throw failure
        case .silence(let milliseconds):
            try pause(min(milliseconds, limits.idleMilliseconds), sink)
            if milliseconds > limits.idleMilliseconds {
                var failure = ProviderFailure(
                    .idle, "\(name): silent for more than \(limits.idleMilliseconds / 1000) seconds")
                failure.charge = .unknown
                throw failure
            }
            return nil
        case .cut(let bytes): return bytes
        }
    }

    private var cancelled: ProviderFailure { ProviderFailure(.cancelled, "the call was cancelled") }

    /// Waits in slices, so that a guest that left is noticed.
    private func pause(_ milliseconds: Int, _ sink: any EventSink) throws(ProviderFailure) {
        let until = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        let never = Condition(())
        while true {
            if sink.isCancelled { throw cancelled }
            let left = Int((until - Clock.monotonicNanoseconds() + 999_999) / 1_000_000)
            if left <= 0 { return }
            _ = never.wait(timeoutMilliseconds: min(left, limits.sliceMilliseconds)) { _ -> Bool? in nil }
        }
    }

    // MARK: The answer

    private func events(_ turn: Script.Turn, _ call: ProviderCall) -> [MessageEvent] {
        let last = Script.lastResult(call.request.messages)
        var blocks: [MessageEvent] = []
        var bytes = 0
        var index = 0
        if let text = turn.text.map({ script.fill($0, call.caller, lastResult: last) }), !text.isEmpty {
            blocks.append(.blockStart(index, ["type": "text", "text": ""]))
            blocks += ScriptProvider.pieces(text).map { .text(index, $0) }
            blocks.append(.blockStop(index))
            bytes += text.utf8.count
            index += 1
        }
        for tool in turn.tools {
            let input = script.fill(tool.input, call.caller, lastResult: last).text
            let block: JSON = [
                "type": "tool_use", "id": .string("toolu_\(Random.hex(12))"), "name": .string(tool.name),
                "input": [:],
            ]
            blocks.append(.blockStart(index, block))
            blocks += ScriptProvider.pieces(input).map { .input(index, $0) }
            blocks.append(.blockStop(index))
            bytes += input.utf8.count
            index += 1
        }
        let usage =
            turn.usage
            ?? TokenUsage(
                input: TokenEstimate.tokens(call.request.json), output: TokenEstimate.tokens(bytes: bytes))
        var first = usage
        first.output = min(1, usage.output)
        let reason = turn.stopReason ?? (turn.tools.isEmpty ? "end_turn" : "tool_use")
        return [.start(id: "msg_\(Random.hex(12))", model: call.model, usage: first)] + blocks
            + [.delta(stopReason: reason, usage: usage), .stop]
    }

    /// Pieces as a real stream has them; no character is cut.
    private static func pieces(_ text: String) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(200)))
            rest = rest.dropFirst(200)
        }
        return pieces
    }
}
