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
    /// Changed or not: only a filter of the person's could say; at most the first twenty.
    public var filteredFiles: [String] = []
    /// What a person may not expect of a session that starts here.
    public var warnings: [String] {
        var warnings: [String] = []
        if !dirtyFiles.isEmpty {
            warnings.append(
                "uncommitted changes stay out of the session: \(dirtyFiles.joined(separator: ", "))")
        }
        if !filteredFiles.isEmpty {
            warnings.append(
                "filters, which only your own git runs, stand between the commit and "
                    + "\(filteredFiles.joined(separator: ", ")): what you changed there stays out")
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

    /// Where a local repository was cloned from; nil when it has no such remote. An address in the person's
    /// own shorthand (`url.BASE.insteadOf`) is given in full, but that of a forge stays as it is.
    public static func remote(_ name: String = "origin", of path: String) -> String? {
        guard let absolute = try? Files.realPath(path),
            let view = try? RepositoryView(absolute, "read the remotes of \(path)"),
            let url = view.settings.value("remote.\(name).url"), !url.isEmpty
        else { return nil }
        if (try? ForgePlace(remote: url)) != nil { return url }
        return view.settings.ofPerson.rewritten(url)
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
        let view = try RepositoryView(absolute, operation)
        // Objects that are not here git would fetch with what the repository's configuration says, and ours
        // must not follow that.
        let promisors = view.settings.entries.filter {
            $0.key.hasPrefix("remote.") && $0.key.hasSuffix(".promisor") && $0.value != "false"
        }
        guard promisors.isEmpty else {
            throw DeliveryError(
                .refused, operation, "it is a partial clone: some of its objects are elsewhere",
                hint:
                    "name its remote's address, or complete it: git fetch --refetch --no-filter, then "
                    + "git config --unset-all remote.origin.promisor")
        }
        let git = view.git
        // A branch comes before a tag of the same name: that is what is worked on.
        let named = try git.branch(ref)
        guard let head = try git.commit(named.map { "refs/heads/\($0)" } ?? ref ?? "HEAD") else {
            if let ref {
                throw DeliveryError(
                    .unknownRevision, operation, "there is no branch, tag or commit \(ref)",
                    hint: "git branch --all lists the branches")
            }
            throw DeliveryError(
                .emptyRepository, operation, "it has no commit yet",
                hint: "commit something first; an empty commit will do")
        }
        // The result is to be a branch below `openclaw/`, which git cannot hold beside one of that name.
        guard try git.commit("refs/heads/openclaw") == nil else { throw branchInTheWay(operation) }
        let changes = view.isBare ? Git.Changes() : try git.changes()
        let dirty = changes.named(changes.certain)
        guard dirty.isEmpty || allowDirty || ref != nil else {
            throw DeliveryError(
                .dirtyWorktree, operation,
                "uncommitted changes would not be seen by the agents: \(dirty.joined(separator: ", "))",
                hint: "commit or stash them, or leave them out with --allow-dirty")
        }
        var source = SourceRepository(
            place: .local(view.top), commit: head, branch: named, isBare: view.isBare, dirtyFiles: dirty)
        source.filteredFiles = changes.named(changes.filtered)
        return source
    }

    private static func branchInTheWay(_ operation: String) -> DeliveryError {
        DeliveryError(
            .refused, operation, "its branch openclaw is in the way of the result's, openclaw/SESSION",
            hint: "rename it: git branch -m openclaw OTHER")
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
            Git(nil), ["ls-remote", "--symref", "--", url, "refs/heads/openclaw"] + names,
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
        guard found["refs/heads/openclaw"] == nil else { throw branchInTheWay(operation) }
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
    /// What differs from the commit, as "M path".
    struct Changes {
        /// What `git status` shows.
        var certain: [String] = []
        /// Files that it may show because their filter did not run.
        var filtered: [String] = []

        /// The first of them, for a sentence.
        func named(_ files: [String]) -> [String] {
            let more = files.count - Limits.dirtyFiles
            return more > 0 ? files.prefix(Limits.dirtyFiles) + ["and \(more) more"] : files
        }
    }

    /// - Parameter untracked: Files that git does not know are changes too.
    func changes(untracked: Bool = true) throws(DeliveryError) -> Changes {
        // Submodules are left alone: looking into one would run git with its configuration.
        let outcome = try run(
            ["status", "--porcelain", "-z", "--ignore-submodules=dirty", "--no-renames"]
                + (untracked ? [] : ["--untracked-files=no"]))
        let records = outcome.stdout.split(separator: 0)
        let modified = records.filter { $0.starts(with: " M ".utf8) }.map { $0.dropFirst(3) }
        let filtered = Set(try self.filtered(modified).map(Array.init))
        var changes = Changes()
        for record in records {
            let path = record.dropFirst(3)
            let code = String(decoding: record.prefix(2).filter { $0 != 0x20 }, as: UTF8.self)
            let words = "\(code) \(String(decoding: path, as: UTF8.self))"
            if code == "M", filtered.contains(Array(path)) {
                changes.filtered.append(words)
            } else {
                changes.certain.append(words)
            }
        }
        return changes
    }

    /// Those of some files that pass through a filter on their way to and from the worktree.
    func filtered(
        _ paths: [ArraySlice<UInt8>], _ options: [String] = []
    ) throws(DeliveryError) -> [ArraySlice<UInt8>] {
        guard !paths.isEmpty else { return [] }
        let asked = Array(paths.joined(separator: [0])) + [0]
        let outcome = try run(["check-attr", "-z", "--stdin"] + options + ["filter"], input: asked)
        // PATH NUL filter NUL VALUE NUL
        let fields = outcome.stdout.split(separator: 0, omittingEmptySubsequences: false)
        return stride(from: 0, to: fields.count - 2, by: 3).compactMap { index in
            let value = String(decoding: fields[index + 2], as: UTF8.self)
            return ["unspecified", "unset"].contains(value) ? nil : fields[index]
        }
    }

    /// The branch that is asked for, or checked out; nil when it is none.
    func branch(_ ref: String?) throws(DeliveryError) -> String? {
        let prefix = "refs/heads/"
        if let ref {
            guard !ref.hasPrefix("-") else { return nil }
            let name = ref.hasPrefix(prefix) ? String(ref.dropFirst(prefix.count)) : ref
            let isThere = try attempt(["show-ref", "--verify", "--quiet", prefix + name]).code == 0
            return isThere ? name : nil
        }
        // In full: the short form of an ambiguous name has more than the name.
        let outcome = try attempt(["symbolic-ref", "--quiet", "HEAD"])
        guard outcome.code == 0, outcome.line.hasPrefix(prefix) else { return nil }
        return String(outcome.line.dropFirst(prefix.count))
    }
}
