// What the coordinator knows about providers.
public import System

/// Keys, addresses, prices and limits. Keys stay in the coordinator's memory: no guest and no log sees them.
public struct GatewayConfiguration: Sendable {
    public var anthropicKey: String?
    /// Without a path: `/v1/messages` is added.
    public var anthropicURL: String
    public var openAIKey: String?
    /// With the version in its path, as OpenAI's own clients want it.
    public var openAIURL: String?
    /// A file of CA certificates in place of the system's.
    public var certificateFile: String?
    public var prices: PriceList
    /// The model of each role when the specification is `anthropic` and nothing more.
    public var roleModels: [String: String]
    /// The model of roles that `roleModels` does not know.
    public var defaultModel: String
    public var limits: GatewayLimits

    public init(
        anthropicKey: String? = nil, anthropicURL: String = "https://api.anthropic.com",
        openAIKey: String? = nil, openAIURL: String? = nil, certificateFile: String? = nil,
        prices: PriceList = .embedded, roleModels: [String: String] = GatewayConfiguration.defaultRoleModels,
        defaultModel: String = "claude-sonnet-5-5", limits: GatewayLimits = GatewayLimits()
    ) {
        (self.anthropicKey, self.anthropicURL) = (anthropicKey, anthropicURL)
        (self.openAIKey, self.openAIURL, self.certificateFile) = (openAIKey, openAIURL, certificateFile)
        (self.prices, self.roleModels, self.defaultModel) = (prices, roleModels, defaultModel)
        self.limits = limits
    }

    /// Judgement is bought where it decides for others, speed where a test says who is right.
    public static let defaultRoleModels = [
        "architect": "claude-opus-5-5", "reviewer": "claude-opus-5-5", "coder": "claude-sonnet-5-5",
        "tester": "claude-haiku-5-5", "browser": "claude-haiku-5-5",
    ]

    /// Reads ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, OPENAI_API_KEY, OPENAI_BASE_URL and SSL_CERT_FILE.
    /// - Parameter prices: Files in the form of `kit/prices.json`; later ones win over earlier ones and over
    ///   the list that is built in. Files that do not exist are passed over.
    public static func fromEnvironment(
        _ environment: [String: String] = Environment.all(), prices: [String] = []
    ) throws(GatewayError) -> GatewayConfiguration {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        var list = PriceList.embedded
        for file in prices where Files.exists(file) { list = list.merging(try PriceList.load(file)) }
        var configuration = GatewayConfiguration(
            anthropicKey: value("ANTHROPIC_API_KEY"), openAIKey: value("OPENAI_API_KEY"),
            openAIURL: value("OPENAI_BASE_URL"), certificateFile: value("SSL_CERT_FILE"), prices: list)
        if let url = value("ANTHROPIC_BASE_URL") { configuration.anthropicURL = url }
        return configuration
    }
}
