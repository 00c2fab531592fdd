// `openclaw-agent tool program`: an agent program of somebody else's, in the sandbox of its role. It starts
// the program, reads what it prints, and passes on what it asks the harness for.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// One sandbox of a program.
final class ProgramHost: Sendable {
    private let upward = Mutex<JSONRPCPeer?>(nil)
    private let environment: [String: String]

    init(environment: [String: String]) { self.environment = environment }

    static func main() -> Int32 {
        Signals.ignoreSIGPIPE()
        guard let socket = try? IO.duplicate(0, atLeast: 10).shared() else { return 1 }
        let host = ProgramHost(environment: Environment.all())
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = AgentLimits.lineBytes
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "program", limits: limits,
            onRequest: { method, params in
                guard method == "run" else { throw JSONRPCError.methodNotFound(method) }
                return host.run(params)
            })
        host.upward.withLock { $0 = peer }
        do throws(SystemError) {
            try host.listen()
        } catch {
            try? IO.writeAll(2, Array("openclaw-agent: listen on \(ProgramPlace.socket): \(error)\n".utf8))
            return 1
        }
        // Ends when the harness closes its end; then everything in this namespace ends with it.
        peer.start()?.join()
        return 0
    }

    // MARK: What the program asks for

    /// The harness's socket, as the program and its MCP server reach it.
    private func listen() throws(SystemError) {
        try Files.makeDirectories(Files.parent(of: ProgramPlace.socket), mode: 0o700)
        let listener = try Sockets.listenUnix(ProgramPlace.socket, mode: 0o600).shared()
        Worker.start("agents", stackBytes: 128 * 1024) { [self] in
            while let socket = try? Sockets.accept(listener.raw).shared() { serve(socket) }
        }
    }

    private func serve(_ socket: SharedDescriptor) {
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = AgentLimits.lineBytes
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "agent", limits: limits,
            onRequest: { [self] method, params in try pass(method, params) },
            onNotification: { [self] _, _ in tell("alive", "") })
        peer.start()
    }

    private func pass(_ method: String, _ params: JSON) throws -> JSON {
        guard let peer = upward.withLock({ $0 }) else { throw JSONRPCError.server("there is no harness") }
        do throws(JSONRPCCallError) {
            return try peer.call(method, params, timeoutMilliseconds: nil)
        } catch {
            if case .remote(_, let error) = error { throw error }
            throw JSONRPCError.server("\(error)")
        }
    }

    private func tell(_ method: String, _ text: String, stream: String? = nil) {
        var params: JSON = ["text": .string(text)]
        params["stream"] = stream.map { .string($0) }
        upward.withLock { $0 }?.notify(method, params)
    }

    // MARK: Running it

    /// What is started.
    private struct Start {
        var words: [String]
        var input: [UInt8]
        var environment: [String: String]
        var stream: AgentProgram.Stream?
        var name: String
        var canResume: Bool
    }

    private func run(_ params: JSON) -> JSON {
        do {
            let start = try prepare(params)
            return try run(start, in: params["workdir"]?.stringValue ?? "/")
        } catch {
            return ["exit_code": 126, "problem": .string("it could not be started: \(error)")]
        }
    }

    private func prepare(_ params: JSON) throws -> Start {
        let document = params["program"] ?? [:]
        try Files.makeDirectories(ProgramPlace.home, mode: 0o700)
        guard let description = document["description"] else {
            let words = (document["command"]?.arrayValue ?? []).compactMap(\.stringValue)
            return Start(
                words: words, input: [], environment: environment, stream: nil, name: words.first ?? "",
                canResume: false)
        }
        let program = try AgentProgram(description)
        let task = params["task"]?.stringValue ?? ""
        let file = "\(ProgramPlace.home)/task.md"
        let run = program.run(
            [
                "task": task, "task_file": file, "workdir": params["workdir"]?.stringValue ?? "/",
                "home": ProgramPlace.home, "model": document["model"]?.stringValue ?? "default",
                "turns": "\(document["turns"]?.intValue ?? 100)", "anthropic_url": ProgramPlace.anthropicURL,
                "openai_url": ProgramPlace.openAIURL, "key": ProgramPlace.key,
                "agent": "/openclaw/bin/openclaw-agent", "socket": ProgramPlace.socket,
            ], resumes: params["resumes"]?.boolValue == true)
        try Files.write(file, Array(task.utf8))
        for (path, text) in run.files {
            let whole = "\(ProgramPlace.home)/\(path)"
            try Files.makeDirectories(Files.parent(of: whole), mode: 0o700)
            try Files.write(whole, Array(text.utf8), mode: 0o600)
        }
        let path = document["path"]?.stringValue ?? program.name
        return Start(
            words: [path] + run.arguments, input: Array(run.input.utf8),
            environment: environment.merging(run.environment) { $1 }, stream: program.stream,
            name: program.name,
            canResume: program.resume != nil)
    }

    private func run(_ start: Start, in directory: String) throws -> JSON {
        let child = try Spawn.start(
            Spawn.Command(
                start.words, environment: start.environment, workingDirectory: directory,
                stdin: start.input.isEmpty ? .null : .pipe, stdout: .pipe, stderr: .pipe))
        if let stdin = child.stdin {
            Worker.start("input", stackBytes: 128 * 1024) {
                // A program that does not read to the end is not asked why.
                try? IO.writeAll(stdin.raw, start.input)
                stdin.close()
            }
        }
        let stream = Mutex(ProgramStream(start.stream ?? .text))
        let errors = Mutex(ProgramStream(.text))
        let news = ProgramNews { [self] text in tell("said", text) }
        let ended = Condition(0)
        let readers = [
            reader(child.stdout, ended) { [self] line in
                let shown = stream.withLock { $0.add(line) }
                if start.stream ?? .text == .text {
                    tell("line", ProgramStream.plain(line), stream: "stdout")
                }
                // One that takes its tasks itself also says itself how they go.
                if start.stream == nil { return }
                news.add(shown, isProse: start.stream == .text)
                if shown.isEmpty { tell("alive", "") }
            },
            reader(child.stderr, ended) { [self] line in
                _ = errors.withLock { $0.add(line) }
                tell("line", ProgramStream.plain(line), stream: "stderr")
            },
        ]
        let status = try child.wait()
        // Children that it left behind may hold its outputs; what it said itself has been read by then.
        _ = ended.wait(timeoutMilliseconds: AgentLimits.outputMilliseconds) {
            $0 >= readers.count ? true : nil
        }
        news.flush()
        return stream.withLock { stream in
            [
                "name": .string(start.name), "exit_code": JSON(Int(status.shellCode)),
                "summary": .string(stream.summary), "problem": .string(stream.problem ?? ""),
                "errors": .string(errors.withLock { $0.summary }), "can_resume": JSON(start.canResume),
            ]
        }
    }

    private func reader(
        _ pipe: SharedDescriptor?, _ ended: Condition<Int>, _ take: @escaping @Sendable (String) -> Void
    ) -> Worker? {
        guard let pipe else { return nil }
        return Worker.start("output", stackBytes: 1 << 20) {
            defer { ended.withLock { $0 += 1 } }
            var lines = ProgramLines()
            while let bytes = try? IO.read(pipe.raw), !bytes.isEmpty {
                for line in lines.add(bytes) { take(line) }
            }
            if let line = lines.end() { take(line) }
            pipe.close()
        }
    }
}

/// What is told of a program's words: at once what it says as a message, and prose a few times a second, so
/// that a program that prints much does not fill the journal.
private final class ProgramNews: Sendable {
    private struct State {
        var waiting: [String] = []
        var last: Int64 = 0
    }

    private let state = Mutex(State())
    private let tell: @Sendable (String) -> Void

    private static let pauseNanoseconds: Int64 = 1_000_000_000

    init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

    func add(_ words: [String], isProse: Bool) {
        guard !words.isEmpty else { return }
        let now = Clock.monotonicNanoseconds()
        let isDue = state.withLock { state in
            state.waiting += words
            return !isProse || now - state.last >= Self.pauseNanoseconds
        }
        if isDue { flush() }
    }

    func flush() {
        let words = state.withLock { state in
            defer { state.waiting = [] }
            state.last = Clock.monotonicNanoseconds()
            return state.waiting
        }
        guard !words.isEmpty else { return }
        tell(String(words.joined(separator: " · ").prefix(AgentLimits.progressCharacters)))
    }
}
