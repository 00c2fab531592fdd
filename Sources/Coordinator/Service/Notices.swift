// Tells the user outside of the terminal when a session waits or ends: a command, a webhook, the desktop.
import Core
import Journal
import Kit
import Synchronization
import System
import Transfer

/// Follows the journal and notifies once for each occasion.
///
/// How far it came is written down before anything is sent, so that a crash may lose a notification and never
/// repeats one.
final class Notices: Sendable {
    /// What is told.
    struct Occasion: Sendable, Hashable {
        var session: String
        var type: String
        var at: Int64
        var task: String
        var text: String
        var next: String

        var json: JSON {
            [
                "session": .string(session), "event": .string(type), "at": JSON(at), "task": .string(task),
                "text": .string(text), "next": .string(next),
            ]
        }
    }

    private let coordinator: Coordinator
    private let seen: Mutex<[String: Int64]>
    private var path: String { "\(coordinator.home.path)/notified.json" }

    private static let waitMilliseconds = 5000
    /// Events come in bursts; one look is enough for all of them.
    private static let settleMilliseconds = 200
    private static let commandMilliseconds = 10_000
    private static let webhookTries = 3

    init(_ coordinator: Coordinator) {
        self.coordinator = coordinator
        let path = "\(coordinator.home.path)/notified.json"
        let text = (try? Files.readText(path, limit: 16 << 20)) ?? ""
        let known = (try? JSON.parse(text))?.objectValue?.compactMapValues(\.int64Value) ?? [:]
        // What happened before there was a notifier is no news.
        let all = coordinator.sessions.withLock { $0.mapValues(\.state.seq) }
        seen = Mutex(all.merging(known) { _, written in written })
    }

    /// Runs until the coordinator ends.
    func start() {
        Worker.start("notifier", stackBytes: 1 << 20) { [self] in
            let journal = coordinator.world.journal
            while !coordinator.isStopping.withLock({ $0 }) {
                let mark = journal.changes.withLock { $0 }
                for occasion in news() { tell(occasion) }
                _ = journal.changes.wait(timeoutMilliseconds: Self.waitMilliseconds) {
                    $0 > mark ? true : nil
                }
                pause(milliseconds: Self.settleMilliseconds)
            }
        }
    }

    /// The occasions since the last look. They are written down as told.
    private func news() -> [Occasion] {
        let sessions = coordinator.sessions.withLock { $0 }
        var found: [Occasion] = []
        let hasNews = seen.withLock { seen -> Bool in
            let before = seen
            seen = seen.filter { sessions[$0.key] != nil }
            for (id, session) in sessions {
                let state = session.state
                let after = seen[id] ?? 0
                guard state.seq > after, let configuration = state.configuration else { continue }
                for event in (try? coordinator.world.journal.events(id, after: after)) ?? [] {
                    seen[id] = event.seq
                    if let occasion = Self.occasion(event, configuration) { found.append(occasion) }
                }
            }
            return seen != before
        }
        if hasNews, !save() { return [] }
        return found
    }

    /// False when it could not be written; then nothing is told, rather than everything again and again.
    private func save() -> Bool {
        let json = JSON.object(seen.withLock { $0.mapValues { JSON($0) } })
        do throws(SystemError) {
            try Files.writeAtomically(path, Array(json.text.utf8), mode: 0o600)
            return true
        } catch {
            coordinator.world.log("notifications: write \(path): \(error)")
            return false
        }
    }

    /// What an event is to the user; nil when it is nothing to be called for.
    static func occasion(_ event: Event, _ configuration: SessionConfiguration) -> Occasion? {
        let id = event.session
        let (text, next): (String, String)
        switch event.body {
        case .approvalRequested where !configuration.autoApprove:
            (text, next) = (
                "the change waits for your approval", "openclaw diff \(id); openclaw approve \(id)"
            )
        case .permissionRequested(let permission):
            (text, next) = (
                "asks you (\(permission.kind.rawValue)): \(permission.summary)", "openclaw session \(id)"
            )
        case .sessionCompleted: (text, next) = ("completed", "openclaw session \(id)")
        case .sessionFailed(let reason, let hint): (text, next) = ("failed: \(reason)", hint)
        // The user did it.
        case .sessionCancelled: return nil
        default: return nil
        }
        return Occasion(
            session: id, type: event.body.type, at: event.at, task: configuration.task, text: text, next: next
        )
    }

    // MARK: Telling

    private func tell(_ occasion: Occasion) {
        let file = "\(coordinator.home.path)/config.yaml"
        let text = (try? Files.readText(file, limit: YAML.sizeLimit)) ?? ""
        let settings: Settings
        do throws(SettingsError) {
            settings = try Settings.parse(text, source: file)
        } catch {
            return coordinator.world.log("notifications: \(error)")
        }
        if let command = settings.text("notify.command") {
            run(["/bin/sh", "-c", command], occasion, "notify.command")
        }
        if settings.isOn("notify.desktop") {
            run(
                ["notify-send", "--app-name=openclaw", "openclaw: \(occasion.session)", occasion.text],
                occasion, "notify.desktop")
        }
        if let url = settings.text("notify.webhook") { post(url, occasion) }
    }

    /// The words of a session go into variables and standard input, never into the command.
    private func run(_ command: [String], _ occasion: Occasion, _ key: String) {
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
            coordinator.world.log("notifications: \(key) ended with \(outcome.status): \(outcome.stderrText)")
        } catch {
            coordinator.world.log("notifications: \(key): \(error)")
        }
    }

    private func post(_ url: String, _ occasion: Occasion) {
        for attempt in 1...Self.webhookTries {
            do throws(WebPost.Failure) {
                return try WebPost.send(occasion.json, to: url, timeoutMilliseconds: Self.commandMilliseconds)
            } catch {
                coordinator.world.log("notifications: notify.webhook: \(error)")
                guard error.isPassing, attempt < Self.webhookTries else { return }
                pause(milliseconds: 1000 * attempt)
            }
        }
    }
}
