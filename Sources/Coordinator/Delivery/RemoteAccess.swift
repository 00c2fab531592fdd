import Kit
import System

/// Tokens for forges as they came along with a session, by the name of their variable. In memory only.
public struct ForgeTokens: Sendable, Hashable {
    /// Those that are taken from a person's environment.
    public static let names = ["GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN"]

    private let given: [String: String]
    /// What kind of forge the repository is on, when its host does not tell.
    public let provider: ForgePlace.Provider?

    public init(_ given: [String: String] = [:], provider: ForgePlace.Provider? = nil) {
        (self.given, self.provider) = (given, provider)
    }

    /// The token for a kind of forge: what came along, then this process's own environment.
    func token(for provider: ForgePlace.Provider) -> String? {
        let names =
            switch provider {
            case .github: ["GITHUB_TOKEN", "GH_TOKEN"]
            case .gitlab: ["GITLAB_TOKEN"]
            case .gitea: ["GITEA_TOKEN"]
            }
        let found = names.lazy.compactMap { given[$0] } + names.lazy.compactMap { Environment.get($0) }
        return found.first { !$0.isEmpty }
    }
}

/// How git gets at a remote. A public one is asked without a name. Only when it wants to know who asks are
/// credentials looked for: the token for its kind of forge, gh's own, then git's credential helpers. They
/// reach git in its environment, bound to the host, and no message.
///
/// ssh has its own ways: the person's keys and agent.
struct RemoteAccess: Sendable {
    let url: String
    let tokens: ForgeTokens

    init(_ url: String, _ tokens: ForgeTokens) { (self.url, self.tokens) = (url, tokens) }

    /// Refuses an address with a password in it: addresses are written into journals.
    static func check(_ url: String) throws(DeliveryError) {
        guard let scheme = url.firstRange(of: "://") else { return }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") else { return }
        throw DeliveryError(
            .refused, "use the repository at \(authority[authority.index(after: at)...])",
            "its address has a password in it",
            hint: "leave it out; git credential approve, or a token in the environment, keeps it secret")
    }

    /// Runs git against the remote; again with credentials while it wants some and there are others.
    func attempt(
        _ git: Git, _ arguments: [String], timeoutMilliseconds: Int
    ) throws(DeliveryError) -> Git.Outcome {
        var outcome = try git.attempt(arguments, timeoutMilliseconds: timeoutMilliseconds)
        guard let place = WebPlace(url), outcome.code != 0, Self.wantsCredentials(outcome.stderr) else {
            return outcome
        }
        for find in ForgeCredential.sources(place, tokens) {
            guard let found = find() else { continue }
            let answer = try git.attempt(
                arguments, timeoutMilliseconds: timeoutMilliseconds, settings: found.settings(place))
            outcome = answer.hiding(found.secret)
            if outcome.code == 0 || !Self.wantsCredentials(outcome.stderr) { return outcome }
        }
        return outcome
    }

    /// What git says when a server answers 401, or 403 or 404 to somebody whose name it wants to know.
    static func wantsCredentials(_ complaint: String) -> Bool {
        [
            "could not read Username", "could not read Password", "Authentication failed", "HTTP 401",
            "The requested URL returned error: 401", "The requested URL returned error: 403",
            "Repository not found",
        ].contains { complaint.contains($0) }
    }
}

/// A remote that is reached by https; or by http on this machine itself, where nobody listens in between.
struct WebPlace: Sendable {
    let scheme: String
    /// With port.
    let host: String
    /// Without a slash at its start.
    let path: String

    init?(_ url: String) {
        // What is asked of a credential helper is made of lines.
        guard let mark = url.firstRange(of: "://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return nil
        }
        let scheme = String(url[..<mark.lowerBound])
        let rest = url[mark.upperBound...]
        var host = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(host.count).drop { $0 == "/" }
        if let at = host.lastIndex(of: "@") { host = host[host.index(after: at)...] }
        let name = host.prefix { $0 != ":" }
        let isLocal = name == "127.0.0.1" || name == "localhost"
        guard scheme == "https" || (scheme == "http" && isLocal), !host.isEmpty else { return nil }
        (self.scheme, self.host, self.path) = (scheme, String(host), String(path))
    }
}

/// A name and a secret for one host.
struct RemoteCredential: Sendable, Hashable {
    let user: String
    let secret: String

    /// Bound to the host: a redirect elsewhere does not get it.
    func settings(_ place: WebPlace) -> [(String, String)] {
        let basic = Base64.encode(Array("\(user):\(secret)".utf8))
        return [("http.\(place.scheme)://\(place.host)/.extraHeader", "Authorization: Basic \(basic)")]
    }
}

extension Git.Outcome {
    fileprivate func hiding(_ secret: String) -> Git.Outcome {
        let parts = stderr.split(separator: secret, omittingEmptySubsequences: false)
        return Git.Outcome(
            code: code, stdout: stdout, stderr: parts.joined(separator: "***"), isTruncated: isTruncated)
    }
}
