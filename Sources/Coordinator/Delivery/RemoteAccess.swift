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
/// Proxies, certificates, shorthands of addresses and ssh are the person's: of their own configuration and
/// environment, never of a repository's.
struct RemoteAccess: Sendable {
    let url: String
    let tokens: ForgeTokens
    /// The repository that the person works in, for what they have for it alone.
    var home: String?

    init(_ url: String, _ tokens: ForgeTokens, home: String? = nil) {
        (self.url, self.tokens, self.home) = (url, tokens, home)
    }

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
        let persons = try GitSettings.ofPerson(in: home)
        var git = git
        git.environment.merge(Self.variables(persons)) { $1 }
        let settings = persons.forRemotes
        var outcome = try git.attempt(
            arguments, timeoutMilliseconds: timeoutMilliseconds, settings: settings)
        guard let place = WebPlace(persons.rewritten(url)), outcome.code != 0,
            Self.wantsCredentials(outcome.stderr)
        else { return outcome }
        for find in ForgeCredential.sources(place, tokens) {
            guard let found = find() else { continue }
            // Git sends what it has to wherever an answer leads.
            let own = settings.filter { !$0.0.hasSuffix(".followredirects") } + found.settings(place)
            let answer = try git.attempt(
                arguments, timeoutMilliseconds: timeoutMilliseconds, settings: own)
            outcome = answer.hiding(found.secret)
            if answer.code != 0, Self.isRedirect(answer.stderr) {
                try refuseRedirect(git, arguments, own, place, timeoutMilliseconds)
            }
            if outcome.code == 0 || !Self.wantsCredentials(outcome.stderr) { return outcome }
        }
        return outcome
    }

    private static func isRedirect(_ complaint: String) -> Bool {
        ["301", "302", "303", "307", "308"].contains {
            complaint.contains("The requested URL returned error: \($0)")
        }
    }

    /// Says where the server wants to send git. What curl tells of the exchange has the address, and no
    /// secret: git leaves those out.
    private func refuseRedirect(
        _ git: Git, _ arguments: [String], _ settings: [(String, String)], _ place: WebPlace,
        _ timeoutMilliseconds: Int
    ) throws(DeliveryError) {
        var git = git
        git.environment.merge(["GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"]) { $1 }
        let told = try git.attempt(arguments, timeoutMilliseconds: timeoutMilliseconds, settings: settings)
        let address = Self.newAddress(in: told.stderr, place)
        throw DeliveryError(
            .refused, "speak to \(url)",
            "with a credential it answers that the repository is elsewhere now"
                + (address.map { ": \($0)" } ?? "")
                + "; credentials for \(place.host) were not sent there",
            hint: "if that is right, name the new address: --repo \(address ?? "URL"), or git remote set-url "
                + "origin \(address ?? "URL")")
    }

    /// What a `Location` says, as the address of a repository.
    static func newAddress(in trace: String, _ place: WebPlace) -> String? {
        let mark = "<= recv header: location: "
        for line in trace.utf8.split(separator: 0x0A) {
            let text = String(decoding: line, as: UTF8.self)
            guard let start = text.lowercased().firstRange(of: mark) else { continue }
            let count = text.lowercased()[..<start.upperBound].unicodeScalars.count
            var address = String(
                text.unicodeScalars.dropFirst(count).prefix { $0.value > 0x20 && $0.value < 0x7F })
            if address.hasPrefix("/") { address = "\(place.scheme)://\(place.host)\(address)" }
            guard let scheme = address.firstRange(of: "://") else { continue }
            let rest = address[scheme.upperBound...].prefix { $0 != "?" && $0 != "#" }
            let host = rest.prefix { $0 != "/" }
            let name = host.lastIndex(of: "@").map { host[host.index(after: $0)...] } ?? host
            var path = String(rest.dropFirst(host.count))
            for end in ["/info/refs", "/git-upload-pack", "/git-receive-pack"] where path.hasSuffix(end) {
                path.removeLast(end.count)
            }
            return String("\(address[..<scheme.lowerBound])://\(name)\(path)".prefix(300))
        }
        return nil
    }

    /// What of the person's environment the programs that speak to remotes know.
    private static let known = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY",
        "GIT_SSL_NO_VERIFY", "GIT_PROXY_COMMAND", "GIT_SSH_VARIANT", "XDG_CONFIG_HOME", "KRB5CCNAME",
    ]

    private static func variables(_ persons: GitSettings) -> [String: String] {
        var variables: [String: String] = [:]
        for name in known { variables[name] = Environment.get(name) }
        // In git's own order of preference.
        if let command = Environment.get("GIT_SSH_COMMAND") ?? persons.value("core.sshcommand") {
            variables["GIT_SSH_COMMAND"] = command
        } else if let program = Environment.get("GIT_SSH") {
            variables["GIT_SSH_COMMAND"] = LocalDelivery.quoted(program)
        }
        return variables
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

    /// Bound to the host. Git takes where a redirect led to for the same server and sends it the header with
    /// every further request, so none is followed.
    func settings(_ place: WebPlace) -> [(String, String)] {
        let basic = Base64.encode(Array("\(user):\(secret)".utf8))
        return [
            ("http.\(place.scheme)://\(place.host)/.extraHeader", "Authorization: Basic \(basic)"),
            ("http.followRedirects", "false"),
        ]
    }
}

extension Git.Outcome {
    fileprivate func hiding(_ secret: String) -> Git.Outcome {
        let parts = stderr.split(separator: secret, omittingEmptySubsequences: false)
        return Git.Outcome(
            code: code, stdout: stdout, stderr: parts.joined(separator: "***"), isTruncated: isTruncated)
    }
}
