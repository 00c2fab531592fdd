import Glibc
import Kit
import Synchronization
import System
import Wire

/// The running language servers of one sandbox: one a language, however many folders they answer for.
final class LanguageServers: Sendable {
    private let running = Mutex<[String: LanguageServer]>([:])
    /// Of every server, and of what is run beside them.
    let environment: [String: String]

    init(environment: [String: String]) { self.environment = environment }

    /// The server of a language, which knows this folder from now on.
    func server(_ language: Language, root: String) throws(ToolProgram.Problem) -> LanguageServer {
        try running.withLock { (running) throws(ToolProgram.Problem) in
            if let known = running[language.id], !known.isOver {
                known.add(folder: root)
                return known
            }
            let program = language.server(environment: environment) { name in
                Environment.lookUp(name, path: environment["PATH"]).map(Files.exists) ?? false
            }
            guard let program else {
                let names = language.servers.map(\.name).joined(separator: ", ")
                throw ToolProgram.Problem(
                    "No server of \(language.id) is installed in this guest (\(names)); use grep and read.")
            }
            let new = try LanguageServer(language, program, root: root, environment: environment)
            running[language.id] = new
            return new
        }
    }

    /// Languages whose server was started.
    var started: Set<String> { running.withLock { Set($0.keys) } }
}

/// `openclaw-agent tool languages`: the language servers of one guest, for its peers too. Each question names
/// the folder that it is about, which is the clone of the agent that asks: the server reads that agent's
/// files as they are, so its answers are about them and no others.
final class LanguageDesk: Sendable {
    private let servers: LanguageServers
    private let tools = Mutex<[String: LanguageTool]>([:])

    /// Folders that are kept; a session has eight agents.
    private static let folders = 32

    init(environment: [String: String]) { servers = LanguageServers(environment: environment) }

    static func main() -> Int32 {
        Signals.ignoreSIGPIPE()
        guard let socket = try? IO.duplicate(0, atLeast: 10).shared() else { return 1 }
        let desk = LanguageDesk(environment: Environment.all())
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "languages",
            onRequest: { method, params in
                guard method == "call", let input = params["input"], let root = input["root"]?.stringValue,
                    let question = input["question"]
                else { throw JSONRPCError.methodNotFound(method) }
                return desk.ask(question, root: root)
            })
        peer.start()?.join()
        return 0
    }

    func ask(_ input: JSON, root: String) -> JSON {
        do throws(ToolProgram.Problem) {
            // Renaming writes, and that is done where the clone may be written.
            guard input["action"]?.stringValue != "rename" else {
                throw ToolProgram.Problem("A shared server renames nothing.")
            }
            let tool = tools.withLock { tools in
                if let known = tools[root] { return known }
                if tools.count >= Self.folders { tools = [:] }
                let made = LanguageTool(root: root, servers: servers)
                tools[root] = made
                return made
            }
            return ["content": .string(try tool.act(input)), "is_error": false]
        } catch {
            return error.answer
        }
    }
}
