import Channel
import Core
import Kit
import Synchronization
import System
import Transfer
import Wire

/// Tells a chat bot or a phone what waits for a person, and hears what the person decided. At least once,
/// signed, with the same id each time; what was delivered is in the journal, so a coordinator that is started
/// again goes on with the rest.
final class Notifier: Sendable {
    private struct Job: Sendable {
        var session: SessionRunner
        var event: Event
        var attempts = 0
        var due: Int64 = 0
    }

    /// What people are told of.
    private static let types: Set<String> = [
        "approval.requested", "session.completed", "session.failed", "session.cancelled",
    ]
    /// Seconds between the tries; after the last one it is given up, and the journal says so.
    private static let delays: [Int64] = [1, 2, 5, 15, 60, 300, 900]
    private static let jobs = 1000

    private let settings: WebhookSettings
    private let queue = Condition<(jobs: [Job], isStopped: Bool)>(([], false))

    init(_ settings: WebhookSettings) {
        self.settings = settings
        Worker.start("notifier", stackBytes: 1 << 20) { [self] in run() }
    }

    func stop() { queue.withLock { $0.isStopped = true } }

    /// Hears of events that were written.
    func hear(_ session: SessionRunner, _ events: [Event]) {
        let due = events.filter { Self.types.contains($0.body.type) }
        guard !due.isEmpty else { return }
        queue.withLock { queue in
            for event in due where queue.jobs.count < Self.jobs {
                queue.jobs.append(Job(session: session, event: event))
            }
        }
    }

    /// After a restart: what was not delivered yet. A session that was over before there was a webhook is
    /// nobody's news.
    func resume(_ session: SessionRunner, _ events: [Event]) {
        var settled: Set<Int64> = []
        for event in events {
            switch event.body {
            case .webhookDelivered(let about, _), .webhookFailed(let about, _): settled.insert(about)
            default: continue
            }
        }
        guard !settled.isEmpty || !session.state.phase.isOver else { return }
        hear(session, events.filter { !settled.contains($0.seq) })
    }

    private static var now: Int64 { Clock.monotonicNanoseconds() / 1_000_000 }

    private func run() {
        while true {
            let wait = queue.withLock { queue in
                queue.jobs.map(\.due).min().map { max(1, min(60_000, $0 - Self.now)) } ?? 60_000
            }
            let next = queue.wait(timeoutMilliseconds: Int(wait)) { queue -> Job?? in
                if queue.isStopped { return .some(nil) }
                guard let index = queue.jobs.firstIndex(where: { $0.due <= Self.now }) else { return nil }
                return .some(queue.jobs.remove(at: index))
            }
            guard let next else { continue }
            guard let job = next else { return }
            deliver(job)
        }
    }

    private func deliver(_ job: Job) {
        var job = job
        let body = document(job).serialized()
        let at = Clock.wallMilliseconds()
        let headers: HTTPHeaders = [
            "Content-Type": "application/json",
            WebhookSignature.header: WebhookSignature.make(body, secret: settings.secret, at: at),
        ]
        var problem: String
        do throws(WebPost.Failure) {
            let status = try WebPost.send(settings.url, headers: headers, body: body)
            if (200..<300).contains(status) {
                return job.session.insist(
                    .record([.webhookDelivered(about: job.event.seq, attempts: job.attempts + 1)]))
            }
            problem = "it answered \(status)"
        } catch {
            problem = error.description
        }
        job.session.world.log("\(job.session.id): notify \(settings.url): \(problem)")
        guard job.attempts < Self.delays.count else {
            return job.session.insist(
                .record([.webhookFailed(about: job.event.seq, reason: String(problem.prefix(500)))]))
        }
        job.due = Self.now + Self.delays[job.attempts] * 1000
        job.attempts += 1
        queue.withLock { $0.jobs.append(job) }
    }

    private func document(_ job: Job) -> JSON {
        let state = job.session.state
        let id = job.session.id
        var json: JSON = [
            "id": .string("\(id):\(job.event.seq)"), "type": .string(job.event.body.type),
            "session": .string(id), "seq": JSON(job.event.seq), "at": JSON(job.event.at),
            "task": .string(state.configuration?.task ?? ""), "summary": state.summary,
        ]
        if case .approvalRequested(let tree, let commit) = job.event.body {
            json["decide"] = [
                "path": .string("/session/\(id)/canvas/hooks/decision"), "commit": .string(commit),
                "basedOn": ["seq": JSON(job.event.seq), "digest": .string(tree)],
            ]
        }
        return json
    }

    // MARK: Decisions

    static let bodyBytes = 64 << 10

    /// A decision that came back: a command with `by`, signed as notifications are. The signature is all the
    /// authority there is, so neither Host nor Origin matters and nothing of a browser is of use here.
    func decide(_ request: HTTPRequest, _ session: SessionRunner) -> HTTPResponse {
        do throws(ChannelError) {
            let signatures = request.headers.all(WebhookSignature.header)
            guard signatures.count == 1,
                WebhookSignature.isValid(
                    signatures[0], request.body, secret: settings.secret, now: Clock.wallMilliseconds())
            else {
                throw ChannelError(
                    401, "unauthorized", "the signature is not right, or not of these five minutes",
                    hint: "\(WebhookSignature.header): t=MS,v1=HMAC-SHA256(secret, \"MS.\" + body)")
            }
            let body: JSON
            do throws(HTTPError) { body = try request.json() } catch {
                throw ChannelError(400, "bad_request", error.message)
            }
            let command = try CanvasCommand(body)
            guard ["approve", "deny", "pause", "resume", "cancel", "message"].contains(command.type) else {
                throw ChannelError(400, "bad_request", "a webhook cannot \(command.type)")
            }
            let name = body["by"]?.stringValue ?? "somebody"
            let plain = name.filter { $0.isLetter || $0.isNumber || " .-_@".contains($0) }.prefix(64)
            let answer = try RunnerChannel(session: session).perform(
                command, by: "\(plain) (webhook)", via: "webhook")
            return HTTPResponse(status: 200, json: answer)
        } catch {
            return error.response
        }
    }
}
