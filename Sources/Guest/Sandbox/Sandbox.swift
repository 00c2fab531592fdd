// openclaw-sandbox: one command, alone. Three processes: the parent keeps time and output, the init of the
// new pid namespace makes the file system and reaps, the tool gives up what it must not have and execs.
// Single-threaded, so that forking is safe.
import Glibc
import Kit
import System

/// The program.
public enum Sandbox {
    /// Exit codes that are not the tool's own.
    enum Exit {
        static let timeout: Int32 = 124
        static let failed: Int32 = 125
    }

    /// Runs the command line and returns the exit code.
    public static func main() -> Int32 {
        let arguments = Array(Environment.arguments().dropFirst())
        let line: CommandLineOptions
        do throws(SandboxError) {
            if arguments.first == "--write-filters", arguments.count == 2 {
                try FilterStore.write(arguments[1])
                return 0
            }
            line = try CommandLineOptions(arguments)
        } catch {
            return refuse(error, reportDescriptor: 4)
        }
        do throws(SandboxError) {
            let policy = try line.readPolicy()
            var parent = Parent(
                Call(policy: policy, command: line.command, options: line.options),
                ReportFile(line.reportDescriptor))
            let outcome = try parent.run()
            ReportFile(line.reportDescriptor).finish(outcome.report)
            return outcome.exitCode
        } catch {
            return refuse(error, reportDescriptor: line.reportDescriptor)
        }
    }

    private static func refuse(_ error: SandboxError, reportDescriptor: Int32) -> Int32 {
        var report: JSON = ["exit_code": JSON(Int(Exit.failed)), "error": .string(error.description)]
        report["timed_out"] = false
        ReportFile(reportDescriptor).finish(report)
        try? IO.writeAll(2, Array("openclaw-sandbox: \(error)\n".utf8))
        return Exit.failed
    }
}

/// Why no sandbox could be made. Nothing was run.
struct SandboxError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Runs a system call's wrapper; its failure says what it was for.
func attempt<Value: ~Copyable>(
    _ what: String, _ body: () throws(SystemError) -> Value
) throws(SandboxError) -> Value {
    do throws(SystemError) {
        return try body()
    } catch {
        throw SandboxError("\(what): \(error)")
    }
}
