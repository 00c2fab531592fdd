import Kit
import System
import Wire

/// What an agent needs of its harness; tests have one of their own.
protocol Harness: Sendable {
    /// Calls a method. A long one is a tool that takes its time: the harness bounds it.
    func call(_ method: String, _ params: JSON) throws(AgentError) -> JSON

    /// True when the harness has gone.
    var isClosed: Bool { get }
}

/// The harness's socket.
struct HarnessClient: Harness {
    private let peer: JSONRPCPeer

    init() throws(AgentError) {
        try self.init(path: Environment.get("OPENCLAW_AGENT_SOCKET") ?? "/run/openclaw/agent.sock")
    }

    init(path: String) throws(AgentError) {
        do throws(SystemError) {
            let socket = SharedDescriptor(try Sockets.connectUnix(path))
            var limits = JSONRPCPeer.Limits()
            limits.lineBytes = AgentLimits.lineBytes
            peer = JSONRPCPeer(input: socket, output: socket, name: "harness", limits: limits)
            peer.start()
        } catch {
            throw AgentError("connect to the harness: \(error)")
        }
    }

    func call(_ method: String, _ params: JSON) throws(AgentError) -> JSON {
        do throws(JSONRPCCallError) {
            return try peer.call(method, params, timeoutMilliseconds: nil)
        } catch {
            throw AgentError("\(error)")
        }
    }

    var isClosed: Bool { peer.endReason != nil }
}
