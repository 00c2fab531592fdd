// One POST to a server of the world, TLS included, for what is not a model: notifications and webhooks.
import Synchronization
import System
import Wire

/// Sends a body to an address.
public enum WebPost {
    private static let pool = TransferPool(limit: 2)
    private static let connectMilliseconds = 10_000

    /// Why it was not taken.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
        /// Trying again may help.
        public let isPassing: Bool
    }

    private final class Receiver: TransferReceiver, Sendable {
        let status = Mutex<Int?>(nil)

        func head(_ status: Int, _ headers: HTTPHeaders) { self.status.withLock { $0 = status } }
        /// What the receiver has to say is not read.
        func body(_ bytes: [UInt8]) -> Bool { true }
        var isCancelled: Bool { false }
    }

    /// Posts bytes; returns when they were taken with a status from 200 to 299. Redirections are not
    /// followed. A certificate is checked, always; `SSL_CERT_FILE` names the authorities of a private
    /// network.
    public static func send(
        _ url: String, headers: [(String, String)] = [], body: [UInt8], timeoutMilliseconds: Int
    ) throws(Failure) {
        let receiver = Receiver()
        let request = TransferRequest(
            url: url,
            headers: [("Content-Type", "application/json"), ("User-Agent", "openclaw")] + headers, body: body,
            connectMilliseconds: min(connectMilliseconds, timeoutMilliseconds),
            idleMilliseconds: timeoutMilliseconds, certificateFile: Environment.get("SSL_CERT_FILE"))
        do throws(TransferFailure) {
            try pool.run(request, receiver)
        } catch {
            // A receiver that answered and then hung up has answered.
            guard receiver.status.withLock({ $0 }) != nil else {
                throw Failure(description: "\(url): \(error.message)", isPassing: error.kind != .refused)
            }
        }
        guard let status = receiver.status.withLock({ $0 }) else {
            throw Failure(description: "\(url) gave no answer", isPassing: true)
        }
        guard (200..<300).contains(status) else {
            throw Failure(
                description: "\(url) answered \(status)", isPassing: status == 429 || status >= 500)
        }
    }
}
