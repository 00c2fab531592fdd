// A person in the agent's place: a shell in its clone, with what its tools may and nothing more.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// `GET /shell?columns=C&rows=R&term=T`, upgraded to a terminal's bytes both ways. For the coordinator only:
/// it shows the agent's own token.
///
/// The agent stands still meanwhile (SIGSTOP); a command of a tool that is running ends by itself. What the
/// person changed is told to the coordinator as a diff when the shell ends, however it ends.
final class ShellDesk: Sendable {
    private let isTaken = Mutex(false)

    static let path = "/shell"
    static let proto = "openclaw-shell"

    /// What the shell is, read strictly from the request.
    struct Size: Sendable, Hashable {
        var columns: UInt16
        var rows: UInt16
        var term: String

        init?(_ query: [String: String]) {
            guard let columns = query["columns"].flatMap({ UInt16($0) }), (2...1000).contains(columns),
                let rows = query["rows"].flatMap({ UInt16($0) }), (2...1000).contains(rows)
            else { return nil }
            let term = query["term"] ?? "dumb"
            let isPlain = term.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == 0x2D || $0 == 0x2B || $0 == 0x2E
            }
            guard isPlain, (1...40).contains(term.utf8.count) else { return nil }
            (self.columns, self.rows, self.term) = (columns, rows, term)
        }
    }

    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange, _ session: Session) throws(HTTPError) {
        guard let token = session.token, let shown = request.bearerToken, HTTPFace.areEqual(token, shown)
        else {
            return try exchange.respond(
                .error(401, code: "unauthorized", message: "a shell needs the agent's token"))
        }
        guard let size = Size(request.query), request.method == "GET",
            request.headers.tokens("Connection").contains("upgrade"),
            var policy = session.document["sandbox"], policy.objectValue != nil
        else {
            return try exchange.respond(
                .error(400, code: "bad_request", message: "a shell is asked for with columns and rows"))
        }
        let isFree = isTaken.withLock { taken in
            defer { taken = true }
            return !taken
        }
        guard isFree else {
            return try exchange.respond(
                .error(409, code: "taken", message: "somebody has a shell here already"))
        }
        defer { isTaken.withLock { $0 = false } }
        policy["timeout_ms"] = JSON(Limits.shellMilliseconds)
        var environment = policy["environment"] ?? [:]
        environment["TERM"] = .string(size.term)
        environment["PS1"] = .string("\(session.agentID):\\w\\$ ")
        policy["environment"] = environment
        let agent = session.state.withLock { state -> Int32? in
            // Nobody expects progress of an agent that stands still.
            state.clock.beginWait(now: Supervisor.now)
            state.isVisited = true
            return state.agent
        }
        // An agent that has just ended needs no stop.
        if let agent { try? Processes.kill(agent, SIGSTOP) }
        let before = Self.snapshot(session)
        defer {
            end(Self.change(since: before, session), agent, session)
        }
        let (socket, leftover) = try exchange.upgrade(
            headers: ["Connection": "Upgrade", "Upgrade": Self.proto])
        // Whoever types before there is a terminal is no terminal.
        guard leftover.isEmpty else { return IO.shutdown(socket.raw) }
        run(policy, size, socket, session)
        IO.shutdown(socket.raw)
    }

    /// The coordinator hears of the change before the agent goes on, so that the agent hears of it soon; one
    /// that is away is told when it is back.
    private func end(_ change: JSON, _ agent: Int32?, _ session: Session) {
        let told = try? session.courier?.post("/coordinator/shell/ended", change, .milliseconds(5000))
        if told?.isSuccess != true { session.tell("shell/ended", change) }
        if let agent { try? Processes.kill(agent, SIGCONT) }
        session.state.withLock { state in
            state.clock.endWait(now: Supervisor.now)
            state.isVisited = false
        }
    }

    private func run(_ policy: JSON, _ size: Size, _ socket: SharedDescriptor, _ session: Session) {
        var policy = policy
        let guest = session.guest
        do throws(HarnessError) {
            try session.openProxy(&policy)
            let files = try SandboxFiles(policy: policy, guest: guest)
            let options = ["--live", "--pty", "\(size.columns)x\(size.rows)"]
            let words = [guest.binary("openclaw-sandbox")] + options + ["--", "/bin/bash", "--norc", "-i"]
            let outcome = session.mailbox.run(
                Spawn.Command(
                    words, environment: guest.environment(asAgent: false), stdin: .descriptor(socket.raw),
                    stdout: .descriptor(socket.raw), stderr: .null, descriptors: files.descriptors,
                    dieWithParent: true))
            let report = SandboxFiles.readReport(files.report) ?? [:]
            let denials = report["denials"]?.arrayValue ?? []
            if !denials.isEmpty { session.tell(denials, task: session.currentTaskID) }
            if let error = report["error"]?.stringValue {
                session.mailbox.log("the shell: \(error)")
                try? Sockets.send(socket.raw, Array("openclaw: no shell: \(error)\r\n".utf8))
            } else if case .failed(let reason) = outcome {
                session.mailbox.log("the shell: \(reason)")
            }
        } catch {
            session.mailbox.log("the shell: \(error)")
        }
    }

    // MARK: What the person changed

    private static func clone(_ session: Session) -> Clone? {
        guard session.document["clone"]?.boolValue == true else { return nil }
        let task = session.state.withLock { $0.book.current.values.first } ?? [:]
        let clone = Clone(session: session, task: task)
        return Files.exists("\(clone.directory)/.git") ? clone : nil
    }

    private static func snapshot(_ session: Session) -> String? {
        do throws(HarnessError) {
            return try session.withGit { () throws(HarnessError) in try clone(session)?.snapshot() }
        } catch {
            session.mailbox.log("the shell: \(error)")
            return nil
        }
    }

    private static func change(since before: String?, _ session: Session) -> JSON {
        guard let before else { return ["diff": "", "files": []] }
        do throws(HarnessError) {
            return try session.withGit { () throws(HarnessError) in
                try clone(session)?.change(since: before) ?? ["diff": "", "files": []]
            }
        } catch {
            return ["diff": .string("[the change cannot be shown: \(error)]"), "files": []]
        }
    }
}

extension Clone {
    /// Everything in the clone as a tree; nil in the middle of a rebase, when there is no such tree.
    func snapshot() throws(HarnessError) -> String? {
        if isRebasing { return nil }
        try git(["add", "-A"])
        return try git(["write-tree"]).split(separator: "\n").first.map(String.init)
    }

    /// What was changed since a snapshot.
    func change(since tree: String) throws(HarnessError) -> JSON {
        guard let now = try snapshot(), now != tree else { return ["diff": "", "files": []] }
        let options = ["diff", "--no-ext-diff", "--no-textconv", "--no-color"]
        let diff = try git(options + [tree, now])
        let files = try git(options + ["--name-only", "-z", tree, now]).split(separator: "\0").map(
            String.init)
        return ["diff": .string(Self.shown(diff)), "files": JSON(Array(files.prefix(200)))]
    }
}
