// Tells people who are elsewhere when a session waits or ends: a signed webhook, a command, the desktop.
import Core
import Journal
import Kit
import Synchronization
import System
import Transfer

/// Follows the journal and tells each occasion to every outlet that is wanted, in one loop.
///
/// What is to be told is written down before anything is sent. A webhook hears of it at least once, with
/// the same id each time; a command is run at most once.
final class Notices: Sendable {
    private let coordinator: Coordinator
    private let webhook: WebhookSettings?
    private let book: Mutex<NoticeBook>

    private static let waitMilliseconds: Int64 = 5000
    /// Events come in bursts; one look is enough for all of them.
    private static let settleMilliseconds = 200
    private static let commandMilliseconds = 10_000
    private static let bookBytes = 16 << 20

    init(_ coordinator: Coordinator) {
        (self.coordinator, webhook) = (coordinator, coordinator.world.webhook)
        let text = (try? Files.readText(Self.path(coordinator), limit: Self.bookBytes)) ?? ""
        let heads = coordinator.sessions.withLock { $0.mapValues(\.state.seq) }
        book = Mutex(NoticeBook((try? JSON.parse(text)) ?? [:], heads: heads))
    }

    private static func path(_ coordinator: Coordinator) -> String {
        "\(coordinator.home.path)/notified.json"
    }

    /// Runs until the coordinator ends.
    func start() {
        Worker.start("notifier", stackBytes: 1 << 20) { [self] in
            let journal = coordinator.world.journal
            while !isStopping {
                let mark = journal.changes.withLock { $0 }
                look()
                while !isStopping, let job = take() { tell(job) }
                let wait = book.withLock { $0.wait(at: Clock.wallMilliseconds()) } ?? Self.waitMilliseconds
                _ = journal.changes.wait(timeoutMilliseconds: Int(min(wait, Self.waitMilliseconds))) {
                    $0 > mark ? true : nil
                }
                pause(milliseconds: Self.settleMilliseconds)
            }
        }
    }

    private var isStopping: Bool { coordinator.isStopping.withLock { $0 } }

    // MARK: What is to be told

    /// Notes the occasions since the last look.
    private func look() {
        let sessions = coordinator.sessions.withLock { $0 }
        let before = book.withLock { $0 }
        var after = before
        after.keep(sessions.keys)
        for (id, session) in sessions {
            let state = session.state
            let known = after.seen[id] ?? 0
            guard state.seq > known, let configuration = state.configuration else { continue }
            for event in (try? coordinator.world.journal.events(id, after: known)) ?? [] {
                after.note(id, event.seq, for: outlets(of: event, configuration))
            }
        }
        guard after != before else { return }
        // What cannot be written down is not told: better late than again and again.
        if save(after) { book.withLock { $0 = after } }
    }

    private func outlets(
        of event: Event, _ configuration: SessionConfiguration
    ) -> [NoticeBook.Outlet] {
        // Most events are none, and the file is read only for one.
        let settings = Occasion(event, configuration) == nil ? nil : settings()
        return NoticeBook.Outlet.allCases.filter { outlet in
            switch outlet {
            case .signed: webhook != nil && WebhookSettings.types.contains(event.body.type)
            case .command, .post: settings?.text(outlet.rawValue) != nil
            case .desktop: settings?.isOn(outlet.rawValue) == true
            }
        }
    }

    /// The user's, as they are now.
    private func settings() -> Settings? {
        let file = "\(coordinator.home.path)/config.yaml"
        let text = (try? Files.readText(file, limit: YAML.sizeLimit)) ?? ""
        do throws(SettingsError) {
            return try Settings.parse(text, source: file)
        } catch {
            coordinator.world.log("notifications: \(error)")
            return nil
        }
    }

    private func take() -> NoticeBook.Job? {
        let (job, changed) = book.withLock { book -> (NoticeBook.Job?, NoticeBook?) in
            let before = book
            let job = book.take(at: Clock.wallMilliseconds())
            return (job, book == before ? nil : book)
        }
        if let changed, !save(changed) { return nil }
        return job
    }

    private func save(_ book: NoticeBook) -> Bool {
        let path = Self.path(coordinator)
        do throws(SystemError) {
            try Files.writeAtomically(path, Array(book.json.text.utf8), mode: 0o600)
            return true
        } catch {
            coordinator.world.log("notifications: write \(path): \(error)")
            return false
        }
    }

    // MARK: Telling

    private func tell(_ job: NoticeBook.Job) {
        guard let session = coordinator.find(job.session), let configuration = session.state.configuration,
            let event = try? coordinator.world.journal.events(job.session, after: job.seq - 1, limit: 1).first
        else { return settle(job) }
        let settings = job.outlet == .signed ? nil : settings()
        let occasion = Occasion(event, configuration)
        switch job.outlet {
        case .signed:
            guard let webhook else { return settle(job) }
            deliver(job, to: webhook.url, session) {
                let body = webhook.document(of: event, session).serialized()
                return ([webhook.signature(of: body)], body)
            }
        case .post:
            guard let url = settings?.text(job.outlet.rawValue), let occasion else { return settle(job) }
            deliver(job, to: url, session) { ([], occasion.json.serialized()) }
        case .command:
            guard let command = settings?.text(job.outlet.rawValue), let occasion else { return }
            run(["/bin/sh", "-c", command], occasion, job.outlet)
        case .desktop:
            guard settings?.isOn(job.outlet.rawValue) == true, let occasion else { return }
            run(
                ["notify-send", "--app-name=openclaw", "openclaw: \(occasion.session)", occasion.text],
                occasion, job.outlet)
        }
    }

    private func settle(_ job: NoticeBook.Job) {
        _ = save(
            book.withLock { book in
                book.settle(job)
                return book
            })
    }

    private func deliver(
        _ job: NoticeBook.Job, to url: String, _ session: SessionRunner,
        _ make: () -> (headers: [(String, String)], body: [UInt8])
    ) {
        let (headers, body) = make()
        let problem: String
        do throws(WebPost.Failure) {
            try WebPost.send(url, headers: headers, body: body, timeoutMilliseconds: Self.commandMilliseconds)
            // On record before it is struck off: a crash between them tells it again, under the same id.
            if job.outlet == .signed {
                session.insist(.record([.webhookDelivered(about: job.seq, attempts: job.attempts + 1)]))
            }
            return settle(job)
        } catch {
            problem = error.description
        }
        coordinator.world.log("\(job.session): \(job.outlet.rawValue): \(problem)")
        let (isTriedAgain, changed) = book.withLock { book in
            (book.fail(job, at: Clock.wallMilliseconds()), book)
        }
        if !isTriedAgain, job.outlet == .signed {
            session.insist(.record([.webhookFailed(about: job.seq, reason: String(problem.prefix(500)))]))
        }
        _ = save(changed)
    }

    /// The words of a session go into variables and standard input, never into the command.
    private func run(_ command: [String], _ occasion: Occasion, _ outlet: NoticeBook.Outlet) {
        var environment = Environment.all()
        environment["OPENCLAW_SESSION"] = occasion.session
        environment["OPENCLAW_EVENT"] = occasion.type
        environment["OPENCLAW_TEXT"] = occasion.text
        do throws(SystemError) {
            let outcome = try Spawn.run(
                Spawn.Command(
                    command, environment: environment, workingDirectory: "/",
                    stdin: .bytes(Array((occasion.json.text + "\n").utf8)),
                    timeoutMilliseconds: Self.commandMilliseconds))
            guard !outcome.status.isSuccess else { return }
            coordinator.world.log(
                "notifications: \(outlet.rawValue) ended with \(outcome.status): \(outcome.stderrText)")
        } catch {
            coordinator.world.log("notifications: \(outlet.rawValue): \(error)")
        }
    }
}
