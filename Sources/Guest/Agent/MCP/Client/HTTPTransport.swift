import Glibc
import Kit
import Synchronization
import System
import Wire

/// A server behind streamable HTTP: a POST for each of our messages, whose answer brings the server's, and
/// one GET for what it says of its own accord. curl does the talking: it knows TLS and the sandbox's proxy.
final class HTTPTransport: MCPTransport {
    private struct State {
        var version: String?
        var session: String?
        var running: [Int32: Child] = [:]
        var isClosed = false
    }

    private let url: String
    private let headers: [(name: String, value: String)]
    private let environment: [String: String]
    private let curl: String
    private let receiver: MCPReceiver
    private let state = Mutex(State())

    init(
        url: String, headers: [String: String], bearer: String?, environment: [String: String],
        receiver: MCPReceiver
    ) throws(MCPError) {
        guard let curl = Environment.lookUp("curl", path: environment["PATH"]), Files.exists(curl) else {
            throw MCPError("there is no curl in this guest, which talks to servers on the web")
        }
        (self.url, self.curl, self.environment, self.receiver) = (url, curl, environment, receiver)
        self.headers =
            headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            + (bearer.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }

    func send(_ message: JSON) throws(MCPError) {
        // Only a request is answered; what the server says to the rest is its status.
        guard let id = message["id"]?.int64Value, message["method"] != nil else {
            let answer = try exchange("POST", message.serialized(), milliseconds: MCPLimits.writeMilliseconds)
            guard (200..<300).contains(answer.status) else { throw refusal(answer) }
            return
        }
        Worker.start("mcp", stackBytes: 1 << 20) { [self] in
            do throws(MCPError) {
                let isWanted: @Sendable () -> Bool = { [receiver] in receiver.isOpen(id) }
                var answer = try exchange("POST", message.serialized(), while: isWanted)
                guard (200..<300).contains(answer.status) else { throw refusal(answer) }
                // A stream may end before the answer has come, and is taken up where it ended.
                for _ in 0..<MCPLimits.resumptions {
                    guard !answer.lastEventID.isEmpty, !hasEnded, isWanted() else { break }
                    pause(answer.retryMilliseconds)
                    answer = try exchange("GET", nil, lastEvent: answer.lastEventID, while: isWanted)
                    guard answer.status == 200 else { break }
                }
                receiver.lost(id, "its answer ended before the result")
            } catch {
                receiver.lost(id, error.description)
            }
        }
    }

    func begin(version: String) {
        state.withLock { $0.version = version }
        Worker.start("mcp-news", stackBytes: 1 << 20) { [self] in listen() }
    }

    /// What the server says without being asked. Many have no such stream and say so.
    private func listen() {
        var last = ""
        for _ in 0...MCPLimits.resumptions {
            guard !hasEnded, let answer = try? exchange("GET", nil, lastEvent: last), answer.status == 200
            else { return }
            last = answer.lastEventID
            pause(answer.retryMilliseconds)
        }
    }

    private var hasEnded: Bool { state.withLock { $0.isClosed } }

    private func pause(_ milliseconds: Int?) {
        usleep(UInt32(min(max(milliseconds ?? 200, 200), MCPLimits.resumeMilliseconds)) * 1000)
    }

    private func refusal(_ answer: HTTPAnswer) -> MCPError {
        if answer.status == 404, state.withLock({ $0.session != nil }) {
            // Said so by the protocol: the next call shakes hands anew.
            receiver.end("it has forgotten the session")
        }
        return switch answer.status {
        case 300..<400:
            MCPError("it answers \(answer.status) and is somewhere else; name that address instead")
        case 401, 403:
            .said("it answers \(answer.status): the role's secret for it is missing or wrong", answer.words)
        default: .said("it answers \(answer.status)", answer.words)
        }
    }

    private func note(session answer: HTTPAnswer) {
        // Visible letters only: it becomes a header of every request.
        guard let session = answer.headers["mcp-session-id"],
            session.utf8.count <= MCPLimits.sessionCharacters,
            session.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return }
        state.withLock { if $0.session == nil { $0.session = session } }
    }

    func close() {
        let (running, session) = state.withLock { state in
            defer { state.isClosed = true }
            return (state.isClosed ? [] : Array(state.running.values), state.isClosed ? nil : state.session)
        }
        for child in running { try? child.killGroup(SIGKILL) }
        // It may forget us; one that does not will find out.
        if session != nil { _ = try? exchange("DELETE", nil, milliseconds: 2000, isLast: true) }
    }

    // MARK: One exchange

    /// Runs one request to its end and hands over what comes while it comes.
    private func exchange(
        _ method: String, _ body: [UInt8]?, lastEvent: String = "", milliseconds: Int? = nil,
        isLast: Bool = false, while isWanted: @Sendable () -> Bool = { true }
    ) throws(MCPError) -> HTTPAnswer {
        let curl = try start(method, body, lastEvent, milliseconds, isLast: isLast)
        let child = curl.child
        defer {
            try? child.killGroup(SIGKILL)
            _ = try? child.wait()
            state.withLock { $0.running[child.pid] = nil }
        }
        // What curl reads may be more than a pipe holds, so it has a thread.
        Worker.start("mcp-body", stackBytes: 128 * 1024) {
            // curl may end before it has read everything.
            try? IO.writeAll(curl.headers.raw, curl.head)
            curl.headers.close()
            try? IO.writeAll(curl.input.raw, body ?? [])
            curl.input.close()
        }
        return try read(child, while: isWanted)
    }

    /// How often it is asked whether an answer that is silent is still wanted, in milliseconds.
    private static let askMilliseconds = 1000

    private func read(_ child: Child, while isWanted: () -> Bool) throws(MCPError) -> HTTPAnswer {
        guard let stdout = child.stdout else { throw MCPError("curl has no output") }
        var answer = HTTPAnswer()
        do throws(HTTPAnswer.Problem) {
            while isWanted() {
                let isReadable = try? IO.waitReadable(stdout.raw, timeoutMilliseconds: Self.askMilliseconds)
                if isReadable == false { continue }
                guard let bytes = try? IO.read(stdout.raw), !bytes.isEmpty else { break }
                let pieces = try answer.receive(bytes)
                // Before the message is known: whoever waits for it sends the next one at once.
                if answer.status == 200 { note(session: answer) }
                deliver(pieces)
            }
            if answer.status != 0 { deliver(try answer.finish()) }
        } catch {
            throw MCPError(error.text)
        }
        guard answer.status != 0 else {
            // curl may go on for long; its words come with its end.
            guard isWanted() else { throw MCPError("nobody waits for its answer any more") }
            let words = child.stderr.flatMap { try? IO.readAll($0.raw, limit: 4096) } ?? []
            throw .said(
                "it is not reached (hosts that the role's list does not have are not)",
                String(decoding: words, as: UTF8.self))
        }
        return answer
    }

    private func deliver(_ pieces: [HTTPAnswer.Piece]) {
        for piece in pieces {
            switch piece {
            case .message(let json): receiver.message(json)
            case .stray(let what): receiver.stray(what)
            }
        }
    }

    /// A curl that waits for its headers, and then for its body.
    private struct Curl: Sendable {
        let child: Child
        let headers: SharedDescriptor
        let head: [UInt8]
        let input: SharedDescriptor
    }

    private func start(
        _ method: String, _ body: [UInt8]?, _ lastEvent: String, _ milliseconds: Int?, isLast: Bool
    ) throws(MCPError) -> Curl {
        var lines = headers.map { "\($0.name): \($0.value)" }
        let (version, session) = state.withLock { ($0.version, $0.session) }
        lines.append(
            "Accept: \(method == "POST" ? "application/json, text/event-stream" : "text/event-stream")")
        if body != nil { lines.append("Content-Type: application/json") }
        if let version { lines.append("MCP-Protocol-Version: \(version)") }
        if let session { lines.append("Mcp-Session-Id: \(session)") }
        if !lastEvent.isEmpty { lines.append("Last-Event-ID: \(lastEvent.filter { !$0.isNewline })") }
        // A head of 100 Continue would come before the head.
        lines.append("Expect:")
        var words = [
            curl, "--silent", "--show-error", "--no-buffer", "--http1.1", "--include",
            "--suppress-connect-headers", "--proto", "=http,https", "--user-agent", "openclaw-mcp",
            // The role's list of hosts decides, also for a server on the host's loopback: NO_PROXY is for
            // what runs in this sandbox.
            "--noproxy", "", "--request", method, "--header", "@/proc/self/fd/3",
        ]
        if body != nil { words += ["--data-binary", "@-"] }
        let seconds = (milliseconds ?? 2 * MCPLimits.callMilliseconds) / 1000
        // A stream of news is as long as the task.
        if method != "GET" { words += ["--max-time", "\(max(1, seconds))"] }
        words += ["--", url]
        do throws(SystemError) {
            let (reader, writer) = try IO.pipe().split()
            // Then a curl that has ended is an error for who writes, and no wait.
            defer { reader.close() }
            let child = try Spawn.start(
                Spawn.Command(
                    words, environment: environment, stdin: .pipe, stdout: .pipe, stderr: .pipe,
                    descriptors: [(reader.raw, 3)]))
            guard let stdin = child.stdin else {
                throw SystemError(call: "pipe", operand: "curl", code: EPIPE)
            }
            let isLate = state.withLock { state in
                state.running[child.pid] = child
                return state.isClosed && !isLast
            }
            if isLate { try? child.killGroup(SIGKILL) }
            return Curl(
                child: child, headers: writer, head: Array((lines.joined(separator: "\n") + "\n").utf8),
                input: stdin)
        } catch {
            throw MCPError("curl cannot be started: \(error)")
        }
    }
}
