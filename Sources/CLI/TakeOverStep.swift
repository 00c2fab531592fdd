// openclaw session ID --take-over AGENT: a shell in an agent's clone, and back.
import Glibc
import Kit
import Service
import Synchronization
import System
import Wire

/// Connects this terminal with the one in the guest.
struct TakeOverStep {
    let client: CoordinatorClient
    let terminal: Terminal
    let id: String
    let path: String

    func run(_ agent: String) throws(CLIError) -> ExitCode {
        guard !agent.isEmpty else {
            throw CLIError(.usage, "which agent?", hint: "openclaw session \(id) lists them")
        }
        let (columns, rows) = Terminal.size ?? (80, 24)
        let term = Environment.get("TERM") ?? "dumb"
        let target =
            "\(path)/shell?agent=\(SessionCommand.segment(agent))&columns=\(columns)&rows=\(rows)"
            + "&term=\(SessionCommand.segment(term))"
        var request = HTTPRequest("GET", target)
        request.headers["Connection"] = "Upgrade"
        request.headers["Upgrade"] = "openclaw-shell"
        // What is written from now on is about this time.
        let before = try client.call("GET", path)["seq"]?.int64Value ?? 0
        Terminal.note(
            "openclaw: you are in the place of \(agent), with what its tools may; it waits. Leave with exit.")
        let answer: (response: HTTPResponse, descriptor: SharedDescriptor?, leftover: [UInt8])
        do throws(HTTPError) {
            answer = try HTTPClient.upgrade(
                request, to: .unix(client.home.coordinatorSocket), timeoutMilliseconds: 60_000)
        } catch {
            throw CLIError(.noPlatform, "take over \(agent): \(error)")
        }
        guard let socket = answer.descriptor else {
            throw CoordinatorClient.error(
                answer.response.status, (try? answer.response.json()) ?? .null)
        }
        connect(socket, answer.leftover)
        return try tell(agent, before)
    }

    /// Bytes both ways until the guest's end closes. Keys go as they are: Ctrl-C is the shell's.
    private func connect(_ socket: SharedDescriptor, _ first: [UInt8]) {
        let isRaw = Terminal.makeRaw()
        defer { if isRaw { Terminal.restore() } }
        Worker.start("keys", stackBytes: 256 << 10) {
            while let bytes = try? IO.read(0, 4096), !bytes.isEmpty {
                if (try? Sockets.send(socket.raw, bytes)) == nil { return }
            }
            // The end of the input is what a terminal sends for it; the answer is still to come.
            try? Sockets.send(socket.raw, [4])
        }
        var bytes = first
        repeat {
            if !bytes.isEmpty, (try? IO.writeAll(1, bytes)) == nil { break }
            bytes = (try? IO.read(socket.raw)) ?? []
        } while !bytes.isEmpty
        IO.shutdown(socket.raw)
    }

    /// Waits until the session has written down what was changed, and says it.
    private func tell(_ agent: String, _ before: Int64) throws(CLIError) -> ExitCode {
        var files: [String]?
        try client.follow("\(path)/events?after=\(before)&follow=true") { event in
            guard event["data"]?["agent"]?.stringValue == agent else { return true }
            switch event["type"]?.stringValue {
            case "agent.returned":
                files = (event["data"]?["files"]?.arrayValue ?? []).compactMap(\.stringValue)
                return false
            case "agent.lost": return false
            default: break
            }
            return true
        }
        guard let files else {
            throw CLIError(
                .failed, "the guest of \(agent) ended while you were in it",
                hint: "what was saved in its clone is there when it starts again")
        }
        let words = files.isEmpty ? "nothing was changed" : "it is told of \(files.joined(separator: ", "))"
        terminal.done(
            "\(id): \(agent) goes on; \(Terminal.harmless(words))",
            ["agent": .string(agent), "files": JSON(files)])
        return .done
    }
}
