// `openclaw-agent tool serve`: all tool calls of one task, in one sandbox. What the kernel allows is decided
// before this program starts; it holds no secret and no power of its own.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// Answers tool calls on the socket that is its standard input.
final class ToolServer: Sendable {
    private let shell: Shell
    private let jobs: Jobs
    private let browser: Browser
    private let languages: LanguageTool
    private let environment: [String: String]
    private let directory: String
    private let execCount = Mutex(0)

    init(directory: String, environment: [String: String]) {
        self.directory = directory
        self.environment = environment
        shell = Shell(directory: directory, environment: environment)
        jobs = Jobs(environment: environment)
        browser = Browser(environment: environment)
        languages = LanguageTool(
            root: directory, servers: LanguageServers(environment: environment))
    }

    static func main() -> Int32 {
        Signals.ignoreSIGPIPE()
        guard let here = try? Files.readLink("/proc/self/cwd"),
            let socket = try? IO.duplicate(0, atLeast: 10).shared()
        else { return 1 }
        let server = ToolServer(directory: here, environment: Environment.all())
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = AgentLimits.lineBytes
        let outbox = Outbox()
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "tools", limits: limits,
            onRequest: { method, params in
                guard method == "call", let name = params["name"]?.stringValue else {
                    throw JSONRPCError.methodNotFound(method)
                }
                let input = params["input"] ?? [:]
                return name == "open" ? server.open(input, outbox) : server.call(name, input)
            })
        outbox.peer.withLock { $0 = peer }
        // Ends when the harness closes its end; then everything in this namespace ends with it.
        peer.start()?.join()
        return 0
    }

    /// The way back to the harness, for what does not fit into an answer.
    private final class Outbox: Sendable { let peer = Mutex<JSONRPCPeer?>(nil) }

    /// Opens a file with what the tools may, and passes it to the harness.
    private func open(_ input: JSON, _ outbox: Outbox) -> JSON {
        do throws(ToolProgram.Problem) {
            let given = try ToolProgram.text(input, "path")
            let path = given.hasPrefix("/") ? given : "\(directory)/\(given)"
            let file = try ToolProgram.system("open \(given)") { () throws(SystemError) in
                // A pipe that lies there must not hold us up.
                try Files.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY).shared()
            }
            outbox.peer.withLock { $0 }?.notify("opened", passing: file.raw)
            return ["content": "", "is_error": false]
        } catch {
            return error.answer
        }
    }

    /// One call; a problem is an answer, too.
    func call(_ name: String, _ input: JSON) -> JSON {
        do throws(ToolProgram.Problem) {
            switch name {
            case "bash": return try bash(input)
            case "exec": return try exec(input)
            case "job": return ["content": try jobs.act(input), "is_error": false]
            case "fetch":
                let page = try FetchTool.fetch(input, environment: environment)
                return ["content": page, "is_error": false]
            case "browse": return ["content": try browser.act(input), "is_error": false]
            case "lsp": return ["content": .string(try languages.act(input)), "is_error": false]
            default: return ["content": try ToolProgram.run(name, input), "is_error": false]
            }
        } catch {
            return error.answer
        }
    }

    private func bash(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        let command = try ToolProgram.text(input, "command")
        guard !command.utf8.contains(0) else { throw ToolProgram.Problem("`command` has a zero byte.") }
        if input["run_in_background"]?.boolValue == true {
            let id = try jobs.start(command, prelude: shell.prelude())
            return ["content": .string("Started as \(id); see it with the job tool."), "is_error": false]
        }
        let milliseconds = ToolTime.command.asked(input)
        let outcome = try ToolProgram.system("run the command") { () throws(SystemError) in
            try shell.run(command, timeoutMilliseconds: milliseconds)
        }
        var text = outcome.output.shown()
        outcome.output.removeIfShown()
        if outcome.timedOut {
            Self.add(
                "[stopped after \(milliseconds / 1000) s; the shell was started again in the same directory. "
                    + "Set timeout up to \(ToolTime.command.longest), or run_in_background]", to: &text)
        } else if outcome.isNew {
            Self.add("[the command ended the shell; a new one was started in the same directory]", to: &text)
        }
        return Self.answer(text, exitCode: outcome.exitCode)
    }

    /// A program without a shell: the words of `args`.
    private func exec(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        let words = (input["args"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard !words.isEmpty else { throw ToolProgram.Problem("`args` is a list of texts.") }
        let place = input["directory"]?.stringValue ?? directory
        let number = execCount.withLock { count in
            count += 1
            return count
        }
        let milliseconds = ToolTime.command.asked(input)
        let (status, timedOut, output) = try ToolProgram.system("run \(words[0])") { () throws(SystemError) in
            let output = try OutputFile("exec-\(number)")
            let file = try Files.open(output.path, O_WRONLY | O_APPEND)
            let outcome = try Spawn.run(
                Spawn.Command(
                    words, environment: environment, workingDirectory: place, stdout: .descriptor(file.raw),
                    stderr: .merge, timeoutMilliseconds: milliseconds))
            return (outcome.status, outcome.timedOut, output)
        }
        var text = output.shown()
        output.removeIfShown()
        if timedOut {
            Self.add(
                "[stopped after \(milliseconds / 1000) s, and everything it had started. Ask for less, or "
                    + "set timeout up to \(ToolTime.command.longest)]", to: &text)
        }
        return Self.answer(text, exitCode: timedOut ? 124 : status.shellCode)
    }

    private static func add(_ note: String, to text: inout String) {
        text += (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + note
    }

    private static func answer(_ text: String, exitCode: Int32) -> JSON {
        var text = text
        if exitCode != 0 { add("[exit code \(exitCode)]", to: &text) }
        return [
            "content": .string(text), "is_error": JSON(exitCode != 0), "exit_code": JSON(Int(exitCode)),
        ]
    }
}
