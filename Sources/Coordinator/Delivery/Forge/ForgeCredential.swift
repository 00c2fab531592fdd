import Kit
import System

/// The token for a forge, from where people have theirs. It stays in the memory of this process and of the
/// git that pushes; no guest ever gets it.
public enum ForgeCredential {
    /// The first that there is: the environment, `gh auth token`, git's own credential helpers.
    /// - Parameter given: What came along with the session.
    public static func find(_ place: ForgePlace, given: String? = nil) -> String? {
        if let given, !given.isEmpty { return given }
        let names =
            switch place.provider {
            case .github: ["GITHUB_TOKEN", "GH_TOKEN"]
            case .gitea: ["GITEA_TOKEN"]
            case .gitlab: ["GITLAB_TOKEN"]
            }
        for name in names {
            if let token = Environment.get(name), !token.isEmpty { return token }
        }
        // A path of this machine has no host that a helper could know.
        guard !place.host.isEmpty else { return nil }
        if place.provider == .github, let token = gitHubProgram(place.host) { return token }
        return helper(place.host)
    }

    private static func gitHubProgram(_ host: String) -> String? {
        let token = run(["gh", "auth", "token", "--hostname", host], input: nil)
        let line = token?.split(separator: "\n").first.map(String.init)
        return line.flatMap { $0.isEmpty || $0.contains(" ") ? nil : $0 }
    }

    /// With the person's own configuration of git, because that is where the helpers are named; without any
    /// repository, because one could name another helper.
    private static func helper(_ host: String) -> String? {
        let answer = run(["git", "credential", "fill"], input: "protocol=https\nhost=\(host)\n\n")
        let line = answer?.split(separator: "\n").first { $0.hasPrefix("password=") }
        return line.map { String($0.dropFirst("password=".count)) }
    }

    private static func run(_ command: [String], input: String?) -> String? {
        var environment = Environment.all()
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["GIT_ASKPASS"] = nil
        environment["SSH_ASKPASS"] = nil
        environment["GIT_DIR"] = "/nonexistent"
        let outcome = try? Spawn.run(
            Spawn.Command(
                command, environment: environment, workingDirectory: "/",
                stdin: input.map { .bytes(Array($0.utf8)) } ?? .null, stdout: .capture(limit: 1 << 16),
                stderr: .null, timeoutMilliseconds: 10_000))
        guard let outcome, outcome.status.isSuccess else { return nil }
        return String(decoding: outcome.stdout, as: UTF8.self)
    }
}
