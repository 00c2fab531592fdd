import Kit
import System
// What can be used here: which providers are set up and answer, and which models have a price.
import Transfer
import Wire

/// A provider as this machine sees it.
public struct ProviderStatus: Sendable, Hashable {
    public var name: String
    public var url: String
    public var hasKey: Bool
    /// Nil when it was not asked, because there is no key.
    public var isReachable: Bool?
    /// The reason when it is not.
    public var detail: String
    /// What it says that it serves.
    public var models: [String]
}

/// A model as the price lists know it, today.
public struct ModelStatus: Sendable, Hashable {
    public var name: String
    public var context: Int
    public var maxOutput: Int
    /// Of the first tier and, when there are more, of the last.
    public var first: PriceList.Rates
    public var last: PriceList.Rates?
    /// The roles that have it when nothing else is said.
    public var roles: [String]
}

extension PriceList.Model {
    /// The rates of a prompt of this length on a day.
    public func rates(atMilliseconds now: Int64, prompt: Int) -> PriceList.Rates? {
        let tiers = tiers(on: CivilTime.day(milliseconds: now))
        return (tiers.last { prompt > $0.above } ?? tiers.first)?.rates
    }
}

extension Gateway {
    /// How long a provider may take to say what it serves, in milliseconds.
    private static let lookupMilliseconds = 5000

    /// Asks every provider that is set up what it serves.
    /// - Parameter servers: More OpenAI-compatible servers, with the version in their path.
    public func providers(servers: [String] = []) -> [ProviderStatus] {
        var result: [ProviderStatus] = []
        let key = configuration.anthropicKey
        result.append(
            look(
                "anthropic", "\(configuration.anthropicURL)/v1/models?limit=1000",
                configuration.anthropicURL, hasKey: key != nil, needsKey: true,
                [("x-api-key", key ?? ""), ("anthropic-version", "2023-06-01")]))
        for url in [configuration.openAIURL ?? "https://api.openai.com/v1"] + servers {
            guard let parsed = ProviderURL(url) else {
                result.append(
                    ProviderStatus(
                        name: "openai", url: url, hasKey: false, isReachable: false,
                        detail: "is not an http:// or https:// URL", models: []))
                continue
            }
            let isOwn = url == configuration.openAIURL || parsed.host.hasSuffix("openai.com")
            let key = isOwn && (parsed.isEncrypted || parsed.isLocal) ? configuration.openAIKey : nil
            result.append(
                look(
                    "openai", "\(parsed.text)\(parsed.path.isEmpty ? "/v1" : "")/models", url,
                    hasKey: key != nil, needsKey: parsed.host.hasSuffix("openai.com"),
                    key.map { [("Authorization", Authorization.bearer($0))] } ?? []))
        }
        return result
    }

    private func look(
        _ name: String, _ lookup: String, _ url: String, hasKey: Bool, needsKey: Bool,
        _ headers: [(String, String)]
    ) -> ProviderStatus {
        var status = ProviderStatus(
            name: name, url: url, hasKey: hasKey, isReachable: nil, detail: "no key", models: [])
        guard hasKey || !needsKey else { return status }
        let reader = PageReader()
        let request = TransferRequest(
            method: "GET", url: lookup, headers: headers.map { (name: $0.0, value: $0.1) }, body: [],
            connectMilliseconds: Gateway.lookupMilliseconds, idleMilliseconds: Gateway.lookupMilliseconds,
            wallMilliseconds: Gateway.lookupMilliseconds, certificateFile: configuration.certificateFile)
        status.isReachable = false
        do throws(TransferFailure) {
            try pool.run(request, reader)
        } catch {
            status.detail = error.message
            return status
        }
        let json = try? JSON.parse(reader.page)
        guard reader.status == 200, let list = json?["data"]?.arrayValue else {
            status.detail =
                "answered \(reader.status): "
                + (json?["error"]?["message"]?.stringValue ?? "what is no list of models")
            return status
        }
        (status.isReachable, status.detail) = (true, "")
        status.models = list.compactMap { $0["id"]?.stringValue }.sorted()
        return status
    }

    /// Every model with a price, in the order of its name.
    public func models(atMilliseconds now: Int64) -> [ModelStatus] {
        configuration.prices.models.sorted { $0.key < $1.key }.compactMap { name, model in
            guard let first = model.rates(atMilliseconds: now, prompt: 0) else { return nil }
            let last = model.rates(atMilliseconds: now, prompt: model.context)
            let roles = configuration.roleModels.filter { $0.value == name }.keys.sorted()
            return ModelStatus(
                name: name, context: model.context, maxOutput: model.maxOutput, first: first,
                last: last == first ? nil : last, roles: roles)
        }
    }
}
