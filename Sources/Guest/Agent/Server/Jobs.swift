import Glibc
import Kit
import Synchronization
import System

/// Commands that go on in the background while the agent does something else.
final class Jobs: Sendable {
    private struct Job {
        var command: String
        var child: Child
        var output: OutputFile
        var shown: Int64 = 0
        var start = Clock.monotonicNanoseconds()
        var end: (code: Int32, at: Int64)?
    }

    private let jobs = Mutex<[String: Job]>([:])
    private let environment: [String: String]

    /// Jobs that run at once: a task that needs more is doing something else.
    private static let limit = 16

    init(environment: [String: String]) { self.environment = environment }

    /// - Parameter prelude: What gives it the shell's directory and variables.
    func start(_ command: String, prelude: String) throws(ToolProgram.Problem) -> String {
        try jobs.withLock { (jobs) throws(ToolProgram.Problem) in
            guard jobs.values.count(where: { $0.end == nil && !Self.hasEnded($0.child) }) < Self.limit else {
                throw ToolProgram.Problem("\(Self.limit) jobs run already; end one of them first.")
            }
            let id = "job-\(jobs.count + 1)"
            try ToolProgram.system("start \(id)") { () throws(SystemError) in
                let output = try OutputFile(id)
                let script = "\(OutputFile.directory)/\(id).sh"
                try Files.write(script, Array((prelude + command + "\n").utf8))
                let file = try Files.open(output.path, O_WRONLY | O_APPEND)
                let child = try Spawn.start(
                    Spawn.Command(
                        ["/bin/bash", "--noprofile", "--norc", script], environment: environment,
                        stdout: .descriptor(file.raw), stderr: .merge))
                jobs[id] = Job(command: command, child: child, output: output)
            }
            return id
        }
    }

    private static func hasEnded(_ child: Child) -> Bool { (try? child.wait(timeoutMilliseconds: 0)) != nil }

    /// `output` says what is new, `wait` waits for the end first, `kill` brings it about.
    func act(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        guard let id = input["id"]?.stringValue else { return .string(list()) }
        guard let job = jobs.withLock({ $0[id] }) else {
            throw ToolProgram.Problem("There is no job \(id). \(list())")
        }
        switch input["action"]?.stringValue ?? "output" {
        case "output": break
        case "wait":
            _ = try? job.child.wait(timeoutMilliseconds: ToolTime.job.asked(input))
        case "kill":
            // The whole group; one that has ended needs none.
            try? job.child.killGroup(SIGTERM)
            if (try? job.child.wait(timeoutMilliseconds: 2000)) ?? nil == nil {
                try? job.child.killGroup(SIGKILL)
                _ = try? job.child.wait()
            }
        default: throw ToolProgram.Problem("`action` is output, wait or kill.")
        }
        return jobs.withLock { jobs in
            guard var job = jobs[id] else { return "" }
            note(&job)
            let text = job.output.shown(from: job.shown)
            job.shown = job.output.size
            jobs[id] = job
            return .string((text.isEmpty ? "[no new output]" : text) + "\n[\(id) \(state(of: job))]")
        }
    }

    private func note(_ job: inout Job) {
        guard job.end == nil, let status = try? job.child.wait(timeoutMilliseconds: 0) else { return }
        job.end = (status.shellCode, Clock.monotonicNanoseconds())
    }

    private func state(of job: Job) -> String {
        func seconds(_ until: Int64) -> String { "\((until - job.start) / 100_000_000)".tenths + " s" }
        if let end = job.end { return "ended with exit code \(end.code) after \(seconds(end.at))" }
        return "runs since \(seconds(Clock.monotonicNanoseconds()))"
    }

    private func list() -> String {
        jobs.withLock { jobs in
            guard !jobs.isEmpty else { return "There are no jobs." }
            for id in jobs.keys {
                if var job = jobs[id] {
                    note(&job)
                    jobs[id] = job
                }
            }
            return jobs.sorted {
                $0.key.count == $1.key.count ? $0.key < $1.key : $0.key.count < $1.key.count
            }
            .map { "\($0.key) \(state(of: $0.value)): \($0.value.command.prefix(80))" }
            .joined(separator: "\n")
        }
    }
}

extension String {
    /// A number of tenths with its point.
    fileprivate var tenths: String { count > 1 ? "\(dropLast()).\(suffix(1))" : "0.\(self)" }
}
