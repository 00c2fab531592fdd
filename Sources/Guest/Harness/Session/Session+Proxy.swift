// What a tool's ways out need and the guest document cannot know.
import Glibc
import Kit
import System

extension Session {
    /// Fills in where the egress proxy and the model gateway are and who is calling them. The token goes to
    /// the sandbox's parent only, which says it to them; the tool sees listeners on its own loopback.
    func openProxy(_ policy: inout JSON) throws(HarnessError) {
        let isProxied = policy["network"]?.stringValue == "proxy"
        let models = policy["models"]?.stringValue ?? ""
        guard isProxied || !models.isEmpty else { return }
        guard let token else { throw HarnessError("open the way out for a tool", "there is no token") }
        if isProxied { policy["proxy"] = .string(try address(policy["proxy"]?.stringValue ?? "")) }
        if !models.isEmpty { policy["models"] = .string(try address(models)) }
        policy["proxy_token"] = .string(token)
    }

    /// HOST:PORT by address: the sandbox is static and resolves no names.
    private func address(_ place: String) throws(HarnessError) -> String {
        let parts = place.split(separator: ":").map(String.init)
        guard parts.count == 2, let host = parts.first else {
            throw HarnessError("open the way out for a tool", "\(place) is no HOST:PORT")
        }
        let known = state.withLock { state in state.hosts.first { $0.name == host }?.address }
        return "\(known ?? host):\(parts[1])"
    }
}
