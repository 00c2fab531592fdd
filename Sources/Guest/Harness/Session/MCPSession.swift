// The servers of tools that the role names: one sandbox for all of them, beside that of the other tools.
import Glibc
import Kit
import Synchronization
import System

/// One `openclaw-agent tool mcp` in a sandbox of the role's policy, started once for a task.
///
/// Not the sandbox of the shell: a server may hold a secret of the user's, which no command shall find in
/// /proc, and may be hostile, and shall not find the shell there either.
final class MCPSession: Sendable {
    let tools: ToolSession
    /// What the servers had when they were started; nil while they start.
    private let started = Condition<JSON?>(nil)

    /// What the names of their tools begin with.
    static let prefix = "mcp__"

    init(_ tools: ToolSession) { self.tools = tools }

    /// Called once, by whoever made it.
    func start(_ servers: [JSON], secrets: [String: String]) {
        var answer: JSON
        do throws(HarnessError) {
            answer = try tools.request(
                "start", ["servers": .array(servers), "secrets": .object(secrets.mapValues { .string($0) })],
                for: "the servers of tools", timeoutMilliseconds: Limits.serverStartMilliseconds)
        } catch {
            answer = ["tools": [], "problems": ["all": .string("\(error)")]]
        }
        started.withLock { $0 = answer }
    }

    /// Waits until they are there; says in words what is not.
    var problems: [String: String] {
        let answer = started.wait(timeoutMilliseconds: Limits.serverStartMilliseconds) { $0 } ?? [:]
        return (answer["problems"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
    }

    /// The tools that there are now.
    func definitions() throws(HarnessError) -> [JSON] {
        let listed = try tools.request(
            "list", [:], for: "the servers of tools", timeoutMilliseconds: Limits.serverListMilliseconds)
        return listed["tools"]?.arrayValue ?? []
    }
}

extension Session {
    /// The servers of the task that the agent works on; nil when its role has none.
    func servers(of task: String) throws(HarnessError) -> MCPSession? {
        let servers = document["mcp"]?.arrayValue ?? []
        guard !servers.isEmpty, let policy = document["sandbox"], policy.objectValue != nil else {
            return nil
        }
        let wantsSecrets = servers.contains { server in
            server["bearer"] != nil || server["secrets"]?.arrayValue?.isEmpty == false
        }
        let (session, isNew) = try mcp.withLock { (current) throws(HarnessError) -> (MCPSession, Bool) in
            if let current, current.tools.task == task, !current.tools.isOver { return (current, false) }
            current?.tools.close()
            let tools = try ToolSession(
                task: task, policy: policy, session: self, service: "mcp",
                onNotification: { [self] _, params in hear(params, task: task) })
            let new = MCPSession(tools)
            current = new
            return (new, true)
        }
        guard isNew else { return session }
        session.start(servers, secrets: wantsSecrets ? secrets() : [:])
        for (name, problem) in session.problems.sorted(by: { $0.key < $1.key }) {
            mailbox.log("the server of tools \(name): \(redactor.redact(problem))")
            hear(["message": .string("the server of tools \(name) is not there: \(problem)")], task: task)
        }
        return session
    }

    /// Progress of a long call, for whoever watches.
    private func hear(_ params: JSON, task: String) {
        progress()
        guard let words = params["message"]?.stringValue, !task.isEmpty else { return }
        progressReporter.add(
            ["task": .string(task), "message": .string(redactor.redact(words))], session: self)
    }

    /// Those that the role names, from the host: from now on no result and no line shows them.
    private func secrets() -> [String: String] {
        do throws(HarnessError) {
            let answer = try AgentCalls(session: self).get("mcp/secrets")
            let secrets = (answer["secrets"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
            addSecrets(secrets)
            return secrets
        } catch {
            // Each server that wants one will say that it has none.
            mailbox.log("secrets for servers of tools: \(error)")
            return [:]
        }
    }
}

extension Tools {
    /// The answer to `tools.list`.
    func list() throws(HarnessError) -> JSON {
        var prompt = session.document["prompt"]?.stringValue ?? ""
        var tools = definitions()
        if let servers = try session.servers(of: session.currentTaskID) {
            tools += try servers.definitions()
            let missing = servers.problems.keys.sorted()
            if !missing.isEmpty {
                prompt += "\nThese servers of tools could not be started: \(missing.joined(separator: ", "))."
            }
        }
        return [
            "tools": .array(session.redactor.redact(.array(tools)).arrayValue ?? []),
            "prompt": .string(prompt),
            "limits": session.document["agent"] ?? [:],
        ]
    }

    /// A call of a server's tool.
    func callServer(_ name: String, _ input: JSON) throws(HarnessError) -> JSON {
        guard let servers = try session.servers(of: session.currentTaskID) else {
            return Self.problem("There is no tool \(name): this role has no servers of tools.")
        }
        var result = try servers.tools.call(name, input, time: ToolTime.server.longest)
        deny(servers.tools.newDenials(), &result)
        return result
    }
}
