// The agent's clone: where its work happens, and how it leaves the guest.
import Glibc
import Kit
import System

/// The git work of one task. Under the session's git lock.
///
/// What runs in the clone runs as the tools' user and without the token: the clone's configuration is the
/// agent's to write. What carries the token to the coordinator reads no configuration that a guest's tool
/// could have written.
struct Clone: Sendable {
    let session: Session
    let task: JSON

    private var guest: GuestFacts { session.guest }
    var id: String { task["id"]?.stringValue ?? "" }
    var directory: String { "\(guest.workspace)/agents/\(session.agentID)" }
    private var url: String {
        "\(session.document["coordinator_url"]?.stringValue ?? "")/git/\(session.sessionID)"
    }
    private var branch: String {
        task["branch"]?.stringValue ?? "work/\(session.sessionID)/\(session.agentID)/\(id)"
    }
    var upstream: String { "origin/openclaw/\(session.sessionID)" }
    var conflictFiles: [String] {
        (task["context"]?["conflict"]?["files"]?.arrayValue ?? []).compactMap(\.stringValue)
    }
    var isRebasing: Bool {
        Files.exists("\(directory)/.git/rebase-merge") || Files.exists("\(directory)/.git/rebase-apply")
    }

    // MARK: Running git

    /// Configuration by environment: it wins over every file.
    private func environment(withToken: Bool) -> [String: String] {
        var pairs = [
            ("safe.directory", "*"), ("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"),
            ("user.name", session.agentID), ("user.email", "\(session.agentID)@openclaw.invalid"),
            ("gc.auto", "0"), ("checkout.workers", "0"),
            ("advice.detachedHead", "false"), ("protocol.ext.allow", "never"), ("credential.helper", ""),
        ]
        if withToken, let token = session.token {
            pairs.append(("http.extraHeader", "Authorization: Bearer \(token)"))
        }
        var environment = guest.environment(asAgent: false)
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["GIT_CONFIG_NOSYSTEM"] = "1"
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
        environment["GIT_EDITOR"] = "true"
        environment["GIT_CONFIG_COUNT"] = "\(pairs.count)"
        for (index, pair) in pairs.enumerated() {
            environment["GIT_CONFIG_KEY_\(index)"] = pair.0
            environment["GIT_CONFIG_VALUE_\(index)"] = pair.1
        }
        return environment
    }

    /// Runs git; the result is what it printed.
    @discardableResult
    func git(
        _ arguments: [String], in place: String? = nil, withToken: Bool = false, asTool: Bool = true
    ) throws(HarnessError) -> String {
        let (code, output, problem) = try attemptGit(
            arguments, in: place, withToken: withToken, asTool: asTool)
        guard code == 0 else {
            throw HarnessError(
                "git \(arguments.joined(separator: " "))", "exit \(code): \(problem.suffix(2000))")
        }
        return output
    }

    /// The records of git's output with `-z`: names are bytes, and git puts those in quotes that are not
    /// ASCII when it is not told so.
    func records(_ arguments: [String]) throws(HarnessError) -> [[UInt8]] {
        let (code, output, problem) = try attemptCommand(["git"] + arguments)
        guard code == 0 else {
            throw HarnessError(
                "git \(arguments.joined(separator: " "))", "exit \(code): \(problem.suffix(2000))")
        }
        return output.split(separator: 0).map(Array.init)
    }

    private func attemptGit(
        _ arguments: [String], in place: String? = nil, withToken: Bool = false, asTool: Bool = true
    ) throws(HarnessError) -> (code: Int32, output: String, problem: String) {
        let (code, output, problem) = try attemptCommand(
            ["git"] + arguments, in: place, withToken: withToken, asTool: asTool)
        return (code, String(decoding: output, as: UTF8.self), problem)
    }

    private func attemptCommand(
        _ command: [String], in place: String? = nil, withToken: Bool = false, asTool: Bool = true
    ) throws(HarnessError) -> (code: Int32, output: [UInt8], problem: String) {
        let stdout = try SandboxFiles.file([], guest: guest)
        let stderr = try SandboxFiles.file([], guest: guest)
        let outcome = session.mailbox.run(
            Spawn.Command(
                asTool ? guest.asUser(GuestUsers.tool, command) : command,
                environment: environment(withToken: withToken), workingDirectory: place ?? directory,
                stdout: .descriptor(stdout.raw), stderr: .descriptor(stderr.raw),
                timeoutMilliseconds: Limits.gitMilliseconds, dieWithParent: true))
        switch outcome {
        case .failed(let reason): throw HarnessError(command.joined(separator: " "), reason)
        case .ended(let status, _):
            return (
                status.shellCode, SandboxFiles.contents(stdout),
                String(decoding: SandboxFiles.contents(stderr), as: UTF8.self)
            )
        }
    }

    /// Runs git against the coordinator, again while it fails: the coordinator may be restarting.
    private func talk(_ arguments: [String]) throws(HarnessError) {
        var pause = Limits.firstRetryMilliseconds
        let deadline = Supervisor.now + Limits.publishMilliseconds
        while true {
            do throws(HarnessError) {
                try git(arguments, in: "/", withToken: true, asTool: false)
                return
            } catch {
                if session.isStopping || Supervisor.now + Int64(pause) >= deadline { throw error }
            }
            usleep(UInt32(pause) * 1000)
            pause = min(pause * 3, Limits.longestRetryMilliseconds)
        }
    }

    private func succeeds(_ arguments: [String]) throws(HarnessError) -> Bool {
        try attemptGit(arguments).code == 0
    }

    // MARK: Before the task

    /// Makes or updates the clone and stands on the task's branch.
    /// - Returns: The task, with what the agent should know about the state of its clone.
    func prepare() throws(HarnessError) -> JSON {
        var task = task
        task["workdir"] = .string(directory)
        // A clone that was interrupted before its first fetch has no refs and is made again.
        if Files.exists("\(directory)/.git/objects/info/alternates") {
            try update(borrowing: false)
        } else {
            try make()
        }
        if task["resume"]?.boolValue == true,
            try succeeds(["rev-parse", "--verify", "--quiet", "refs/heads/\(branch)"])
        {
            // The work goes on where it stopped, uncommitted changes included.
            return task
        }
        try salvage()
        let isRework = task["kind"]?.stringValue == "rework" || (task["attempt"]?.intValue ?? 1) > 1
        if isRework, try succeeds(["rev-parse", "--verify", "--quiet", "refs/remotes/origin/\(branch)"]) {
            try git(["checkout", "--quiet", "-B", branch, "origin/\(branch)"])
        } else if isRework, try succeeds(["rev-parse", "--verify", "--quiet", "refs/heads/\(branch)"]) {
            try git(["checkout", "--quiet", branch])
        } else {
            try git(["checkout", "--quiet", "--no-track", "-B", branch, upstream])
        }
        // A rework starts from what has been merged since, its own earlier work among it.
        if isRework { try rebase(&task) }
        return task
    }

    private func make() throws(HarnessError) {
        if guest.hasUsers {
            try attempt("give \(directory) to the tools") { () throws(SystemError) in
                try Files.makeDirectories(directory)
                try Files.chown(directory, user: GuestUsers.tool, group: GuestUsers.tool)
            }
        }
        let format = (task["base"]?.stringValue ?? "").utf8.count == 64 ? "sha256" : "sha1"
        try git(["init", "--quiet", "--template=", "--object-format=\(format)", "--initial-branch=none", "."])
        // Written by git itself, as the tools' user: the directory may hold what an earlier tool left there.
        try git(["config", "user.name", session.agentID])
        try git(["config", "user.email", "\(session.agentID)@openclaw.invalid"])
        try git(["config", "gc.auto", "0"])
        try update(borrowing: true)
    }

    /// Takes everything that has been published from the integration repository, which the host keeps up to
    /// date on the volume: no token is near a configuration that a tool may have written.
    private func update(borrowing: Bool) throws(HarnessError) {
        let integration = "\(guest.workspace)/integration"
        guard Files.exists("\(integration)/.git") else {
            throw HarnessError("update \(directory)", "\(integration) is no repository")
        }
        if borrowing {
            let alternates = "\(guest.workspace)/base/.git/objects"
            // As the tools' user: an earlier tool may have left links in the directory.
            let script = "printf '%s\\n' \"$1\" > .git/objects/info/alternates"
            let (code, _, problem) = try attemptCommand(["/bin/sh", "-c", script, "sh", alternates])
            guard code == 0 else { throw HarnessError("borrow the base's objects", problem) }
        }
        try git([
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune",
            "--upload-pack=git -c safe.directory=* upload-pack", "--", integration,
            "+refs/remotes/origin/*:refs/remotes/origin/*",
        ])
    }

    /// Keeps what a task that ended badly left behind, then cleans up.
    private func salvage() throws(HarnessError) {
        guard try succeeds(["rev-parse", "--verify", "--quiet", "HEAD"]) else { return }
        // A clone without a checkout has an empty index, which looks like everything deleted.
        guard Files.exists("\(directory)/.git/index") else { return }
        if !(try git(["status", "--porcelain"]).isEmpty) {
            try git(["add", "-A"])
            let commit = try attemptGit(["stash", "create", "before \(id)"])
            let hash = commit.output.split(separator: "\n").first.map(String.init) ?? ""
            if commit.code == 0, Self.isHash(hash) {
                try git(["update-ref", "refs/salvage/\(Clock.wallMilliseconds())", hash])
            }
        }
        // None of them need be under way.
        if isRebasing { _ = try attemptGit(["rebase", "--abort"]) }
        try git(["reset", "--quiet", "--hard"])
        try git(["clean", "--quiet", "-fd"])
    }

    /// Brings the branch onto what has been merged. A conflict is left in progress for the agent to resolve.
    private func rebase(_ task: inout JSON) throws(HarnessError) {
        let (code, _, problem) = try attemptGit(["rebase", upstream])
        if code == 0 {
            if !conflictFiles.isEmpty {
                Self.tell(&task, "Your branch was rebased without conflicts. Check that it still works.")
            }
            return
        }
        guard isRebasing else {
            throw HarnessError("git rebase \(upstream)", "exit \(code): \(problem.suffix(2000))")
        }
        let files = try unmergedNames().map(ShownText.path)
        task["rebase"] = ["in_progress": true, "files": JSON(files)]
        Self.tell(
            &task,
            """
            A rebase of your branch onto \(upstream) is in progress in \(directory) and stopped at \
            conflicts in: \(files.joined(separator: ", ")). Edit these files until no conflict markers are \
            left and both sides' intentions hold. Do not run git rebase or \
            git commit: completing the task continues the rebase.
            """)
    }

    private static func tell(_ task: inout JSON, _ text: String) {
        let description = task["description"]?.stringValue ?? ""
        task["description"] = .string(description + (description.isEmpty ? "" : "\n\n") + text)
    }

    // MARK: After the task

    /// Commits what is left and pushes the branch.
    /// - Returns: The commit that carries the work; the base when there is none.
    func publish(summary: String) throws(HarnessError) -> String {
        try refuseUnresolved()
        if isRebasing {
            try continueRebase()
        } else {
            try commit(summary)
        }
        let commit = try git(["rev-parse", "HEAD"]).split(separator: "\n").first.map(String.init) ?? ""
        guard Self.isHash(commit) else {
            throw HarnessError("publish \(branch)", "HEAD is no commit: \(commit)")
        }
        let ahead = try git(["rev-list", "--count", "\(upstream)..\(commit)"]).split(separator: "\n").first
        if ahead == "0" { return commit }
        try push(commit)
        return commit
    }

    private func continueRebase() throws(HarnessError) {
        try git(["add", "-A"])
        try refuseNestedRepositories()
        let (code, _, problem) = try attemptGit(["rebase", "--continue"])
        if code == 0, !isRebasing { return }
        guard isRebasing else {
            throw HarnessError("git rebase --continue", "exit \(code): \(problem.suffix(2000))")
        }
        let files = try unmergedNames().map(ShownText.path).joined(separator: ", ")
        guard files.isEmpty else {
            throw HarnessError(
                "complete \(id)", "the rebase goes on and stopped at conflicts in \(files)",
                hint: "resolve them, then complete the task again")
        }
        // Nothing is left of this commit: the other side had it already.
        try git(["rebase", "--skip"])
    }

    private func commit(_ summary: String) throws(HarnessError) {
        try git(["add", "-A"])
        try refuseNestedRepositories()
        if try succeeds(["diff", "--cached", "--quiet"]) { return }
        let title = task["title"]?.stringValue ?? "Task \(id)"
        var message = ["-m", title]
        if !summary.isEmpty { message += ["-m", summary] }
        // Trailers are the coordinator's to write, on the commits that it makes: a guest may write anything.
        try git(["commit", "--quiet", "--no-verify", "--no-gpg-sign"] + message)
    }

    /// Pushes from a repository of the harness's own, which borrows the clone's objects and nothing else of
    /// it.
    private func push(_ commit: String) throws(HarnessError) {
        let bare = "\(guest.runDirectory)/private/publish.git"
        if !Files.exists("\(bare)/HEAD") {
            try git(["init", "--quiet", "--bare", "--template=", bare], in: "/", asTool: false)
        }
        try attempt("borrow the clone's objects") { () throws(SystemError) in
            try Files.makeDirectories("\(bare)/objects/info")
            try Files.write("\(bare)/objects/info/alternates", Array("\(directory)/.git/objects\n".utf8))
        }
        try talk(["--git-dir=\(bare)", "push", "--quiet", "--force", url, "\(commit):refs/heads/\(branch)"])
    }

    static func isHash(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
