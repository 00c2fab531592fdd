import Kit
import System

@testable import Delivery

/// A directory with a person's repository and a session's, removed with the fixture.
final class Fixture: Sendable {
    let directory: String
    static let session = "fix-bug-4k2p"

    var source: String { "\(directory)/source" }
    var sessionDirectory: String { "\(directory)/session" }

    /// - Parameter files: Of the first commit.
    init(_ files: [String: String] = ["a.txt": "one\ntwo\nthree\n", "b.txt": "b\n"]) throws {
        // As the coordinator does: a program that does not read its input is no end of the tests.
        Signals.ignoreSIGPIPE()
        directory = try Files.temporaryDirectory(prefix: "delivery")
        try Files.makeDirectories(source)
        try git(["init", "--quiet", "--initial-branch=main"], in: source)
        try commit(files, in: source, "first")
    }

    deinit {
        // A directory that stays behind fails no test.
        try? Files.removeTree(directory)
    }

    /// Git as a person uses it, without this machine's configuration.
    @discardableResult
    func git(_ arguments: [String], in place: String, settings: [(String, String)] = []) throws -> String {
        let outcome = try run(arguments, in: place, settings: settings)
        guard outcome.status.isSuccess else { throw Failure(text: "git \(arguments): \(outcome.stderrText)") }
        return outcome.stdoutText.split(separator: "\n").joined(separator: "\n")
    }

    func run(
        _ arguments: [String], in place: String, settings: [(String, String)] = []
    ) throws -> Spawn.Outcome {
        let identity = ["-c", "user.name=p", "-c", "user.email=p@example.invalid"]
        let more = settings.flatMap { ["-c", "\($0.0)=\($0.1)"] }
        return try Spawn.run(
            Spawn.Command(
                ["git"] + identity + more + arguments,
                environment: [
                    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory, "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_TERMINAL_PROMPT": "0",
                ], workingDirectory: place, timeoutMilliseconds: 30_000))
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }

    /// Writes files and commits everything.
    @discardableResult
    func commit(_ files: [String: String], in place: String, _ message: String) throws -> String {
        for (name, text) in files {
            try Files.makeDirectories(Files.parent(of: "\(place)/\(name)"))
            try Files.write("\(place)/\(name)", Array(text.utf8))
        }
        try git(["add", "-A"], in: place)
        try git(["commit", "--quiet", "--allow-empty", "-m", message], in: place)
        return try git(["rev-parse", "HEAD"], in: place)
    }

    func create() throws -> SessionRepository {
        try SessionRepository.create(
            at: sessionDirectory, session: Fixture.session, from: try SourceRepository.inspect(spec: source))
    }

    /// A commit on top of another in the session repository, on an agent's branch.
    @discardableResult
    func publish(
        _ files: [String: String], on base: String, agent: String, task: String,
        _ repository: SessionRepository
    ) throws -> String {
        let clone = "\(directory)/clone-\(agent)-\(task)"
        try git(["clone", "--quiet", "--no-checkout", repository.path, clone], in: directory)
        try git(["checkout", "--quiet", "--detach", base], in: clone)
        let commit = try commit(files, in: clone, "work of \(agent)")
        try git(
            ["push", "--quiet", "origin", "HEAD:refs/heads/work/\(Fixture.session)/\(agent)/\(task)"],
            in: clone)
        return commit
    }

    func merge(_ commit: String, into head: String, _ repository: SessionRepository) throws -> MergeOutcome {
        try repository.merge(
            commit, into: head, message: "Merge t1\n\nIt works.",
            trailers: [
                ("Openclaw-Session", Fixture.session), ("Openclaw-Task", "t1"), ("Openclaw-Agent", "coder-1"),
            ],
            author: .agent("coder-1"), dateMilliseconds: 1_700_000_000_000)
    }
}
