// The repositories of one session: the bare one that everything is published to, and the two checkouts of the
// shared volume that only the host writes.

import Kit
import System

/// A session's bare repository with its workspace. A value: all state is on disk, every step may be repeated.
public struct SessionRepository: Sendable, Hashable {
    /// `sessions/ID` of the state directory.
    public let sessionDirectory: String
    public let session: String
    /// Where the session started, full length.
    public let base: String

    /// The bare repository.
    public var path: String { "\(sessionDirectory)/repository.git" }
    /// The repository at the base commit; agents borrow its objects.
    public var basePath: String { "\(sessionDirectory)/workspace/base" }
    /// The session branch, as merged so far.
    public var integrationPath: String { "\(sessionDirectory)/workspace/integration" }
    /// The branch of the result, short and full.
    public var branch: String { "openclaw/\(session)" }
    public var branchRef: String { "refs/heads/\(branch)" }
    /// Never moves; keeps the base alive and recorded.
    static let baseRef = "refs/openclaw/base"

    var git: Git { Git(path) }

    /// The prefix of the refs that an agent may write.
    public static func workPrefix(session: String, agent: String) -> String {
        "refs/heads/work/\(session)/\(agent)/"
    }

    /// Makes what is missing of a session's repositories; a half-made one of a crash is made again.
    ///
    /// Only the history of the base commit is copied (with the tags on it), object by object through git's
    /// own transport: nothing is shared with the source by links, and nothing of its configuration or hooks
    /// comes along.
    /// - Parameter depth: How many commits of the history are copied; nil is all.
    public static func create(
        at sessionDirectory: String, session: String, from source: SourceRepository,
        tokens: ForgeTokens = ForgeTokens(), depth: Int? = nil
    ) throws(DeliveryError) -> SessionRepository {
        let repository: SessionRepository
        if Files.exists("\(sessionDirectory)/repository.git") {
            repository = try open(at: sessionDirectory, session: session)
        } else {
            repository = SessionRepository(
                sessionDirectory: sessionDirectory, session: session, base: source.commit)
            try repository.makeBare(source, tokens, depth)
        }
        try repository.makeBase()
        let head = try repository.head()
        try repository.makeCheckout(
            repository.integrationPath, at: head, alternates: "../../../base/.git/objects")
        return repository
    }

    /// A session's repository that was made before.
    public static func open(at sessionDirectory: String, session: String) throws(DeliveryError)
        -> SessionRepository
    {
        let path = "\(sessionDirectory)/repository.git"
        guard Files.isDirectory(path), let base = try Git(path).commit(baseRef) else {
            throw DeliveryError(
                .notFound, "open the session repository \(path)", "it is not there or has no base commit",
                hint: "start the session again")
        }
        return SessionRepository(sessionDirectory: sessionDirectory, session: session, base: base)
    }

    /// The head of the session branch.
    public func head() throws(DeliveryError) -> String { try commit(of: branchRef) }

    /// The commit of a revision in the session repository.
    public func commit(of revision: String) throws(DeliveryError) -> String {
        if let commit = try git.commit(revision) { return commit }
        throw DeliveryError(.unknownRevision, "read \(revision) in \(path)", "there is no such commit")
    }

    /// The tree of a revision.
    public func tree(of revision: String) throws(DeliveryError) -> String {
        try git.run(["rev-parse", "--verify", "--quiet", "\(try commit(of: revision))^{tree}"]).line
    }

    /// What of the repository the agents do not have, in sentences; also when it came from a remote, whose
    /// files nobody could look at before.
    public func limits() throws(DeliveryError) -> [String] {
        var sentences: [String] = []
        if try git.attempt(["cat-file", "-e", "\(base):.gitmodules"]).code == 0 {
            sentences.append("the repository has submodules; their contents are not available to the agents")
        }
        let pattern = ["grep", "-l", "-e", "filter=lfs", base, "--", ":(glob)**/.gitattributes"]
        if try git.attempt(pattern).code == 0 {
            sentences.append("files in Git LFS are seen by the agents as pointers, without their contents")
        }
        if try git.run(["rev-parse", "--is-shallow-repository"]).line == "true" {
            sentences.append(
                "the agents see only a part of the history: leave out --depth, or complete it with "
                    + "git fetch --unshallow, to give them all")
        }
        return sentences
    }

    /// A branch that an agent published.
    public struct WorkBranch: Sendable, Hashable {
        public let agent: String
        public let task: String
        public let commit: String
    }

    /// What the agents have published, sorted: for a coordinator that starts again, because a push may have
    /// been stored just before it ended.
    public func workBranches() throws(DeliveryError) -> [WorkBranch] {
        let prefix = "refs/heads/work/\(session)/"
        let lines = try git.run(["for-each-ref", "--format=%(objectname) %(refname)", prefix]).lines
        return lines.compactMap { line in
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[1].hasPrefix(prefix) else { return nil }
            let names = words[1].dropFirst(prefix.count).split(separator: "/", maxSplits: 1)
            guard names.count == 2 else { return nil }
            return WorkBranch(agent: String(names[0]), task: String(names[1]), commit: String(words[0]))
        }
    }

    // MARK: Making

    private func makeBare(
        _ source: SourceRepository, _ tokens: ForgeTokens, _ depth: Int?
    ) throws(DeliveryError) {
        let partial = "\(path).partial"
        try delivering("make \(partial)") { () throws(SystemError) in
            try Files.removeTree(partial)
            try Files.makeDirectories(sessionDirectory)
        }
        try initialize(partial, ["--bare"])
        let git = Git(partial)
        try fetch(source, into: git, tokens, depth)
        guard try git.commit(source.commit) == source.commit else {
            throw DeliveryError(
                .unknownRevision, "copy \(source.location)", "the commit \(source.commit) did not arrive",
                hint: "the branch may have moved; start the session again")
        }
        for (key, value) in SessionRepository.configuration { try git.run(["config", key, value]) }
        try git.run(["update-ref", SessionRepository.baseRef, source.commit])
        try git.run(["update-ref", branchRef, source.commit])
        try delivering("make \(path)") { () throws(SystemError) in try Files.rename(partial, path) }
    }

    /// An empty repository with the kind of object ids that the source has.
    private func initialize(_ directory: String, _ options: [String]) throws(DeliveryError) {
        let format = base.utf8.count == 64 ? "sha256" : "sha1"
        try Git(nil).run(
            ["init", "--quiet", "--template=", "--initial-branch=\(branch)", "--object-format=\(format)"]
                + options
                + ["--", directory])
    }

    /// Written into the repository for the processes that git itself starts.
    private static let configuration = [
        ("receive.fsckObjects", "true"), ("receive.denyDeletes", "false"),
        ("receive.denyNonFastForwards", "false"),
        ("receive.denyCurrentBranch", "refuse"), ("receive.denyDeleteCurrent", "refuse"),
        ("receive.autogc", "false"),
        ("receive.shallowUpdate", "false"), ("receive.advertisePushOptions", "false"),
        ("receive.updateServerInfo", "false"), ("gc.auto", "0"), ("core.hooksPath", "/dev/null"),
        ("core.logAllRefUpdates", "true"), ("transfer.advertiseObjectInfo", "false"),
        ("uploadpack.allowFilter", "false"),
    ]

    private func fetch(
        _ source: SourceRepository, into git: Git, _ tokens: ForgeTokens, _ depth: Int?
    ) throws(DeliveryError) {
        var arguments = ["fetch", "--quiet", "--no-write-fetch-head", "--update-shallow"]
        if let depth { arguments += ["--depth=\(depth)", "--no-tags"] }
        let view: RepositoryView? =
            switch source.place {
            case .local(let path): try RepositoryView(path, "copy \(path)")
            case .remote: nil
            }
        let location = view?.path ?? source.location
        arguments += ["--", location, "\(source.commit):\(SessionRepository.baseRef)"]
        let outcome = try RemoteAccess(location, tokens).attempt(
            git, arguments, timeoutMilliseconds: Limits.networkMilliseconds)
        withExtendedLifetime(view) {}
        guard outcome.code == 0 else {
            throw DeliveryError(
                .unreachable, "copy \(source.location)", outcome.stderr,
                hint: "check the repository with git fsck, and the disk's free space")
        }
    }

    /// Makes `workspace/base`: nobody reads its files, so it has none. Its packs are those of the session
    /// repository, by link: git never changes a pack, both belong to the host's user, and guests see them
    /// read-only.
    private func makeBase() throws(DeliveryError) {
        if Files.exists(basePath) { return }
        let partial = "\(basePath).partial"
        try delivering("make \(partial)") { () throws(SystemError) in
            try Files.removeTree(partial)
            try Files.makeDirectories(Files.parent(of: basePath))
        }
        try initialize(partial, [])
        try delivering("make \(partial)") { () throws(SystemError) in
            let (from, to) = ("\(path)/objects", "\(partial)/.git/objects")
            for folder in try Files.list(from) where folder != "info" {
                try Files.makeDirectories("\(to)/\(folder)")
                for file in try Files.list("\(from)/\(folder)") where !file.hasPrefix("tmp_") {
                    try Files.link("\(from)/\(folder)/\(file)", at: "\(to)/\(folder)/\(file)")
                }
            }
            // Where the history ends when it is not all there.
            if Files.exists("\(path)/shallow") {
                try Files.write("\(partial)/.git/shallow", try Files.read("\(path)/shallow", limit: 16 << 20))
            }
        }
        let git = Git(partial)
        try git.run(["update-ref", SessionRepository.baseRef, base])
        try git.run(["update-ref", "--no-deref", "HEAD", base])
        try delivering("make \(basePath)") { () throws(SystemError) in try Files.rename(partial, basePath) }
    }

    /// Makes a clone without a remote, checked out at a commit.
    /// - Parameter alternates: Where it borrows objects from, relative to its own.
    private func makeCheckout(_ target: String, at commit: String, alternates: String) throws(DeliveryError) {
        if Files.exists(target) { return }
        // The partial one has the same parent: a relative alternate must hold in both places.
        let partial = "\(target).partial"
        try delivering("make \(partial)") { () throws(SystemError) in
            try Files.removeTree(partial)
            try Files.makeDirectories(Files.parent(of: target))
        }
        try initialize(partial, [])
        try delivering("make \(partial)") { () throws(SystemError) in
            try Files.makeDirectories("\(partial)/.git/objects/info")
            try Files.write("\(partial)/.git/objects/info/alternates", Array("\(alternates)\n".utf8))
        }
        try checkOut(commit, in: partial)
        try delivering("make \(target)") { () throws(SystemError) in try Files.rename(partial, target) }
    }

    /// Brings `workspace/integration` to a commit; also the branches of all agents, for those who read there.
    public func updateIntegration(to commit: String) throws(DeliveryError) {
        guard Files.exists(integrationPath) else {
            throw DeliveryError(
                .notFound, "update \(integrationPath)", "it was never made", hint: "create the session again")
        }
        // A lock of a git that was killed; nobody else writes here.
        try delivering("update \(integrationPath)") { () throws(SystemError) in
            try Files.removeTree("\(integrationPath)/.git/index.lock")
            try Files.removeTree("\(integrationPath)/.git/HEAD.lock")
        }
        try checkOut(commit, in: integrationPath)
        try Git(integrationPath).run(["clean", "-ffdxq"])
    }

    private func checkOut(_ commit: String, in directory: String) throws(DeliveryError) {
        let git = Git(directory)
        try git.run([
            "fetch", "--quiet", "--no-write-fetch-head", "--prune",
            "--upload-pack=git -c 'safe.directory=*' upload-pack",
            "--", path, "+refs/heads/*:refs/remotes/origin/*",
            "+\(SessionRepository.baseRef):\(SessionRepository.baseRef)",
            "+\(commit):refs/openclaw/checkout",
        ])
        try git.run(["checkout", "--quiet", "--force", "--detach", commit])
    }
}
