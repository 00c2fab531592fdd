import Glibc
import Kit
import System

/// The repository that a session works on, as found before anything is copied.
public struct SourceRepository: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        /// A directory of this machine: the top of a worktree, or a bare repository.
        case local(String)
        case remote(url: String)
    }

    public let place: Place
    /// The commit to start from, full length.
    public let commit: String
    /// The branch that was asked for or is checked out; nil when HEAD is detached or the revision is no
    /// branch.
    public let branch: String?
    public let isBare: Bool
    /// What differs from the commit: "M src/a.txt"; at most the first twenty.
    public let dirtyFiles: [String]
    /// What a person may not expect of a session that starts here.
    public var warnings: [String] {
        var warnings: [String] = []
        if !dirtyFiles.isEmpty {
            warnings.append(
                "uncommitted changes stay out of the session: \(dirtyFiles.joined(separator: ", "))")
        }
        if branch == nil, !isRemote {
            warnings.append(
                "HEAD is detached, or the revision is no branch: the result can only be delivered as a "
                    + "branch of its own")
        }
        return warnings
    }
    /// Where in the tree the address of a page led to.
    public var subdirectory: String?

    /// What git is given to fetch from.
    var location: String {
        switch place {
        case .local(let path): path
        case .remote(let url): url
        }
    }

    public var isRemote: Bool { if case .remote = place { true } else { false } }

    /// Looks at a repository without changing anything in it.
    /// - Parameters:
    ///   - spec: A path, a URL, or `github.com/OWNER/NAME`.
    ///   - ref: Branch, tag or commit; nil for what is checked out, or the default branch of a remote.
    ///   - allowDirty: Takes a worktree with uncommitted changes; they stay out of the session.
    ///   - tokens: For a remote that wants to know who asks.
    public static func inspect(
        spec: String, ref: String? = nil, allowDirty: Bool = false, tokens: ForgeTokens = ForgeTokens()
    ) throws(DeliveryError) -> SourceRepository {
        if let url = url(spec) {
            try RemoteAccess.check(url)
            let (address, rest) = page(url)
            guard let rest, ref == nil else {
                return try inspect(url: address, refs: ref.map { [$0] }, tokens)
            }
            // `tree/a/b` is the branch a/b, or the directory b of the branch a: the remote knows.
            let words = rest.split(separator: "/")
            let branches = (1...max(1, words.count)).reversed().map {
                words.prefix($0).joined(separator: "/")
            }
            return try inspect(url: address, refs: Array(branches.prefix(Limits.pageSegments)), tokens)
        }
        return try inspect(path: spec, ref: ref, allowDirty: allowDirty)
    }

    /// The address of a branch's page, as browsers show it, taken apart: `…/tree/BRANCH` of GitHub,
    /// `…/src/branch/BRANCH` of Gitea, `…/-/tree/BRANCH` of GitLab.
    static func page(_ url: String) -> (url: String, branch: String?) {
        guard url.hasPrefix("https://") else { return (url, nil) }
        for mark in ["/-/tree/", "/tree/", "/src/branch/"] {
            guard let range = url.firstRange(of: mark) else { continue }
            let branch = url[range.upperBound...].prefix { $0 != "?" && $0 != "#" }
            if !branch.isEmpty { return (String(url[..<range.lowerBound]), String(branch)) }
        }
        return (url, nil)
    }

    /// Where a local repository was cloned from; nil when it has no origin.
    public static func origin(of path: String) -> String? {
        let found = try? Git(path).attempt(["config", "--get", "remote.origin.url"])
        return found.flatMap { $0.code == 0 && !$0.line.isEmpty ? $0.line : nil }
    }

    /// The URL that a spec stands for; nil for a path. A directory of that name wins.
    static func url(_ spec: String) -> String? {
        for scheme in ["https://", "http://", "ssh://", "git://", "file://"] where spec.hasPrefix(scheme) {
            return spec
        }
        if Files.exists(spec) { return nil }
        for host in ["github.com/", "gitlab.com/", "bitbucket.org/", "codeberg.org/"]
        where spec.hasPrefix(host) {
            return "https://\(spec)"
        }
        // user@host:path, as scp has it.
        let head = spec.prefix { $0 != ":" && $0 != "/" }
        return head.contains("@") && spec.dropFirst(head.count).hasPrefix(":") && !spec.hasPrefix("-")
            ? spec : nil
    }

    // MARK: Local

    private static func inspect(path: String, ref: String?, allowDirty: Bool) throws(DeliveryError)
        -> SourceRepository
    {
        let operation = "use the repository \(path)"
        guard let absolute = try? Files.realPath(path), Files.isDirectory(absolute) else {
            throw DeliveryError(
                .notFound, operation, "there is no such directory",
                hint: "name the directory of a git repository or a URL")
        }
        let probe = Git(absolute)
        let found = try probe.attempt(["rev-parse", "--is-bare-repository", "--absolute-git-dir"])
        guard found.code == 0, found.lines.count == 2 else {
            throw DeliveryError(
                .notARepository, operation, "it is no git repository",
                hint: "run git init, add your files and commit them")
        }
        // Objects that are not here git would fetch with what the repository's configuration says, and ours
        // must not follow that.
        let promisors = try probe.attempt(["config", "--get-regexp", "^remote\\..*\\.promisor$"])
        guard promisors.code != 0 || !promisors.text.contains("true") else {
            throw DeliveryError(
                .refused, operation, "it is a partial clone: some of its objects are elsewhere",
                hint:
                    "name its remote's address, or complete it: git fetch --refetch --no-filter, then "
                    + "git config --unset-all remote.origin.promisor")
        }
        let isBare = found.lines[0] == "true"
        let top = isBare ? found.lines[1] : try probe.run(["rev-parse", "--show-toplevel"]).line
        let git = Git(top)
        guard let head = try git.commit(ref ?? "HEAD") else {
            if let ref {
                throw DeliveryError(
                    .unknownRevision, operation, "there is no branch, tag or commit \(ref)",
                    hint: "git branch --all lists the branches")
            }
            throw DeliveryError(
                .emptyRepository, operation, "it has no commit yet",
                hint: "commit something first; an empty commit will do")
        }
        let dirty = isBare ? [] : try git.dirtyFiles()
        guard dirty.isEmpty || allowDirty || ref != nil else {
            throw DeliveryError(
                .dirtyWorktree, operation,
                "uncommitted changes would not be seen by the agents: \(dirty.joined(separator: ", "))",
                hint: "commit or stash them, or leave them out with --allow-dirty")
        }
        return SourceRepository(
            place: .local(top), commit: head, branch: try git.branch(ref), isBare: isBare, dirtyFiles: dirty)
    }

    // MARK: Remote

    /// - Parameter refs: What may be meant, the longest first; nil for the default branch.
    private static func inspect(
        url: String, refs: [String]?, _ tokens: ForgeTokens
    ) throws(DeliveryError) -> SourceRepository {
        let operation = "use the repository \(url)"
        let names =
            refs?.flatMap { ["refs/heads/\($0)", "refs/tags/\($0)", "refs/tags/\($0)^{}"] } ?? ["HEAD"]
        let outcome = try RemoteAccess(url, tokens).attempt(
            Git(nil), ["ls-remote", "--symref", "--", url] + names,
            timeoutMilliseconds: Limits.lookMilliseconds)
        guard outcome.code == 0 else {
            throw DeliveryError(
                .unreachable, operation, outcome.stderr,
                hint: "check the address and your access; openclaw help repositories says where credentials "
                    + "are looked for")
        }
        var found: [String: String] = [:]
        var branch: String?
        for line in outcome.lines {
            let words = line.split(separator: "\t")
            guard words.count == 2 else { continue }
            if words[0].hasPrefix("ref: refs/heads/") {
                branch = String(words[0].dropFirst("ref: refs/heads/".count))
            } else {
                found[String(words[1])] = String(words[0])
            }
        }
        if let whole = refs?.first {
            let ref = refs?.first { found["refs/heads/\($0)"] ?? found["refs/tags/\($0)"] != nil } ?? whole
            if found["refs/heads/\(ref)"] != nil { branch = ref }
            // A tag that is an object of its own is followed to its commit.
            let commit =
                found["refs/heads/\(ref)"] ?? found["refs/tags/\(ref)^{}"] ?? found["refs/tags/\(ref)"]
            let isCommit = (ref.utf8.count == 40 || ref.utf8.count == 64) && Hex.decode(ref) != nil
            guard let commit = commit ?? (isCommit ? ref.lowercased() : nil) else {
                throw DeliveryError(
                    .unknownRevision, operation, "it has no branch or tag \(ref)",
                    hint: "git ls-remote \(url) lists them")
            }
            var source = remote(url, commit, branch)
            let rest = whole.dropFirst(ref.count).drop { $0 == "/" }
            source.subdirectory = rest.isEmpty ? nil : String(rest)
            return source
        }
        guard let commit = found["HEAD"] else {
            throw DeliveryError(
                .emptyRepository, operation, "it has no commit yet", hint: "push something first")
        }
        return remote(url, commit, branch)
    }

    private static func remote(_ url: String, _ commit: String, _ branch: String?) -> SourceRepository {
        SourceRepository(
            place: .remote(url: url), commit: commit, branch: branch, isBare: true, dirtyFiles: [])
    }
}

extension Git {
    /// "M path" for everything that `git status` shows. Filters of the repository's configuration do not run,
    /// so a file that only a filter could compare may be named without need.
    fileprivate func dirtyFiles() throws(DeliveryError) -> [String] {
        let filters = try attempt([
            "config", "--name-only", "--get-regexp", "^filter\\..*\\.(clean|process|smudge)$",
        ])
        let names = try attempt(["config", "--name-only", "--get-regexp", "^filter\\..*\\.required$"])
        let settings = filters.lines.map { ($0, "") } + names.lines.map { ($0, "false") }
        // Submodules are left alone: looking into one would run git with its configuration.
        let outcome = try run(
            [
                "status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty",
                "--no-renames",
            ],
            settings: settings)
        let files = outcome.records.map { record in
            "\(record.prefix(2).split(separator: " ").joined()) \(record.dropFirst(3))"
        }
        let more = files.count - Limits.dirtyFiles
        return more > 0 ? files.prefix(Limits.dirtyFiles) + ["and \(more) more"] : files
    }

    fileprivate func branch(_ ref: String?) throws(DeliveryError) -> String? {
        if let ref {
            guard !ref.hasPrefix("-") else { return nil }
            return try attempt(["show-ref", "--verify", "--quiet", "refs/heads/\(ref)"]).code == 0 ? ref : nil
        }
        let outcome = try attempt(["symbolic-ref", "--quiet", "--short", "HEAD"])
        return outcome.code == 0 ? outcome.line : nil
    }
}
