// How long a prompt a server takes. There is no standard for it: llama.cpp tells at /props, vLLM and LM
// Studio in their lists of models, Ollama at /api/show and /api/ps.
import Kit
import Transfer
import Wire

struct ServerWindow {
    let url: ProviderURL
    let key: String?
    let pool: TransferPool
    let configuration: GatewayConfiguration

    /// For one question, in milliseconds; there are four at most.
    private static let milliseconds = 3000

    func tokens(of model: String) -> Int? {
        let root = url.path.hasSuffix("/v1") ? String(url.text.dropLast(3)) : url.text
        if let list = ask("GET", "\(root)/v1/models")?["data"]?.arrayValue {
            let entry = list.first { $0["id"] == .string(model) } ?? (list.count == 1 ? list.first : nil)
            for field in ["max_model_len", "loaded_context_length", "context_length", "max_context_length"] {
                if let tokens = Self.tokens(entry?[field]) { return tokens }
            }
        }
        if let tokens = Self.tokens(ask("GET", "\(root)/props")?["default_generation_settings"]?["n_ctx"]) {
            return tokens
        }
        guard let shown = ask("POST", "\(root)/api/show", ["model": .string(model)]) else { return nil }
        // What it was started with counts before what it was trained with.
        let lines = (shown["parameters"]?.stringValue ?? "").split(separator: "\n")
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "num_ctx",
                let tokens = ForeignNumber.decimal(words[1], in: 0...ForeignNumber.most), tokens > 0
            {
                return tokens
            }
        }
        if let running = ask("GET", "\(root)/api/ps")?["models"]?.arrayValue?
            .first(where: { $0["name"] == .string(model) || $0["model"] == .string(model) }),
            let tokens = Self.tokens(running["context_length"])
        {
            return tokens
        }
        let facts = shown["model_info"]?.objectValue ?? [:]
        return facts.first { $0.key.hasSuffix(".context_length") }.flatMap { Self.tokens($0.value) }
    }

    private static func tokens(_ json: JSON?) -> Int? {
        json?.count.flatMap { $0 > 0 ? $0 : nil }
    }

    /// The answer when it is JSON; what a server does not know it answers with an error, which is no news.
    private func ask(_ method: String, _ address: String, _ body: JSON? = nil) -> JSON? {
        let reader = PageReader()
        var headers = [(name: "Content-Type", value: "application/json")]
        if let key { headers.append((name: "Authorization", value: Authorization.bearer(key))) }
        let request = TransferRequest(
            method: method, url: address, headers: headers, body: body?.serialized() ?? [],
            connectMilliseconds: Self.milliseconds, idleMilliseconds: Self.milliseconds,
            wallMilliseconds: Self.milliseconds, certificateFile: configuration.certificateFile)
        do throws(TransferFailure) {
            try pool.run(request, reader)
        } catch {
            return nil
        }
        return reader.status == 200 ? try? JSON.parse(reader.page) : nil
    }
}
