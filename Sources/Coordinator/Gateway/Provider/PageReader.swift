import Transfer
import Wire

/// Keeps a short answer whole.
final class PageReader: TransferReceiver {
    private let cancel: (any Cancellation)?
    private(set) var status = 0
    private(set) var page: [UInt8] = []

    /// The longest answer that is kept, in bytes.
    private static let limit = 1 << 20

    init(_ cancel: (any Cancellation)? = nil) { self.cancel = cancel }

    var isCancelled: Bool { cancel?.isCancelled ?? false }
    func head(_ status: Int, _ headers: HTTPHeaders) { self.status = status }

    func body(_ bytes: [UInt8]) -> Bool {
        page += bytes
        return page.count <= PageReader.limit
    }
}
