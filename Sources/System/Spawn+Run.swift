// Running a program to its end, with its input and output in memory.
import CSystem
import Glibc

extension Spawn {
    /// What a program did.
    public struct Outcome: Sendable {
        public var status: ExitStatus
        public var stdout: [UInt8]
        public var stderr: [UInt8]
        /// True when more came than the limit of `.capture` kept.
        public var isStdoutTruncated: Bool
        public var isStderrTruncated: Bool
        /// True when the timeout ended it.
        public var timedOut: Bool

        /// Captured bytes as text.
        public var stdoutText: String { String(decoding: stdout, as: UTF8.self) }
        public var stderrText: String { String(decoding: stderr, as: UTF8.self) }
    }

    /// How long output is still read after the program has ended, when an orphan holds the pipe open.
    public static let drainMilliseconds = 2000

    /// Runs the command to its end.
    ///
    /// Input and both outputs are served together, so no amount of either can block the child for ever. On
    /// timeout the process group gets TERM, then the whole tree KILL after the grace.
    public static func run(_ command: Command) throws(SystemError) -> Outcome {
        var command = command
        var input: [UInt8] = []
        if case .bytes(let bytes) = command.stdin {
            input = bytes
            command.stdin = .pipe
        }
        let outLimit = takeCapture(&command.stdout)
        let errLimit = takeCapture(&command.stderr)
        let child = try start(command)
        if let stdin = child.stdin { try IO.setNonBlocking(stdin.raw) }
        var pump = Pump(
            child: child, input: input, out: Sink(child.stdout, limit: outLimit),
            err: Sink(child.stderr, limit: errLimit), command)
        do throws(SystemError) {
            let status = try pump.run()
            return Outcome(
                status: status, stdout: pump.out.bytes, stderr: pump.err.bytes,
                isStdoutTruncated: pump.out.isTruncated, isStderrTruncated: pump.err.isTruncated,
                timedOut: pump.timedOut)
        } catch {
            // The first error is the one to report; the child must not be left behind.
            try? child.killGroup(SIGKILL)
            _ = try? child.wait()
            throw error
        }
    }

    private static func takeCapture(_ output: inout Output) -> Int {
        guard case .capture(let limit) = output else { return 0 }
        output = .pipe
        return limit
    }
}

/// Keeps the first bytes of one stream.
private struct Sink {
    private(set) var descriptor: SharedDescriptor?
    private let limit: Int
    private(set) var bytes: [UInt8] = []
    private(set) var isTruncated = false

    init(_ descriptor: SharedDescriptor?, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    mutating func receive() throws(SystemError) {
        guard let open = descriptor else { return }
        let chunk = try IO.read(open.raw)
        if chunk.isEmpty { return descriptor = nil }
        let kept = min(chunk.count, limit - bytes.count)
        bytes += chunk[..<kept]
        if kept < chunk.count { isTruncated = true }
    }
}

/// The loop of `run`.
private struct Pump {
    let child: Child
    var input: ArraySlice<UInt8>
    var stdin: SharedDescriptor?
    var out: Sink
    var err: Sink
    var timedOut = false
    private let graceMilliseconds: Int
    private var hasEnded = false
    /// When the next step of ending is due: TERM, then KILL; after the end of the child, giving up on the
    /// pipes.
    private var deadline: Int64?

    init(child: Child, input: [UInt8], out: Sink, err: Sink, _ command: Spawn.Command) {
        self.child = child
        self.input = input[...]
        stdin = child.stdin
        self.out = out
        self.err = err
        graceMilliseconds = command.graceMilliseconds
        if let timeout = command.timeoutMilliseconds { deadline = Self.after(timeout) }
    }

    private static func after(_ milliseconds: Int) -> Int64 {
        Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
    }

    mutating func run() throws(SystemError) -> Spawn.ExitStatus {
        try feed()
        while !hasEnded || out.descriptor != nil || err.descriptor != nil {
            let nanoseconds = deadline.map { max(0, $0 - Clock.monotonicNanoseconds()) }
            var entries = [
                entry(hasEnded ? nil : child.pidfd), entry(out.descriptor), entry(err.descriptor),
                entry(stdin, POLLOUT),
            ]
            try IO.poll(
                &entries, timeoutMilliseconds: nanoseconds.map { Int(($0 + 999_999) / 1_000_000) } ?? -1)
            if entries[1].revents != 0 { try out.receive() }
            if entries[2].revents != 0 { try err.receive() }
            if entries[3].revents != 0 { try feed() }
            if entries[0].revents != 0 {
                hasEnded = true
                stdin = nil
                deadline = Self.after(Spawn.drainMilliseconds)
            }
            if let due = deadline, Clock.monotonicNanoseconds() >= due, try !expire() { break }
        }
        return try child.wait()
    }

    private func entry(_ descriptor: SharedDescriptor?, _ events: Int32 = POLLIN) -> pollfd {
        pollfd(fd: descriptor?.raw ?? -1, events: Int16(events), revents: 0)
    }

    /// False when there is nothing left to wait for.
    private mutating func expire() throws(SystemError) -> Bool {
        if hasEnded { return false }
        // Programs that left the group are still below it.
        if timedOut { try? Processes.signalTree(child.pid, SIGKILL) }
        try child.killGroup(timedOut ? SIGKILL : SIGTERM)
        timedOut = true
        deadline = Self.after(graceMilliseconds)
        return true
    }

    private mutating func feed() throws(SystemError) {
        guard let open = stdin else { return }
        while !input.isEmpty {
            let count = input.withUnsafeBytes { Glibc.write(open.raw, $0.baseAddress, $0.count) }
            if count > 0 {
                input = input.dropFirst(count)
                continue
            }
            let code = cs_errno()
            if code == EAGAIN { return }
            if code == EINTR { continue }
            // A program need not read its input.
            if code == EPIPE { break }
            throw SystemError(call: "write", operand: "stdin of \(child.pid)", code: code)
        }
        stdin = nil
        open.close()
    }
}
