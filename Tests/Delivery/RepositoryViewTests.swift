import Kit
import System
import Testing

@testable import Delivery

/// The configuration of a repository that is not ours names programs; none of them runs.
@Suite struct RepositoryViewTests {
    /// Settings that git 2.39 to 2.55 starts a program for, or goes to an address for. `MARK` leaves a file.
    private static let programs = """
        [core]
        alternateRefsCommand = MARK
        askPass = MARK
        editor = MARK
        fsmonitor = MARK
        gitProxy = MARK
        hooksPath = HOOKS
        pager = MARK
        sshCommand = MARK
        [credential]
        helper = MARK
        [credential "http://127.0.0.1"]
        helper = MARK
        [diff]
        external = MARK
        [diff "evil"]
        command = MARK
        textconv = MARK
        [filter "evil"]
        clean = MARK
        smudge = MARK
        process = MARK
        required = true
        [gpg]
        program = MARK
        [gpg "ssh"]
        program = MARK
        defaultKeyCommand = MARK
        [commit]
        gpgSign = true
        [merge]
        verifySignatures = true
        [merge "evil"]
        driver = MARK
        [interactive]
        diffFilter = MARK
        [sequence]
        editor = MARK
        [uploadpack]
        packObjectsHook = MARK
        [receive]
        procReceiveRefs = refs
        [remote "origin"]
        uploadpack = MARK
        receivepack = MARK
        vcs = ext
        proxy = http://127.0.0.1:1/
        [protocol "ext"]
        allow = always
        [url "ext::MARK "]
        insteadOf = /
        [http]
        proxy = http://127.0.0.1:1/
        [trailer "x"]
        cmd = MARK
        [tar "tar"]
        command = MARK
        [submodule "x"]
        update = !MARK
        active = true
        [pager]
        status = MARK
        [alias]
        status = !MARK
        fetch = !MARK
        [hook "evil"]
        command = MARK
        event = reference-transaction
        [hook "evil2"]
        command = MARK
        event = post-merge
        [fetch]
        bundleURI = http://127.0.0.1:1/
        [transfer]
        bundleURI = true
        [bundle]
        version = 1
        [maintenance]
        auto = true
        [gc]
        auto = 1
        recentObjectsHook = MARK

        """

    @Test(arguments: ["config", "config.worktree", "include.path", "alternate"])
    func `what a repository names is not run, wherever it names it`(place: String) throws {
        let fixture = try Fixture([
            "a.txt": "a", "b.txt": "b", ".gitattributes": "*.evil filter=evil diff=evil merge=evil\n",
            "x.evil": "x",
        ])
        let (source, mark) = (fixture.source, "\(fixture.directory)/executed")
        let script = "\(fixture.directory)/evil"
        try Files.write(script, Array("#!/bin/sh\ntouch \(mark)\n".utf8), mode: 0o755)
        let hooks = "\(fixture.directory)/hooks"
        try Files.makeDirectories(hooks)
        for hook in ["post-checkout", "post-merge", "reference-transaction", "post-index-change", "update"] {
            for directory in [hooks, "\(source)/.git/hooks"] {
                try Files.write("\(directory)/\(hook)", Array("#!/bin/sh\ntouch \(mark)\n".utf8), mode: 0o755)
            }
        }
        try fixture.git(["clone", "--quiet", "--bare", source, "alternate.git"], in: fixture.directory)
        let objects = "\(fixture.directory)/alternate.git/objects"
        try Files.write("\(source)/.git/objects/info/alternates", Array("\(objects)\n".utf8))
        let settings = Self.programs
            .split(separator: "MARK", omittingEmptySubsequences: false).joined(separator: script)
            .split(separator: "HOOKS", omittingEmptySubsequences: false).joined(separator: hooks)
        switch place {
        case "config.worktree":
            try fixture.git(["config", "extensions.worktreeConfig", "true"], in: source)
            try Files.write("\(source)/.git/config.worktree", Array(settings.utf8))
        case "include.path":
            try Files.write("\(fixture.directory)/included", Array(settings.utf8))
            try fixture.git(["config", "include.path", "\(fixture.directory)/included"], in: source)
        case "alternate":
            try Files.append("\(fixture.directory)/alternate.git/config", Array(settings.utf8))
        default: try Files.append("\(source)/.git/config", Array(settings.utf8))
        }
        // Git must look into the files, not only at their times.
        for name in ["a.txt", "x.evil"] {
            try Files.write("\(source)/\(name)", Array(String(name.first ?? "x").utf8))
        }
        let (repository, commit) = try fixture.finished(["a.txt": "new", "new.txt": "n"])
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: source, baseBranch: "main", mergeIntoCurrent: true)
        #expect(outcome.isMerged, "\(outcome.reason)")
        #expect(!Files.exists(mark))
        #expect(try Files.readText("\(source)/new.txt") == "n")
    }

    @Test func `only settings that are allowed are seen through a view`() throws {
        let fixture = try Fixture()
        try Files.append("\(fixture.source)/.git/config", Array(Self.programs.utf8))
        try fixture.git(["config", "core.autocrlf", "input"], in: fixture.source)
        let view = try RepositoryView(fixture.source, "look")
        let seen = try view.git.run(["config", "--list", "--local", "--name-only"]).lines
        // The person's own may be among them.
        #expect(
            Set(seen).subtracting(["core.excludesfile", "core.attributesfile"]) == [
                "core.repositoryformatversion", "core.filemode", "core.logallrefupdates", "core.autocrlf",
                "core.bare",
            ])
    }

    @Test func `a setting is written as git reads it`() throws {
        let fixture = try Fixture()
        let values: [String?] = [
            nil, "", " a ", "a;b#c", "\"q\" \\ \n\t", "ä\u{1F600}", "-x", "=", "a\\",
            String(repeating: "x", count: 9000),
        ]
        let keys = ["core.eol", "remote.a b.url", "remote.q\"\\.x.url", "url.https://h/.insteadof", "x.UP.y"]
        let entries = keys.flatMap { key in
            values.map { GitSettings.Entry(scope: "local", key: key, value: $0) }
        }
        let file = "\(fixture.directory)/written"
        try Files.write(file, Array(GitSettings(entries).file.utf8))
        let read = try Git(nil).run(["config", "--file", file, "--list", "--show-scope", "-z"])
        let found = GitSettings(listed: read.stdout).entries
        #expect(found.map(\.key) == entries.map(\.key))
        #expect(found.map(\.value) == entries.map(\.value))
    }

    @Test func `a view goes when nobody uses it any more`() throws {
        let fixture = try Fixture()
        var view: RepositoryView? = try RepositoryView(fixture.source, "look")
        let path = try #require(view?.path)
        var git = view?.git
        view = nil
        #expect(try git?.commit("HEAD") != nil)
        #expect(Files.exists(path))
        git = nil
        #expect(!Files.exists(path))
        #expect(Files.exists("\(fixture.source)/.git/refs/heads/main"))
    }

    @Test(arguments: ["plain", "linked", "split index", "linked HEAD", "sha256", "bare", "sparse", "packed"])
    func `every shape is read, gets the branch, and is as git leaves it`(shape: String) throws {
        let fixture = try Fixture()
        var place = fixture.source
        switch shape {
        case "linked":
            place = "\(fixture.directory)/linked"
            try fixture.git(["worktree", "add", "--quiet", "-b", "other", place], in: fixture.source)
        case "split index": try fixture.git(["update-index", "--split-index"], in: place)
        case "linked HEAD":
            try Files.remove("\(place)/.git/HEAD")
            try Files.symlink("refs/heads/main", at: "\(place)/.git/HEAD")
        case "sha256":
            place = "\(fixture.directory)/sha256"
            try fixture.git(
                ["init", "--quiet", "--initial-branch=main", "--object-format=sha256", place],
                in: fixture.directory)
            try fixture.commit(["a.txt": "a"], in: place, "first")
        case "bare":
            place = "\(fixture.directory)/bare.git"
            try fixture.git(["clone", "--quiet", "--bare", fixture.source, place], in: fixture.directory)
        case "sparse":
            try fixture.commit(["in/x": "x", "out/y": "y"], in: place, "directories")
            try fixture.git(["sparse-checkout", "set", "--cone", "in"], in: place)
        case "packed": try fixture.git(["pack-refs", "--all", "--prune"], in: place)
        default: break
        }
        let source = try SourceRepository.inspect(spec: place)
        let branch = shape == "linked" ? "other" : "main"
        #expect(source.branch == branch && source.dirtyFiles == [], "\(source)")
        let repository = try SessionRepository.create(
            at: fixture.sessionDirectory, session: Fixture.session, from: source)
        let work = try fixture.publish(
            ["c.txt": "c"], on: repository.base, agent: "coder-1", task: "t1", repository)
        guard case .merged(let commit, _) = try fixture.merge(work, into: repository.base, repository) else {
            throw Fixture.Failure(text: "not merged")
        }
        _ = try repository.advance(from: repository.base, to: commit)
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: place, baseBranch: branch, mergeIntoCurrent: true)
        #expect(outcome.isMerged == (shape != "bare"), "\(outcome.reason)")
        #expect(try fixture.git(["rev-parse", repository.branch], in: place) == commit)
        try fixture.git(["fsck", "--no-dangling"], in: place)
        if shape != "bare" {
            #expect(try fixture.git(["rev-parse", "HEAD", branch], in: place) == "\(commit)\n\(commit)")
            #expect(try fixture.git(["status", "--porcelain"], in: place) == "")
            #expect(try fixture.git(["reflog", "-1", "--format=%H"], in: place) == commit)
            #expect(Files.exists("\(place)/out") == false)
        }
    }
}

@Suite struct RefusedSourceTests {
    private func refusal(_ spec: String) -> DeliveryError? {
        do {
            _ = try SourceRepository.inspect(spec: spec)
            return nil
        } catch {
            return error
        }
    }

    @Test(.enabled(if: Credentials.user() == 0, "only root can give a file away"))
    func `a repository of somebody else's is refused as git refuses it, until the person trusts it`() throws {
        let fixture = try Fixture()
        for path in ["\(fixture.source)/.git", fixture.source] {
            try Files.chown(path, user: 12345, group: 12345)
        }
        let error = refusal(fixture.source)
        #expect(error?.reason.contains("detected dubious ownership in repository at") == true)
        let exception = "git config --global --add safe.directory \(fixture.source)"
        #expect(error?.hint.hasSuffix(exception) == true, "\(error?.hint ?? "")")
        try Person.has("", in: fixture)
        try Files.append(
            try #require(Environment.get("GIT_CONFIG_GLOBAL")),
            Array("[safe]\n\tdirectory = \(fixture.source)\n".utf8))
        #expect(refusal(fixture.source) == nil)
    }

    @Test func `what git cannot read is told in its words, with the cure`() throws {
        let fixture = try Fixture()
        let path = fixture.directory
        for name in ["broken", "reftable", "relative"] {
            try fixture.git(["clone", "--quiet", "--no-hardlinks", fixture.source, name], in: path)
        }
        try Files.append("\(path)/broken/.git/config", Array("[core\n".utf8))
        for (name, key) in [("reftable", "refstorage"), ("relative", "neverheardof")] {
            let more = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\t\(key) = nowhere\n"
            try Files.append("\(path)/\(name)/.git/config", Array(more.utf8))
        }
        try Files.makeDirectories("\(path)/gone")
        try Files.write("\(path)/gone/.git", Array("gitdir: \(path)/nowhere\n".utf8))
        for name in ["jj/.jj/repo", "hg/.hg/store", "hg/sub"] { try Files.makeDirectories("\(path)/\(name)") }
        let cases = [
            ("broken", "bad config line", "mend that setting"),
            ("reftable", "extension", "too old"), ("relative", "extension", "too old"),
            ("source/.git", "must be run in a work tree", "--repo \(fixture.source)"),
            ("gone", "not a git repository: \(path)/nowhere", "git worktree repair"),
            ("jj", "Jujutsu", "jj git"), ("hg", "Mercurial", "hg-fast-export"),
            ("hg/sub", "Mercurial", "hg-fast-export"),
        ]
        for (name, words, cure) in cases {
            let error = refusal("\(path)/\(name)")
            #expect(error?.reason.contains(words) == true, "\(name): \(error?.reason ?? "accepted")")
            #expect(error?.hint.contains(cure) == true, "\(name): \(error?.hint ?? "accepted")")
            #expect(error?.hint.contains("git init") == false, "\(name)")
        }
    }

    @Test func `a branch that the result cannot stand beside is seen before the work`() throws {
        let fixture = try Fixture()
        try fixture.git(["branch", "openclaw"], in: fixture.source)
        #expect(refusal(fixture.source)?.hint.contains("git branch -m openclaw") == true)
        #expect(refusal("file://\(fixture.source)")?.hint.contains("openclaw") == true)
    }

    @Test func `a branch comes before a tag of its name`() throws {
        let fixture = try Fixture()
        try fixture.git(["tag", "main"], in: fixture.source)
        let head = try fixture.commit(["b.txt": "later"], in: fixture.source, "second")
        for ref in [nil, "main", "refs/heads/main"] {
            let source = try SourceRepository.inspect(spec: fixture.source, ref: ref)
            #expect(source.commit == head && source.branch == "main", "\(ref ?? "none")")
        }
        let tagged = try SourceRepository.inspect(spec: fixture.source, ref: "refs/tags/main")
        #expect(tagged.commit != head && tagged.branch == nil)
        let (repository, commit) = try fixture.finished()
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: fixture.source, baseBranch: "main", mergeIntoCurrent: true)
        #expect(outcome.isMerged, "\(outcome.reason)")
    }
}

@Suite struct PersonsGitTests {
    @Test(arguments: ["excludes", "autocrlf", "eol", "untracked"])
    func `what the person's git calls clean is clean`(kind: String) throws {
        let fixture = try Fixture(["a.txt": "one\ntwo\n"])
        let source = fixture.source
        switch kind {
        case "excludes":
            try Files.write("\(fixture.directory)/ignored", Array(".idea/\n".utf8))
            try Person.has("[core]\n\texcludesFile = \(fixture.directory)/ignored\n", in: fixture)
            try Files.makeDirectories("\(source)/.idea")
            try Files.write("\(source)/.idea/x", [])
        case "untracked":
            try Person.has("[status]\n\tshowUntrackedFiles = no\n", in: fixture)
            try Files.write("\(source)/x", [])
        default:
            let (key, value) = kind == "eol" ? ("eol", "crlf") : ("autocrlf", "true")
            if kind == "eol" { try fixture.commit([".gitattributes": "* text\n"], in: source, "attributes") }
            try Person.has("[core]\n\t\(key) = \(value)\n", in: fixture)
            try Files.remove("\(source)/a.txt")
            try fixture.git(["checkout", "--", "a.txt"], in: source, settings: [("core.\(key)", value)])
            // Touched: git looks into it again.
            try Files.write("\(source)/a.txt", Array("one\r\ntwo\r\n".utf8))
        }
        #expect(try SourceRepository.inspect(spec: source).dirtyFiles == [])
        let (repository, commit) = try fixture.finished(["a.txt": "one\ntwo\nthree\n"])
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: source, baseBranch: "main", mergeIntoCurrent: true)
        #expect(outcome.isMerged, "\(outcome.reason)")
        let text = try Files.readText("\(source)/a.txt")
        #expect(
            text == (kind == "autocrlf" || kind == "eol" ? "one\r\ntwo\r\nthree\r\n" : "one\ntwo\nthree\n"))
    }

    @Test func `a file that only a filter could compare is a warning, and its filter does not run`() throws {
        let fixture = try Fixture(["x.bin": "pointer", "a.txt": "a"])
        let (source, mark) = (fixture.source, "\(fixture.directory)/ran")
        try fixture.commit([".gitattributes": "*.bin filter=big\n"], in: source, "attributes")
        try Person.has("[filter \"big\"]\n\tclean = touch \(mark); printf pointer\n\trequired\n", in: fixture)
        try Files.write("\(source)/x.bin", Array("contents".utf8))
        let found = try SourceRepository.inspect(spec: source)
        #expect(found.dirtyFiles == [] && found.filteredFiles == ["M x.bin"])
        #expect(found.warnings.contains { $0.contains("x.bin") && $0.contains("filters") })
        // It is not in the way of a merge that leaves it alone; one that would write it is the person's.
        for (files, isMerged) in [(["a.txt": "b"], true), (["x.bin": "other"], false)] {
            let other = try Fixture([
                "x.bin": "pointer", "a.txt": "a", ".gitattributes": "*.bin filter=big\n",
            ])
            try Files.write("\(other.source)/x.bin", Array("contents".utf8))
            let (repository, commit) = try other.finished(files)
            let outcome = try LocalDelivery.deliver(
                repository, commit: commit, to: other.source, baseBranch: "main", mergeIntoCurrent: true)
            #expect(outcome.isMerged == isMerged, "\(files): \(outcome.reason)")
        }
        try Files.write("\(source)/a.txt", Array("mine".utf8))
        #expect(throws: DeliveryError.self) { try SourceRepository.inspect(spec: source) }
        #expect(!Files.exists(mark))
    }

    @Test func `the person's own shorthand of an address is understood, and a repository's is not`() throws {
        let fixture = try Fixture()
        try fixture.git(["remote", "add", "origin", "co:acme/widgets"], in: fixture.source)
        try fixture.git(["config", "url.https://evil.test/.insteadOf", "co:"], in: fixture.source)
        try Person.has("[url \"https://github.com/\"]\n\tinsteadOf = co:\n", in: fixture)
        #expect(SourceRepository.remote(of: fixture.source) == "https://github.com/acme/widgets")
        #expect(SourceRepository.remote("upstream", of: fixture.source) == nil)
    }
}
