import Gateway
import Kit
import Synchronization
import System

/// The gateways of this coordinator: one for each set of credentials that somebody started a session with.
/// Keys are in memory only; a coordinator that was started again has those of its own environment.
final class Gateways: Sendable {
    private let home: Home
    private let recorder: LedgerRecorder
    private let known = Mutex<[[String: String]: Gateway]>([:])

    private static let names = [
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL",
    ]

    init(home: Home, recorder: LedgerRecorder) { (self.home, self.recorder) = (home, recorder) }

    /// - Parameter given: What came with the session; the environment fills in the rest.
    func gateway(_ given: [String: String]) throws(GatewayError) -> Gateway {
        let credentials = given.filter { Self.names.contains($0.key) }
        if let gateway = known.withLock({ $0[credentials] }) { return gateway }
        let prices = ["\(home.kit)/prices.json", "\(home.path)/prices.json"]
        let environment = Environment.all().merging(credentials) { _, new in new }
        let made = Gateway(
            configuration: try .fromEnvironment(environment, prices: prices), recorder: recorder)
        return known.withLock { known in
            if let gateway = known[credentials] { return gateway }
            known[credentials] = made
            return made
        }
    }
}
