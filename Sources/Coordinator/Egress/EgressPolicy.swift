// Who may reach what. Pure.
import Kit
import System

/// What the proxy needs to know about a caller.
public struct EgressCaller: Sendable, Hashable {
    public var agent: String
    public var role: String
    public var hosts: [String]

    public init(agent: String, role: String, hosts: [String]) {
        (self.agent, self.role, self.hosts) = (agent, role, hosts)
    }
}

/// One request as it was decided, for the journal.
public struct EgressRecord: Sendable, Hashable {
    public var agent: String
    public var host: String
    public var port: UInt16
    /// Nil when it was let through.
    public var refusal: String?

    public init(agent: String, host: String, port: UInt16, refusal: String? = nil) {
        (self.agent, self.host, self.port, self.refusal) = (agent, host, port, refusal)
    }
}

enum EgressPolicy {
    /// Why a caller may not reach a host; nil when it may.
    static func refusal(_ caller: EgressCaller, _ request: ProxyRequest) -> String? {
        let patterns = caller.hosts.compactMap { HostPattern($0) }
        if patterns.contains(where: { $0.matches(request.host, port: request.port) }) { return nil }
        let list = caller.hosts.isEmpty ? "no host at all" : caller.hosts.joined(separator: ", ")
        return "\(request.target) is not on the allow-list of the role \(caller.role), which reaches \(list)"
    }

    /// Why an address may not be connected to, although its name may: a name that leads to this machine, to
    /// its neighbours or to a cloud's metadata is a way around the list.
    static func refusal(_ address: Address, of request: ProxyRequest, _ caller: EgressCaller) -> String? {
        guard address.isPrivate else { return nil }
        let patterns = caller.hosts.compactMap { HostPattern($0) }
        let isMeant = patterns.contains {
            $0.isLiteral(request.host) && $0.matches(request.host, port: request.port)
        }
        return isMeant ? nil : "\(request.host) leads to \(address), an address of a private network"
    }
}
