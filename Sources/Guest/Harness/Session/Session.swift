// What the harness knows of the session its guest is in.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// The session's side of a guest: its configuration, its tasks, its clocks. Used from all threads.
final class Session: Sendable {
    struct State {
        var document: JSON = [:]
        var secrets: [String: String] = [:]
        /// Made anew whenever what is secret changes.
        var redactor = Redactor()
        var denials = PendingDenials()
        var runEnvironment: [String: String] = [:]
        var hosts: [ControlRequest.Host] = []
        var book = TaskBook()
        var clock = ProgressClock(now: Supervisor.now)
        var agent: Int32?
        var isConfigured = false
        var isStopping = false
        /// A person has a shell here.
        var isVisited = false
        /// What has been told the coordinator already.
        var isReadyTold = false
        var listeners: [SharedDescriptor] = []
        var servers: [HTTPServer] = []
    }

    let mailbox: Mailbox
    let guest: GuestFacts
    let state: Condition<State>
    /// One git command of the harness at a time: two would meet in the index.
    let gitLock = Condition(false)
    let progressReporter = ProgressReporter()
    /// Connections to the coordinator, kept between calls.
    private let coordinator = Mutex<HTTPConnection?>(nil)
    /// The sandbox of the current task's tools.
    let tools = Mutex<ToolSession?>(nil)
    private let store = Mutex<ArtifactStore?>(nil)
    let languages = SharedLanguages()
    let peers = PeerWatch()
    let shell = ShellDesk()
    /// The sandbox of its servers of tools, when the role has any.
    let mcp = Mutex<MCPSession?>(nil)
    /// The sandbox of somebody else's program in the agent's place, when the role has one.
    let program = Mutex<ProgramSession?>(nil)

    init(mailbox: Mailbox, guest: GuestFacts) {
        self.mailbox = mailbox
        self.guest = guest
        state = Condition(State())
    }

    // MARK: What the host says

    func setSecrets(_ secrets: [String: String]) {
        state.withLock { state in
            state.secrets = secrets
            state.redactor = Self.redactor(secrets, state.runEnvironment)
        }
    }

    /// What was fetched later counts like what was there at the start.
    func addSecrets(_ secrets: [String: String]) {
        setSecrets(state.withLock { $0.secrets }.merging(secrets) { $1 })
    }

    /// Finds everything secret that this guest was given: what came as a secret, and what a program's
    /// environment names like one.
    private static func redactor(_ secrets: [String: String], _ environment: [String: String]) -> Redactor {
        let words = ["TOKEN", "SECRET", "PASSWORD", "API_KEY", "CREDENTIAL"]
        let named = environment.filter { entry in words.contains { entry.key.uppercased().contains($0) } }
        return Redactor(named.merging(secrets) { $1 })
    }

    /// What every line and every result goes through before it leaves the guest.
    var redactor: Redactor { state.withLock { $0.redactor } }
    func setHosts(_ hosts: [ControlRequest.Host]) { state.withLock { $0.hosts = hosts } }

    /// Takes the guest document and starts what serves the session. A second call changes the document only.
    func configure(document: JSON) throws(HarnessError) {
        let isFirst = state.withLock { state in
            defer { state.isConfigured = true }
            state.document = document
            return !state.isConfigured
        }
        guard isFirst else { return }
        try AgentServer(session: self).start()
        // A guest without a session (a stateless task, a gate) has nobody who would call it.
        if document["agent_id"]?.stringValue != nil {
            try HTTPFace(session: self).start()
            Heartbeat(session: self).start()
            peers.start(self)
        }
    }

    func agentStarts(environment: [String: String]) {
        state.withLock { state in
            state.runEnvironment = environment
            state.redactor = Self.redactor(state.secrets, environment)
            // A new agent process knows nothing of what the last one was given.
            _ = state.book.resume()
            state.clock.progress(now: Supervisor.now)
        }
    }

    func agentStarted(pid: Int32) {
        let isFirst = state.withLock { state in
            state.agent = pid
            defer { state.isReadyTold = true }
            return !state.isReadyTold
        }
        guard isFirst else { return }
        ActivityReporter(session: self).start()
        tell("agents/ready", ["layers": guest.layers])
    }

    func agentEnded(_ result: JSON) {
        state.withLock { $0.agent = nil }
        tell("agents/exited", result)
    }

    /// Tells the coordinator a fact, on a thread of its own.
    func tell(_ path: String, _ body: JSON) {
        guard let courier else { return }
        let mailbox = mailbox
        Worker.start("courier", stackBytes: 256 * 1024) {
            do throws(HarnessError) {
                let answer = try courier.post("/coordinator/\(path)", body)
                if !answer.isSuccess { mailbox.log("\(path): \(answer.problem)") }
            } catch {
                mailbox.log("\(path): \(error)")
            }
        }
    }

    /// Ends what serves; called once, at shutdown.
    func stop() {
        let (listeners, servers) = state.withLock { state in
            state.isStopping = true
            return (state.listeners, state.servers)
        }
        endTools()
        languages.close()
        for server in servers { server.stop() }
        for listener in listeners { IO.shutdown(listener.raw) }
    }

    // MARK: What it is

    var document: JSON { state.withLock { $0.document } }
    var agentID: String { document["agent_id"]?.stringValue ?? "" }
    var sessionID: String { document["session_id"]?.stringValue ?? "" }
    var isStopping: Bool { state.withLock { $0.isStopping } }
    /// Empty between tasks.
    var currentTaskID: String {
        state.withLock { $0.book.current.values.first?["id"]?.stringValue } ?? ""
    }

    /// The files of this agent for its peers. There is one for as long as the guest lives: it knows what is
    /// on its way.
    var artifacts: ArtifactStore {
        store.withLock { store in
            if let store { return store }
            let made = ArtifactStore(directory: "\(guest.workspace)/artifacts/\(agentID)")
            store = made
            return made
        }
    }

    /// The token of this agent, from what the platform gave us; nil before it did.
    var token: String? {
        state.withLock { state in
            state.secrets["SESSION_TOKEN"] ?? state.runEnvironment["SESSION_TOKEN"]
        }
    }

    /// The way to the coordinator; nil for a guest that has none.
    var courier: Courier? {
        guard let token, let url = document["coordinator_url"]?.stringValue else { return nil }
        return coordinator.withLock { known in
            let courier = try? Courier(url: url, token: token, known: known) { [self] in isStopping }
            known = courier?.connection
            return courier
        }
    }

    /// The agent did something.
    func progress() { state.withLock { $0.clock.progress(now: Supervisor.now) } }

    /// The answer to `health`.
    func health(dropped: Int, orphans: Int, agentAlive: Bool) -> JSON {
        state.withLock { state in
            [
                "status": "ok", "agent_alive": JSON(agentAlive),
                "progress_age_ms": JSON(state.clock.age(now: Supervisor.now)), "dropped": JSON(dropped),
                "orphans": JSON(orphans), "tasks": JSON(state.book.current.keys.sorted()),
                "configured": JSON(state.isConfigured),
            ]
        }
    }

    /// Keeps a listener to be closed at the end.
    func keep(_ listener: SharedDescriptor) { state.withLock { $0.listeners.append(listener) } }
    func keep(_ server: HTTPServer) { state.withLock { $0.servers.append(server) } }
}

/// Tells the coordinator that this guest lives, when its agent last did something, and what CPU its tree
/// burnt.
struct Heartbeat: Sendable {
    let session: Session

    func start() { Worker.start("heartbeat", stackBytes: 256 * 1024) { run() } }

    private func run() {
        let seconds = max(1, session.document["heartbeat_seconds"]?.intValue ?? 60)
        let interval = max(250, seconds * 1000 / 4)
        while !session.isStopping {
            beat(interval: Int64(interval))
            // Ends early only at shutdown.
            _ = session.state.wait(timeoutMilliseconds: interval) { $0.isStopping ? true : nil }
        }
    }

    private func beat(interval: Int64) {
        let cpu = Self.treeMilliseconds()
        let body = session.state.withLock { state -> JSON in
            state.clock.tick(now: Supervisor.now, cpu: cpu, every: interval)
            return [
                "alive": JSON(state.agent != nil),
                "progress_age_ms": JSON(state.clock.age(now: Supervisor.now)),
                "cpu_ms": JSON(cpu),
                "task": state.book.current.keys.sorted().first.map { .string($0) } ?? .null,
            ]
        }
        guard let courier = session.courier else { return }
        // A lost beat is made good by the next one.
        _ = try? courier.post("/coordinator/heartbeat", body, .milliseconds(interval))
    }

    /// CPU time of all our descendants, living and reaped, in milliseconds. Linux: proc(5) stat
    static func treeMilliseconds() -> Int64 {
        let own = Processes.current()
        var ticks: Int64 = 0
        for pid in (try? Processes.descendants(of: own)) ?? [] { ticks += fields(of: pid, 11, 12) }
        return (ticks + fields(of: own, 13, 14)) * 10
    }

    /// The sum of two fields of /proc/PID/stat, counted from behind the name; hundredths of a second.
    private static func fields(of pid: Int32, _ first: Int, _ second: Int) -> Int64 {
        // A process that has just ended counts with its parent's reaped children.
        guard let stat = try? Files.readText("/proc/\(pid)/stat", limit: 4096),
            let end = stat.lastIndex(of: ")")
        else {
            return 0
        }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > second else { return 0 }
        return (Int64(fields[first]) ?? 0) + (Int64(fields[second]) ?? 0)
    }
}
