import Kit
import Transfer
import Wire

/// Any server that speaks OpenAI's chat completions: OpenAI, llama.cpp, vLLM, Ollama ….
struct OpenAIProvider: ModelProvider {
    let url: ProviderURL
    let key: String?
    let modelName: String
    let configuration: GatewayConfiguration
    let pool: TransferPool

    var name: String { "openai at \(url.host)" }
    var isFree: Bool { url.isLocal }
    private var isOpenAI: Bool { url.host.hasSuffix("openai.com") }

    func model(for role: String) -> String { modelName }

    func stream(_ call: ProviderCall, into sink: any EventSink) throws(ProviderFailure) {
        let body = ChatRequest.chat(from: call.request, model: call.model, isOpenAI: isOpenAI)
        let bytes = body.serialized()
        let translator = ChatTranslator(
            name: name, model: call.model, promptTokens: TokenEstimate.tokens(bytes: bytes.count),
            requiresUsage: !isFree)
        let reader = StreamReader(translator, into: sink, name: name, limits: configuration.limits)
        var headers = [(name: "Content-Type", value: "application/json")]
        if let key { headers.append((name: "Authorization", value: Authorization.bearer(key))) }
        let request = TransferRequest(
            url: url.text + (url.path.isEmpty ? "/v1" : "") + "/chat/completions", headers: headers,
            body: bytes,
            connectMilliseconds: configuration.limits.connectMilliseconds,
            idleMilliseconds: configuration.limits.idleMilliseconds,
            certificateFile: configuration.certificateFile)
        var failure: TransferFailure?
        do throws(TransferFailure) {
            try pool.run(request, reader)
        } catch {
            failure = error
        }
        try reader.finish(failure)
    }
}
