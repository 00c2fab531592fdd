import Kit
import Synchronization
import System
import Transfer
import Wire

/// JSON requests to a forge. What is safe to repeat is repeated when the forge is away or wants us to wait;
/// what is not is repeated only when it certainly did not arrive.
struct ForgeClient: Sendable {
    let api: String
    /// Already in the form of a header.
    let authorization: (name: String, value: String)?
    let accept: String
    var headers: [(name: String, value: String)] = []
    /// Sleeps; tests count.
    var pause: @Sendable (_ milliseconds: Int) -> Void = { milliseconds in
        _ = Condition(false).wait(timeoutMilliseconds: milliseconds) { $0 ? true : nil }
    }
    var limits = ForgeLimits()

    /// Sends; tests answer.
    var transfer: @Sendable (TransferRequest, any TransferReceiver) throws(TransferFailure) -> Void

    init(
        api: String, authorization: (name: String, value: String)?, accept: String = "application/json",
        headers: [(name: String, value: String)] = []
    ) {
        (self.api, self.authorization, self.accept) = (api, authorization, accept)
        self.headers = headers
        let pool = TransferPool(limit: 1)
        transfer = { (request, receiver) throws(TransferFailure) in try pool.run(request, receiver) }
    }

    /// - Parameter isRepeatable: Doing it twice is the same as doing it once.
    @discardableResult
    func send(
        _ method: String, _ path: String, _ body: JSON? = nil, isRepeatable: Bool = true
    ) throws(ForgeError) -> JSON {
        var waited = 0
        var failure = ForgeError(.unavailable, "\(method) \(path): not tried")
        for attempt in 0..<limits.tries {
            do throws(ForgeError) {
                return try once(method, path, body)
            } catch {
                failure = error
                var delay = limits.firstMilliseconds << attempt
                switch error.kind {
                case .limited(let milliseconds): delay = max(delay, milliseconds)
                case .unavailable where isRepeatable: break
                default: throw error
                }
                waited += delay
                guard attempt + 1 < limits.tries, waited <= limits.waitMilliseconds else { throw error }
                pause(delay)
            }
        }
        throw failure
    }

    /// All items of a list that comes in pages.
    /// - Parameters:
    ///   - path: With the query that says how many are on a page.
    ///   - items: Where they are in an answer.
    /// - Returns: Also whether these are all: a list without end is cut.
    func pages(
        _ path: String, size: Int = 100, items: (JSON) -> JSON?
    ) throws(ForgeError) -> (items: [JSON], isComplete: Bool) {
        var all: [JSON] = []
        for page in 1...limits.pages {
            let answer = try send("GET", "\(path)&page=\(page)")
            guard let found = items(answer)?.arrayValue else {
                throw ForgeError(.strange, "GET \(path): the answer has no list")
            }
            all += found
            // Some give fewer on a page than were asked for, and say how many there are.
            let total = answer["total_count"]?.intValue ?? (found.count < size ? all.count : .max)
            if all.count >= total || found.isEmpty { return (all, all.count >= total || total == .max) }
        }
        return (all, false)
    }

    private func once(_ method: String, _ path: String, _ body: JSON?) throws(ForgeError) -> JSON {
        var all: [(name: String, value: String)] = [
            ("Accept", accept), ("User-Agent", "openclaw-kit"), ("Content-Type", "application/json"),
        ]
        if let authorization { all.append(authorization) }
        let request = TransferRequest(
            method: method, url: path.hasPrefix("http") ? path : api + path, headers: all + headers,
            body: body.map { $0.serialized() } ?? [], connectMilliseconds: limits.connectMilliseconds,
            idleMilliseconds: limits.idleMilliseconds, certificateFile: Environment.get("SSL_CERT_FILE"))
        let reader = Answer(limit: limits.answerBytes)
        do throws(TransferFailure) {
            try transfer(request, reader)
        } catch {
            guard reader.isComplete else {
                let kind: ForgeError.Kind =
                    error.kind == .refused || error.kind == .ended ? .strange : .unavailable
                throw ForgeError(kind, error.message)
            }
        }
        return try reader.json("\(method) \(path)")
    }
}

/// Bounds of talking to a forge.
struct ForgeLimits: Sendable {
    var tries = 5
    var firstMilliseconds = 500
    /// All waits of one request together; GitHub asks for up to an hour, and a person rather decides then.
    var waitMilliseconds = 15 * 60 * 1000
    var connectMilliseconds = 15_000
    var idleMilliseconds = 60_000
    /// The longest list, in pages.
    var pages = 50
    /// The longest answer: a page of a hundred pull requests with their texts.
    var answerBytes = 32 << 20
}

/// Collects an answer.
private final class Answer: TransferReceiver {
    private struct State {
        var status = 0
        var headers = HTTPHeaders()
        var body: [UInt8] = []
        var isTooLong = false
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var isCancelled: Bool { false }
    var isComplete: Bool { state.withLock { $0.isTooLong } }

    func head(_ status: Int, _ headers: HTTPHeaders) {
        state.withLock { ($0.status, $0.headers) = (status, headers) }
    }

    func body(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            state.isTooLong = state.body.count + bytes.count > limit
            if !state.isTooLong { state.body += bytes }
            return !state.isTooLong
        }
    }

    func json(_ what: String) throws(ForgeError) -> JSON {
        let (status, headers, body, isTooLong) = state.withLock {
            ($0.status, $0.headers, $0.body, $0.isTooLong)
        }
        guard !isTooLong else {
            throw ForgeError(.strange, "\(what): the answer is longer than \(limit) bytes")
        }
        let json = body.isEmpty ? JSON.null : try? JSON.parse(body)
        if (200..<300).contains(status) {
            guard let json else { throw ForgeError(.strange, "\(what): the answer is no JSON") }
            return json
        }
        let message = "\(what): \(status) \(Self.complaint(json ?? .null))"
        switch status {
        case 401: throw ForgeError(.unauthorized, message)
        case 403, 429:
            if let wait = Self.wait(headers, message) {
                throw ForgeError(.limited(milliseconds: wait), message)
            }
            throw ForgeError(status == 429 ? .limited(milliseconds: 60_000) : .forbidden, message)
        case 404: throw ForgeError(.notFound, message)
        case 405, 409: throw ForgeError(.conflict, message)
        case 400, 422: throw ForgeError(.invalid, message)
        case 500...: throw ForgeError(.unavailable, message)
        default: throw ForgeError(.strange, message)
        }
    }

    /// How long a limit holds: `retry-after`, or the time at which a used-up quota is filled again; a
    /// secondary limit that says neither is a minute, as GitHub's documentation asks for.
    private static func wait(_ headers: HTTPHeaders, _ message: String) -> Int? {
        if let seconds = headers["retry-after"].flatMap({ ForeignNumber.decimal($0, in: 0...86_400) }) {
            return seconds * 1000
        }
        if headers["x-ratelimit-remaining"] == "0",
            let reset = headers["x-ratelimit-reset"].flatMap({
                ForeignNumber.decimal($0, in: 0...ForeignNumber.most)
            })
        {
            return Int(max(0, min(Int64(reset) * 1000 - Clock.wallMilliseconds(), 86_400_000))) + 1000
        }
        return message.lowercased().contains("secondary rate limit") ? 60_000 : nil
    }

    /// What a forge says, in a line: its message, and the errors of the fields.
    private static func complaint(_ json: JSON) -> String {
        var words = [
            json["message"]?.stringValue ?? json["error"]?.stringValue ?? json["message"]?.text ?? ""
        ]
        for error in json["errors"]?.arrayValue ?? [] {
            words.append(error["message"]?.stringValue ?? error.stringValue ?? error.text)
        }
        return String(words.filter { !$0.isEmpty }.joined(separator: "; ").prefix(500))
    }
}
