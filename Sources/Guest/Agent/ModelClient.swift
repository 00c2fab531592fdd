import Glibc
import Kit
import System
import Wire

/// What an agent needs of its model; tests have one of their own.
protocol Model: Sendable {
    /// Asks until there is a whole answer or a reason why there will be none.
    func ask(_ body: JSON, task: String, notice: (String) -> Void) throws(AgentError) -> ModelClient.Answer
}

/// The Messages API, as the gateway speaks it.
struct ModelClient: Model {
    /// Kept between calls: a step is short.
    private let connection: HTTPConnection
    private let prefix: String
    private let key: String

    /// From `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY`, as every SDK has it.
    init() throws(AgentError) {
        guard let base = Environment.get("ANTHROPIC_BASE_URL"), let key = Environment.get("ANTHROPIC_API_KEY")
        else {
            throw AgentError(
                "ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY are not set: there is no model to talk to")
        }
        try self.init(baseURL: base, key: key)
    }

    init(baseURL: String, key: String) throws(AgentError) {
        guard baseURL.hasPrefix("http://") else {
            throw AgentError("\(baseURL): an agent talks to the gateway over plain HTTP inside its group")
        }
        let rest = baseURL.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", maxSplits: 1)
        guard let host = parts.first, let port = parts.count > 1 ? UInt16(parts[1]) : 80 else {
            throw AgentError("\(baseURL) is no URL")
        }
        connection = HTTPConnection(.tcp(String(host), port))
        prefix = String(rest.dropFirst(authority.count)).trimmingSlash
        self.key = key
    }

    /// One complete answer.
    struct Answer: Sendable {
        var content: [JSON]
        var stopReason: String
        /// All of the prompt, from the cache or not.
        var inputTokens: Int
        var outputTokens: Int
    }

    /// First and longest pause between tries, and how long to try in all, in milliseconds: a coordinator that
    /// restarts is back within seconds, a provider that is overloaded within minutes.
    private static let pauses = (longest: 20_000, total: 900_000)
    var firstPauseMilliseconds = 250

    /// Asks, again and again until there is a whole answer or a reason why there will be none.
    func ask(_ body: JSON, task: String, notice: (String) -> Void) throws(AgentError) -> Answer {
        let deadline = Clock.monotonicNanoseconds() + Int64(Self.pauses.total) * 1_000_000
        var pause = firstPauseMilliseconds
        var broken = 0
        while true {
            switch attempt(body, task: task) {
            case .answer(let answer): return answer
            case .refused(let error): throw error
            case .retry(let reason, let after, let isBroken):
                // What had begun may have been paid for, so it is not begun again for ever.
                if isBroken { broken += 1 }
                guard broken < AgentLimits.brokenAnswers else {
                    throw AgentError("the model's answer broke off \(broken) times: \(reason)")
                }
                guard Clock.monotonicNanoseconds() < deadline else {
                    throw AgentError(
                        "the model did not answer for \(Self.pauses.total / 60_000) minutes: \(reason)")
                }
                notice("waiting for the model: \(reason)")
                let wait = min(after ?? pause, 120_000)
                usleep(UInt32(wait) * 1000)
                pause = min(pause * 2, Self.pauses.longest)
            }
        }
    }

    private enum Attempt {
        case answer(Answer)
        case refused(AgentError)
        case retry(String, afterMilliseconds: Int?, isBroken: Bool)
    }

    private func attempt(_ body: JSON, task: String) -> Attempt {
        let headers = HTTPHeaders([
            ("x-api-key", key), ("anthropic-version", "2023-06-01"), ("x-openclaw-task", task),
        ])
        var assembler = AnswerAssembler()
        var parser = ServerSentEventParser()
        var failure: String?
        var hasBegun = false
        do throws(HTTPError) {
            let response = try connection.send(
                HTTPRequest("POST", "\(prefix)/v1/messages", headers: headers, json: body),
                timeoutMilliseconds: 600_000, idleMilliseconds: 300_000
            ) { bytes in
                hasBegun = true
                do throws(ServerSentEventError) {
                    for event in try parser.receive(bytes) { assembler.take(event) }
                    return assembler.failure == nil
                } catch {
                    failure = "\(error)"
                    return false
                }
            }
            guard response.isSuccess else { return refusal(response) }
        } catch {
            return .retry("\(error)", afterMilliseconds: nil, isBroken: hasBegun)
        }
        if let failure = failure ?? assembler.failure {
            return assembler.isWorthRetrying
                ? .retry(failure, afterMilliseconds: nil, isBroken: true)
                : .refused(AgentError("the model did not answer: \(failure)"))
        }
        guard let answer = assembler.answer else {
            return .retry("the answer was cut off", afterMilliseconds: nil, isBroken: true)
        }
        return .answer(answer)
    }

    private func refusal(_ response: HTTPResponse) -> Attempt {
        let json = (try? response.json()) ?? .null
        let error = json["error"]
        let message = error?["message"]?.stringValue ?? "status \(response.status)"
        // The gateway has tried again already and knows what is worth another try; what it does not say, the
        // status does.
        let isTransient =
            switch response.headers["x-should-retry"] {
            case "true": true
            case "false": false
            default: response.status == 429 || response.status == 408 || response.status >= 500
            }
        guard isTransient else { return .refused(AgentError(refusal: message)) }
        let seconds = response.headers["retry-after"].flatMap { Double($0) }
        return .retry(
            message, afterMilliseconds: seconds.map { Int(max(0, min($0, 120)) * 1000) }, isBroken: false)
    }
}

extension String {
    fileprivate var trimmingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
