// Git's smart HTTP protocol (gitprotocol-http(5)) for the guests of one session: everybody reads everything
// of the session, each agent writes below its own prefix. upload-pack and receive-pack do the work, without
// git http-backend, which would have to be kept from configuration and path rules of its own.

import Glibc
import System
public import Wire

/// Serves one session's repository to its agents. One instance a session: it gives the pushes of an agent
/// their order.
public final class GitHTTP: Sendable {
    /// A reference that a push changed.
    public struct Update: Sendable, Hashable {
        /// Full: `refs/heads/work/SESSION/AGENT/TASK`.
        public let ref: String
        /// Nil for a new reference.
        public let old: String?
        /// Nil for a deleted one.
        public let new: String?
    }

    /// Told after git has stored a push: the agent, and what really changed.
    public typealias Report = @Sendable (_ agent: String, _ updates: [Update]) -> Void

    private let repository: SessionRepository
    private let maxPushBytes: Int
    private let report: Report
    /// The agents whose push is being stored. Two pushes of one agent would otherwise each see the other's
    /// change.
    private let pushing = Condition<Set<String>>([])
    private let quota: PushQuota

    /// - Parameter maxPushBytes: The largest push.
    public init(_ repository: SessionRepository, maxPushBytes: Int = 512 << 20, report: @escaping Report) {
        (self.repository, self.maxPushBytes, self.report) = (repository, maxPushBytes, report)
        quota = PushQuota(directory: repository.sessionDirectory)
    }

    /// What the server must do with the bodies of `/git/…`: pushes are larger than memory should be.
    public static let bodyPlan = HTTPServer.BodyPlan.stream

    /// Answers one request.
    /// - Parameters:
    ///   - path: What follows `/git/SESSION/`: `info/refs`, `git-upload-pack` or `git-receive-pack`.
    ///   - agent: Whose token came along.
    public func handle(_ exchange: HTTPExchange, path: String, agent: String) throws {
        let request = exchange.request
        switch (request.method, path) {
        case ("GET", "info/refs"):
            guard let service = request.query["service"].flatMap({ GitService(rawValue: $0) }) else {
                try refuse(exchange, 403, "only the smart protocol is spoken; use git 1.6.6 or later")
                return
            }
            try advertise(service, exchange)
        case ("POST", "git-upload-pack"): try upload(exchange)
        case ("POST", "git-receive-pack"): try receive(exchange, agent: agent)
        default: try refuse(exchange, 404, "there is no \(request.method) \(path) in a git repository")
        }
    }

    private func refuse(_ exchange: HTTPExchange, _ status: Int, _ message: String) throws {
        try exchange.respond(
            HTTPResponse(
                status: status, headers: ["Content-Type": "text/plain"], body: Array("\(message)\n".utf8)))
    }

    private static func headers(_ type: String) -> HTTPHeaders {
        ["Content-Type": "application/x-\(type)", "Cache-Control": "no-cache, max-age=0, must-revalidate"]
    }

    /// The version that the client asks for; our git decides on it. Only known characters reach the
    /// environment.
    private func git(_ exchange: HTTPExchange) -> Git {
        let version = exchange.request.headers["Git-Protocol"] ?? ""
        let isPlain = version.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x3D || $0 == 0x3A
        }
        let isUsed = !version.isEmpty && version.utf8.count < 64 && isPlain
        return Git(nil, environment: isUsed ? ["GIT_PROTOCOL": version] : [:])
    }

    private func advertise(_ service: GitService, _ exchange: HTTPExchange) throws {
        let outcome = try git(exchange).run([
            service.command, "--stateless-rpc", "--http-backend-info-refs", repository.path,
        ])
        var body = outcome.stdout
        // Version 2 starts with its own line; the older ones are announced.
        if service == .receivePack || !body.starts(with: "000eversion 2".utf8) {
            body = PacketLine.make("# service=\(service.rawValue)\n") + PacketLine.flush + body
        }
        try exchange.respond(
            HTTPResponse(status: 200, headers: Self.headers("\(service.rawValue)-advertisement"), body: body))
    }

    // MARK: Fetching

    private func upload(_ exchange: HTTPExchange) throws {
        let body = try GitBody.store(
            exchange, in: repository.sessionDirectory, limit: Limits.fetchRequestBytes)
        let arguments = ["git", "upload-pack", "--stateless-rpc", repository.path]
        let child = try Spawn.start(
            Spawn.Command(
                arguments, environment: Git.environment(adding: git(exchange).environment),
                workingDirectory: "/",
                stdin: .descriptor(body.raw), stdout: .pipe, stderr: .null))
        defer {
            // Ended already when all went well; a client that left must not leave a git behind.
            try? child.killGroup(SIGKILL)
            _ = try? child.wait()
        }
        guard let output = child.stdout else { throw HTTPError(.misuse, "git upload-pack has no output") }
        try exchange.begin(200, headers: Self.headers("git-upload-pack-result"))
        while true {
            let bytes = try IO.readWithTimeout(output.raw, timeoutMilliseconds: Limits.gitMilliseconds)
            guard let bytes else { throw HTTPError(.timeout, "git upload-pack was silent for too long") }
            if bytes.isEmpty { break }
            try exchange.write(bytes)
        }
        let status = try child.wait()
        // Cut, not ended: half a pack must not pass for a whole one.
        guard status.isSuccess else { throw HTTPError(.misuse, "git upload-pack ended with \(status)") }
        try exchange.end()
    }

    // MARK: Pushing

    private func receive(_ exchange: HTTPExchange, agent: String) throws {
        // Before its body is taken: of one agent there is one on the disk at a time.
        _ = pushing.wait { $0.insert(agent).inserted ? true : nil }
        defer { pushing.withLock { _ = $0.remove(agent) } }
        let body = try GitBody.store(exchange, in: repository.sessionDirectory, limit: maxPushBytes)
        let start = try IO.readAll(body.raw, prefix: Limits.pushCommandBytes + 4)
        guard lseek(body.raw, 0, SEEK_SET) == 0 else {
            throw HTTPError(.misuse, "the push cannot be read again")
        }
        let push: PushCommands
        switch PushCommands.read(start) {
        case .commands(let parsed): push = parsed
        case .incomplete: return try refuse(exchange, 400, "the push ends within its list of references")
        case .refused(let reason): return try refuse(exchange, 403, "refused: \(reason)")
        }
        let prefix = SessionRepository.workPrefix(session: repository.session, agent: agent)
        let violations = push.violations(prefix: prefix)
        guard violations.isEmpty else {
            try exchange.respond(
                HTTPResponse(
                    status: 200, headers: Self.headers("git-receive-pack-result"),
                    body: push.refusal(violations)))
            return
        }
        if let refusal = quota.take(agent, try Files.status(of: body.raw).size) {
            return try refuse(exchange, 413, "refused: \(refusal)")
        }
        let outcome = try store(push, body, exchange, agent: agent)
        guard outcome.status.isSuccess else {
            try refuse(
                exchange, 500,
                "git receive-pack ended with \(outcome.status): \(outcome.stderrText.suffix(500))")
            return
        }
        try exchange.respond(
            HTTPResponse(
                status: 200, headers: Self.headers("git-receive-pack-result"), body: outcome.stdout))
    }

    /// Has git store a push that the policy allows, and reports what really changed: a push may be refused in
    /// part. Reported before the answer, so that an agent that hears "pushed" can rely on the coordinator
    /// knowing.
    private func store(
        _ push: PushCommands, _ body: borrowing FileDescriptor, _ exchange: HTTPExchange, agent: String
    ) throws -> Spawn.Outcome {
        let before = try heads(push)
        let settings = [
            ("receive.maxInputSize", "\(maxPushBytes)"), ("receive.fsckObjects", "true"),
            ("receive.denyDeletes", "false"), ("receive.denyNonFastForwards", "false"),
        ]
        var environment = Git.environment(adding: git(exchange).environment)
        for (key, value) in settings { Git.add(key, value, to: &environment) }
        let outcome = try Spawn.run(
            Spawn.Command(
                ["git", "receive-pack", "--stateless-rpc", repository.path], environment: environment,
                workingDirectory: "/", stdin: .descriptor(body.raw),
                timeoutMilliseconds: Limits.gitMilliseconds))
        let after = try heads(push)
        let updates = push.commands.compactMap { command -> Update? in
            let (old, new) = (before[command.ref], after[command.ref])
            return old == new ? nil : Update(ref: command.ref, old: old, new: new)
        }
        if !updates.isEmpty { report(agent, updates) }
        return outcome
    }

    /// Where the references of a push stand.
    private func heads(_ push: PushCommands) throws -> [String: String] {
        guard !push.commands.isEmpty else { return [:] }
        let format = "--format=%(refname) %(objectname)"
        let lines = try repository.git.run(["for-each-ref", format] + push.commands.map(\.ref)).lines
        var heads: [String: String] = [:]
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 2 { heads[String(words[0])] = String(words[1]) }
        }
        return heads
    }
}

private enum GitService: String {
    case uploadPack = "git-upload-pack"
    case receivePack = "git-receive-pack"

    var command: String { String(rawValue.dropFirst(4)) }
}

/// The body of a request as a file without a name: gone with its descriptor, whatever happens.
private enum GitBody {
    /// Reads the body to its end, unpacked when the client packed it.
    /// - Parameter limit: In bytes, for what arrives and for what it unpacks to; more is 413.
    static func store(_ exchange: HTTPExchange, in directory: String, limit: Int) throws -> FileDescriptor {
        let file = try unnamed(directory)
        var count = 0
        while true {
            let bytes = try exchange.readBody()
            if bytes.isEmpty { break }
            count += bytes.count
            guard count <= limit else { throw HTTPError(.tooLarge, "the body is larger than \(limit) bytes") }
            try IO.writeAll(file.raw, bytes)
        }
        guard lseek(file.raw, 0, SEEK_SET) == 0 else {
            throw HTTPError(.misuse, "the body cannot be read again")
        }
        switch exchange.request.headers.tokens("Content-Encoding") {
        case [], ["identity"]: return file
        case ["gzip"], ["x-gzip"]: return try unpack(file, in: directory, limit: limit)
        default: throw HTTPError(.unsupported, "the body has an encoding other than gzip", status: 415)
        }
    }

    private static func unnamed(_ directory: String) throws(SystemError) -> FileDescriptor {
        let path = "\(directory)/incoming.\(Random.hex(8)).tmp"
        let file = try Files.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        try Files.remove(path)
        return file
    }

    private static func unpack(
        _ packed: borrowing FileDescriptor, in directory: String, limit: Int
    ) throws -> FileDescriptor {
        let file = try unnamed(directory)
        let child = try Spawn.start(
            Spawn.Command(
                ["gzip", "-dc"], environment: Git.environment(), stdin: .descriptor(packed.raw),
                stdout: .pipe,
                stderr: .null))
        defer {
            try? child.killGroup(SIGKILL)
            _ = try? child.wait()
        }
        guard let output = child.stdout else { throw HTTPError(.misuse, "gzip has no output") }
        var count = 0
        while true {
            let bytes = try IO.read(output.raw)
            if bytes.isEmpty { break }
            count += bytes.count
            guard count <= limit else {
                throw HTTPError(.tooLarge, "the body unpacks to more than \(limit) bytes")
            }
            try IO.writeAll(file.raw, bytes)
        }
        guard try child.wait().isSuccess, lseek(file.raw, 0, SEEK_SET) == 0 else {
            throw HTTPError(.malformed, "the body is no gzip")
        }
        return file
    }
}

extension IO {
    /// The first bytes, or all when there are fewer.
    fileprivate static func readAll(_ fd: Int32, prefix: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < prefix {
            let more = try read(fd, prefix - bytes.count)
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }
}
