// The built harness as an ordinary child, with this test as its host.
import Glibc
import Kit
import System
import Testing
import Wire

/// A harness process and our end of its control channel.
final class Guest {
    static let deadlineMilliseconds = 20_000

    let child: Child
    let directory: String
    private let socket: SharedDescriptor
    private var reader = JSONLines(limit: 8 << 20)
    private var waiting: [JSON] = []
    private var nextID = 1
    /// Everything heard so far.
    private(set) var heard: [JSON] = []

    /// The directory of the built programs: beside the test bundle.
    static func binary(_ name: String) throws -> String {
        let directory =
            try Environment.get("OPENCLAW_BINARIES") ?? Files.parent(of: Environment.executablePath())
        return "\(directory)/\(name)"
    }

    private let statusPipe: SharedDescriptor?

    /// Starts `launch` with this configuration.
    init(launching configuration: JSON) throws {
        Signals.ignoreSIGPIPE()
        directory = try Files.temporaryDirectory(prefix: "harness")
        let (ours, theirs) = try Sockets.socketPair().split()
        let (reader, writer) = try IO.pipe().split()
        child = try Spawn.start(
            Spawn.Command(
                [try Self.binary("openclaw-harness"), "launch"], environment: ["PATH": "/usr/bin:/bin"],
                stdin: .pipe,
                stdout: .null, stderr: .null, descriptors: [(theirs.raw, 3), (writer.raw, 4)]))
        theirs.close()
        writer.close()
        socket = ours
        statusPipe = reader
        if let stdin = child.stdin {
            try IO.writeAll(stdin.raw, configuration.serialized())
            stdin.close()
        }
    }

    /// The launcher's line on its status pipe.
    func status() throws -> String {
        guard let statusPipe else { throw Problem(text: "this guest has no launcher") }
        let text = String(decoding: try IO.readAll(statusPipe.raw), as: UTF8.self)
        return text.split(separator: "\n").first.map(String.init) ?? ""
    }

    init(environment: [String: String] = [:]) throws {
        Signals.ignoreSIGPIPE()
        statusPipe = nil
        directory = try Files.temporaryDirectory(prefix: "harness")
        let (ours, theirs) = try Sockets.socketPair().split()
        var all = environment
        all["AEGIS_CONTROL_FD"] = "3"
        all["AEGIS_RUN_DIR"] = "\(directory)/run"
        all["AEGIS_WORKSPACE_DIR"] = "\(directory)/workspace"
        all["AEGIS_HARNESS_LISTEN"] = "127.0.0.1:0"
        all["PATH"] = "/usr/bin:/bin"
        child = try Spawn.start(
            Spawn.Command(
                [try Self.binary("openclaw-harness")], environment: all, stdout: .null, stderr: .inherit,
                descriptors: [(theirs.raw, 3)]))
        theirs.close()
        socket = ours
    }

    deinit {
        socket.close()
        try? child.killGroup(SIGKILL)
        _ = try? child.wait()
        try? Files.removeTree(directory)
    }

    func closeChannel() { socket.close() }

    func send(_ line: String) throws { try Sockets.send(socket.raw, Array((line + "\n").utf8)) }

    /// The next message, or nil at the end of the channel.
    func next() throws -> JSON? {
        let end = Clock.monotonicNanoseconds() + Int64(Self.deadlineMilliseconds) * 1_000_000
        while waiting.isEmpty {
            let left = Int((end - Clock.monotonicNanoseconds()) / 1_000_000)
            guard left > 0, let bytes = try IO.readWithTimeout(socket.raw, timeoutMilliseconds: left) else {
                throw Problem(text: "the harness said nothing more after \(heard.suffix(3).map(\.text))")
            }
            if bytes.isEmpty { return nil }
            waiting = try reader.receive(bytes)
        }
        let message = waiting.removeFirst()
        heard.append(message)
        return message
    }

    struct Problem: Error { var text: String }

    /// Waits for a notification.
    func wait(for method: String, where condition: (JSON) -> Bool = { _ in true }) throws -> JSON {
        while let message = try next() {
            if message["method"]?.stringValue == method, condition(message["params"] ?? [:]) {
                return message["params"] ?? [:]
            }
        }
        throw Problem(text: "the channel ended before \(method)")
    }

    /// Sends a request and waits for its answer.
    func call(_ method: String, _ params: JSON = [:]) throws -> JSON {
        let id = try request(method, params)
        return try answer(to: id)
    }

    func request(_ method: String, _ params: JSON = [:]) throws -> Int {
        nextID += 1
        try send(JSONRPCMessage.request(id: .number(Int64(nextID)), method: method, params: params).json.text)
        return nextID
    }

    func answer(to id: Int) throws -> JSON {
        while let message = try next() {
            if message["id"]?.intValue == id { return message }
        }
        throw Problem(text: "the channel ended before the answer to \(id)")
    }

    /// Log lines of one stream heard so far.
    func lines(_ stream: String = "stdout") -> [String] {
        heard.compactMap { message in
            guard message["method"] == "log", message["params"]?["stream"]?.stringValue == stream else {
                return nil
            }
            return message["params"]?["line"]?.stringValue
        }
    }
}
