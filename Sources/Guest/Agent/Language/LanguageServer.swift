import Glibc
import Kit
import Synchronization
import System

/// One running language server and the files that it knows.
final class LanguageServer: Sendable {
    private struct State {
        var nextID: Int64 = 1
        var waiting: Set<Int64> = []
        var answers: [Int64: JSON] = [:]
        /// By file: the diagnostics published last, and how often that happened.
        var diagnostics: [String: (items: [JSON], times: Int)] = [:]
        /// By file: its text as the server has it, and the version.
        var open: [String: (text: String, version: Int)] = [:]
        var folders: Set<String> = []
        var endReason: String?
    }

    let language: Language
    private let child: Child
    private let stdin: SharedDescriptor
    private let state = Condition(State())
    private let writing = Mutex(())

    /// Files whose diagnostics are kept.
    private static let fileLimit = 2000
    private static let startMilliseconds = 60_000
    private static let callMilliseconds = 60_000

    /// Starts the server for a directory.
    init(_ language: Language, root: String, environment: [String: String]) throws(ToolProgram.Problem) {
        self.language = language
        (child, stdin) = try ToolProgram.system("start \(language.command[0])") { () throws(SystemError) in
            let child = try Spawn.start(
                Spawn.Command(
                    language.command, environment: environment, workingDirectory: root, stdin: .pipe,
                    stdout: .pipe, stderr: .null))
            guard let stdin = child.stdin else {
                throw SystemError(call: "pipe", operand: language.command[0], code: EPIPE)
            }
            return (child, stdin)
        }
        Worker.start("lsp", stackBytes: 1 << 20) { [self] in read() }
        let folder = Self.folder(root)
        state.withLock { _ = $0.folders.insert(root) }
        _ = try call(
            "initialize",
            [
                "processId": .null, "rootUri": folder["uri"] ?? .null, "workspaceFolders": [folder],
                "capabilities": [
                    "workspace": [
                        "applyEdit": false, "configuration": true, "workspaceFolders": true,
                        "workspaceEdit": ["documentChanges": true],
                    ],
                    "textDocument": [
                        "hover": ["contentFormat": ["plaintext", "markdown"]],
                        "publishDiagnostics": ["versionSupport": false],
                        "synchronization": ["didSave": true],
                    ],
                ],
            ], milliseconds: Self.startMilliseconds)
        notify("initialized", [:])
    }

    private static func folder(_ root: String) -> JSON {
        ["uri": .string(FileURI.make(root)), "name": .string(Files.name(of: root))]
    }

    /// Answers for another folder too.
    func add(folder root: String) {
        guard state.withLock({ $0.folders.insert(root).inserted }) else { return }
        notify(
            "workspace/didChangeWorkspaceFolders", ["event": ["added": [Self.folder(root)], "removed": []]])
    }

    var isOver: Bool { state.withLock { $0.endReason != nil } }

    // MARK: Messages

    private func read() {
        var framing = HeaderFraming()
        var reason = "\(language.command[0]) ended"
        do {
            while let stdout = child.stdout {
                let bytes = try IO.read(stdout.raw)
                if bytes.isEmpty { break }
                for message in try framing.receive(bytes) { take(message) }
            }
        } catch {
            reason = "\(language.command[0]): \(error)"
        }
        state.withLock { $0.endReason = reason }
    }

    private func take(_ message: JSON) {
        let method = message["method"]?.stringValue
        if method == nil {
            state.withLock { state in
                guard let id = message["id"]?.int64Value, state.waiting.contains(id) else { return }
                state.answers[id] = message
            }
        } else if let id = message["id"] {
            send(["jsonrpc": "2.0", "id": id, "result": answer(method ?? "", message["params"] ?? [:])])
        } else if method == "textDocument/publishDiagnostics" {
            let uri = message["params"]?["uri"]?.stringValue ?? ""
            state.withLock { state in
                guard let path = FileURI.path(uri) else { return }
                let times = (state.diagnostics[path]?.times ?? 0) + 1
                if times == 1, state.diagnostics.count >= Self.fileLimit { return }
                state.diagnostics[path] = (message["params"]?["diagnostics"]?.arrayValue ?? [], times)
            }
        }
    }

    /// What servers ask of their editors: settings, which there are none of, and permissions.
    private func answer(_ method: String, _ params: JSON) -> JSON {
        switch method {
        case "workspace/configuration":
            .array((params["items"]?.arrayValue ?? []).map { _ in JSON.null })
        case "workspace/applyEdit": ["applied": false]
        default: .null
        }
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
        send(["jsonrpc": "2.0", "id": JSON(id), "method": .string(method), "params": params])
        let answer = state.wait(timeoutMilliseconds: milliseconds) { state -> JSON? in
            state.answers[id] ?? state.endReason.map { ["error": ["message": .string($0)]] }
        }
        guard let answer else {
            throw ToolProgram.Problem(
                "\(language.command[0]) did not answer \(method) for \(milliseconds / 1000) s.")
        }
        if let error = answer["error"], !error.isNull {
            throw ToolProgram.Problem(
                "\(language.command[0]): \(error["message"]?.stringValue ?? error.text)")
        }
        return answer["result"] ?? .null
    }

    // MARK: Files

    /// Tells the server the file as it is now, if that is news.
    /// - Returns: Its text.
    @discardableResult
    func show(_ path: String) throws(ToolProgram.Problem) -> String {
        let text = try FileTools.content(path)
        let message = state.withLock { state -> (String, JSON)? in
            let uri = JSON.string(FileURI.make(path))
            if let known = state.open[path] {
                guard known.text != text else { return nil }
                state.open[path] = (text, known.version + 1)
                return (
                    "textDocument/didChange",
                    [
                        "textDocument": ["uri": uri, "version": JSON(known.version + 1)],
                        "contentChanges": [["text": .string(text)]],
                    ]
                )
            }
            state.open[path] = (text, 1)
            return (
                "textDocument/didOpen",
                [
                    "textDocument": [
                        "uri": uri, "languageId": .string(language.identifier(of: path)), "version": 1,
                        "text": .string(text),
                    ]
                ]
            )
        }
        if let (method, params) = message { notify(method, params) }
        return text
    }

    /// What the server finds wrong with the file as it is now. Servers publish when they are ready, some of
    /// them twice, so it waits until nothing has come for a moment.
    func diagnostics(_ path: String, milliseconds: Int = 20_000, quietMilliseconds: Int = 700)
        throws(ToolProgram.Problem) -> [JSON]
    {
        let before = state.withLock { $0.diagnostics[path]?.times ?? 0 }
        let known = state.withLock { $0.open[path]?.text }
        let isNews = try show(path) != known
        if isNews {
            _ = state.wait(timeoutMilliseconds: milliseconds) { state -> Bool? in
                state.endReason != nil || state.diagnostics[path]?.times ?? 0 > before ? true : nil
            }
        }
        while true {
            let times = state.withLock { $0.diagnostics[path]?.times ?? 0 }
            let more = state.wait(timeoutMilliseconds: quietMilliseconds) { state -> Bool? in
                state.diagnostics[path]?.times ?? 0 > times ? true : nil
            }
            if more == nil { break }
        }
        if isOver { throw ToolProgram.Problem("\(language.command[0]) ended.") }
        return state.withLock { $0.diagnostics[path]?.items ?? [] }
    }
}

/// file: addresses. RFC 8089
enum FileURI {
    static func make(_ path: String) -> String {
        var text = "file://"
        for byte in path.utf8 {
            let isPlain =
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                || "/-._~+".utf8.contains(byte)
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }

    /// Nil for what is no local file.
    static func path(_ uri: String) -> String? {
        guard uri.hasPrefix("file:///") else { return nil }
        var bytes: [UInt8] = []
        var rest = Array(uri.utf8.dropFirst(7))[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
}
