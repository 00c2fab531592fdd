import Glibc
import Kit
import System

/// Connects a hook to its process.
public enum HookProgram {
    /// Reads stdin, answers on stdout, ends the process.
    public static func run(_ hook: Hook) -> Never {
        let arguments = Environment.arguments()
        guard arguments.count <= 1 else {
            let usage = "usage: \(hook.rawValue) < input.json (takes no arguments; \(Hook.api))\n"
            finish(Hook.Result(exit: .malformed, stdout: [], stderr: usage))
        }
        do throws(SystemError) {
            let input = try read()
            finish(hook.answer(input, kitDirectory: kitDirectory()))
        } catch {
            finish(Hook.Result(exit: .failed, stdout: [], stderr: "\(hook.rawValue): \(error)\n"))
        }
    }

    /// One byte past the limit is enough to know.
    private static func read() throws(SystemError) -> [UInt8] {
        var input: [UInt8] = []
        while input.count <= Hook.inputLimit {
            let bytes = try IO.read(0)
            if bytes.isEmpty { return input }
            input += bytes
        }
        return input
    }

    /// Hooks are in `KIT/hooks`.
    private static func kitDirectory() -> String? {
        guard let path = try? Environment.executablePath() else { return nil }
        let folder = Files.parent(of: path)
        return Files.name(of: folder) == "hooks" ? Files.parent(of: folder) : nil
    }

    private static func finish(_ result: Hook.Result) -> Never {
        do throws(SystemError) {
            try IO.writeAll(2, Array(result.stderr.utf8))
            try IO.writeAll(1, result.stdout)
            exit(result.exit.rawValue)
        } catch {
            // Nobody reads us; the code is all that is left to say it with.
            exit(Hook.Exit.failed.rawValue)
        }
    }
}
