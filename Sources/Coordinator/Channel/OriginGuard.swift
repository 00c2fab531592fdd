public import Wire

/// Keeps other web pages out of a server on loopback: a page anywhere can make this browser send requests
/// here, and a name of its own can point here (DNS rebinding).
public struct OriginGuard: Sendable {
    private let hosts: Set<String>

    /// - Parameter port: Where this server listens on loopback.
    public init(port: UInt16) {
        hosts = ["127.0.0.1:\(port)", "localhost:\(port)", "[::1]:\(port)"]
    }

    /// Nil when the request may go on.
    public func refusal(of request: HTTPRequest) -> ChannelError? {
        let given = request.headers.all("Host")
        guard given.count == 1, let host = given.first?.lowercased(), hosts.contains(host) else {
            return ChannelError(
                421, "wrong_host", "this server is asked as \(hosts.sorted().joined(separator: " or "))",
                hint: "open the address that `openclaw session ID --canvas` prints")
        }
        guard request.target.authority == nil else {
            return ChannelError(421, "wrong_host", "this server is no proxy")
        }
        let origins = request.headers.all("Origin")
        guard origins.allSatisfy({ $0.lowercased() == "http://\(host)" }), origins.count <= 1 else {
            return ChannelError(403, "wrong_origin", "requests of other pages are not answered")
        }
        // A browser that sends no Origin (navigation, GET) says with these where the request comes from.
        if let site = request.headers["Sec-Fetch-Site"], !["same-origin", "none"].contains(site),
            request.headers["Sec-Fetch-Mode"] != "navigate"
        {
            return ChannelError(403, "wrong_origin", "requests of other pages are not answered")
        }
        return nil
    }
}
