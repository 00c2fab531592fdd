// One POST to a server of the world, TLS included, for what is not a model: notifications and webhooks.
public import Kit
import Synchronization
public import Wire

/// Sends a body to an address.
public enum WebPost {
    private static let pool = TransferPool(limit: 2)
    /// For everything after the connection.
    public static let milliseconds = 30_000
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

    /// Posts bytes. Redirections are not followed.
    /// - Returns: The status of the answer, whatever it is.
    public static func send(
        _ url: String, headers: HTTPHeaders, body: [UInt8], timeoutMilliseconds: Int = milliseconds
    ) throws(Failure) -> Int {
        let receiver = Receiver()
        let request = TransferRequest(
            url: url, headers: headers.fields.map { ($0.name, $0.value) }, body: body,
            connectMilliseconds: min(connectMilliseconds, timeoutMilliseconds),
            idleMilliseconds: timeoutMilliseconds, certificateFile: nil)
        do throws(TransferFailure) {
            try pool.run(request, receiver)
        } catch {
            if let status = receiver.status.withLock({ $0 }) { return status }
            throw Failure(description: "\(url): \(error.message)", isPassing: error.kind != .refused)
        }
        guard let status = receiver.status.withLock({ $0 }) else {
            throw Failure(description: "\(url) gave no answer", isPassing: true)
        }
        return status
    }

    /// Posts a value; returns when it was taken with a status from 200 to 299.
    public static func send(_ json: JSON, to url: String, timeoutMilliseconds: Int) throws(Failure) {
        let status = try send(
            url, headers: ["Content-Type": "application/json", "User-Agent": "openclaw"],
            body: Array(json.text.utf8), timeoutMilliseconds: timeoutMilliseconds)
        guard (200..<300).contains(status) else {
            throw Failure(
                description: "\(url) answered \(status)", isPassing: status == 429 || status >= 500)
        }
    }
}
