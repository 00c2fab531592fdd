// The way to the coordinator.
import Glibc
import Kit
import System
import Wire

/// Calls of the coordinator's guest API, from any thread; blocking.
///
/// A coordinator that restarts takes its listening socket back from the platform, so connections wait
/// meanwhile or fail for a moment. What must not be lost is tried until there is a final answer.
struct Courier: Sendable {
    /// How long to try.
    enum Patience: Sendable {
        /// Until there is an answer, or the guest ends.
        case untilAnswered
        case milliseconds(Int64)
    }

    /// The coordinator's answer.
    struct Answer: Sendable {
        var status: Int
        var body: JSON

        var isSuccess: Bool { (200..<300).contains(status) }
        /// In words that a model can act on.
        var problem: String {
            let error = body["error"]
            if let message = error?["message"]?.stringValue {
                return message + (error?["hint"]?.stringValue.map { " (\($0))" } ?? "")
            }
            return isSuccess ? "" : "the coordinator answered \(status): \(body.text)"
        }
    }

    /// What the next courier can go on with.
    let connection: HTTPConnection
    let token: String
    let isStopping: @Sendable () -> Bool

    /// - Parameter known: Of an earlier courier: its connections are kept when they lead to the same place.
    init(
        url: String, token: String, known: HTTPConnection? = nil, isStopping: @escaping @Sendable () -> Bool
    ) throws(HarnessError) {
        let rest = url.hasPrefix("http://") ? url.dropFirst(7).prefix { $0 != "/" } : ""
        let colon = rest.lastIndex(of: ":")
        guard let host = rest[..<(colon ?? rest.endIndex)].isEmpty ? nil : rest[..<(colon ?? rest.endIndex)],
            let port = colon.map({ UInt16(rest[rest.index(after: $0)...]) }) ?? 80
        else { throw HarnessError("use the coordinator's url", "\(url) is not http://HOST:PORT") }
        let address = HTTPAddress.tcp(String(host), port)
        connection = known.flatMap { "\($0.address)" == "\(address)" ? $0 : nil } ?? HTTPConnection(address)
        self.token = token
        self.isStopping = isStopping
    }

    func post(_ path: String, _ body: JSON, _ patience: Patience = .untilAnswered) throws(HarnessError)
        -> Answer
    {
        try call("POST", path, body, patience)
    }

    func get(_ path: String, _ patience: Patience = .milliseconds(30_000)) throws(HarnessError) -> Answer {
        try call("GET", path, nil, patience)
    }

    private func call(
        _ method: String, _ path: String, _ body: JSON?, _ patience: Patience
    ) throws(HarnessError) -> Answer {
        let deadline: Int64? =
            if case .milliseconds(let time) = patience { Supervisor.now + time } else { nil }
        var pause = Limits.firstRetryMilliseconds
        while true {
            let problem: String
            do throws(HTTPError) {
                let response = try connection.send(
                    request(method, path, body), timeoutMilliseconds: 60_000)
                if !Self.isTransient(response.status) {
                    let text = response.body.isEmpty ? JSON.null : (try? response.json()) ?? .null
                    return Answer(status: response.status, body: text)
                }
                problem = "it answered \(response.status)"
            } catch {
                problem = "\(error)"
            }
            if isStopping() { throw HarnessError("call \(path)", "the guest is shutting down; \(problem)") }
            if let deadline, Supervisor.now + Int64(pause) >= deadline {
                throw HarnessError("call \(path)", problem, hint: "the coordinator may be restarting")
            }
            usleep(UInt32(pause) * 1000)
            pause = min(pause * 2, Limits.longestRetryMilliseconds)
        }
    }

    /// Answers that a later try may change.
    static func isTransient(_ status: Int) -> Bool { status >= 500 || [408, 425, 429].contains(status) }

    private func request(_ method: String, _ path: String, _ body: JSON?) -> HTTPRequest {
        let headers = HTTPHeaders([("Authorization", Authorization.bearer(token))])
        if let body { return HTTPRequest(method, path, headers: headers, json: body) }
        return HTTPRequest(method, path, headers: headers)
    }
}
