// `openclaw-agent tool mcp`: the servers of tools of one task, in a sandbox of the role's own making. It is a
// second one beside that of the shell: what a server was given, a command cannot read, and a server cannot
// touch the shell.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// Starts servers, keeps what they offer, passes calls on.
final class MCPHost: Sendable {
    private struct State {
        var clients: [String: MCPClient] = [:]
        var specs: [String: MCPServerSpec] = [:]
        var secrets: [String: String] = [:]
        var catalogue = MCPCatalogue()
        /// The changes of its list that were looked at, and the starts, of each server.
        var changes: [String: Int] = [:]
        var starts: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let environment: [String: String]
    private let onProgress: @Sendable (String) -> Void

    init(environment: [String: String], onProgress: @escaping @Sendable (String) -> Void = { _ in }) {
        (self.environment, self.onProgress) = (environment, onProgress)
    }

    static func main() -> Int32 {
        Signals.ignoreSIGPIPE()
        guard let socket = try? IO.duplicate(0, atLeast: 10).shared() else { return 1 }
        let upward = Mutex<JSONRPCPeer?>(nil)
        let host = MCPHost(environment: Environment.all()) { words in
            upward.withLock { $0 }?.notify("progress", ["message": .string(words)])
        }
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = AgentLimits.lineBytes
        let peer = JSONRPCPeer(
            input: socket, output: socket, name: "tools", limits: limits,
            onRequest: { method, params in
                switch method {
                case "start": return host.start(params)
                case "list": return host.listed()
                case "call": return host.call(params["name"]?.stringValue ?? "", params["input"] ?? [:])
                default: throw JSONRPCError.methodNotFound(method)
                }
            })
        upward.withLock { $0 = peer }
        peer.start()?.join()
        host.close()
        return 0
    }

    /// Starts all servers at once, so that a slow one delays no other.
    func start(_ params: JSON) -> JSON {
        let specs = (params["servers"]?.arrayValue ?? []).compactMap { MCPServerSpec($0) }
        state.withLock { state in
            for spec in specs { state.specs[spec.name] = spec }
            state.secrets = (params["secrets"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        }
        let problems = Mutex<[String: String]>([:])
        let workers = specs.map { spec in
            Worker.start("mcp-start", stackBytes: 1 << 20) { [self] in
                do throws(MCPError) {
                    _ = try client(spec.name)
                } catch {
                    problems.withLock { $0[spec.name] = error.description }
                }
            }
        }
        for worker in workers { worker.join() }
        var answer = listed()
        answer["problems"] = .object(problems.withLock { $0 }.mapValues { .string($0) })
        return answer
    }

    func listed() -> JSON { ["tools": .array(state.withLock { $0.catalogue.definitions })] }

    func close() {
        for client in state.withLock({ Array($0.clients.values) }) { client.close() }
    }

    /// The running server of a name, started if it is not there.
    private func client(_ name: String) throws(MCPError) -> MCPClient {
        let (known, spec, secrets, starts) = state.withLock { state in
            let (known, starts) = (state.clients[name], state.starts[name] ?? 0)
            if known.map({ $0.endReason != nil }) ?? true { state.starts[name] = starts + 1 }
            return (known, state.specs[name], state.secrets, starts)
        }
        if let known, known.endReason == nil { return known }
        guard let spec else { throw MCPError("there is no server \(name)") }
        guard starts <= MCPLimits.restarts else {
            throw MCPError("it ended \(starts) times: \(known?.endReason ?? "")")
        }
        known?.close()
        let client = try MCPClient(
            spec: spec, secrets: secrets, environment: environment, onProgress: onProgress)
        // Another call may have started it meanwhile.
        let other = state.withLock { state -> MCPClient? in
            if let other = state.clients[name], other.endReason == nil { return other }
            state.clients[name] = client
            return nil
        }
        if let other {
            client.close()
            return other
        }
        try list(client)
        return client
    }

    /// Looks at what a server has.
    private func list(_ client: MCPClient) throws(MCPError) {
        let changes = client.listChanges
        let (tools, missing) = try client.tools()
        let problems = state.withLock { state in
            state.changes[client.spec.name] = changes
            return missing + state.catalogue.take(tools, of: client.spec.name)
        }
        for problem in problems { onProgress("the server \(client.spec.name): \(problem)") }
    }

    /// One call; a problem is an answer, too.
    func call(_ name: String, _ input: JSON) -> JSON {
        switch state.withLock({ $0.catalogue.entry(name) }) {
        case nil: return Self.problem("There is no tool \(name).")
        case .withdrawn(let reason): return Self.problem("\(name) cannot be called: \(reason).")
        case .tool(let server, let tool):
            do throws(MCPError) {
                let client = try client(server)
                // Started anew, it may have become another one.
                guard case .tool = state.withLock({ $0.catalogue.entry(name) }) else {
                    return Self.problem("\(name) cannot be called: the server changed it.")
                }
                let result = try client.call(tool, input)
                var answer: JSON = [
                    "content": MCPResult.content(result, source: "mcp \(server)"),
                    "is_error": JSON(result["isError"]?.boolValue == true),
                ]
                if hasNews(client) { answer["tools_changed"] = true }
                return answer
            } catch {
                let words = Fence.wrap(error.description, source: "mcp \(server)")
                return Self.problem("The call of \(server) came to nothing. \(words)")
            }
        }
    }

    /// True when the server announced another list and it was read.
    private func hasNews(_ client: MCPClient) -> Bool {
        let announced = client.listChanges
        let seen = state.withLock { $0.changes[client.spec.name] ?? 0 }
        guard announced > seen, announced <= MCPLimits.listChanges else { return false }
        let before = state.withLock { $0.catalogue.definitions.count }
        do throws(MCPError) {
            try list(client)
        } catch {
            onProgress("the server \(client.spec.name): \(error)")
        }
        return state.withLock { $0.catalogue.definitions.count } != before
    }

    private static func problem(_ text: String) -> JSON { ["content": .string(text), "is_error": true] }
}
