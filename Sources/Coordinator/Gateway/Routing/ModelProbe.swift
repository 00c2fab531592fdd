// Tries a model in a few small calls, so that a person knows before a session what its server can do.
import Kit
import Wire

/// One thing that was tried.
public struct ModelFinding: Sendable, Hashable {
    public var name: String
    public var isGood: Bool
    /// What came, or why not; in a sentence.
    public var detail: String
    /// Without it no agent can work.
    public var isNeeded: Bool
}

/// What came of all.
public struct ModelReport: Sendable {
    public var findings: [ModelFinding] = []
    /// What it cost, in millionths of a dollar.
    public var microUSD: Int64 = 0
    public var calls = 0
    /// The key was refused.
    public var isRefused = false

    /// True when an agent can work with it.
    public var isUsable: Bool { findings.allSatisfy { $0.isGood || !$0.isNeeded } }
}

extension Gateway {
    /// Tries what agents need of a model, and what is of use to them.
    public func probe(spec: String, role: String = "coder") throws(GatewayError) -> ModelReport {
        let provider = try makeProvider(spec)
        let model = provider.model(for: role)
        var probe = ModelProbe(provider: provider, model: model, prices: try prices(of: model, at: provider))
        probe.run()
        return probe.report
    }
}

private struct ModelProbe {
    let provider: any ModelProvider
    let model: String
    let prices: CallPrices
    var report = ModelReport()

    private static let tool: JSON = [
        "name": "add_numbers", "description": "Adds two whole numbers and returns the sum.",
        "input_schema": [
            "type": "object", "required": ["a", "b"],
            "properties": ["a": ["type": "integer"], "b": ["type": "integer"]],
        ],
    ]
    private static let order = "Call the tool add_numbers for 19 and 23. Do not compute it yourself."

    mutating func run() {
        guard let words = ask("answers", [user("Answer with the word ready.")], needed: true) else { return }
        let usage = words.usage
        note(
            "counts tokens", usage.prompt > 0 && usage.output > 0,
            usage.prompt > 0 ? "\(usage.prompt) in, \(usage.output) out" : "no; they are estimated here")
        note(
            "tells its window", window != nil,
            window.map { "\($0) tokens" } ?? "no; give it in the model's name: ?context=TOKENS")
        calls()
        if let cut = ask("stops at max_tokens", [user("Count from 1 to 200 in words.")], most: 16) {
            let reason = cut.message["stop_reason"]?.stringValue ?? ""
            note("stops at max_tokens", reason == "max_tokens", "its reason is \(reason)")
        }
        if let system = ask(
            "takes a system prompt", [user("Who are you?")], system: "You are called Zebulon. Say your name.")
        {
            let text = ChatRequest.text(of: system.message["content"])
            note("takes a system prompt", text.contains("Zebulon"), "it said: \(text.prefix(60))")
        }
        if ask("takes long answers", [user("Answer with the word ready.")], most: 32_000) != nil {
            note("takes long answers", true, "32000 tokens may be asked for")
        }
        picture()
    }

    private var window: Int? {
        provider.route.context ?? (prices.isFree ? provider.window(of: model) : prices.context)
    }

    private mutating func calls() {
        guard let first = ask("calls tools", [user(Self.order)], tools: [Self.tool], needed: true) else {
            return
        }
        let uses = first.calls
        guard let use = uses.first else {
            return note(
                "calls tools", false,
                "it answered in words: \(ChatRequest.text(of: first.message["content"]).prefix(80))",
                needed: true)
        }
        let isRight = use["name"] == "add_numbers" && use["input"] == ["a": 19, "b": 23]
        note(
            "calls tools", isRight, "\(use["name"]?.stringValue ?? "")\((use["input"] ?? .null).text)",
            needed: true)
        let results = uses.map { call -> JSON in
            ["type": "tool_result", "tool_use_id": call["id"] ?? "", "content": "42"]
        }
        let history = [user(Self.order), first.turn, ["role": "user", "content": .array(results)]]
        if let second = ask("goes on after a result", history, tools: [Self.tool], needed: true) {
            let text = ChatRequest.text(of: second.message["content"])
            note(
                "goes on after a result", text.contains("42"), "it said: \(text.prefix(60))",
                needed: !text.contains("42") && second.calls.isEmpty)
        }
        let both = "Call add_numbers twice in one answer: for 1 and 2, and for 3 and 4."
        if let several = ask("calls several tools at once", [user(both)], tools: [Self.tool]) {
            note("calls several tools at once", several.calls.count > 1, "\(several.calls.count) calls")
        }
        let forced: JSON = ["type": "tool", "name": "add_numbers"]
        if let chosen = ask("can be made to call", [user("Hello.")], tools: [Self.tool], choice: forced) {
            note("can be made to call", !chosen.calls.isEmpty, "\(chosen.calls.count) calls")
        }
    }

    private mutating func picture() {
        let block: JSON = [
            "type": "image",
            "source": ["type": "base64", "media_type": "image/png", "data": .string(Self.png)],
        ]
        let question: JSON = ["type": "text", "text": "What colour is this picture? Answer with one word."]
        guard let seen = ask("sees pictures", [["role": "user", "content": [block, question]]]) else {
            return
        }
        let text = ChatRequest.text(of: seen.message["content"])
        note("sees pictures", text.lowercased().contains("red"), "of a red one it said: \(text.prefix(40))")
    }

    /// A red square of 16 by 16 points.
    private static let png =
        "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVw"
        + "AAAABJRU5ErkJggg=="

    // MARK: Asking

    private func user(_ text: String) -> JSON { ["role": "user", "content": .string(text)] }

    private mutating func note(_ name: String, _ isGood: Bool, _ detail: String, needed: Bool = false) {
        report.findings.append(ModelFinding(name: name, isGood: isGood, detail: detail, isNeeded: needed))
    }

    /// - Returns: Nil when it was refused, which is a finding then.
    private mutating func ask(
        _ name: String, _ messages: [JSON], tools: [JSON] = [], choice: JSON? = nil, system: String? = nil,
        most: Int = 1024, needed: Bool = false
    ) -> MessageAssembler? {
        guard !report.isRefused else { return nil }
        var json: JSON = ["max_tokens": JSON(min(most, prices.maxOutput)), "messages": .array(messages)]
        if !tools.isEmpty { json["tools"] = .array(tools) }
        if let choice { json["tool_choice"] = choice }
        if let system { json["system"] = .string(system) }
        let sink = ProbeSink()
        do {
            let call = ProviderCall(
                caller: Caller(session: "probe", agent: "probe", role: "coder", spec: ""),
                request: try MessagesRequest(json), model: model, beta: nil)
            report.calls += 1
            try provider.stream(call, into: sink)
        } catch let failure as ProviderFailure {
            if case .status(let status) = failure.kind, [401, 403].contains(status) {
                report.isRefused = true
            }
            note(name, false, failure.message, needed: needed)
            return nil
        } catch {
            note(name, false, "\(error)", needed: needed)
            return nil
        }
        report.microUSD += prices.cost(sink.assembler.usage)
        if name == "answers" {
            note(name, true, ChatRequest.text(of: sink.assembler.message["content"]), needed: true)
        }
        return sink.assembler
    }
}

extension MessageAssembler {
    fileprivate var calls: [JSON] {
        (message["content"]?.arrayValue ?? []).filter { $0["type"] == "tool_use" }
    }
}

/// Puts an answer together.
private final class ProbeSink: EventSink {
    var assembler = MessageAssembler()
    var isCancelled: Bool { false }
    func accepted(_ headers: HTTPHeaders) {}

    func receive(_ event: MessageEvent) -> Bool {
        assembler.receive(event)
        return true
    }
}
