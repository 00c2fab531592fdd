import System
import Testing

@testable import Delivery

private func kind(_ body: () throws -> Void) -> DeliveryError? {
    do {
        try body()
        return nil
    } catch {
        return error as? DeliveryError
    }
}

@Suite struct SourceRepositoryTests {
    @Test func `a clean worktree is taken with its branch and commit`() throws {
        let fixture = try Fixture()
        try Files.makeDirectories("\(fixture.source)/sub")
        let source = try SourceRepository.inspect(spec: "\(fixture.source)/sub")
        #expect(source.place == .local(fixture.source))
        #expect(source.branch == "main")
        #expect(source.commit == (try fixture.git(["rev-parse", "HEAD"], in: fixture.source)))
        #expect(!source.isBare && source.dirtyFiles == [] && source.warnings == [])
    }

    @Test func `what cannot be used is told with a next step`() throws {
        let fixture = try Fixture()
        let path = fixture.directory
        try Files.makeDirectories("\(path)/plain")
        try fixture.git(["init", "--quiet", "\(path)/empty"], in: path)
        let cases: [(String, String?, DeliveryError.Kind)] = [
            ("\(path)/nowhere", nil, .notFound), ("\(path)/plain", nil, .notARepository),
            ("\(path)/empty", nil, .emptyRepository), (fixture.source, "nope", .unknownRevision),
            (fixture.source, "--help", .unknownRevision), ("file://\(path)/nowhere", nil, .unreachable),
            ("file://\(fixture.source)", "nope", .unknownRevision),
        ]
        for (spec, ref, expected) in cases {
            let error = kind { _ = try SourceRepository.inspect(spec: spec, ref: ref) }
            #expect(error?.kind == expected, "\(spec) \(ref ?? "")")
            #expect(error?.hint.isEmpty == false, "\(spec)")
        }
    }

    @Test func `a dirty worktree is refused with its files, unless that is allowed`() throws {
        let fixture = try Fixture()
        try Files.write("\(fixture.source)/a.txt", Array("changed".utf8))
        try Files.write("\(fixture.source)/new file", [])
        let error = kind { _ = try SourceRepository.inspect(spec: fixture.source) }
        #expect(error?.kind == .dirtyWorktree)
        #expect(error?.reason.contains("M a.txt, ?? new file") == true)
        let source = try SourceRepository.inspect(spec: fixture.source, allowDirty: true)
        #expect(source.dirtyFiles == ["M a.txt", "?? new file"])
        #expect(source.warnings.count == 1)
    }

    @Test func `bare, detached, submodules, LFS and shallow are seen`() throws {
        let fixture = try Fixture([
            "a": "a", ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch%20/tmp/x\n",
            ".gitattributes": "*.bin filter=lfs\n",
        ])
        try fixture.commit(["a": "b"], in: fixture.source, "second")
        try fixture.git(["clone", "--quiet", "--bare", fixture.source, "bare"], in: fixture.directory)
        let bare = try SourceRepository.inspect(spec: "\(fixture.directory)/bare")
        #expect(bare.isBare && bare.branch == "main")
        try fixture.git(
            ["clone", "--quiet", "--depth=1", "file://\(fixture.source)", "shallow"], in: fixture.directory)
        try fixture.git(["checkout", "--quiet", "--detach"], in: "\(fixture.directory)/shallow")
        let source = try SourceRepository.inspect(spec: "\(fixture.directory)/shallow")
        #expect(source.branch == nil)
        #expect(source.warnings.count == 1 && source.warnings[0].contains("detached"))
        let limits = try SessionRepository.create(
            at: fixture.sessionDirectory, session: Fixture.session, from: source
        ).limits()
        #expect(limits.count == 3)
        for word in ["submodules", "LFS", "a part of the history"] {
            #expect(limits.contains { $0.contains(word) })
        }
    }

    @Test func `a remote is asked for its default branch, a branch or a tag`() throws {
        let fixture = try Fixture()
        let first = try fixture.git(["rev-parse", "HEAD"], in: fixture.source)
        try fixture.git(["tag", "-a", "-m", "v", "v1"], in: fixture.source)
        try fixture.git(["checkout", "--quiet", "-b", "other"], in: fixture.source)
        let second = try fixture.commit(["a.txt": "x"], in: fixture.source, "second")
        try fixture.git(["checkout", "--quiet", "main"], in: fixture.source)
        let url = "file://\(fixture.source)"
        let main = try SourceRepository.inspect(spec: url)
        #expect(main.isRemote && main.branch == "main" && main.commit == first)
        let other = try SourceRepository.inspect(spec: url, ref: "other")
        #expect(other.branch == "other" && other.commit == second)
        let tag = try SourceRepository.inspect(spec: url, ref: "v1")
        #expect(tag.branch == nil && tag.commit == first)
        let repository = try SessionRepository.create(
            at: fixture.sessionDirectory, session: Fixture.session, from: other)
        #expect(try repository.head() == second)
    }

    @Test(arguments: [
        ("https://host/x", "https://host/x"), ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("github.com/org/repo", "https://github.com/org/repo"), ("/path", nil), (".", nil), ("a/b@c:d", nil),
        ("-o@x:y", nil),
    ])
    func `a spec is a URL or a path`(spec: String, url: String?) {
        #expect(SourceRepository.url(spec) == url)
    }

}

@Suite struct HostileSourceTests {
    /// Everything in a repository that makes git run a command, each of which would leave a file.
    @Test func `nothing that a repository brings along is executed`() throws {
        let fixture = try Fixture([
            "a.txt": "a", "link": "x",
            ".gitattributes": "*.txt filter=evil diff=evil merge=evil\nsubst export-subst\n",
            "subst": "$Format:%H$\n",
            ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch%20/x\n",
        ])
        let (source, mark) = (fixture.source, "\(fixture.directory)/executed")
        try Files.remove("\(source)/link")
        try Files.symlink("/etc/passwd", at: "\(source)/link")
        try fixture.git(["add", "-A"], in: source)
        try fixture.git(["commit", "--quiet", "-m", "link"], in: source)
        let script = "#!/bin/sh\ntouch \(mark)\n"
        for hook in [
            "post-checkout", "post-merge", "reference-transaction", "pre-receive", "post-receive", "update",
            "pre-commit",
        ] {
            try Files.write("\(source)/.git/hooks/\(hook)", Array(script.utf8), mode: 0o755)
        }
        try Files.write("\(fixture.directory)/evil", Array(script.utf8), mode: 0o755)
        let evil = "\(fixture.directory)/evil"
        for key in [
            "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
            "diff.evil.textconv",
            "diff.evil.command", "merge.evil.driver", "diff.external", "core.pager", "core.editor",
            "core.sshCommand",
            "uploadpack.packObjectsHook", "credential.helper", "gpg.program",
        ] {
            try fixture.git(["config", key, evil], in: source)
        }
        // Git must look into the file, not only at its times.
        try Files.write("\(source)/a.txt", Array("a".utf8))
        let found = try SourceRepository.inspect(spec: source, allowDirty: true)
        let repository = try SessionRepository.create(
            at: fixture.sessionDirectory, session: Fixture.session, from: found)
        let commit = try fixture.publish(
            ["a.txt": "b", ".husky/post-merge": script], on: repository.base, agent: "coder-1", task: "t1",
            repository)
        guard
            case .merged(let merged, let tree) = try fixture.merge(commit, into: repository.base, repository)
        else {
            Issue.record("not merged")
            return
        }
        #expect(try repository.advance(from: repository.base, to: merged) == .advanced)
        try repository.updateIntegration(to: merged)
        try repository.exportTree(tree, to: "\(fixture.directory)/gate")
        _ = try repository.diff(from: repository.base, to: merged)
        _ = try LocalDelivery.deliver(
            repository, commit: merged, to: source, baseBranch: "main", mergeIntoCurrent: true)
        #expect(!Files.exists(mark))
        for place in ["\(fixture.directory)/gate", repository.integrationPath] {
            #expect(try Files.readText("\(place)/subst") == "$Format:%H$\n")
            #expect(try Files.readText("\(place)/a.txt") == "b")
            #expect(try Files.readLink("\(place)/link") == "/etc/passwd")
        }
        #expect(!Files.exists("\(repository.path)/hooks"))
    }
}
