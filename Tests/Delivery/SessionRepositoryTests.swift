import System
import Testing

@testable import Delivery

@Suite struct SessionRepositoryTests {
    @Test func `a session has a bare repository, its base and its integration tree`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        #expect(try repository.head() == repository.base)
        #expect(
            try fixture.git(["symbolic-ref", "HEAD"], in: repository.path)
                == "refs/heads/openclaw/fix-bug-4k2p")
        // Agents borrow the base's objects; its files nobody needs.
        #expect(try Files.list(repository.basePath) == [".git"])
        #expect(try Files.readText("\(repository.integrationPath)/b.txt") == "b\n")
        for place in [repository.basePath, repository.integrationPath] {
            #expect(try fixture.git(["remote"], in: place) == "")
            #expect(try fixture.git(["rev-parse", "HEAD"], in: place) == repository.base)
        }
        // Borrowed by a path that also holds where the volume is mounted elsewhere.
        try Files.rename("\(fixture.sessionDirectory)/workspace", "\(fixture.directory)/mounted")
        try fixture.git(["fsck", "--full"], in: "\(fixture.directory)/mounted/integration")
        try fixture.git(["fsck", "--full"], in: repository.path)
    }

    /// What a crash can leave behind, at every step.
    @Test(arguments: ["repository.git", "workspace/base", "workspace/integration"])
    func `what a crash left half-made is made again`(step: String) throws {
        let fixture = try Fixture()
        let whole = try fixture.create()
        let path = "\(fixture.sessionDirectory)/\(step)"
        try Files.removeTree(path)
        try Files.makeDirectories("\(path).partial/.git")
        try Files.write("\(path).partial/HEAD", Array("garbage".utf8))
        let again = try fixture.create()
        #expect(again == whole)
        #expect(Files.isDirectory(path) && !Files.exists("\(path).partial"))
        #expect(try again.head() == whole.base)
    }

    @Test func `made again after merges, nothing of the session is lost`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let commit = try fixture.publish(
            ["c.txt": "c"], on: repository.base, agent: "coder-1", task: "t1", repository)
        guard case .merged(let merged, _) = try fixture.merge(commit, into: repository.base, repository)
        else {
            Issue.record("not merged")
            return
        }
        _ = try repository.advance(from: repository.base, to: merged)
        try fixture.commit(["later.txt": "x"], in: fixture.source, "the person works on")
        try Files.removeTree("\(fixture.sessionDirectory)/workspace")
        let again = try fixture.create()
        #expect(again.base == repository.base)
        #expect(try again.head() == merged)
        #expect(try Files.readText("\(again.integrationPath)/c.txt") == "c")
        #expect(!Files.exists("\(again.basePath)/c.txt"))
    }

    @Test func `what agents published is found again`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        #expect(try repository.workBranches() == [])
        let two = try fixture.publish(
            ["x": "2"], on: repository.base, agent: "coder-2", task: "t2", repository)
        let one = try fixture.publish(
            ["x": "1"], on: repository.base, agent: "coder-1", task: "t1", repository)
        #expect(
            try SessionRepository.open(at: fixture.sessionDirectory, session: Fixture.session).workBranches()
                == [
                    .init(agent: "coder-1", task: "t1", commit: one),
                    .init(agent: "coder-2", task: "t2", commit: two),
                ])
    }

    @Test func `a repository with SHA-256 ids works as any other`() throws {
        let fixture = try Fixture()
        try Files.removeTree(fixture.source)
        try fixture.git(
            ["init", "--quiet", "--object-format=sha256", "--initial-branch=main", "source"],
            in: fixture.directory)
        try fixture.commit(["a.txt": "a"], in: fixture.source, "first")
        let repository = try fixture.create()
        #expect(repository.base.utf8.count == 64)
        let commit = try fixture.publish(
            ["b": "b"], on: repository.base, agent: "coder-1", task: "t1", repository)
        guard case .merged = try fixture.merge(commit, into: repository.base, repository) else {
            Issue.record("not merged")
            return
        }
        try repository.updateIntegration(to: commit)
    }

    @Test func `the integration tree follows and forgets what does not belong to it`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let commit = try fixture.publish(
            ["c.txt": "c"], on: repository.base, agent: "coder-1", task: "t1", repository)
        try Files.write("\(repository.integrationPath)/stray", [])
        try Files.write("\(repository.integrationPath)/a.txt", [])
        // A git that was killed.
        try Files.write("\(repository.integrationPath)/.git/index.lock", [])
        try repository.updateIntegration(to: commit)
        #expect(try Files.list(repository.integrationPath) == [".git", "a.txt", "b.txt", "c.txt"])
        #expect(try fixture.git(["status", "--porcelain"], in: repository.integrationPath) == "")
        // A reviewer sees the agents' branches here.
        let remote = "refs/remotes/origin/work/\(Fixture.session)/coder-1/t1"
        #expect(try fixture.git(["rev-parse", remote], in: repository.integrationPath) == commit)
        try repository.updateIntegration(to: repository.base)
        #expect(!Files.exists("\(repository.integrationPath)/c.txt"))
    }

    @Test func `a tree is exported whole, with modes and links, and replaces what was there`() throws {
        let fixture = try Fixture()
        try fixture.commit(["run.sh": "#!/bin/sh\n", "dir/x": "x"], in: fixture.source, "more")
        try Files.chmod("\(fixture.source)/run.sh", 0o755)
        try Files.symlink("dir", at: "\(fixture.source)/link")
        try fixture.commit([:], in: fixture.source, "modes")
        let repository = try fixture.create()
        let target = "\(fixture.directory)/gate"
        try Files.makeDirectories("\(target)/old")
        try repository.exportTree(try repository.tree(of: repository.base), to: target)
        #expect(try Files.list(target) == ["a.txt", "b.txt", "dir", "link", "run.sh"])
        #expect(Files.isExecutable("\(target)/run.sh") && !Files.isExecutable("\(target)/a.txt"))
        #expect(try Files.readLink("\(target)/link") == "dir")
        #expect(throws: DeliveryError.self) { try repository.exportTree("nope", to: target) }
    }

    @Test
    func `from one tree to the next only what differs is written, and what was broken off is made anew`()
        throws
    {
        let fixture = try Fixture(["a.txt": "a\n", "dir/b.txt": "b\n", "same.txt": "same\n"])
        let repository = try fixture.create()
        let next = try fixture.publish(
            ["a.txt": "changed\n", "new/c.txt": "c\n"], on: repository.base, agent: "coder-1", task: "t1",
            repository)
        let (target, untouched) = ("\(fixture.directory)/gate", "\(fixture.directory)/gate/same.txt")
        try repository.exportTree(repository.base, to: target)
        let before = try Files.status(untouched)
        try repository.exportTree(next, to: target)
        #expect(try Files.readText("\(target)/a.txt") == "changed\n")
        #expect(try Files.list(target) == ["a.txt", "dir", "new", "same.txt"])
        #expect(try Files.status(untouched).inode == before.inode)
        try repository.exportTree(repository.base, to: target)
        #expect(try Files.list(target) == ["a.txt", "dir", "same.txt"])
        // As a coordinator that was killed leaves it.
        try Files.write("\(target).partial", [])
        try Files.write("\(target)/half", [])
        try Files.write(untouched, Array("torn".utf8))
        try repository.exportTree(next, to: target)
        #expect(try Files.list(target) == ["a.txt", "dir", "new", "same.txt"])
        #expect(try Files.readText(untouched) == "same\n")
        // Other line endings make other files of the same blobs.
        let windows = try fixture.publish(
            [".gitattributes": "*.txt text eol=crlf\n"], on: repository.base, agent: "coder-1", task: "t2",
            repository)
        try repository.exportTree(windows, to: target)
        #expect(try Files.readText(untouched) == "same\r\n")
    }

    @Test func `a difference has its patch, its numbers and its limit`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let commit = try fixture.publish(
            ["a.txt": "one\n2\nthree\nfour\n", "bin": "\0\u{1}\0", "ünï code": "x\n"], on: repository.base,
            agent: "coder-1", task: "t1", repository)
        let change = try repository.diff(from: repository.base, to: commit)
        #expect(change.patch.contains("-two\n+2\n"))
        #expect(!change.isTruncated)
        #expect(change.added == 3 && change.removed == 1)
        #expect(change.files.map(\.path).sorted() == ["a.txt", "bin", "ünï code"])
        #expect(change.files.first { $0.path == "bin" }?.added == nil)
        #expect(try repository.diff(from: repository.base, to: commit, limitBytes: 64).isTruncated)
    }
}

@Suite struct TestCommandTests {
    @Test(
        arguments: [
            (["package.json"], ["package.json": "{\"scripts\":{\"test\":\"jest\"}}"], [], "npm test"),
            (
                ["package.json"],
                ["package.json": "{\"scripts\":{\"test\":\"echo \\\"Error: no test specified\\\"\"}}"], [],
                nil
            ),
            (
                ["package.json", "Makefile"],
                ["package.json": "broken", "Makefile": "all:\n\ntest: all\n\tx\n"], [], "make test"
            ),
            (["Makefile"], ["Makefile": "test := 1\n\ttest:\n# test: x\ncheck:\n"], [], nil),
            (
                ["pyproject.toml", "tests/"], ["pyproject.toml": "[tool.pytest.ini_options]"], ["test_a.py"],
                "python3 -m pytest -q"
            ),
            (["tests/"], [:], ["test_a.py"], "python3 -m unittest discover -s tests"),
            (["test_x.py"], [:], [], "python3 -m unittest discover"),
            (["conftest.py", "tests/"], [:], ["a_test.py"], "python3 -m pytest -q"),
            (["go.mod"], [:], [], "go test ./..."), (["Cargo.toml"], [:], [], "cargo test"),
            (["Package.swift", "Tests/"], [:], [], "swift test"), (["README"], [:], [], nil),
        ] as [([String], [String: String], [String], String?)])
    func `the way to test is read from the files`(
        names: [String], texts: [String: String], testFiles: [String], command: String?
    ) {
        #expect(TestCommand.detect(names: Set(names), texts: texts, testFiles: testFiles) == command)
    }

    @Test func `it is read from a tree, and a link in the place of a file counts for nothing`() throws {
        let fixture = try Fixture(["package.json": "{\"scripts\":{\"test\":\"node t.js\"}}"])
        let repository = try fixture.create()
        #expect(try TestCommand.detect(in: repository, tree: repository.base) == "npm test")
        let other = try Fixture()
        try Files.symlink("/etc/hostname", at: "\(other.source)/package.json")
        try other.commit([:], in: other.source, "link")
        let linked = try other.create()
        #expect(try TestCommand.detect(in: linked, tree: linked.base) == nil)
    }
}
