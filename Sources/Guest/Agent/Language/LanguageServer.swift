import Glibc
import Kit
import Synchronization
import System

/// One running language server: its process, and the messages to and from it. What it knows of files is in
/// `LanguageServer+Files.swift`.
final class LanguageServer: Sendable {
    struct State {
        var nextID: Int64 = 1
        var waiting: Set<Int64> = []
        var answers: [Int64: JSON] = [:]
        /// By file: what was published last.
        var published: [String: Publication] = [:]
        /// By file: its text as the server has it.
        var open: [String: OpenFile] = [:]
        var folders: [String] = []
        /// Methods that the server registered after its start, by the registration's id.
        var registered: [String: String] = [:]
        var capabilities: JSON = .null
        var watched: WatchedFiles
        /// Grows when the server is told that any file is another one now, and when it takes back
        /// what it said.
        var changes = 0
        /// Tokens of work that the server says it is doing (LSP 3.17, "Work Done Progress").
        var atWork: Set<String> = []
        /// Grows when such work begins.
        var worksBegun = 0
        /// It has been quiet once after its start: what it says from now on it says of the whole project.
        var hasSettled = false
        var endReason: String?
    }

    /// Diagnostics that the server sent of its own accord.
    struct Publication {
        var items: [JSON] = []
        /// How often that happened.
        var times = 0
        /// Of the text that they are about, if the server says so.
        var version: Int?
    }

    /// A file that the server was shown.
    struct OpenFile {
        var text: String
        var version: Int
        /// Publications that there were when the server was told of this text.
        var publishedBefore: Int
        /// `State.changes` at that time: what another file became later is not in what was published.
        var changesBefore: Int
    }

    let language: Language
    let program: LanguageServerProgram
    private let child: Child
    private let stdin: SharedDescriptor
    let state: Condition<State>
    private let writing = Mutex(())

    /// Files whose diagnostics are kept.
    private static let fileLimit = 2000
    /// Works at a time that are told apart.
    private static let workLimit = 100
    private static let startMilliseconds = 60_000
    private static let callMilliseconds = 60_000
    private static let settleMilliseconds = 3000

    /// Starts the server for a directory.
    init(_ language: Language, _ program: LanguageServerProgram, root: String, environment: [String: String])
        throws(ToolProgram.Problem)
    {
        (self.language, self.program) = (language, program)
        state = Condition(State(watched: WatchedFiles(extensions: language.extensions)))
        (child, stdin) = try ToolProgram.system("start \(program.name)") { () throws(SystemError) in
            let child = try Spawn.start(
                Spawn.Command(
                    program.command, environment: environment, workingDirectory: root, stdin: .pipe,
                    stdout: .pipe, stderr: .null))
            guard let stdin = child.stdin else {
                throw SystemError(call: "pipe", operand: program.name, code: EPIPE)
            }
            return (child, stdin)
        }
        Worker.start("lsp", stackBytes: 1 << 20) { [self] in read() }
        let folder = Self.folder(root)
        state.withLock { $0.folders.append(root) }
        let answer = try call(
            "initialize",
            [
                "processId": .null, "rootUri": folder["uri"] ?? .null, "workspaceFolders": [folder],
                "capabilities": Self.capabilities,
            ], milliseconds: Self.startMilliseconds)
        state.withLock { state in
            state.capabilities = answer["capabilities"] ?? .null
            _ = state.watched.scan(state.folders)
        }
        notify("initialized", [:])
    }

    /// What is understood here of what servers may do.
    private static let capabilities: JSON = [
        "window": ["workDoneProgress": true],
        "workspace": [
            "applyEdit": false, "configuration": true, "workspaceFolders": true,
            "workspaceEdit": ["documentChanges": true],
            "didChangeWatchedFiles": ["dynamicRegistration": true],
            "diagnostics": ["refreshSupport": true],
        ],
        "textDocument": [
            "hover": ["contentFormat": ["plaintext", "markdown"]],
            "publishDiagnostics": ["versionSupport": true],
            "diagnostic": ["dynamicRegistration": true, "relatedDocumentSupport": false],
            "synchronization": ["didSave": true],
            "documentSymbol": ["hierarchicalDocumentSymbolSupport": true],
        ],
    ]

    private static func folder(_ root: String) -> JSON {
        ["uri": .string(FileURI.make(root)), "name": .string(Files.name(of: root))]
    }

    /// Answers for another folder too.
    func add(folder root: String) {
        let isNew = state.withLock { state -> Bool in
            guard !state.folders.contains(root) else { return false }
            state.folders.append(root)
            // What lies there was never seen: it is no change.
            _ = state.watched.scan(state.folders)
            return true
        }
        guard isNew else { return }
        notify(
            "workspace/didChangeWorkspaceFolders", ["event": ["added": [Self.folder(root)], "removed": []]])
    }

    var isOver: Bool { state.withLock { $0.endReason != nil } }

    /// Whether the server offers something, from its start on or registered later.
    /// - Parameters:
    ///   - capability: Its name in the answer to `initialize`.
    ///   - method: The method that a registration names.
    func offers(_ capability: String, _ method: String) -> Bool {
        state.withLock { state in
            let offered = state.capabilities[capability]
            return offered?.boolValue ?? (offered?.objectValue != nil)
                || state.registered.values.contains(method)
        }
    }

    // MARK: Messages

    private func read() {
        var framing = HeaderFraming()
        var reason = "\(program.name) ended"
        do {
            while let stdout = child.stdout {
                let bytes = try IO.read(stdout.raw)
                if bytes.isEmpty { break }
                for message in try framing.receive(bytes) { take(message) }
            }
        } catch {
            reason = "\(program.name): \(error)"
        }
        state.withLock { $0.endReason = reason }
    }

    private func take(_ message: JSON) {
        guard let method = message["method"]?.stringValue else {
            return state.withLock { state in
                guard let id = message["id"]?.int64Value, state.waiting.contains(id) else { return }
                state.answers[id] = message
            }
        }
        if let id = message["id"] {
            var answer: JSON = ["jsonrpc": "2.0", "id": id]
            if let result = self.answer(method, message["params"] ?? [:]) {
                answer["result"] = result
            } else {
                answer["error"] = ["code": -32601, "message": .string("no method \(method.prefix(80))")]
            }
            send(answer)
        } else if method == "textDocument/publishDiagnostics" {
            take(publication: message["params"] ?? [:])
        } else if method == "$/progress" {
            take(progress: message["params"] ?? [:])
        }
    }

    private func take(progress params: JSON) {
        guard let token = params["token"]?.text else { return }
        state.withLock { state in
            switch params["value"]?["kind"]?.stringValue {
            case "begin" where state.atWork.count < Self.workLimit:
                state.atWork.insert(token)
                state.worksBegun += 1
            case "end": state.atWork.remove(token)
            default: break
            }
        }
    }

    private func take(publication params: JSON) {
        guard let path = FileURI.path(params["uri"]?.stringValue ?? "") else { return }
        state.withLock { state in
            let times = (state.published[path]?.times ?? 0) + 1
            if times == 1, state.published.count >= Self.fileLimit { return }
            state.published[path] = Publication(
                items: params["diagnostics"]?.arrayValue ?? [], times: times,
                version: params["version"]?.intValue)
        }
    }

    /// What servers ask of their editors. Nil is "there is no such method", for everything that is not known.
    private func answer(_ method: String, _ params: JSON) -> JSON? {
        switch method {
        case "workspace/configuration":
            .array(
                (params["items"]?.arrayValue ?? []).prefix(1000).map {
                    program.settings[$0["section"]?.stringValue ?? ""] ?? .null
                })
        case "workspace/workspaceFolders": .array(state.withLock { $0.folders }.map(Self.folder))
        case "workspace/applyEdit": ["applied": false]
        case "client/registerCapability": register(params["registrations"])
        // The specification has the name with this mistake.
        case "client/unregisterCapability": unregister(params["unregisterations"])
        case "workspace/diagnostic/refresh": refresh()
        case "window/workDoneProgress/create", "window/showMessageRequest",
            "workspace/semanticTokens/refresh",
            "workspace/inlayHint/refresh", "workspace/codeLens/refresh":
            .null
        default: nil
        }
    }

    private func register(_ list: JSON?) -> JSON {
        state.withLock { state in
            for item in (list?.arrayValue ?? []).prefix(100) where state.registered.count < 1000 {
                guard let id = item["id"]?.stringValue else { continue }
                state.registered[id] = item["method"]?.stringValue
            }
        }
        return .null
    }

    private func unregister(_ list: JSON?) -> JSON {
        state.withLock { state in
            for item in list?.arrayValue ?? [] { state.registered[item["id"]?.stringValue ?? ""] = nil }
        }
        return .null
    }

    /// What was said of files counts no longer.
    private func refresh() -> JSON {
        state.withLock { $0.changes += 1 }
        return .null
    }

    private func send(_ message: JSON) {
        // A server that has gone is noticed by who waits for its answer.
        try? writing.withLock { _ in try IO.writeAll(stdin.raw, HeaderFraming.frame(message)) }
    }

    func notify(_ method: String, _ params: JSON) {
        send(["jsonrpc": "2.0", "method": .string(method), "params": params])
    }

    func call(_ method: String, _ params: JSON, milliseconds: Int = callMilliseconds)
        throws(ToolProgram.Problem) -> JSON
    {
        let answer = try exchange(method, params, milliseconds)
        if let error = answer["error"], !error.isNull {
            throw ToolProgram.Problem("\(program.name): \(error["message"]?.stringValue ?? error.text)")
        }
        return answer["result"] ?? .null
    }

    /// The server has dealt with all that it was told before: it answers in order.
    func settle() throws(ToolProgram.Problem) {
        // No server knows this method, and each has to say so (LSP 3.17, "$ Notifications and Requests"); one
        // that does not has had its time.
        _ = try? exchange("$/openclaw/settle", .null, Self.settleMilliseconds)
        if isOver { throw ToolProgram.Problem("\(program.name) ended.") }
    }

    private func exchange(_ method: String, _ params: JSON, _ milliseconds: Int) throws(ToolProgram.Problem)
        -> JSON
    {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            state.waiting.insert(state.nextID)
            return state.nextID
        }
        defer {
            state.withLock { state in
                state.waiting.remove(id)
                state.answers[id] = nil
            }
        }
        var message: JSON = ["jsonrpc": "2.0", "id": JSON(id), "method": .string(method)]
        if !params.isNull { message["params"] = params }
        send(message)
        let answer = state.wait(timeoutMilliseconds: milliseconds) { state -> JSON? in
            state.answers[id] ?? state.endReason.map { ["error": ["message": .string($0)]] }
        }
        guard let answer else {
            throw ToolProgram.Problem(
                "\(program.name) did not answer \(method) for \(milliseconds / 1000) s.")
        }
        return answer
    }
}
