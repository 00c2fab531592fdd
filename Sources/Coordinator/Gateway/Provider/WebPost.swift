import Kit
import Synchronization
public import Wire

/// One POST to a server of the world, TLS included, for what is not a model: notifications.
public enum WebPost {
    private static let pool = TransferPool(limit: 2)
    private static let connectMilliseconds = 10_000
    private static let idleMilliseconds = 30_000

    /// Why there was no answer.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// - Returns: The status. The body of the answer is not read.
    public static func send(
        _ url: String, headers: HTTPHeaders, body: [UInt8]
    ) throws(Failure) -> Int {
        let receiver = StatusReceiver()
        let request = TransferRequest(
            url: url, headers: headers.fields.map { ($0.name, $0.value) }, body: body,
            connectMilliseconds: connectMilliseconds, idleMilliseconds: idleMilliseconds,
            certificateFile: nil)
        do throws(TransferFailure) {
            try pool.run(request, receiver)
        } catch {
            if let status = receiver.status { return status }
            throw Failure(description: error.message)
        }
        guard let status = receiver.status else { throw Failure(description: "\(url) gave no answer") }
        return status
    }

    private final class StatusReceiver: TransferReceiver {
        private let known = Mutex<Int?>(nil)

        var status: Int? { known.withLock { $0 } }
        var isCancelled: Bool { false }

        func head(_ status: Int, _ headers: HTTPHeaders) { known.withLock { $0 = status } }
        func body(_ bytes: [UInt8]) -> Bool { true }
    }
}
