import Synchronization
import System
import Testing
import Wire

@testable import Delivery

/// The session's repository behind a real server; the agent is the password of the URL, as in `coder-1`.
private final class Server: Sendable {
    let server: HTTPServer
    let port: UInt16
    let pushes = Condition<[GitHTTP.Update]>([])

    init(_ repository: SessionRepository, maxPushBytes: Int = 1 << 20) throws {
        Signals.ignoreSIGPIPE()
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        let pushes = pushes
        let git = GitHTTP(repository, maxPushBytes: maxPushBytes) { agent, updates in
            pushes.withLock { $0 += updates }
            if agent.isEmpty { Issue.record("a push by nobody") }
        }
        server = try HTTPServer(listener: listener, bodyPlan: { _ in GitHTTP.bodyPlan }) {
            request, exchange in
            // /AGENT/git/SESSION/…
            let segments = request.target.segments
            try git.handle(exchange, path: segments.dropFirst(3).joined(separator: "/"), agent: segments[0])
        }
        server.start()
    }

    deinit { server.stop() }

    func url(_ agent: String) -> String { "http://127.0.0.1:\(port)/\(agent)/git/\(Fixture.session)" }
}

private func ref(_ agent: String, _ task: String) -> String {
    "refs/heads/work/\(Fixture.session)/\(agent)/\(task)"
}

@Suite struct GitHTTPTests {
    @Test(arguments: ["0", "2"])
    func `an agent clones, pushes, fetches what others pushed, and deletes its branch`(version: String) throws
    {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository)
        let settings = [("protocol.version", version)]
        let clone = "\(fixture.directory)/c1"
        try fixture.git(
            ["clone", "--quiet", "--reference", repository.basePath, server.url("coder-1"), clone],
            in: fixture.directory, settings: settings)
        let commit = try fixture.commit(["c.txt": "c"], in: clone, "work")
        try fixture.git(
            ["push", "--quiet", "--force", "origin", "\(commit):\(ref("coder-1", "t1"))"], in: clone,
            settings: settings)
        #expect(try repository.commit(of: ref("coder-1", "t1")) == commit)
        #expect(server.pushes.withLock { $0 } == [.init(ref: ref("coder-1", "t1"), old: nil, new: commit)])
        let other = "\(fixture.directory)/c2"
        try fixture.git(
            ["clone", "--quiet", server.url("coder-2"), other], in: fixture.directory, settings: settings)
        #expect(
            try fixture.git(["rev-parse", "origin/work/\(Fixture.session)/coder-1/t1"], in: other) == commit)
        try fixture.git(
            ["push", "--quiet", "origin", ":\(ref("coder-1", "t1"))"], in: clone, settings: settings)
        #expect(server.pushes.withLock { $0.last } == .init(ref: ref("coder-1", "t1"), old: commit, new: nil))
        #expect(try repository.git.commit(ref("coder-1", "t1")) == nil)
    }

    @Test(arguments: [
        "refs/heads/openclaw/\(Fixture.session)", "refs/heads/work/\(Fixture.session)/coder-2/t1",
        "refs/heads/main",
        "refs/heads/work/other-session/coder-1/t1", "refs/tags/v1", "refs/openclaw/base",
        "refs/heads/work/\(Fixture.session)/coder-10/t1",
    ])
    func `a push elsewhere is refused with the reason, and none of it is done`(target: String) throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository)
        let clone = "\(fixture.directory)/c1"
        try fixture.git(["clone", "--quiet", server.url("coder-1"), clone], in: fixture.directory)
        try fixture.commit(["c.txt": "c"], in: clone, "work")
        let before = try fixture.git(["for-each-ref"], in: repository.path)
        let outcome = try fixture.run(
            ["push", "--force", "origin", "HEAD:\(target)", "HEAD:\(ref("coder-1", "t1"))"], in: clone)
        #expect(!outcome.status.isSuccess)
        #expect(
            outcome.stderrText.contains(
                "only refs/heads/work/\(Fixture.session)/coder-1/* is yours to push to"))
        #expect(try fixture.git(["for-each-ref"], in: repository.path) == before)
        #expect(server.pushes.withLock { $0 } == [])
    }

    @Test func `a push that is too large is refused and leaves nothing behind`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository, maxPushBytes: 32 << 10)
        let clone = "\(fixture.directory)/c1"
        try fixture.git(["clone", "--quiet", server.url("coder-1"), clone], in: fixture.directory)
        try fixture.commit(["c.bin": Random.hex(64 << 10)], in: clone, "large")
        let outcome = try fixture.run(["push", "origin", "HEAD:\(ref("coder-1", "t1"))"], in: clone)
        #expect(!outcome.status.isSuccess)
        #expect(try repository.git.commit(ref("coder-1", "t1")) == nil)
        #expect(try Files.list(fixture.sessionDirectory) == ["repository.git", "workspace"])
    }

    @Test func `an object that fails the check is refused`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository)
        let clone = "\(fixture.directory)/c1"
        try fixture.git(["clone", "--quiet", server.url("coder-1"), clone], in: fixture.directory)
        // A tree with an entry that would be written into .git.
        let blob = try fixture.git(["hash-object", "-w", "a.txt"], in: clone)
        let entries = try fixture.git(["rev-parse", "HEAD"], in: clone)
        let made = try Spawn.run(
            Spawn.Command(
                ["sh", "-c", "printf '100644 blob \(blob)\\t.git\\n' | git mktree"], workingDirectory: clone))
        let tree = made.stdoutText.split(separator: "\n").first.map(String.init) ?? ""
        let commit = try fixture.git(["commit-tree", tree, "-p", entries, "-m", "evil"], in: clone)
        let outcome = try fixture.run(["push", "origin", "\(commit):\(ref("coder-1", "t1"))"], in: clone)
        #expect(!outcome.status.isSuccess)
        #expect(outcome.stderrText.contains("hasDotgit") || outcome.stderrText.contains("unpack"))
        #expect(try repository.git.commit(ref("coder-1", "t1")) == nil)
    }

    @Test func `many agents push at once and every push arrives`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository)
        let agents = (1...6).map { "coder-\($0)" }
        let failures = Mutex<[String]>([])
        let workers = agents.map { agent in
            Worker.start(agent) {
                do {
                    let clone = "\(fixture.directory)/\(agent)"
                    try fixture.git(["clone", "--quiet", server.url(agent), clone], in: fixture.directory)
                    for task in ["t1", "t2"] {
                        try fixture.commit(["\(agent)-\(task)": agent], in: clone, task)
                        try fixture.git(["push", "--quiet", "origin", "HEAD:\(ref(agent, task))"], in: clone)
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        for worker in workers { worker.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(
            Set(server.pushes.withLock { $0.map(\.ref) })
                == Set(agents.flatMap { [ref($0, "t1"), ref($0, "t2")] }))
        try fixture.git(["fsck", "--full"], in: repository.path)
    }

    @Test func `pushes of one agent to one branch are reported as a chain`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository)
        let clones = (1...4).map { "\(fixture.directory)/c\($0)" }
        for clone in clones {
            try fixture.git(["clone", "--quiet", server.url("coder-1"), clone], in: fixture.directory)
            try fixture.commit(["f": clone], in: clone, clone)
        }
        let workers = clones.map { clone in
            Worker.start("push") {
                // Git itself refuses one that was overtaken; which one is not the matter here.
                _ = try? fixture.git(
                    ["push", "--quiet", "--force", "origin", "HEAD:\(ref("coder-1", "t1"))"], in: clone)
            }
        }
        for worker in workers { worker.join() }
        let updates = server.pushes.withLock { $0 }
        #expect(!updates.isEmpty && updates.first?.old == nil)
        for (earlier, later) in zip(updates, updates.dropFirst()) { #expect(earlier.new == later.old) }
        #expect(updates.last?.new == (try repository.git.commit(ref("coder-1", "t1"))))
    }

    @Test func `a packed request is unpacked, up to its limit`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let server = try Server(repository, maxPushBytes: 1 << 20)
        // Many lines make git pack its request: a hundred tips that the server does not know.
        let clone = "\(fixture.directory)/c1"
        try fixture.git(["clone", "--quiet", server.url("coder-1"), clone], in: fixture.directory)
        for index in 0..<60 {
            try fixture.git(["commit", "--quiet", "--allow-empty", "-m", "\(index)"], in: clone)
        }
        try fixture.publish(["z": "z"], on: repository.base, agent: "coder-2", task: "t1", repository)
        let outcome = try fixture.run(
            ["-c", "protocol.version=0", "fetch", "origin"], in: clone)
        #expect(outcome.status.isSuccess, "\(outcome.stderrText)")
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        let packed = try Spawn.run(Spawn.Command(["gzip", "-c"], stdin: .bytes(zeros)))
        let response = try HTTPClient.send(
            HTTPRequest(
                "POST", "/coder-1/git/s/git-receive-pack", headers: ["Content-Encoding": "gzip"],
                body: packed.stdout),
            to: .tcp("127.0.0.1", server.port))
        #expect(response.status == 413)
    }

    @Test(arguments: [
        ("GET", "info/refs", 403), ("GET", "info/refs?service=git-x", 403), ("GET", "HEAD", 404),
        ("POST", "objects/x", 404), ("POST", "git-receive-pack", 400),
    ])
    func `what is not the smart protocol is refused`(method: String, path: String, status: Int) throws {
        let fixture = try Fixture()
        let server = try Server(try fixture.create())
        let response = try HTTPClient.send(
            HTTPRequest(method, "/coder-1/git/s/\(path)"), to: .tcp("127.0.0.1", server.port))
        #expect(response.status == status)
    }
}

@Suite struct PushCommandsTests {
    private static let (zero, one) = (String(repeating: "0", count: 40), String(repeating: "1", count: 40))
    private static let prefix = "refs/heads/work/s/a/"

    private static func bytes(_ lines: [String]) -> [UInt8] {
        lines.flatMap { PacketLine.make($0) } + PacketLine.flush
    }

    @Test func `commands and capabilities are read, at every length of the input`() {
        let input = Self.bytes([
            "shallow \(Self.one)",
            "\(Self.zero) \(Self.one) refs/heads/a\0 report-status side-band-64k agent=x\n",
            "\(Self.one) \(Self.zero) refs/heads/b",
        ])
        for length in 0..<input.count { #expect(PushCommands.read(input[..<length]) == .incomplete) }
        guard case .commands(let push) = PushCommands.read(input + Array("PACK".utf8)) else {
            Issue.record("not read")
            return
        }
        #expect(push.commands.map(\.ref) == ["refs/heads/a", "refs/heads/b"])
        #expect(push.capabilities == ["report-status", "side-band-64k", "agent=x"])
    }

    @Test(arguments: [
        "push-cert\0 report-status", "\(one) \(one)", "\(one)  refs/heads/a", "x \(one) refs/heads/a",
        "\(one)\t\(one) refs/heads/a", "\(zero.dropLast()) \(one) refs/heads/a",
    ])
    func `a line that is no update is refused`(line: String) {
        guard case .refused = PushCommands.read(Self.bytes([line])) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: ["zzzz", "0001", "0003", "0004", "+123", "ffff"])
    func `a packet without a sound length is refused or waits`(header: String) {
        if case .commands = PushCommands.read(Array(header.utf8)) { Issue.record("accepted") }
    }

    @Test(arguments: [
        ("refs/heads/work/s/a/t1", true), ("refs/heads/work/s/a/t1/x", true), ("refs/heads/work/s/a/", false),
        ("refs/heads/work/s/ab/t1", false), ("refs/heads/work/s/a", false),
        ("refs/heads/work/s/a/t 1", false),
        ("refs/heads/work/s/a/t1\n\(zero) \(one) refs/heads/x", false), ("refs/heads/work/s/a/é", false),
        ("HEAD", false), ("refs/replace/\(one)", false), ("refs/notes/x", false),
        ("refs/heads/work/s/a/../b", false),
    ])
    func `only the agent's own prefix is allowed`(ref: String, isAllowed: Bool) {
        guard case .commands(let push) = PushCommands.read(Self.bytes(["\(Self.zero) \(Self.one) \(ref)"]))
        else {
            Issue.record("not read")
            return
        }
        #expect(push.violations(prefix: Self.prefix).isEmpty == isAllowed)
    }
}

@Suite struct PushQuotaTests {
    @Test func `what agents push is counted, each alone and all together, over restarts`() throws {
        let directory = try Files.temporaryDirectory(prefix: "push-quota-")
        defer { try? Files.removeTree(directory) }
        let gigabyte: Int64 = 1 << 30
        var quota = PushQuota(directory: directory)
        #expect(quota.take("coder-1", gigabyte) == nil && quota.take("coder-1", gigabyte) == nil)
        quota = PushQuota(directory: directory)
        let refusal = quota.take("coder-1", 1)
        #expect(refusal?.contains("an agent may push 2 GiB") == true, "\(refusal ?? "nothing")")
        for agent in ["coder-2", "coder-3", "coder-4"] { #expect(quota.take(agent, 2 * gigabyte) == nil) }
        #expect(quota.take("coder-5", 1)?.contains("the agents of a session") == true)
        #expect(quota.take("coder-5", .max) != nil)
        // A file that says nonsense counts as nothing, and traps nowhere.
        try Files.write(
            "\(directory)/pushed.json", Array(#"{"a":-5,"b":1e300,"c":"x","d":9223372036854775807}"#.utf8))
        quota = PushQuota(directory: directory)
        #expect(quota.take("d", 1) != nil && quota.take("new", 1) != nil)
    }
}
