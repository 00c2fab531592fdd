import Core
import Kit
import Platform
import System
import Wire

/// A person takes an agent's place: a terminal in its guest, over the session's network.
struct TakeOver: Sendable {
    let session: SessionRunner
    let agent: String

    /// How long after the terminal's end the guest may take to say what was changed, in milliseconds.
    private static let reportMilliseconds = 60_000

    /// Serves the terminal to its end; then the agent goes on.
    func run(_ request: HTTPRequest, _ exchange: HTTPExchange) throws(ServiceError) {
        let by = "user"
        try session.submit(.takeOver(agent: agent, by: by))
        do {
            let token = session.token(of: agent) ?? ""
            let query = ["columns", "rows", "term"].compactMap { name in
                request.query[name].map {
                    "\(name)=\($0.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })"
                }
            }
            var passed = HTTPRequest("GET", "/shell?\(query.joined(separator: "&"))")
            passed.headers["Authorization"] = Authorization.bearer(token)
            passed.headers["Connection"] = "Upgrade"
            passed.headers["Upgrade"] = "openclaw-shell"
            let socket = try session.world.platform.connect(
                group: session.id, host: agent, port: GuestAPI.harnessPort)
            try HTTPRelay.forward(passed, exchange, to: .descriptor(socket))
        } catch {
            session.insist(.handBack(agent: agent, by: by, diff: "", files: []))
            throw ServiceError(
                "take over \(agent): \(error)", hint: "openclaw session \(session.id) shows its state")
        }
        // The guest says what was changed; one that cannot any more must not keep the agent for ever.
        var left = Self.reportMilliseconds
        while left > 0, session.state.agents[agent]?.isTaken == true {
            pause(milliseconds: 100)
            left -= 100
        }
        session.insist(.handBack(agent: agent, by: by, diff: "", files: []))
    }
}
