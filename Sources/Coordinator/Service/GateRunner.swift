// A gate: the tests of the repository and the checks of its tasks, on exactly one tree.
import Core
import Delivery
import Kit
import Platform
import Synchronization
import System

/// Runs in a guest of its own: no agent, no network, no token. Each command has a fresh copy of the tree.
struct GateRunner: Sendable {
    let session: SessionRunner
    let tree: String
    let commit: String
    /// 2 when it was red once.
    let attempt: Int

    private static let commandMilliseconds = 1_800_000
    private static let outputCharacters = 8000

    private var workspace: String { Self.workspace(of: session) }
    /// One for all gates of the session, which run one after the other.
    private static let name = "gates/tree"
    private var reports: String { "gates/reports" }

    /// - Parameter tests: The repository's; empty when it has none.
    func run(_ tests: String, _ checks: [TaskCheck]) throws -> GateOutcome {
        let start = Clock.monotonicNanoseconds()
        let directory = "\(workspace)/\(Self.name)"
        try session.gateTree.withLock { (_) throws(DeliveryError) in
            try session.repository.exportTree(commit, to: directory)
        }
        try makeReports()
        let platform = session.world.platform
        let seconds = Self.commandMilliseconds / 1000 * (checks.count + 1) + 120
        let instance = try platform.ensure(
            InstanceRequest(
                app: .init(
                    id: "\(session.id)/gate-\(tree.prefix(12))/\(attempt)", sessionID: session.id,
                    coordinatorURL: EffectRunner.coordinatorURL), policy: "stateless",
                workspace: .init(volumeID: session.id, writable: [reports]), maxRuntimeSeconds: seconds,
                isolation: session.state.configuration?.isolation ?? "namespace"))
        defer { try? platform.terminate(instance.id, graceMilliseconds: 500) }
        var outcome = GateOutcome(exitCode: 0, output: "", milliseconds: 0)
        if !tests.isEmpty {
            let done = try command(tests, in: instance.id)
            (outcome.exitCode, outcome.output) = (done.exitCode, done.output)
            outcome.tests = try GateReports(
                from: "\(workspace)/\(reports)",
                to: GateReports.directory(session.world.home.session(session.id), tree: tree)
            ).collect(output: done.output)
        }
        for check in outcome.exitCode == 0 ? checks : [] {
            let begun = Clock.monotonicNanoseconds()
            let done = try command(check.command, in: instance.id)
            outcome.checks.append(
                .init(
                    check, exitCode: done.exitCode, output: done.output,
                    milliseconds: (Clock.monotonicNanoseconds() - begun) / 1_000_000))
            if done.exitCode != 0 { break }
        }
        outcome.milliseconds = (Clock.monotonicNanoseconds() - start) / 1_000_000
        return outcome
    }

    /// Writes the tree that a session begins with where its gates will want one that differs little, while
    /// the first models think: in a large repository most of the first gate would be this.
    static func prepare(_ session: SessionRunner) {
        guard let configuration = session.state.configuration, configuration.testCommand != nil else {
            return
        }
        let directory = "\(workspace(of: session))/\(name)"
        guard !Files.exists(directory) else { return }
        Worker.start("gate-tree") {
            session.gateTree.withLock { _ in
                // At what a gate had, of an earlier coordinator too, its guest may look; and what a session
                // that is over had is taken away.
                guard !Files.exists(directory), !session.state.phase.isOver else { return }
                // The first gate makes what is missing, and says why it cannot.
                try? session.repository.exportTree(configuration.baseCommit, to: directory)
            }
        }
    }

    private static func workspace(of session: SessionRunner) -> String {
        "\(session.world.home.session(session.id))/workspace"
    }

    /// Anybody may write there: the tests run as a user that only the guest knows. It lies below a directory
    /// that only the coordinator's user can enter.
    /// The directory itself stays: a guest of an earlier coordinator may have it mounted.
    private func makeReports() throws(SystemError) {
        let path = "\(workspace)/\(reports)"
        try Files.makeDirectories(path)
        for old in try Files.list(path) { try Files.removeTree("\(path)/\(old)") }
        try Files.chmod(path, 0o777)
    }

    private func command(_ command: String, in instance: String) throws -> (exitCode: Int, output: String) {
        let policy = GuestDocument.gatePolicy(
            tree: "\(GuestDocument.workspace)/\(Self.name)", reports: "\(GuestDocument.workspace)/\(reports)",
            subdirectory: session.state.configuration?.subdirectory,
            timeoutMilliseconds: Self.commandMilliseconds)
        let outcome = try session.world.platform.exec(
            instance, ["/bin/bash", "-c", GateReports.script, "gate", command], sandbox: policy,
            timeoutMilliseconds: Self.commandMilliseconds)
        return (outcome.exitCode, String(outcome.output.suffix(Self.outputCharacters)))
    }
}
