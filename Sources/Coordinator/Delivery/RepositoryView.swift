import Kit
import System

/// A repository that is not ours, seen through a Git directory of our own: its objects, refs, index and
/// worktree by links, and of its configuration only the settings of `RepositoryView.allowed`. Hooks,
/// filters, transports and whatever else a repository can name a program for, today or in a later git, are
/// not there to be read.
///
/// Git itself finds the repository and checks who owns it, as it does for the person: its words are passed
/// on.
final class RepositoryView: Sendable {
    /// The Git directory that stands for the repository's; removed with the view.
    let path: String
    /// The top of the worktree; of a bare repository its Git directory.
    let top: String
    let isBare: Bool
    /// All that git reads for the person here: their own settings and the repository's. Data, never followed
    /// as a whole.
    let settings: GitSettings
    /// What only this worktree has, and what all worktrees of the repository share.
    private let gitDirectory: String
    private let commonDirectory: String

    var git: Git { Git(self) }

    /// What a repository may say about itself, and a person about all theirs: formats, what files look like,
    /// what is ignored. Nothing here names a program or an address that is gone to.
    private static let allowed: Set<String> = [
        "core.repositoryformatversion", "extensions.noop", "extensions.preciousobjects",
        "extensions.objectformat", "extensions.compatobjectformat", "extensions.refstorage",
        "extensions.relativeworktrees",
        "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode", "core.protecthfs",
        "core.protectntfs", "core.autocrlf", "core.eol", "core.safecrlf", "core.checkroundtripencoding",
        "core.excludesfile", "core.attributesfile", "core.trustctime", "core.checkstat",
        "core.sharedrepository", "core.logallrefupdates", "core.sparsecheckout", "core.sparsecheckoutcone",
        "core.bigfilethreshold", "core.compression", "core.fsync", "core.fsyncmethod",
        "index.version", "index.sparse", "status.showuntrackedfiles",
    ]

    /// Finds the repository of a directory.
    /// - Parameters:
    ///   - directory: Absolute.
    ///   - operation: What the person is told that it was for.
    init(_ directory: String, _ operation: String) throws(DeliveryError) {
        let probe = Probe(directory: directory, operation: operation)
        isBare = try probe.value(["--is-bare-repository"]) == "true"
        gitDirectory = try probe.value(["--absolute-git-dir"])
        commonDirectory = try probe.value(["--path-format=absolute", "--git-common-dir"])
        top = isBare ? gitDirectory : try probe.value(["--show-toplevel"])
        settings = try probe.settings()
        do throws(SystemError) {
            path = try Files.temporaryDirectory(prefix: "openclaw-view")
        } catch {
            throw DeliveryError(.system, operation, "\(error)")
        }
        try delivering(operation) { () throws(SystemError) in try fill() }
    }

    // A directory that stays behind holds links alone.
    deinit { try? Files.removeTree(path) }

    private func fill() throws(SystemError) {
        for name in ["objects", "refs", "packed-refs", "shallow", "reftable", "worktrees"] {
            // Those of refs may come into being while the view is used.
            let isExpected = name == "packed-refs" || name == "shallow"
            guard isExpected || Files.exists("\(commonDirectory)/\(name)") else { continue }
            try Files.symlink("\(commonDirectory)/\(name)", at: "\(path)/\(name)")
        }
        try Files.symlink("\(gitDirectory)/index", at: "\(path)/index")
        for name in try Files.list(gitDirectory) where name.hasPrefix("sharedindex.") {
            try Files.symlink("\(gitDirectory)/\(name)", at: "\(path)/\(name)")
        }
        try Files.makeDirectories("\(path)/info")
        for (name, place) in [
            ("exclude", commonDirectory), ("attributes", commonDirectory), ("sparse-checkout", gitDirectory),
        ] where Files.exists("\(place)/info/\(name)") {
            try Files.symlink("\(place)/info/\(name)", at: "\(path)/info/\(name)")
        }
        try Files.makeDirectories("\(path)/logs")
        for (name, place) in [("HEAD", gitDirectory), ("refs", commonDirectory)]
        where Files.exists("\(place)/logs/\(name)") {
            try Files.symlink("\(place)/logs/\(name)", at: "\(path)/logs/\(name)")
        }
        // Git wants this one to be no link to elsewhere.
        let head = "\(gitDirectory)/HEAD"
        let isLink = try Files.status(head, followLinks: false).isLink
        let text =
            try isLink ? Array("ref: \(Files.readLink(head))\n".utf8) : Files.read(head, limit: 4096)
        try Files.write("\(path)/HEAD", text)
        let seen = GitSettings(settings.entries.filter { Self.allowed.contains($0.key) })
        try Files.write("\(path)/config", Array("\(seen.file)[core]\n\tbare = \(isBare)\n".utf8))
    }

    /// What the worktree is in the middle of; nil when it is at rest.
    var unfinished: String? {
        [
            ("MERGE_HEAD", "a merge"), ("CHERRY_PICK_HEAD", "a cherry-pick"), ("REVERT_HEAD", "a revert"),
            ("rebase-merge", "a rebase"), ("rebase-apply", "a rebase"),
        ].first { Files.exists("\(gitDirectory)/\($0.0)") }?.1
    }

    /// Whether a branch is checked out in the worktree that the others were made from.
    func isCheckedOutElsewhere(_ branchRef: String) -> Bool {
        guard gitDirectory != commonDirectory else { return false }
        return (try? Files.readText("\(commonDirectory)/HEAD", limit: 4096)) == "ref: \(branchRef)\n"
    }
}

/// Git's own words about a directory.
private struct Probe {
    let directory: String
    let operation: String

    func value(_ arguments: [String]) throws(DeliveryError) -> String {
        let outcome = try PersonsGit.run(["rev-parse"] + arguments, in: directory)
        guard outcome.code == 0 else { throw refusal(outcome.stderr) }
        // A path may hold any byte but NUL, line feeds among them.
        let bytes = outcome.stdout.last == 0x0A ? outcome.stdout.dropLast() : outcome.stdout[...]
        return String(decoding: bytes, as: UTF8.self)
    }

    func settings() throws(DeliveryError) -> GitSettings {
        let listed = try PersonsGit.run(["config", "--list", "--show-scope", "-z"], in: directory)
        guard listed.code == 0 else { throw refusal(listed.stderr) }
        return GitSettings(listed: listed.stdout)
    }

    /// Other systems of version control, told by what they keep at the top.
    private static let others = [
        (".jj", "Jujutsu", "make it a git repository too: jj git colocation enable"),
        (".hg", "Mercurial", "convert it to git, with hg-fast-export for example"),
        (".sl", "Sapling", "clone it with git"), (".svn", "Subversion", "clone it with git svn"),
        (".bzr", "Breezy", "convert it to git: brz fast-export"),
        ("_darcs", "Darcs", "convert it to git: darcs convert export"),
        (".pijul", "Pijul", "export it to git"), (".fslckout", "Fossil", "convert it: fossil export --git"),
        ("_FOSSIL_", "Fossil", "convert it: fossil export --git"),
    ]

    private func refusal(_ complaint: String) -> DeliveryError {
        let words = PersonsGit.words(complaint)
        let isMissing = complaint.contains("not a git repository (or any")
        if isMissing, let (name, cure) = otherSystem() {
            return DeliveryError(
                .notARepository, operation, "it is a repository of \(name), and sessions work on git alone",
                hint: cure)
        }
        return DeliveryError(
            isMissing ? .notARepository : .refused, operation, "git says: \(words)", hint: cure(complaint))
    }

    private func otherSystem() -> (name: String, cure: String)? {
        var place = directory
        while true {
            if let found = Self.others.first(where: { Files.exists("\(place)/\($0.0)") }) {
                return (found.1, found.2)
            }
            guard place != "/", !place.isEmpty else { return nil }
            place = Files.parent(of: place)
        }
    }

    private func cure(_ complaint: String) -> String {
        let lines = complaint.utf8.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        if let exception = lines.first(where: { $0.contains("git config --global --add safe.directory") }) {
            let command = String(exception.drop { $0 == "\t" || $0 == " " })
            return "if you trust who owns it: \(command)"
        }
        if complaint.contains("not a git repository (or any") {
            return "run git init, add your files and commit them"
        }
        if complaint.contains("not a git repository") {
            return "its .git names a place that is gone: git worktree repair, or clone it again"
        }
        if complaint.contains("bad config") || complaint.contains("bad numeric config")
            || complaint.contains("bad boolean config")
        {
            return "mend that setting: git config --edit there, or by hand in the file that git names"
        }
        if complaint.contains("extension") || complaint.contains("repo version") {
            return "this git is too old for the repository: put a newer one first on the PATH"
        }
        if complaint.contains("must be run in a work tree") {
            let name = Files.name(of: directory) == ".git" ? Files.parent(of: directory) : "its worktree"
            return "name the worktree instead: --repo \(LocalDelivery.quoted(name))"
        }
        return "git status there says the same: mend it, then run this again"
    }
}
