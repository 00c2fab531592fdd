import Glibc
import Kit
import Synchronization
import System

/// One bash that lives as long as the task: directory, variables and functions stay from call to call. It
/// reads commands from a pipe, writes to files, and tells the end of each command on another pipe.
final class Shell: Sendable {
    /// What came of a command.
    struct Outcome: Sendable {
        var exitCode: Int32
        var output: OutputFile
        var timedOut = false
        /// The shell ended with the command (`exit`, `exec`, or it was killed), and a new one was started.
        var isNew = false
    }

    private struct State {
        var child: Child?
        var status: SharedDescriptor?
        var directory: String
        var count = 0
    }

    /// Held while a command runs: one after the other.
    private let state: Mutex<State>
    private let environment: [String: String]
    /// The exported variables after the last command, as bash writes them.
    private let variables = "\(OutputFile.directory)/variables.sh"

    init(directory: String, environment: [String: String]) {
        state = Mutex(State(directory: directory))
        self.environment = environment
    }

    /// From the end of a shell's pipe to its own end; more means that it only closed it.
    private static let exitMilliseconds = 5000
    /// Time between TERM and KILL for what a command leaves when its time is up, in milliseconds.
    private static let graceMilliseconds: Int64 = 2000

    func run(_ command: String, timeoutMilliseconds: Int) throws(SystemError) -> Outcome {
        try state.withLock { (state) throws(SystemError) in
            if state.child == nil { try start(&state) }
            guard let child = state.child, let status = state.status, let stdin = child.stdin else {
                throw SystemError(call: "spawn", operand: "bash", code: EPIPE)
            }
            state.count += 1
            let output = try OutputFile("output-\(state.count)")
            let script = "\(OutputFile.directory)/command.sh"
            try Files.write(script, Array(command.utf8 + [0x0A]))
            let before = Set((try? Processes.descendants(of: child.pid)) ?? [])
            // Sourced, not evaluated: quotes and here-documents are those of a script. The end is told when
            // the variables are written: a job that starts then has them.
            let line =
                "{ . \(script); } >\(output.path) 2>&1 </dev/null 3>&-; _openclaw_status=$?; "
                + "export -p >\(variables) 2>/dev/null; "
                + "printf '%s %s\\0' \"$_openclaw_status\" \"$PWD\" >&3\n"
            do throws(SystemError) {
                try IO.writeAll(stdin.raw, Array(line.utf8))
            } catch {
                // It died between two commands, by the hand of something that it had started.
                try start(&state)
                throw error
            }
            let answer = try Self.answer(status, timeoutMilliseconds)
            if case .done(let code, let directory) = answer {
                state.directory = directory
                return Outcome(exitCode: code, output: output)
            }
            var outcome = Outcome(exitCode: 124, output: output, isNew: true)
            // Its pipe closes a moment before it can be waited for.
            let patience = answer == .ended ? Self.exitMilliseconds : 0
            if let ended = try child.wait(timeoutMilliseconds: patience) {
                outcome.exitCode = ended.shellCode
            } else {
                outcome.timedOut = true
                Self.end(child, sparing: before)
            }
            try start(&state)
            return outcome
        }
    }

    /// The shell's directory and variables, as the beginning of a script of its own.
    func prelude() -> String {
        let directory = state.withLock { $0.directory }
        return ". \(variables) 2>/dev/null; cd \(Self.quoted(directory)) || exit 1\n"
    }

    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private func start(_ state: inout State) throws(SystemError) {
        try Files.makeDirectories(OutputFile.directory)
        let (reader, writer) = try IO.pipe().split()
        let directory = Files.isDirectory(state.directory) ? state.directory : "/"
        let child = try Spawn.start(
            Spawn.Command(
                ["/bin/bash", "--noprofile", "--norc"], environment: environment,
                workingDirectory: directory, stdin: .pipe,
                stdout: .null, stderr: .null, descriptors: [(writer.raw, 3)]))
        writer.close()
        (state.child, state.status) = (child, reader)
        guard Files.exists(variables), let stdin = child.stdin else { return }
        // PWD is one of the variables, and may be that of a directory that is gone.
        let line = ". \(variables) 2>/dev/null; cd \(Self.quoted(directory))\n"
        try IO.writeAll(stdin.raw, Array(line.utf8))
    }

    private enum Answer: Equatable {
        case done(code: Int32, directory: String)
        /// The shell ended, or closed its pipe.
        case ended
        case timeUp
    }

    private static func answer(_ status: SharedDescriptor, _ milliseconds: Int) throws(SystemError) -> Answer
    {
        let deadline = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        var bytes: [UInt8] = []
        while bytes.last != 0 {
            let left = Int((deadline - Clock.monotonicNanoseconds() + 999_999) / 1_000_000)
            guard left > 0, let piece = try IO.readWithTimeout(status.raw, timeoutMilliseconds: left) else {
                return .timeUp
            }
            if piece.isEmpty { return .ended }
            bytes += piece
        }
        let text = String(decoding: bytes.dropLast(), as: UTF8.self)
        guard let blank = text.firstIndex(of: " "), let code = Int32(text[..<blank]) else { return .ended }
        return .done(code: code, directory: String(text[text.index(after: blank)...]))
    }

    /// Ends the shell and what this command started; what earlier ones left in the background lives on.
    private static func end(_ child: Child, sparing before: Set<Int32>) {
        let mine = ((try? Processes.descendants(of: child.pid)) ?? []).filter { !before.contains($0) }
        // Whoever has gone meanwhile needs no signal.
        try? child.kill(SIGKILL)
        for pid in mine { try? Processes.kill(pid, SIGTERM) }
        let deadline = Clock.monotonicNanoseconds() + graceMilliseconds * 1_000_000
        while mine.contains(where: Processes.exists), Clock.monotonicNanoseconds() < deadline {
            usleep(20_000)
        }
        // With all that they have started meanwhile.
        for pid in mine where Processes.exists(pid) { try? Processes.signalTree(pid, SIGKILL) }
        _ = try? child.wait()
    }
}
