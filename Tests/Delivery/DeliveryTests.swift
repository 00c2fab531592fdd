import Kit
import System
import Testing

@testable import Delivery

@Suite struct LocalDeliveryTests {
    @Test func `the result is merged when that is only a step forward, and a second time is the same`() throws
    {
        let fixture = try Fixture()
        let (repository, commit) = try fixture.finished()
        let config = try Files.read("\(fixture.source)/.git/config")
        for _ in 1...2 {
            let outcome = try LocalDelivery.deliver(
                repository, commit: commit, to: fixture.source, baseBranch: "main", mergeIntoCurrent: true)
            #expect(
                outcome
                    == .init(
                        branch: repository.branch, commit: commit, isMerged: true, command: nil, reason: ""))
        }
        #expect(try fixture.git(["rev-parse", "main"], in: fixture.source) == commit)
        #expect(try Files.readText("\(fixture.source)/c.txt") == "c")
        #expect(try fixture.git(["status", "--porcelain"], in: fixture.source) == "")
        #expect(try Files.read("\(fixture.source)/.git/config") == config)
    }

    @Test(arguments: [
        "dirty", "moved", "other branch", "detached", "not asked", "untracked", "filters", "own filters",
    ])
    func `otherwise the branch is left, with the command to run`(obstacle: String) throws {
        let fixture = try Fixture()
        let files =
            obstacle == "filters" ? [".gitattributes": "*.txt filter=lfs\n", "c.txt": "c"] : ["c.txt": "c"]
        let (repository, commit) = try fixture.finished(files)
        switch obstacle {
        case "dirty": try Files.write("\(fixture.source)/a.txt", Array("mine".utf8))
        case "moved": try fixture.commit(["d.txt": "d"], in: fixture.source, "moved")
        case "other branch": try fixture.git(["checkout", "--quiet", "-b", "other"], in: fixture.source)
        case "detached": try fixture.git(["checkout", "--quiet", "--detach"], in: fixture.source)
        case "untracked": try Files.write("\(fixture.source)/c.txt", Array("mine".utf8))
        case "own filters":
            try fixture.git(["config", "filter.x.smudge", "sh tool"], in: fixture.source)
            try Files.makeDirectories("\(fixture.source)/.git/info")
            try Files.write("\(fixture.source)/.git/info/attributes", Array("* filter=x\n".utf8))
        default: break
        }
        let before = try fixture.git(["rev-parse", "HEAD"], in: fixture.source)
        let outcome = try LocalDelivery.deliver(
            repository, commit: commit, to: fixture.source, baseBranch: "main",
            mergeIntoCurrent: obstacle != "not asked")
        #expect(!outcome.isMerged && !outcome.reason.isEmpty)
        #expect(outcome.command == "git -C \(fixture.source) merge openclaw/\(Fixture.session)")
        #expect(try fixture.git(["rev-parse", "HEAD"], in: fixture.source) == before)
        #expect(try fixture.git(["rev-parse", repository.branch], in: fixture.source) == commit)
        if obstacle == "untracked" { #expect(try Files.readText("\(fixture.source)/c.txt") == "mine") }
    }

    @Test func `a branch of that name with other work is not overwritten`() throws {
        let fixture = try Fixture()
        let (repository, commit) = try fixture.finished()
        try fixture.git(["checkout", "--quiet", "-b", repository.branch], in: fixture.source)
        let mine = try fixture.commit(["mine": "x"], in: fixture.source, "mine")
        try fixture.git(["checkout", "--quiet", "main"], in: fixture.source)
        #expect(throws: DeliveryError.self) {
            try LocalDelivery.deliver(
                repository, commit: commit, to: fixture.source, baseBranch: "main", mergeIntoCurrent: true)
        }
        #expect(try fixture.git(["rev-parse", repository.branch], in: fixture.source) == mine)
    }

    @Test func `an approval of another commit is refused`() throws {
        let fixture = try Fixture()
        let (repository, _) = try fixture.finished()
        #expect(throws: DeliveryError.self) {
            try LocalDelivery.deliver(
                repository, commit: repository.base, to: fixture.source, baseBranch: "main",
                mergeIntoCurrent: true)
        }
    }

    @Test(arguments: [
        ("/a/b", "/a/b"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$(x)", "'$(x)'"), ("", "''"),
    ])
    func `a path in a command is quoted`(text: String, quoted: String) {
        #expect(LocalDelivery.quoted(text) == quoted)
    }
}

@Suite struct RemoteDeliveryTests {
    @Test func `a remote gets the branch once, and other work there stays`() throws {
        let fixture = try Fixture()
        let (repository, commit) = try fixture.finished()
        let remote = "\(fixture.directory)/remote.git"
        try fixture.git(["clone", "--quiet", "--bare", fixture.source, remote], in: fixture.directory)
        let url = "file://\(remote)"
        #expect(try RemoteDelivery.push(repository, commit: commit, to: url) == .pushed)
        #expect(try RemoteDelivery.push(repository, commit: commit, to: url) == .alreadyThere)
        #expect(try fixture.git(["rev-parse", repository.branch], in: remote) == commit)
        let main = try fixture.git(["rev-parse", "main"], in: remote)
        let other = try fixture.git(["commit-tree", "\(main)^{tree}", "-p", main, "-m", "other"], in: remote)
        try fixture.git(["update-ref", repository.branchRef, other], in: remote)
        #expect(throws: DeliveryError.self) { try RemoteDelivery.push(repository, commit: commit, to: url) }
        #expect(try fixture.git(["rev-parse", repository.branch], in: remote) == other)
        #expect(throws: DeliveryError.self) {
            try RemoteDelivery.push(repository, commit: repository.base, to: url)
        }
        #expect(throws: DeliveryError.self) {
            try RemoteDelivery.push(repository, commit: commit, to: "\(url)x")
        }
    }
}

@Suite struct SessionReportTests {
    /// The real program, beside the test bundle.
    private func hook() throws -> String {
        let folder = Files.parent(of: try Environment.executablePath())
        let candidates =
            ["\(folder)/on_publish"] + Environment.arguments().map { "\(Files.parent(of: $0))/on_publish" }
        return try #require(candidates.first { Files.isExecutable($0) }, "on_publish is built with the tests")
    }

    @Test func `the report is made by the kit's own hook`() throws {
        let fixture = try Fixture()
        let (repository, commit) = try fixture.finished()
        let change = try repository.diff(from: repository.base, to: commit)
        let report = SessionReport(sessionDirectory: fixture.sessionDirectory, hook: try hook())
        let artifacts = [
            SessionReport.Artifact(.diff, name: "change.diff", bytes: Array(change.patch.utf8)),
            SessionReport.Artifact(
                .tests, name: "tests.json", json: ["command": "npm test", "exit_code": 0]),
        ]
        let paths = try report.make(
            session: Fixture.session, release: "r1", commit: commit, artifacts: artifacts)
        #expect(try Files.readText(paths.html).contains("c.txt"))
        #expect(try Files.readText(paths.markdown).contains("npm test"))
        let json = try JSON.parse(try Files.readText(paths.json))
        #expect(json["release"]?["commit"] == .string(commit))
    }

    @Test func `a hook that fails is an error that says why`() throws {
        let fixture = try Fixture()
        for (hook, word) in [("/bin/false", "exit 1"), ("\(fixture.directory)/none", "No such file")] {
            let report = SessionReport(sessionDirectory: fixture.sessionDirectory, hook: hook)
            do {
                _ = try report.make(session: "s", release: "r", commit: "c", artifacts: [])
                Issue.record("no error")
            } catch {
                #expect(error.description.contains(word), "\(error)")
            }
        }
    }

    @Test(arguments: ["../x", "", ".hidden", "a/b"])
    func `an artifact's name is a plain file name`(name: String) throws {
        let fixture = try Fixture()
        let report = SessionReport(sessionDirectory: fixture.sessionDirectory, hook: "/bin/true")
        #expect(throws: DeliveryError.self) {
            try report.make(
                session: "s", release: "r", commit: "c", artifacts: [.init(.summary, name: name, bytes: [])])
        }
    }
}
