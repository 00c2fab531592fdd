import System

/// A repository on a forge, told by the address that git uses.
public struct ForgePlace: Sendable, Hashable {
    public enum Provider: String, Sendable, Hashable, CaseIterable { case github, gitea, gitlab }

    public let provider: Provider
    /// With port; empty for a repository of this machine, which only tests have on a forge.
    public let host: String
    /// `OWNER/NAME`; GitLab has groups within groups.
    public let path: String
    /// Without a slash at the end.
    public let api: String

    public var owner: String { String(path.split(separator: "/").first ?? "") }

    /// - Parameters:
    ///   - remote: What git pushes to: `https://github.com/org/repo.git`, `git@host:org/repo`.
    ///   - provider: For hosts whose name does not tell.
    ///   - api: For hosts with the API elsewhere.
    public init(remote: String, provider: String? = nil, api: String? = nil) throws(DeliveryError) {
        let operation = "find the forge of \(remote)"
        let (host, path) = ForgePlace.parts(remote)
        let segments = path.split(separator: "/").map(String.init)
        guard segments.count >= 2 else {
            throw DeliveryError(
                .refused, operation, "the address does not end in OWNER/NAME",
                hint: "deliver without a pull request, or set the repository's origin to the forge")
        }
        let named = try provider.map { (name) throws(DeliveryError) -> Provider in
            guard let known = Provider(rawValue: name) else {
                let names = Provider.allCases.map(\.rawValue).joined(separator: ", ")
                throw DeliveryError(.refused, operation, "\(name) is no provider; known are \(names)")
            }
            return known
        }
        guard let provider = named ?? ForgePlace.guess(host) else {
            throw DeliveryError(
                .refused, operation, "the name \(host) does not tell what kind of forge it is",
                hint: "say so with --provider github, gitea or gitlab")
        }
        if let api, !api.hasPrefix("https://"), !api.hasPrefix("http://127.0.0.1:"),
            !api.hasPrefix("http://localhost:")
        {
            throw DeliveryError(.refused, operation, "the API at \(api) is not reached over https")
        }
        (self.provider, self.host) = (provider, host)
        self.path =
            provider == .gitlab ? segments.joined(separator: "/") : segments.suffix(2).joined(separator: "/")
        self.api = ForgePlace.trimmed(api ?? ForgePlace.api(provider, host))
    }

    /// Host and path of an address; no host for a path of this machine.
    private static func parts(_ remote: String) -> (host: String, path: String) {
        var rest = Substring(remote)
        var host = ""
        if let scheme = rest.firstRange(of: "://") {
            let name = rest[..<scheme.lowerBound]
            rest = rest[scheme.upperBound...]
            host = String(rest.prefix { $0 != "/" })
            rest = rest.dropFirst(host.count)
            if let at = host.lastIndex(of: "@") { host = String(host[host.index(after: at)...]) }
            // The port of ssh says nothing about where the API is.
            if name == "ssh" { host = String(host.prefix { $0 != ":" }) }
        } else if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains("/") {
            host = String(rest[..<colon])
            if let at = host.lastIndex(of: "@") { host = String(host[host.index(after: at)...]) }
            rest = rest[rest.index(after: colon)...]
        } else if !rest.hasPrefix("/"), rest.contains("/") {
            host = String(rest.prefix { $0 != "/" })
            rest = rest.dropFirst(host.count)
        }
        var path = trimmed(String(rest))
        while path.hasPrefix("/") { path.removeFirst() }
        if path.hasSuffix(".git") { path.removeLast(4) }
        return (host.lowercased(), path)
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    static func guess(_ host: String) -> Provider? {
        if host == "github.com" || host.hasPrefix("github.") { return .github }
        if host.contains("gitlab") { return .gitlab }
        if host.contains("gitea") || host == "codeberg.org" { return .gitea }
        return nil
    }

    private static func api(_ provider: Provider, _ host: String) -> String {
        switch provider {
        case .github: host == "github.com" ? "https://api.github.com" : "https://\(host)/api/v3"
        case .gitea: "https://\(host)/api/v1"
        case .gitlab: "https://\(host)/api/v4"
        }
    }
}
