import Kit
import Transfer
import Wire

/// Any server that speaks OpenAI's chat completions or responses: OpenAI, llama.cpp, vLLM, Ollama ….
struct OpenAIProvider: ModelProvider {
    let url: ProviderURL
    let key: String?
    let modelName: String
    let route: ModelRoute
    let configuration: GatewayConfiguration
    let pool: TransferPool

    var name: String { "openai at \(url.host)" }
    var isFree: Bool { url.isLocal }
    var writesCache: Bool { true }
    var takesDocuments: Bool { false }
    private var isOpenAI: Bool { url.host.hasSuffix("openai.com") }

    func model(for role: String) -> String { modelName }

    func stream(_ call: ProviderCall, into sink: any EventSink) throws(ProviderFailure) {
        do throws(ProviderFailure) {
            switch route.api {
            case .chat:
                let body = ChatRequest.chat(
                    from: call.request, model: call.model, effort: route.effort, isOpenAI: isOpenAI)
                let bytes = body.serialized()
                let tools = call.request.json["tools"]?.arrayValue ?? []
                let translator = ChatTranslator(
                    name: name, model: call.model, promptTokens: TokenEstimate.tokens(bytes: bytes.count),
                    tools: Set(tools.compactMap { $0["name"]?.stringValue }))
                try send("/chat/completions", bytes, translator, sink)
            case .responses:
                let body = ResponsesRequest.responses(
                    from: call.request, model: call.model, effort: route.effort, isOpenAI: isOpenAI)
                let bytes = body.serialized()
                let translator = ResponsesTranslator(
                    name: name, model: call.model, promptTokens: TokenEstimate.tokens(bytes: bytes.count))
                try send("/responses", bytes, translator, sink)
            }
        } catch {
            throw explained(error, call)
        }
    }

    private func send(
        _ path: String, _ body: [UInt8], _ translator: some StreamTranslator, _ sink: any EventSink
    ) throws(ProviderFailure) {
        let reader = StreamReader(translator, into: sink, name: name, limits: configuration.limits)
        var headers = [(name: "Content-Type", value: "application/json")]
        if let key { headers.append((name: "Authorization", value: Authorization.bearer(key))) }
        let request = TransferRequest(
            url: url.text + (url.path.isEmpty ? "/v1" : "") + path, headers: headers, body: body,
            connectMilliseconds: configuration.limits.connectMilliseconds,
            idleMilliseconds: configuration.limits.idleMilliseconds,
            wallMilliseconds: configuration.limits.wallMilliseconds,
            certificateFile: configuration.certificateFile)
        var failure: TransferFailure?
        do throws(TransferFailure) {
            try pool.run(request, reader)
        } catch {
            failure = error
        }
        try reader.finish(failure)
    }

    func window(of model: String) -> Int? {
        ServerWindow(url: url, key: key, pool: pool, configuration: configuration).tokens(of: model)
    }

    private func withoutKey(_ failure: ProviderFailure, _ status: Int) -> ProviderFailure {
        var clear = ProviderFailure(
            .status(status),
            "\(failure.message). No key was sent: OPENAI_API_KEY goes only to OpenAI and to the server that "
                + "OPENAI_BASE_URL names. Set OPENAI_BASE_URL=\(url.text) and OPENAI_API_KEY where the "
                + "coordinator starts")
        clear.shouldRetry = false
        return clear
    }

    /// Servers say in many ways that a model takes no tools; asking again does not help, and what does is
    /// different for each of them.
    private func explained(_ failure: ProviderFailure, _ call: ProviderCall) -> ProviderFailure {
        if case .status(let status) = failure.kind, [401, 403].contains(status), key == nil {
            return withoutKey(failure, status)
        }
        guard case .status(let status) = failure.kind, [400, 404, 422, 500, 501].contains(status),
            call.request.json["tools"]?.arrayValue?.isEmpty == false
        else { return failure }
        let text = failure.message.lowercased()
        let signs = [
            "does not support tools", "does not support function", "--jinja", "tool-call-parser",
            "tools is not supported", "tools are not supported", "tool use is not supported",
        ]
        guard signs.contains(where: { text.contains($0) }) else { return failure }
        var clear = ProviderFailure(
            .status(400),
            "\(call.model) at \(url.host) takes no tools as it is served now, and agents need them: choose "
                + "a model with tools (Ollama), start llama.cpp's server with --jinja, or vLLM with "
                + "--enable-auto-tool-choice and --tool-call-parser. It said: \(failure.message)")
        clear.shouldRetry = false
        clear.type = "invalid_request_error"
        return clear
    }
}
