// What both of OpenAI's languages say in a guest's request in almost the same words.
import Kit

/// The fields of a guest's request, and what of them goes the same way into the form of the Messages API.
struct GuestFields {
    let fields: [String: JSON]

    /// - Parameters:
    ///   - known: Fields that are translated or may be dropped; another one is refused.
    ///   - refusal: What is said of those.
    init(_ json: JSON, known: Set<String>, refusal: String) throws(GuestFailure) {
        guard let fields = json.objectValue else {
            throw .invalid("the request is \(json.kindName) where an object should be")
        }
        for name in fields.keys.sorted() where !known.contains(name) && fields[name] != .null {
            throw .invalid("\(name): \(refusal)")
        }
        self.fields = fields
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

    /// - Parameter function: Where a tool, or a choice of one, says what function it is.
    func addTools(to request: inout JSON, function: (JSON) -> JSON?) throws(GuestFailure) {
        guard let tools = fields["tools"]?.arrayValue, !tools.isEmpty else { return }
        var translated: [JSON] = []
        for (index, tool) in tools.enumerated() {
            guard tool["type"] == "function", let function = function(tool) else {
                throw .invalid("tools/\(index): only functions are passed on")
            }
            let schema = function["parameters"].flatMap { $0.isNull ? nil : $0 }
            var result: JSON = [
                "name": function["name"] ?? "",
                "input_schema": schema ?? ["type": "object", "properties": [:]],
            ]
            if let text = function["description"]?.stringValue { result["description"] = .string(text) }
            translated.append(result)
        }
        request["tools"] = .array(translated)
        var choice: JSON = ["type": "auto"]
        switch fields["tool_choice"] {
        case "required": choice = ["type": "any"]
        case "none": choice = ["type": "none"]
        case .some(.object(let object)):
            choice = ["type": "tool", "name": function(.object(object))?["name"] ?? ""]
        default: break
        }
        if fields["parallel_tool_calls"] == false { choice["disable_parallel_tool_use"] = true }
        if choice != ["type": "auto"] { request["tool_choice"] = choice }
    }

    /// - Parameters:
    ///   - format: What says the form of the answer, with a `type`.
    ///   - schema: Of that form.
    func addOutput(to request: inout JSON, effort: String?, format: JSON?, schema: JSON?, field: String)
        throws(GuestFailure)
    {
        var output: JSON = [:]
        // OpenAI's words for the least are more than Anthropic's.
        if let effort {
            output["effort"] = .string(["none", "minimal"].contains(effort) ? "low" : effort)
        }
        switch format?["type"]?.stringValue {
        case nil, "text": break
        case "json_schema": output["format"] = ["type": "json_schema", "schema": schema ?? [:]]
        case let other?: throw .invalid("\(field): the format \(other) is not translated; use json_schema")
        }
        if output != [:] { request["output_config"] = output }
    }
}
