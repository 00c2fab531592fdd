// What a tool's way out needs and the guest document cannot know.
import Glibc
import Kit
import System

extension Session {
    /// Fills in where the egress proxy is and who is calling it. The token goes to the sandbox's parent only,
    /// which says it to the proxy; the tool sees a listener on its own loopback.
    func openProxy(_ policy: inout JSON) throws(HarnessError) {
        guard policy["network"]?.stringValue == "proxy" else { return }
        let proxy = policy["proxy"]?.stringValue ?? ""
        let parts = proxy.split(separator: ":").map(String.init)
        guard parts.count == 2, let host = parts.first, let token else {
            throw HarnessError(
                "open the way out for a tool", "\(proxy) is no HOST:PORT, or there is no token")
        }
        // By address: the sandbox is static and resolves no names.
        let known = state.withLock { state in state.hosts.first { $0.name == host }?.address }
        policy["proxy"] = .string("\(known ?? host):\(parts[1])")
        policy["proxy_token"] = .string(token)
    }
}
