import Kit
import System

/// Credentials for a forge, from where people have theirs. They stay in the memory of this process and of the
/// git that it runs; no guest ever gets one.
public enum ForgeCredential {
    /// The token for a forge's API: the first that there is.
    /// - Parameter tokens: What came along with the session.
    public static func find(_ place: ForgePlace, _ tokens: ForgeTokens) -> String? {
        if let token = tokens.token(for: place.provider) { return token }
        // A path of this machine has no host that a helper could know.
        guard !place.host.isEmpty else { return nil }
        if place.provider == .github, let token = gitHubProgram(place.host) { return token }
        return helper("protocol=https\nhost=\(place.host)\n\n")?.secret
    }

    /// Where git's own credentials for a remote may be, in the order in which they are tried. A token goes to
    /// the kind of forge that it is for, and nowhere else.
    static func sources(
        _ place: WebPlace, _ tokens: ForgeTokens
    ) -> [@Sendable () -> RemoteCredential?] {
        let provider = tokens.provider ?? ForgePlace.guess(place.host)
        var sources: [@Sendable () -> RemoteCredential?] = []
        if let provider {
            // Every forge takes any name with a token.
            sources.append {
                tokens.token(for: provider).map { RemoteCredential(user: "x-access-token", secret: $0) }
            }
        }
        if provider == .github {
            sources.append {
                gitHubProgram(place.host).map { RemoteCredential(user: "x-access-token", secret: $0) }
            }
        }
        sources.append { helper("protocol=\(place.scheme)\nhost=\(place.host)\npath=\(place.path)\n\n") }
        return sources
    }

    private static func gitHubProgram(_ host: String) -> String? {
        let token = run(["gh", "auth", "token", "--hostname", host], input: nil)
        let line = token?.byteLines.first { !$0.isEmpty }.map(String.init)
        return line.flatMap { $0.isEmpty || $0.contains(" ") ? nil : $0 }
    }

    /// With the person's own configuration of git, because that is where the helpers are named; without any
    /// repository, because one could name another helper.
    private static func helper(_ question: String) -> RemoteCredential? {
        guard question.utf8.count < 4096, let answer = run(["git", "credential", "fill"], input: question)
        else { return nil }
        let lines = answer.byteLines
        func value(_ name: String) -> String? {
            lines.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        guard let secret = value("password"), !secret.isEmpty else { return nil }
        return RemoteCredential(user: value("username") ?? "x-access-token", secret: secret)
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
