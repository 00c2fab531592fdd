// Pull requests, issues, questions and what a person says to agents: the options of run and session for them.
import Delivery
import Glibc
import Kit
import Service
import System

/// What of `openclaw run` is about bringing the result home and about being asked.
struct DeliveryOptions {
    static let run = [
        OptionSpec("issue", value: "N|URL", "take the task from an issue, with its comments"),
        OptionSpec(
            "approve", value: "KINDS",
            "ask before these, with commas: plan, merge, outside, budget; messages, notes, tasks of agents"),
        OptionSpec("pull-request", "deliver as a pull request of the branch openclaw/SESSION"),
        OptionSpec(
            "draft", "open it as a draft, after your approval like everything that leaves this machine"),
        OptionSpec(
            "watch-checks",
            "after your approval, wait for its checks; a red one becomes a task, and you are asked again"),
        OptionSpec("label", value: "NAME", "a label for the pull request; may be repeated"),
        OptionSpec("reviewer", value: "NAME|ORG/TEAM", "who is asked to review it; may be repeated"),
        OptionSpec("base", value: "BRANCH", "the branch that it is to be merged into"),
        OptionSpec("provider", value: "NAME", "github, gitea or gitlab, when the host does not tell"),
        OptionSpec(
            "forge-api", value: "URL", "where the provider's REST API is, when the host does not tell"),
    ]

    let arguments: Arguments

    /// There is a task somewhere else than in the words of the command.
    var hasIssue: Bool { arguments.has("issue") }

    func add(to body: inout JSON) throws(CLIError) {
        if let issue = arguments.value("issue") {
            let digits = issue.split(separator: "/").last.map(String.init) ?? issue
            guard let number = Int(digits.drop { $0 == "#" }), number > 0 else {
                throw CLIError(.usage, "--issue \(issue): expected a number or the address of an issue")
            }
            body["issue"] = JSON(number)
        }
        if let kinds = arguments.value("approve") {
            let names = kinds.split(separator: ",").map(String.init)
            body["approve"] = JSON(names)
            if names.contains("merge"), arguments.has("yes") {
                throw CLIError(.usage, "--approve merge and --yes cannot go together")
            }
        }
        let provider: JSON = [
            "provider": arguments.value("provider").map { .string($0) } ?? .null,
            "api": arguments.value("forge-api").map { .string($0) } ?? .null,
        ]
        if hasIssue { body["forge"] = provider }
        let isPull = ["pull-request", "draft", "watch-checks"].contains { arguments.has($0) }
        guard isPull else {
            for name in ["label", "reviewer", "base"] where arguments.has(name) {
                throw CLIError(.usage, "--\(name) needs --pull-request")
            }
            return credentials(&body)
        }
        var pull = provider
        pull["draft"] = JSON(arguments.has("draft"))
        pull["watch_checks"] = JSON(arguments.has("watch-checks"))
        pull["labels"] = JSON(arguments.options["label"] ?? [])
        pull["reviewers"] = JSON(arguments.options["reviewer"] ?? [])
        if let base = arguments.value("base") { pull["base"] = .string(base) }
        body["pull_request"] = pull
        credentials(&body)
    }

    /// For the coordinator's memory; the daemon may have been started without.
    private func credentials(_ body: inout JSON) {
        for name in ForgeTokens.names {
            guard let value = Environment.get(name), !value.isEmpty else { continue }
            var credentials = body["credentials"] ?? [:]
            credentials[name] = .string(value)
            body["credentials"] = credentials
        }
    }
}

/// What a person says to a session that is under way.
struct DeliverySteps {
    static let session = [
        OptionSpec("message", value: "TEXT", "tell an agent, or all of them"),
        OptionSpec(
            "comment", value: "FILE:LINE: TEXT", "with --deny: ask for changes instead; may be repeated"),
        OptionSpec("permit", value: "QUESTION", "say yes to one question, such as message/3"),
        OptionSpec("text", value: "TEXT", "with --permit: pass these words on instead of the agent's"),
        OptionSpec("refuse", value: "QUESTION", "say no to one question; the reason may follow"),
        OptionSpec("edit-plan", value: "FILE", "replace the part of the plan that nobody has begun"),
        OptionSpec("add-task", value: "FILE", "add a task to the plan, in YAML or JSON"),
    ]
    static let verbs = ["message", "permit", "refuse", "edit-plan", "add-task"]

    let arguments: Arguments
    let client: CoordinatorClient
    let path: String

    /// Does what is asked, if it is one of these; gives what to say about it.
    func perform(_ verb: String) throws(CLIError) -> (words: String, answer: JSON)? {
        switch verb {
        case "message":
            let to = arguments.positional.dropFirst().first ?? "all"
            let text = arguments.value("message") ?? ""
            return (
                "told \(to)",
                try client.call("POST", "\(path)/message", ["to": .string(to), "text": .string(text)])
            )
        case "permit":
            let id = arguments.value("permit") ?? ""
            var body: JSON = ["id": .string(id)]
            if let words = arguments.value("text") { body["text"] = .string(words) }
            return ("yes to \(id)", try client.call("POST", "\(path)/permit", body))
        case "refuse":
            let id = arguments.value("refuse") ?? ""
            let reason = arguments.positional.dropFirst().joined(separator: " ")
            return (
                "no to \(id)",
                try client.call("POST", "\(path)/refuse", ["id": .string(id), "reason": .string(reason)])
            )
        case "edit-plan":
            return ("the plan is edited", try client.call("POST", "\(path)/plan", try file("edit-plan")))
        case "add-task":
            let text = try file("add-task")
            let task: JSON
            do throws(YAMLError) {
                task = try YAML.parse(text["text"]?.stringValue ?? "", source: "task").json
            } catch {
                throw CLIError(.usage, "the task cannot be read: \(error)")
            }
            return ("the task is added", try client.call("POST", "\(path)/tasks", ["task": task]))
        case "approve" where !arguments.has("tree"): return try permit()
        case "deny": return try deny()
        default: return nil
        }
    }

    private func file(_ option: String) throws(CLIError) -> JSON {
        let path = arguments.value(option) ?? ""
        do throws(SystemError) {
            return ["text": .string(try Files.readText(path, limit: 1 << 20)), "source": .string(path)]
        } catch {
            throw CLIError(error.code == ENOENT ? .notFound : .usage, "read \(path): \(error)")
        }
    }

    private func question() throws(CLIError) -> JSON? {
        try client.call("GET", path)["permissions"]?.arrayValue?.first
    }

    /// A question that waits is answered before the result is.
    private func permit() throws(CLIError) -> (words: String, answer: JSON)? {
        guard let id = try question()?["id"] else { return nil }
        return ("yes to \(id.stringValue ?? "")", try client.call("POST", "\(path)/permit", ["id": id]))
    }

    private func deny() throws(CLIError) -> (words: String, answer: JSON)? {
        let reason =
            arguments.value("deny").flatMap { $0.isEmpty ? nil : $0 }
            ?? arguments.positional.dropFirst().joined(separator: " ")
        let comments = (arguments.options["comment"] ?? []).map(Self.comment)
        if comments.isEmpty, let id = try question()?["id"] {
            let answer = try client.call("POST", "\(path)/refuse", ["id": id, "reason": .string(reason)])
            return ("no to \(id.stringValue ?? "")", answer)
        }
        guard !comments.isEmpty else { return nil }
        let body: JSON = ["reason": .string(reason), "comments": .array(comments)]
        return ("changes are asked for", try client.call("POST", "\(path)/deny", body))
    }

    /// `src/a.ts:12: too long`, `src/a.ts: too long`, or words alone.
    static func comment(_ text: String) -> JSON {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        func trimmed(_ text: Substring) -> String { String(text.drop { $0 == " " }) }
        let isFile = parts.count > 1 && !parts[0].contains(" ") && !parts[0].isEmpty
        if isFile, parts.count == 3, let line = Int(parts[1]) {
            return [
                "file": .string(String(parts[0])), "line": JSON(line), "body": .string(trimmed(parts[2])),
            ]
        }
        guard isFile else { return ["file": "", "body": .string(text)] }
        return [
            "file": .string(String(parts[0])),
            "body": .string(trimmed(parts.dropFirst().joined(separator: ":")[...])),
        ]
    }
}
