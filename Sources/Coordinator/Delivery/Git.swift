import Glibc
import Kit
import System

/// The git program, started so that nothing a repository or a guest wrote is executed: no hooks, no file
/// system monitor, no system or user configuration, no prompts, and no transport that is a command.
///
/// It works in repositories that we made. One of somebody else's is reached through a `RepositoryView`.
struct Git: Sendable {
    /// Where it works: a worktree or a bare repository; nil for commands without a repository.
    let directory: String?
    /// More variables, for example of an index or an author.
    var environment: [String: String] = [:]
    /// What the directory is seen through when it is not ours; kept for as long as it is used.
    private var view: RepositoryView?

    struct Outcome {
        let code: Int32
        let stdout: [UInt8]
        let stderr: String
        let isTruncated: Bool

        var text: String { String(decoding: stdout, as: UTF8.self) }
        /// The first line.
        var line: String { lines.first ?? "" }
        /// The lines, empty ones left out.
        var lines: [String] { text.byteLines.filter { !$0.isEmpty }.map(String.init) }
        /// For output of `-z`.
        var records: [String] { stdout.split(separator: 0).map { String(decoding: $0, as: UTF8.self) } }
    }

    init(_ directory: String?, environment: [String: String] = [:]) {
        (self.directory, self.environment) = (directory, environment)
    }

    /// Works in somebody else's repository, with the settings that the view lets through.
    init(_ view: RepositoryView) {
        (directory, self.view) = (view.top, view)
        environment["GIT_DIR"] = view.path
        if !view.isBare { environment["GIT_WORK_TREE"] = view.top }
    }

    /// Settings that hold over those of any repository.
    private static let settings: [(String, String)] = [
        ("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"), ("core.pager", "cat"),
        ("core.askPass", ""), ("credential.helper", ""), ("protocol.ext.allow", "never"),
        ("commit.gpgSign", "false"), ("gc.auto", "0"), ("maintenance.auto", "false"),
        ("submodule.recurse", "false"), ("fetch.recurseSubmodules", "false"),
        ("advice.detachedHead", "false"), ("core.quotePath", "false"),
        ("safe.bareRepository", "all"), ("core.untrackedCache", "false"), ("merge.renormalize", "false"),
        // As many as there are processors; git uses them from a hundred files on.
        ("checkout.workers", "0"),
    ]

    /// More of them for repositories that we made, whoever the coordinator runs as.
    private static let ownSettings = [
        ("safe.directory", "*"), ("core.attributesFile", "/dev/null"), ("core.excludesFile", "/dev/null"),
    ]

    /// More of them in somebody else's. What git would ask an alternate for is asked of nobody; an index
    /// in parts would get new parts beside the view.
    private static let viewSettings = [("core.alternateRefsCommand", "true"), ("core.splitIndex", "false")]

    /// The whole environment of a git that works in repositories of ours.
    static func environment(adding more: [String: String] = [:]) -> [String: String] {
        base.merging(numbered(settings + ownSettings)) { $1 }.merging(more) { $1 }
    }

    private static func numbered(_ settings: [(String, String)]) -> [String: String] {
        var environment: [String: String] = [:]
        for (key, value) in settings { add(key, value, to: &environment) }
        return environment
    }

    private static var base: [String: String] {
        var environment = [
            "PATH": Environment.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C",
            "HOME": Environment.homeDirectory(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0", "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_EDITOR": "false",
            "GIT_PAGER": "cat", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        ]
        // An agent of the person who runs us may hold the key for an ssh remote.
        if let agent = Environment.get("SSH_AUTH_SOCK") { environment["SSH_AUTH_SOCK"] = agent }
        return environment
    }

    private var variables: [String: String] {
        guard view != nil else { return Git.environment(adding: environment) }
        var all = Git.base.merging(Git.numbered(Git.settings + Git.viewSettings)) { $1 }
        // The person's own attributes, excludes and replacements count for what is clean.
        (all["GIT_ATTR_NOSYSTEM"], all["GIT_NO_REPLACE_OBJECTS"]) = (nil, nil)
        all["XDG_CONFIG_HOME"] = Environment.get("XDG_CONFIG_HOME")
        return all.merging(environment) { $1 }
    }

    /// Adds one setting to an environment of `environment(adding:)`.
    static func add(_ key: String, _ value: String, to environment: inout [String: String]) {
        let index = environment["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
        environment["GIT_CONFIG_KEY_\(index)"] = key
        environment["GIT_CONFIG_VALUE_\(index)"] = value
        environment["GIT_CONFIG_COUNT"] = "\(index + 1)"
    }

    /// Runs git; any exit code is an outcome.
    func attempt(
        _ arguments: [String], input: [UInt8]? = nil, limit: Int = Limits.outputBytes,
        timeoutMilliseconds: Int = Limits.gitMilliseconds, settings: [(String, String)] = []
    ) throws(DeliveryError) -> Outcome {
        var variables = variables
        for (key, value) in settings { Git.add(key, value, to: &variables) }
        return try Git.start(
            (directory.map { ["-C", $0] } ?? []) + arguments, environment: variables, input: input,
            limit: limit, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Runs git with exactly this environment.
    static func start(
        _ arguments: [String], environment: [String: String], input: [UInt8]? = nil, limit: Int,
        timeoutMilliseconds: Int
    ) throws(DeliveryError) -> Outcome {
        let words = arguments.first == "-C" ? arguments.dropFirst(2) : arguments[...]
        let operation = "git \(words.prefix(8).joined(separator: " "))"
        let command = Spawn.Command(
            ["git"] + arguments, environment: environment,
            workingDirectory: "/", stdin: input.map { .bytes($0) } ?? .null,
            stdout: .capture(limit: limit), stderr: .capture(limit: 1 << 20),
            timeoutMilliseconds: timeoutMilliseconds)
        let outcome: Spawn.Outcome
        do throws(SystemError) {
            outcome = try Spawn.run(command)
        } catch {
            let hint = error.code == ENOENT ? "install git 2.39 or later" : ""
            throw DeliveryError(.system, operation, "\(error)", hint: hint)
        }
        guard !outcome.timedOut else {
            throw DeliveryError(
                .git, operation, "did not end within \(timeoutMilliseconds / 1000) s",
                hint: "look at the disk and the network, then run it again")
        }
        return Outcome(
            code: outcome.status.shellCode, stdout: outcome.stdout, stderr: outcome.stderrText,
            isTruncated: outcome.isStdoutTruncated)
    }

    /// Runs git; an exit code other than 0 is an error, and so is more output than the limit.
    @discardableResult
    func run(
        _ arguments: [String], input: [UInt8]? = nil, limit: Int = Limits.outputBytes,
        timeoutMilliseconds: Int = Limits.gitMilliseconds, settings: [(String, String)] = []
    ) throws(DeliveryError) -> Outcome {
        let outcome = try attempt(
            arguments, input: input, limit: limit, timeoutMilliseconds: timeoutMilliseconds,
            settings: settings)
        guard outcome.code == 0 else { throw failure(arguments, outcome) }
        guard !outcome.isTruncated else {
            throw DeliveryError(
                .git, "git \(arguments.prefix(8).joined(separator: " "))", "printed more than \(limit) bytes")
        }
        return outcome
    }

    /// The error of an outcome that was not expected.
    func failure(_ arguments: [String], _ outcome: Outcome, hint: String = "") -> DeliveryError {
        let complaint = outcome.stderr.utf8.suffix(Limits.complaintBytes)
        return DeliveryError(
            .git, "git \(arguments.prefix(8).joined(separator: " ")) in \(directory ?? "/")",
            "exit \(outcome.code): \(String(decoding: complaint, as: UTF8.self))", hint: hint)
    }

    /// The full id of a commit; nil when the revision names none.
    func commit(_ revision: String) throws(DeliveryError) -> String? {
        // A revision that starts with a hyphen would be an option.
        guard !revision.hasPrefix("-") else { return nil }
        let outcome = try attempt([
            "rev-parse", "--verify", "--quiet", "--end-of-options", "\(revision)^{commit}",
        ])
        // --end-of-options is echoed by git before 2.40.
        return outcome.code == 0 ? outcome.lines.last : nil
    }

    /// True when the first commit is in the history of the second.
    func isAncestor(_ commit: String, of other: String) throws(DeliveryError) -> Bool {
        let arguments = ["merge-base", "--is-ancestor", commit, other]
        let outcome = try attempt(arguments)
        guard outcome.code < 2 else { throw failure(arguments, outcome) }
        return outcome.code == 0
    }
}

/// Runs file operations under a `DeliveryError`.
func delivering<Value>(
    _ operation: @autoclosure () -> String, _ body: () throws(SystemError) -> Value
) throws(DeliveryError) -> Value {
    do throws(SystemError) {
        return try body()
    } catch {
        throw DeliveryError(.system, operation(), "\(error)")
    }
}
