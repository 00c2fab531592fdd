// The tools of an agent.
import Glibc
import Kit
import System

/// Runs one tool call: in a sandbox, or by asking the coordinator.
struct Tools: Sendable {
    let session: Session

    /// Tools that only the coordinator can answer, and where.
    private static let coordination = [
        "plan": "plan", "assign": "tasks/assign", "comment": "comments", "verdict": "verdict",
        "draw": "canvas",
    ]

    private var names: [String] { (session.document["tools"]?.arrayValue ?? []).compactMap(\.stringValue) }
    var currentTask: JSON? { session.state.withLock { $0.book.current.values.first } }

    func call(_ name: String, _ input: JSON, callID: String) throws(HarnessError) -> JSON {
        let isServers = name.hasPrefix(MCPSession.prefix)
        guard names.contains(name) || isServers else {
            return Self.problem(
                "There is no tool \(name) for this role. The tools are: \(names.joined(separator: ", ")).")
        }
        if let id = currentTask?["id"]?.stringValue,
            session.state.withLock({ $0.book.cancelled.contains(id) })
        {
            return Self.problem("Task \(id) was called off. Stop working on it.")
        }
        let start = Supervisor.now
        var result: JSON
        if isServers {
            result = try callServer(name, input)
        } else if let path = Self.coordination[name] {
            result = try coordinate(path, input)
        } else {
            result = try work(name, input, callID: callID)
        }
        result["duration_ms"] = JSON(Supervisor.now - start)
        return session.redactor.redact(result)
    }

    static func problem(_ text: String) -> JSON { ["content": .string(text), "is_error": true] }

    // MARK: Coordination

    private func coordinate(_ path: String, _ input: JSON) throws(HarnessError) -> JSON {
        var body = input
        if body["task"] == nil, path != "plan" { body["task"] = currentTask?["id"] }
        let answer = try AgentCalls(session: session).courier().post("/coordinator/\(path)", body)
        guard !answer.isSuccess else {
            return ["content": .string(answer.body.isNull ? "ok" : answer.body.text), "is_error": false]
        }
        let errors = (answer.body["errors"]?.arrayValue ?? []).map {
            "\($0["path"]?.stringValue ?? ""): \($0["message"]?.stringValue ?? $0.text)"
        }
        return Self.problem(([answer.problem] + errors).joined(separator: "\n"))
    }

    private func notes(_ input: JSON) throws(HarnessError) -> JSON {
        let calls = AgentCalls(session: session)
        let answer =
            input["text"]?.stringValue == nil ? try calls.get("notes") : try calls.post("notes", input)
        return ["content": .string(answer["notes"]?.stringValue ?? answer.text), "is_error": false]
    }

    // MARK: Work in the sandbox

    /// Where a call is made if not as what it is called: `diff` and `git` are programs.
    private func work(_ name: String, _ input: JSON, callID: String) throws(HarnessError) -> JSON {
        switch name {
        case "notes": return try notes(input)
        case "tasks":
            let answer = try AgentCalls(session: session).get("tasks")
            return ["content": .string(TaskList.text(answer)), "is_error": false]
        case "run_tests":
            return try tests(milliseconds: ToolTime.tests.asked(input))
        case "git":
            let arguments =
                input["args"]?.arrayValue?.compactMap(\.stringValue)
                ?? (input["args"]?.stringValue ?? input["command"]?.stringValue).map(Self.words) ?? []
            guard !arguments.isEmpty else { return Self.problem("git needs `args`, a list of texts.") }
            let command = arguments.first == "git" ? arguments : ["git"] + arguments
            return try served("exec", ["args": JSON(command), "timeout": input["timeout"] ?? .null], callID)
        case "diff":
            let range =
                input["range"]?.stringValue ?? currentTask?["context"]?["diff_range"]?.stringValue ?? "HEAD"
            guard !range.hasPrefix("-") else { return Self.problem("`range` is not a range of commits.") }
            let paths = (input["paths"]?.arrayValue ?? []).compactMap(\.stringValue)
            let command = ["git", "diff", "--no-ext-diff", "--no-textconv", range, "--"] + paths
            let place = "\(session.guest.workspace)/integration"
            return try served("exec", ["args": JSON(command), "directory": .string(place)], callID)
        default: return try served(name, input, callID)
        }
    }

    /// A call in the task's own sandbox.
    func served(_ name: String, _ input: JSON, _ callID: String) throws(HarnessError) -> JSON {
        let tools = try session.toolSession(currentTask?["id"]?.stringValue ?? "")
        var result = try tools.call(name, input, time: ToolTime.of(name).asked(input))
        var denials = tools.newDenials()
        // 128 and the signal: the filter ended the command.
        if result["exit_code"]?.intValue == 128 + Int(SIGSYS) {
            denials.append([
                "layer": "seccomp", "object": "architecture",
                "what": "a system call of another architecture, or of x32, ended the command",
            ])
        }
        deny(denials, &result)
        // The model has read this one in the tool's own words.
        if let denial = FileRefusal.denial(result["refused"]) {
            session.tell([denial], task: currentTask?["id"]?.stringValue)
        }
        result["refused"] = nil
        return result
    }

    /// What the sandbox refused, in words that a model can act on; the coordinator hears of it too.
    func deny(_ denials: [JSON], _ result: inout JSON) {
        guard !denials.isEmpty else { return }
        session.tell(denials, task: currentTask?["id"]?.stringValue)
        let hasFailed =
            result["is_error"]?.boolValue == true || (result["exit_code"]?.intValue ?? 0) != 0
        var lines: [String] = []
        // What a runtime merely tries, and does without, is worth a word only when something went wrong.
        for denial in denials where hasFailed || denial["probe"]?.boolValue != true {
            let count = denial["count"]?.intValue ?? 1
            let what = denial["what"]?.stringValue ?? denial.text
            lines.append("[denied\(count > 1 ? " \(count) times" : ""): \(what)]")
        }
        let hosts = session.document["sandbox"]?["egress"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if denials.contains(where: { $0["layer"]?.stringValue == "egress" }), !hosts.isEmpty {
            lines.append("[this role reaches: \(hosts.joined(separator: ", "))]")
        }
        guard !lines.isEmpty else { return }
        let text = lines.joined(separator: "\n")
        if let blocks = result["content"]?.arrayValue {
            result["content"] = .array(blocks + [["type": "text", "text": .string(text)]])
        } else {
            result["content"] = .string((result["content"]?.stringValue ?? "") + "\n" + text)
        }
    }

    /// Tests run in a sandbox of their own, from a fresh copy where the role has one: nothing that an earlier
    /// command left there counts.
    private func tests(milliseconds: Int) throws(HarnessError) -> JSON {
        guard let task = currentTask, let command = task["test_command"]?.stringValue else {
            return Self.problem(
                "This task has no test command. Read how the repository is tested and use bash.")
        }
        guard var policy = session.document["sandbox"], policy.objectValue != nil else {
            throw HarnessError("run the tests", "the guest document has no sandbox policy")
        }
        policy["timeout_ms"] = JSON(milliseconds)
        let run = try SandboxRun(session: session).run(
            [session.guest.binary("openclaw-agent"), "tool", "tests"], policy: policy,
            input: (["command": .string(command)] as JSON).serialized())
        let answer = (try? JSON.parse(run.stdout)) ?? [:]
        var text = answer["content"]?.stringValue ?? run.stderr
        if run.timedOut {
            text +=
                "\n[stopped after \(milliseconds / 1000) s, and everything it had started. Set timeout up to "
                + "\(ToolTime.tests.longest), or run part of the tests with bash]"
        }
        text += "\n[exit code \(run.exitCode)]"
        if run.exitCode == 125, let error = run.report["error"]?.stringValue {
            text += "\n[sandbox: \(error)]"
        }
        var report: JSON = [
            "task": task["id"] ?? .null, "command": .string(command), "exit_code": JSON(run.exitCode),
            "output_tail": .string(String(text.suffix(4000))),
        ]
        report["tree"] = task["context"]?["tree"]
        for name in ["passed", "failed", "skipped"] { report[name] = answer["results"]?[name] }
        _ = try AgentCalls(session: session).post("tests", report)
        var result: JSON = [
            "content": .string(text), "is_error": JSON(run.exitCode != 0), "exit_code": JSON(run.exitCode),
        ]
        result["results"] = answer["results"]
        result["layers"] = run.report["layers"]
        deny(run.report["denials"]?.arrayValue ?? [], &result)
        return result
    }

    /// Words of a command line; quotes keep words together.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isInWord = false
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                isInWord = true
            } else if character == " " || character == "\n" || character == "\t" {
                if isInWord { words.append(word) }
                (word, isInWord) = ("", false)
            } else {
                word.append(character)
                isInWord = true
            }
        }
        return isInWord ? words + [word] : words
    }
}

/// The session's tasks as an agent sees them.
enum TaskList {
    static func text(_ answer: JSON) -> String {
        let lines = (answer["tasks"]?.arrayValue ?? []).map { task -> String in
            let files = (task["write_set"]?.arrayValue ?? []).compactMap(\.stringValue).joined(
                separator: ", ")
            return "\(task["id"]?.stringValue ?? "?") [\(task["status"]?.stringValue ?? "?")] "
                + "\(task["agent"]?.stringValue ?? "nobody"): \(task["title"]?.stringValue ?? "")"
                + (files.isEmpty ? "" : " (\(files))")
        }
        return lines.isEmpty ? "[no tasks]" : lines.joined(separator: "\n")
    }
}
