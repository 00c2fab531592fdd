import Glibc
import Kit
import System

/// One command in a sandbox of its own.
struct SandboxRun: Sendable {
    /// What it did.
    struct Outcome: Sendable {
        var exitCode: Int
        var stdout: String
        var stderr: String
        var report: JSON
        var timedOut: Bool
    }

    let session: Session

    /// Runs a command under a policy; its time is the policy's.
    func run(_ command: [String], policy: JSON, input: [UInt8] = []) throws(HarnessError) -> Outcome {
        let guest = session.guest
        var policy = policy
        let time = ToolTime.tests
        let milliseconds = Int64(time.asked(["timeout_ms": policy["timeout_ms"] ?? .null]))
        policy["timeout_ms"] = JSON(milliseconds)
        try session.openProxy(&policy)
        let files = try SandboxFiles(policy: policy, guest: guest)
        let stdin = try SandboxFiles.file(input, guest: guest)
        let stdout = try SandboxFiles.file([], guest: guest)
        let stderr = try SandboxFiles.file([], guest: guest)
        let grace = policy["grace_ms"]?.int64Value ?? 2000
        // The sandbox keeps the time; ours is for a sandbox that does not.
        let outcome = session.mailbox.run(
            Spawn.Command(
                files.arguments(command), environment: guest.environment(asAgent: false),
                stdin: .descriptor(stdin.raw),
                stdout: .descriptor(stdout.raw), stderr: .descriptor(stderr.raw),
                descriptors: files.descriptors,
                timeoutMilliseconds: Int(milliseconds + grace + 10_000), dieWithParent: true))
        switch outcome {
        case .failed(let reason): throw HarnessError("run \(command[0]) in the sandbox", reason)
        case .ended(let status, let timedOut):
            let report = SandboxFiles.readReport(files.report) ?? [:]
            return Outcome(
                exitCode: report["exit_code"]?.intValue ?? Int(status.shellCode),
                stdout: String(decoding: SandboxFiles.contents(stdout), as: UTF8.self),
                stderr: String(decoding: SandboxFiles.contents(stderr), as: UTF8.self), report: report,
                timedOut: timedOut || report["timed_out"]?.boolValue == true)
        }
    }
}
