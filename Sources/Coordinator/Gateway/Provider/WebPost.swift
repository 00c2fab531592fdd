// One POST to somewhere else than a model: a webhook.
public import Kit
import Synchronization
import Wire

/// Sends JSON to an address.
public enum WebPost {
    /// Why it was not taken.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
        /// Trying again may help.
        public let isPassing: Bool
    }

    private final class Receiver: TransferReceiver, Sendable {
        let status = Mutex(0)

        func head(_ status: Int, _ headers: HTTPHeaders) { self.status.withLock { $0 = status } }
        /// What the receiver has to say is not read.
        func body(_ bytes: [UInt8]) -> Bool { true }
        var isCancelled: Bool { false }
    }

    /// Posts a value; returns when it was taken with a status from 200 to 299. Redirections are not followed.
    public static func send(_ json: JSON, to url: String, timeoutMilliseconds: Int) throws(Failure) {
        let receiver = Receiver()
        let request = TransferRequest(
            url: url, headers: [("Content-Type", "application/json"), ("User-Agent", "openclaw")],
            body: Array(json.text.utf8), connectMilliseconds: timeoutMilliseconds,
            idleMilliseconds: timeoutMilliseconds,
            certificateFile: nil)
        do throws(TransferFailure) {
            try TransferPool(limit: 0).run(request, receiver)
        } catch {
            throw Failure(description: "\(url): \(error.message)", isPassing: error.kind != .refused)
        }
        let status = receiver.status.withLock { $0 }
        guard (200..<300).contains(status) else {
            throw Failure(
                description: "\(url) answered \(status)", isPassing: status == 429 || status >= 500)
        }
    }
}
