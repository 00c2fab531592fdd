// One HTTP request over libcurl, on the caller's thread. What arrives is handed on before more is read, so
// the sockets' own buffers are all that is held for a slow guest.
import CCurl
import Glibc
import Synchronization
import System
public import Wire

/// What is sent.
public struct TransferRequest {
    public var method: String
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var connectMilliseconds: Int
    /// Silence of this length ends the transfer. libcurl counts in seconds; less is rounded up.
    public var idleMilliseconds: Int
    /// For the whole answer; 0 is no limit.
    public var wallMilliseconds: Int
    public var certificateFile: String?

    public init(
        method: String = "POST", url: String, headers: [(name: String, value: String)], body: [UInt8],
        connectMilliseconds: Int, idleMilliseconds: Int, wallMilliseconds: Int = 0, certificateFile: String?
    ) {
        (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
        (self.connectMilliseconds, self.idleMilliseconds) = (connectMilliseconds, idleMilliseconds)
        (self.wallMilliseconds, self.certificateFile) = (wallMilliseconds, certificateFile)
    }
}

extension TransferRequest {
    /// True for an address of this machine itself.
    var isLoopback: Bool {
        guard let scheme = url.firstRange(of: "://") else { return false }
        var host = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if host.hasPrefix("[") {
            host = host.dropFirst().prefix { $0 != "]" }
        } else {
            host = host.prefix { $0 != ":" }
        }
        let name = host.lowercased()
        if name == "localhost" || name.hasSuffix(".localhost") || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// Takes what comes.
public protocol TransferReceiver: AnyObject {
    /// Asked at least once a second; true ends the transfer.
    var isCancelled: Bool { get }
    /// Status and headers of the answer.
    func head(_ status: Int, _ headers: HTTPHeaders)
    /// The next bytes of the body; false ends the transfer.
    func body(_ bytes: [UInt8]) -> Bool
}

/// Why a transfer did not reach its end.
public struct TransferFailure: Error, Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// The request did not leave.
        case unsent
        /// It left; what the server made of it is not known.
        case broken
        case idle
        /// It took longer than a whole answer may.
        case late
        /// The server is not who it should be, or the URL is none: trying again does not help.
        case refused
        /// The receiver ended it.
        case ended
    }

    public let kind: Kind
    public let message: String

    public init(kind: Kind, message: String) { (self.kind, self.message) = (kind, message) }
}

/// A libcurl handle with its connections; one transfer at a time.
// SAFETY: `raw` is used by the one thread that took the handle out of its pool.
private final class TransferHandle: @unchecked Sendable {
    let raw: UnsafeMutableRawPointer

    init?() {
        // libcurl wants one call before any other thread uses it; a static is initialized once.
        guard TransferHandle.isReady, let raw = curl_easy_init() else { return nil }
        self.raw = raw
    }

    deinit { curl_easy_cleanup(raw) }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
}

/// Connections, kept between calls.
public final class TransferPool: Sendable {
    private let idle = Mutex<[TransferHandle]>([])
    private let limit: Int

    public init(limit: Int) { self.limit = limit }

    /// Sends a request and hands what comes to the receiver; returns when the answer is whole.
    public func run(_ request: TransferRequest, _ receiver: any TransferReceiver) throws(TransferFailure) {
        guard let handle = idle.withLock({ $0.popLast() }) ?? TransferHandle() else {
            throw TransferFailure(kind: .unsent, message: "libcurl has no memory for a transfer")
        }
        curl_easy_reset(handle.raw)
        defer {
            idle.withLock { handles in
                if handles.count < limit { handles.append(handle) }
            }
        }
        try Exchange(handle: handle.raw, receiver: receiver).run(request)
    }
}

/// One transfer; its address is what the callbacks get.
private final class Exchange {
    private let handle: UnsafeMutableRawPointer
    private let receiver: any TransferReceiver
    private var status = 0
    private var headers = HTTPHeaders()
    /// How much libcurl's clock and ours may differ.
    private static let clockMilliseconds: Int64 = 100
    private let begin = Clock.monotonicNanoseconds()
    private var errorText = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

    init(handle: UnsafeMutableRawPointer, receiver: any TransferReceiver) {
        (self.handle, self.receiver) = (handle, receiver)
    }

    func run(_ request: TransferRequest) throws(TransferFailure) {
        var list: UnsafeMutablePointer<curl_slist>?
        // libcurl would ask "100-continue" first and wait a second for servers that do not answer it.
        for (name, value) in request.headers + [("Expect", "")] {
            let line = value.isEmpty ? "\(name):" : "\(name): \(value)"
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                throw TransferFailure(kind: .unsent, message: "libcurl has no memory for headers")
            }
            list = longer
        }
        defer { curl_slist_free_all(list) }
        let code = request.body.withUnsafeBytes { body in
            errorText.withUnsafeMutableBufferPointer { text in
                configure(request)
                _ = curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
                // The body is not copied: it must live until the transfer is over.
                if request.method != "GET" {
                    _ = curl_set_pointer(handle, CURLOPT_POSTFIELDS, body.baseAddress)
                }
                _ = curl_set_pointer(handle, CURLOPT_ERRORBUFFER, text.baseAddress)
                return curl_easy_perform(handle)
            }
        }
        // What the handle points to ends here.
        defer { curl_easy_reset(handle) }
        if code != CURLE_OK { throw failure(code, request) }
    }

    private func configure(_ request: TransferRequest) {
        let own = Unmanaged.passUnretained(self).toOpaque()
        _ = curl_set_string(handle, CURLOPT_URL, request.url)
        _ = curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        // A proxy has a loopback of its own. For other hosts the environment's no_proxy holds.
        if request.isLoopback { _ = curl_set_string(handle, CURLOPT_NOPROXY, "*") }
        _ = curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        if request.method == "GET" {
            _ = curl_set_long(handle, CURLOPT_HTTPGET, 1)
        } else {
            _ = curl_set_long(handle, CURLOPT_POST, 1)
            _ = curl_set_long(handle, CURLOPT_POSTFIELDSIZE, request.body.count)
            _ = curl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
        }
        // Threads and signals do not mix.
        _ = curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        // These are libcurl's defaults; they are said so that nobody has to know.
        _ = curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1)
        _ = curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2)
        if let file = request.certificateFile { _ = curl_set_string(handle, CURLOPT_CAINFO, file) }
        _ = curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectMilliseconds)
        _ = curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
        _ = curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, max(1, (request.idleMilliseconds + 999) / 1000))
        _ = curl_set_long(handle, CURLOPT_TIMEOUT_MS, request.wallMilliseconds)
        _ = curl_set_long(handle, CURLOPT_NOPROGRESS, 0)
        _ = curl_set_pointer(handle, CURLOPT_WRITEDATA, own)
        _ = curl_set_pointer(handle, CURLOPT_HEADERDATA, own)
        _ = curl_set_pointer(handle, CURLOPT_XFERINFODATA, own)
        _ = curl_set_bytes(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, own in
            guard let transfer = Exchange.of(own) else { return 0 }
            let taken = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return transfer.receiver.body(Array(taken)) ? size * count : 0
        }
        _ = curl_set_bytes(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, own in
            guard let transfer = Exchange.of(own) else { return 0 }
            transfer.header(Array(UnsafeRawBufferPointer(start: bytes, count: size * count)))
            return size * count
        }
        // Called at least once a second, also in silence.
        _ = curl_set_progress(handle) { own, _, _, _, _ in
            guard let transfer = Exchange.of(own) else { return 1 }
            return transfer.receiver.isCancelled ? 1 : 0
        }
    }

    private static func of(_ own: UnsafeMutableRawPointer?) -> Exchange? {
        own.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    /// One line of the head, with its line break. Interim answers (100) start over.
    private func header(_ bytes: [UInt8]) {
        var line = bytes[...]
        while let last = line.last, last == 0x0D || last == 0x0A { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            let words = text.split(separator: " ")
            status = words.count > 1 ? Int(words[1]) ?? 0 : 0
            headers = HTTPHeaders()
        } else if line.isEmpty {
            if status >= 200 { receiver.head(status, headers) }
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.add(String(text[..<colon]), String(value))
        }
    }

    private func failure(_ code: CURLcode, _ request: TransferRequest) -> TransferFailure {
        let known = errorText.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let reason =
            known.isEmpty ? String(cString: curl_easy_strerror(code)) : String(decoding: known, as: UTF8.self)
        let message = "\(request.method) \(request.url): \(reason)"
        switch code {
        case CURLE_ABORTED_BY_CALLBACK, CURLE_WRITE_ERROR:
            return TransferFailure(kind: .ended, message: message)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_URL_MALFORMAT,
            CURLE_UNSUPPORTED_PROTOCOL, CURLE_SSL_CERTPROBLEM:
            return TransferFailure(kind: .refused, message: message)
        default: break
        }
        var sent = 0
        _ = curl_info_long(handle, CURLINFO_REQUEST_SIZE, &sent)
        if sent == 0 { return TransferFailure(kind: .unsent, message: message) }
        guard code == CURLE_OPERATION_TIMEDOUT else {
            return TransferFailure(kind: .broken, message: message)
        }
        // libcurl has one code for both limits.
        let elapsed = (Clock.monotonicNanoseconds() - begin) / 1_000_000
        let isLate =
            request.wallMilliseconds > 0
            && elapsed + Self.clockMilliseconds >= Int64(request.wallMilliseconds)
        return TransferFailure(kind: isLate ? .late : .idle, message: message)
    }
}
