// Files that run somewhere without being asked: the one list of them. A role's sandbox keeps its agent from
// writing the plain ones; whatever arrives all the same, by whatever way, is told to the person by name.

/// A kind of file that something runs or obeys by itself.
public struct ProtectedPath: Sendable, Hashable {
    /// A path from the top; with `isAnywhere` a name, or the end of a path, in any directory.
    public let pattern: String
    /// What acts on it, for people.
    public let meaning: String
    let isAnywhere: Bool
    /// Agents of roles without `sandbox: {protect: …}` cannot write it.
    let isMounted: Bool

    init(_ pattern: String, _ meaning: String, anywhere: Bool = false, mounted: Bool = false) {
        (self.pattern, self.meaning) = (pattern, meaning)
        (isAnywhere, isMounted) = (anywhere, mounted)
    }

    public static let all: [ProtectedPath] = [
        // Continuous integration
        .init(".github/workflows", "GitHub Actions run it", mounted: true),
        .init(".github/actions", "GitHub Actions run it"),
        .init(".github/dependabot.yml", "GitHub obeys it"),
        .init(".github/CODEOWNERS", "it says whose review is needed"),
        .init("CODEOWNERS", "it says whose review is needed"),
        .init("docs/CODEOWNERS", "it says whose review is needed"),
        .init(".gitlab/CODEOWNERS", "it says whose review is needed"),
        .init(".gitlab-ci.yml", "GitLab CI runs it", mounted: true),
        .init(".gitlab/ci", "GitLab CI runs it"),
        .init(".gitea/workflows", "Gitea Actions run it", mounted: true),
        .init(".forgejo/workflows", "Forgejo Actions run it", mounted: true),
        .init(".circleci", "CircleCI runs it", mounted: true),
        .init("Jenkinsfile", "Jenkins runs it", anywhere: true),
        .init("azure-pipelines.yml", "Azure Pipelines run it"),
        .init("azure-pipelines.yaml", "Azure Pipelines run it"),
        .init(".azure-pipelines", "Azure Pipelines run it"),
        .init("bitbucket-pipelines.yml", "Bitbucket Pipelines run it"),
        .init(".travis.yml", "Travis CI runs it"),
        .init(".drone.yml", "Drone runs it"),
        .init(".woodpecker", "Woodpecker runs it"),
        .init(".woodpecker.yml", "Woodpecker runs it"),
        .init(".buildkite", "Buildkite runs it"),
        .init(".cirrus.yml", "Cirrus CI runs it"),
        .init(".semaphore", "Semaphore runs it"),
        .init(".teamcity", "TeamCity runs it"),
        .init("appveyor.yml", "AppVeyor runs it"),
        .init(".appveyor.yml", "AppVeyor runs it"),
        .init("cloudbuild.yaml", "Google Cloud Build runs it"),
        .init("buildspec.yml", "AWS CodeBuild runs it"),
        .init(".builds", "SourceHut runs it"),
        .init(".build.yml", "SourceHut runs it"),
        // git
        .init(".gitattributes", "git writes files by it", anywhere: true),
        .init(".gitmodules", "git fetches other repositories by it", anywhere: true),
        .init(".gitconfig", "git can be told to obey it", anywhere: true),
        .init(".lfsconfig", "Git LFS sends files where it says", anywhere: true),
        // Hooks
        .init(".husky", "git hooks are run from it", anywhere: true),
        .init(".githooks", "git hooks are run from it"),
        .init(".pre-commit-config.yaml", "pre-commit runs it"),
        .init("lefthook.yml", "lefthook runs it"),
        .init(".lefthook.yml", "lefthook runs it"),
        .init("lefthook", "lefthook runs it"),
        .init(".overcommit.yml", "overcommit runs it"),
        // Editors and shells
        .init(".vscode", "Visual Studio Code obeys it", anywhere: true, mounted: true),
        .init(".idea", "JetBrains editors obey it", anywhere: true, mounted: true),
        .init(".devcontainer", "editors start containers by it", anywhere: true, mounted: true),
        .init(".devcontainer.json", "editors start containers by it"),
        .init(".zed", "Zed obeys it", anywhere: true),
        .init(".fleet", "Fleet obeys it", anywhere: true),
        .init(".exrc", "vi runs it", anywhere: true),
        .init(".nvim.lua", "Neovim runs it", anywhere: true),
        .init(".dir-locals.el", "Emacs obeys it", anywhere: true),
        .init(".envrc", "direnv runs it", anywhere: true, mounted: true),
        .init(".gitpod.yml", "Gitpod runs it"),
        // Agents and their tools
        .init(".openclaw", "roles and servers of this program are read from it"),
        .init(".mcp.json", "agents start tool servers by it", anywhere: true),
        .init(".cursor", "Cursor obeys it", anywhere: true),
        .init(".claude", "Claude Code obeys it", anywhere: true),
    ]

    /// The plain paths that a sandbox makes unwritable.
    public static let mounted = all.filter(\.isMounted).map(\.pattern)

    /// Which of them a path is, or is below; nil for an ordinary file. Names are compared without regard to
    /// case in ASCII, as file systems of editors may do.
    public static func find(_ path: [UInt8]) -> ProtectedPath? {
        let lower = path.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        var starts = [0]
        for (index, byte) in lower.enumerated() where byte == 0x2F { starts.append(index + 1) }
        for start in starts {
            let rest = lower[start...]
            // Few names can be one: a look at the first byte spares the rest.
            guard let first = rest.first, let candidates = byFirstByte[first] else { continue }
            for (pattern, entry) in candidates where start == 0 || entry.isAnywhere {
                if rest.starts(with: pattern),
                    rest.count == pattern.count || rest[start + pattern.count] == 0x2F
                {
                    return entry
                }
            }
        }
        return nil
    }

    private static let byFirstByte: [UInt8: [(pattern: [UInt8], entry: ProtectedPath)]] = Dictionary(
        grouping: all.map { (pattern: Array($0.pattern.lowercased().utf8), entry: $0) },
        by: { $0.pattern.first ?? 0 })
}
