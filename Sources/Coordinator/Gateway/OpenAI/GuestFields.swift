// What both of OpenAI's languages say in a guest's request in almost the same words.
import Kit

/// A guest's request in the form of the Messages API, and what is needed to answer it in its own.
struct GuestRequest: Sendable {
    var json: JSON
    var tools: GuestTools
    /// What was dropped, in sentences.
    var notes: [String]
}

/// The fields of a guest's request, and what of them goes the same way into the form of the Messages API.
struct GuestFields {
    let fields: [String: JSON]
    var notes: [String] = []

    /// Dropped without a word: they change nothing of the answer.
    private static let silent: Set<String> = [
        "client_metadata", "include", "metadata", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "store", "stream_options", "truncation", "user",
    ]
    /// Dropped with a note: they shade the answer, or add something that cannot be had here.
    private static let noted: Set<String> = [
        "frequency_penalty", "logit_bias", "logprobs", "max_tool_calls", "presence_penalty", "seed",
        "service_tier", "top_logprobs", "verbosity",
    ]

    /// - Parameters:
    ///   - known: Fields that are translated; what neither language lists as dropped is refused.
    ///   - refusal: What is said of those.
    init(_ json: JSON, known: Set<String>, refusal: String) throws(GuestFailure) {
        guard let fields = json.objectValue else {
            throw .invalid("the request is \(json.kindName) where an object should be")
        }
        for name in fields.keys.sorted() where !known.contains(name) {
            let value = fields[name] ?? .null
            if GuestFields.silent.contains(name) || GuestFields.isDefault(name, value) { continue }
            guard GuestFields.noted.contains(name) else { throw .invalid("\(name): \(refusal)") }
            notes.append("\(name) was dropped: the model's own API has no such setting")
        }
        self.fields = fields
    }

    /// True for a value that says the same as no value.
    private static func isDefault(_ name: String, _ value: JSON) -> Bool {
        switch (name, value) {
        case (_, .null): true
        case ("background", false), ("logprobs", false), ("top_logprobs", 0): true
        case ("frequency_penalty", 0), ("presence_penalty", 0): true
        case ("service_tier", "auto"), ("service_tier", "default"): true
        case ("modalities", ["text"]), ("verbosity", "medium"): true
        case ("n", 1): true
        default: false
        }
    }

    subscript(name: String) -> JSON? { fields[name] }

    /// Model, length, sampling, streaming.
    func addBasics(to request: inout JSON, outputTokens: Int) {
        if let model = fields["model"] { request["model"] = model }
        request["max_tokens"] = JSON(outputTokens)
        // Its scale ends at 2, Anthropic's at 1.
        if let temperature = fields["temperature"]?.doubleValue {
            request["temperature"] = JSON(min(1, temperature))
        }
        if let topP = fields["top_p"], !topP.isNull { request["top_p"] = topP }
        if fields["stream"] == true { request["stream"] = true }
    }

    func addTools(_ tools: inout GuestTools, to request: inout JSON) {
        var choice = tools.choice(fields["tool_choice"]) ?? ["type": "auto"]
        guard !tools.translated.isEmpty else { return }
        request["tools"] = .array(tools.translated)
        if fields["parallel_tool_calls"] == false { choice["disable_parallel_tool_use"] = true }
        if choice != ["type": "auto"] { request["tool_choice"] = choice }
    }

    /// - Parameters:
    ///   - format: What says the form of the answer, with a `type`.
    ///   - schema: Of that form.
    mutating func addOutput(
        to request: inout JSON, effort: String?, format: JSON?, schema: JSON?, field: String
    ) throws(GuestFailure) {
        var output: JSON = [:]
        // OpenAI's words for the least are more than Anthropic's.
        if let effort {
            output["effort"] = .string(["none", "minimal"].contains(effort) ? "low" : effort)
        }
        switch format?["type"]?.stringValue {
        case nil, "text": break
        case "json_schema": output["format"] = ["type": "json_schema", "schema": schema ?? [:]]
        case "json_object":
            let order = "Answer with a single JSON object and nothing else."
            let system = request["system"]?.stringValue.map { "\($0)\n\n\(order)" } ?? order
            request["system"] = .string(system)
            notes.append("\(field) json_object became a sentence of the prompt: json_schema is kept to")
        case let other?: throw .invalid("\(field): the format \(other) is not translated; use json_schema")
        }
        if output != [:] { request["output_config"] = output }
    }
}
