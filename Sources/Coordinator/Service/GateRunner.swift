// A gate: the tests of the repository and the checks of its tasks, on exactly one tree.
import Core
import Delivery
import Kit
import Platform
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

    private var workspace: String { "\(session.world.home.session(session.id))/workspace" }
    /// One for all gates of the session, which run one after the other.
    private var name: String { "gates/tree" }
    private var reports: String { "gates/reports" }

    /// - Parameter tests: The repository's; empty when it has none.
    func run(_ tests: String, _ checks: [TaskCheck]) throws -> GateOutcome {
        let start = Clock.monotonicNanoseconds()
        let directory = "\(workspace)/\(name)"
        try session.repository.exportTree(commit, to: directory)
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
            tree: "\(GuestDocument.workspace)/\(name)", reports: "\(GuestDocument.workspace)/\(reports)",
            subdirectory: session.state.configuration?.subdirectory,
            timeoutMilliseconds: Self.commandMilliseconds)
        let outcome = try session.world.platform.exec(
            instance, ["/bin/bash", "-c", GateReports.script, "gate", command], sandbox: policy,
            timeoutMilliseconds: Self.commandMilliseconds)
        return (outcome.exitCode, String(outcome.output.suffix(Self.outputCharacters)))
    }
}
