import Glibc
import Kit
import Synchronization
import System
import Wire

/// A server that is a program of this sandbox: messages are lines on its standard input and output.
final class StdioTransport: MCPTransport {
    private let child: Child
    private let writing = Mutex(())

    init(command: [String], environment: [String: String], log: OutputFile, receiver: MCPReceiver)
        throws(MCPError)
    {
        do throws(SystemError) {
            let errors = try Files.open(log.path, O_WRONLY | O_APPEND)
            child = try Spawn.start(
                Spawn.Command(
                    command, environment: environment, stdin: .pipe, stdout: .pipe,
                    stderr: .descriptor(errors.raw)))
            // A server that reads nothing must not keep us.
            if let stdin = child.stdin { try IO.setNonBlocking(stdin.raw) }
        } catch {
            throw MCPError("it cannot be started: \(error)")
        }
        let child = child
        Worker.start("mcp", stackBytes: 1 << 20) {
            receiver.end(Self.read(child, receiver))
            // Nobody listens to it any more.
            try? child.killGroup(SIGKILL)
            _ = try? child.wait()
        }
    }

    /// Reads until the server ends and says why it did.
    private static func read(_ child: Child, _ receiver: MCPReceiver) -> String {
        guard let stdout = child.stdout else { return "it has no output" }
        var lines = JSONLines(limit: MCPLimits.messageBytes)
        do {
            while true {
                let bytes = try IO.read(stdout.raw)
                if bytes.isEmpty {
                    let status = try? child.wait(timeoutMilliseconds: 1000)
                    return status.map { "it ended: \($0)" } ?? "it closed its output"
                }
                for line in try lines.lines(bytes) {
                    // Some begin their output with a byte order mark.
                    let text = line.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(line.dropFirst(3)) : Array(line)
                    if let json = try? JSON.parse(text) {
                        receiver.message(json)
                    } else {
                        let words = Shown.plain(String(decoding: text.prefix(80), as: UTF8.self))
                        receiver.stray("a line that is no JSON: \(words)")
                    }
                }
                // An error may wait behind these lines.
                _ = try lines.lines([])
            }
        } catch {
            return "\(error)"
        }
    }

    func send(_ message: JSON) throws(MCPError) {
        guard let stdin = child.stdin else { throw MCPError("it has no input") }
        let line = JSONLines.line(message)
        let deadline = Clock.monotonicNanoseconds() + Int64(MCPLimits.writeMilliseconds) * 1_000_000
        let isSent: Bool
        do throws(SystemError) {
            isSent = try writing.withLock { (_) throws(SystemError) in
                try Self.write(stdin.raw, line[...], until: deadline)
            }
        } catch {
            throw MCPError("it takes no messages: \(error)")
        }
        guard isSent else {
            close()
            throw MCPError("it took nothing for \(MCPLimits.writeMilliseconds / 1000) s")
        }
    }

    /// False when the time was over first.
    private static func write(_ fd: Int32, _ bytes: ArraySlice<UInt8>, until deadline: Int64)
        throws(SystemError) -> Bool
    {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            guard errno == EAGAIN || errno == EINTR else {
                throw SystemError(call: "write", operand: "pipe", code: errno)
            }
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            guard left > 0, try IO.waitWritable(fd, timeoutMilliseconds: left) else { return false }
        }
        return true
    }

    func begin(version: String) {}

    func close() {
        // What is left of it ends with this sandbox.
        try? child.killGroup(SIGKILL)
    }
}
