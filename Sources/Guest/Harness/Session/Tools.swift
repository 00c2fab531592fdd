// The tools of an agent.
import Glibc
import Kit
import System

/// Runs one tool call: in a sandbox, or by asking the coordinator.
struct Tools: Sendable {
    /// What a sandboxed command did.
    struct Run: Sendable {
        var exitCode: Int
        var stdout: String
        var stderr: String
        var report: JSON
        var timedOut: Bool
    }

    let session: Session

    /// Tools that only the coordinator can answer, and where.
    private static let coordination = [
        "plan": "plan", "assign": "tasks/assign", "comment": "comments", "verdict": "verdict",
    ]

    private var names: [String] { (session.document["tools"]?.arrayValue ?? []).compactMap(\.stringValue) }
    private var currentTask: JSON? { session.state.withLock { currentTask(in: $0) } }
    private func currentTask(in state: Session.State) -> JSON? { state.book.current.values.first }

    func call(_ name: String, _ input: JSON, callID: String) throws(HarnessError) -> JSON {
        guard names.contains(name) else {
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
        if let path = Self.coordination[name] {
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

    private func work(_ name: String, _ input: JSON, callID: String) throws(HarnessError) -> JSON {
        let timeout = input["timeout_ms"]?.int64Value ?? input["timeout"]?.int64Value
        switch name {
        case "notes": return try notes(input)
        case "bash":
            guard let command = input["command"]?.stringValue else {
                return Self.problem("bash needs `command`, a text.")
            }
            return shown(try run(["/bin/bash", "-c", command], timeout: timeout), callID: callID)
        case "git":
            let arguments =
                input["args"]?.arrayValue?.compactMap(\.stringValue)
                ?? (input["args"]?.stringValue ?? input["command"]?.stringValue).map(Self.words) ?? []
            guard !arguments.isEmpty else { return Self.problem("git needs `args`, a list of texts.") }
            let command = arguments.first == "git" ? arguments : ["git"] + arguments
            return shown(try run(command, timeout: timeout), callID: callID)
        case "diff":
            let range =
                input["range"]?.stringValue ?? currentTask?["context"]?["diff_range"]?.stringValue ?? "HEAD"
            guard !range.hasPrefix("-") else { return Self.problem("`range` is not a range of commits.") }
            let paths = (input["paths"]?.arrayValue ?? []).compactMap(\.stringValue)
            let command = ["git", "diff", "--no-ext-diff", "--no-textconv", range, "--"] + paths
            return shown(
                try run(command, timeout: timeout, directory: "\(session.guest.workspace)/integration"),
                callID: callID)
        case "run_tests": return try tests(timeout: timeout, callID: callID)
        default:
            let program = session.guest.binary("openclaw-agent")
            let run = try run([program, "tool", name], input: input.serialized(), timeout: timeout)
            guard run.exitCode == 0, let answer = try? JSON.parse(run.stdout), answer["content"] != nil else {
                return shown(run, callID: callID)
            }
            var result: JSON = ["content": answer["content"] ?? "", "is_error": answer["is_error"] ?? false]
            result["layers"] = run.report["layers"]
            return result
        }
    }

    private func tests(timeout: Int64?, callID: String) throws(HarnessError) -> JSON {
        guard let task = currentTask, let command = task["test_command"]?.stringValue else {
            return Self.problem(
                "This task has no test command. Read how the repository is tested and use bash.")
        }
        let run = try run(["/bin/bash", "-c", command], timeout: timeout)
        var report: JSON = [
            "task": task["id"] ?? .null, "command": .string(command), "exit_code": JSON(run.exitCode),
            "output_tail": .string(String((run.stdout + run.stderr).suffix(4000))),
        ]
        report["tree"] = task["context"]?["tree"]
        for (name, count) in TestCounts.read(run.stdout + "\n" + run.stderr) { report[name] = JSON(count) }
        _ = try AgentCalls(session: session).post("tests", report)
        return shown(run, callID: callID)
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

    /// A run in the words that a model reads.
    private func shown(_ run: Run, callID: String) -> JSON {
        var text = run.stdout
        if !run.stderr.isEmpty {
            text += (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + "[stderr]\n" + run.stderr
        }
        if run.timedOut { text += "\n[timed out]" }
        if run.exitCode != 0 { text += "\n[exit code \(run.exitCode)]" }
        if run.exitCode == 125, let error = run.report["error"]?.stringValue {
            text += "\n[sandbox: \(error)]"
        }
        text += denied(run)
        var result: JSON = [
            "content": .string(text), "is_error": JSON(run.exitCode != 0), "exit_code": JSON(run.exitCode),
        ]
        result["layers"] = run.report["layers"]
        return result
    }

    /// What the sandbox refused, in words that a model can act on; the coordinator hears of it too.
    private func denied(_ run: Run) -> String {
        let denials = run.report["denials"]?.arrayValue ?? []
        if !denials.isEmpty { tell(denials) }
        var text = ""
        // What a runtime merely tries, and does without, is worth a word only when something went wrong.
        for denial in denials where run.exitCode != 0 || denial["probe"]?.boolValue != true {
            let count = denial["count"]?.intValue ?? 1
            let what = denial["what"]?.stringValue ?? denial.text
            text += "\n[denied\(count > 1 ? " \(count) times" : ""): \(what)]"
        }
        let hosts = session.document["sandbox"]?["egress"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if denials.contains(where: { $0["layer"]?.stringValue == "egress" }), !hosts.isEmpty {
            text += "\n[this role reaches: \(hosts.joined(separator: ", "))]"
        }
        return text
    }

    private func tell(_ denials: [JSON]) {
        let isFirst = session.state.withLock { state in
            state.denials.add(denials, task: currentTask(in: state)?["id"]?.stringValue)
        }
        guard isFirst else { return }
        let session = session
        Worker.start("denials", stackBytes: 256 * 1024) { session.tellDenials() }
    }

    // MARK: The sandbox

    /// Runs a command under the role's policy. Without a policy nothing runs.
    func run(
        _ command: [String], input: [UInt8] = [], timeout: Int64? = nil, directory: String? = nil
    ) throws(HarnessError) -> Run {
        guard var policy = session.document["sandbox"], policy.objectValue != nil else {
            throw HarnessError("run \(command[0])", "the guest document has no sandbox policy")
        }
        let guest = session.guest
        let longest = policy["timeout_ms"]?.int64Value ?? 120_000
        let milliseconds = min(max(1, timeout ?? longest), Limits.toolMilliseconds)
        policy["timeout_ms"] = JSON(milliseconds)
        if let directory { policy["workdir"] = .string(directory) }
        try session.openProxy(&policy)
        let files = try SandboxFiles(policy: policy, guest: guest)
        let stdin = try SandboxFiles.file(input, guest: guest)
        let stdout = try SandboxFiles.file([], guest: guest)
        let stderr = try SandboxFiles.file([], guest: guest)
        let grace = policy["grace_ms"]?.int64Value ?? 2000
        // The sandbox keeps the time; ours is for a sandbox that does not.
        let outcome = session.mailbox.run(
            Spawn.Command(
                files.arguments(command), environment: guest.environment(asAgent: false),
                stdin: .descriptor(stdin.raw),
                stdout: .descriptor(stdout.raw), stderr: .descriptor(stderr.raw),
                descriptors: files.descriptors,
                timeoutMilliseconds: Int(milliseconds + grace + 10_000), dieWithParent: true))
        switch outcome {
        case .failed(let reason): throw HarnessError("run \(command[0]) in the sandbox", reason)
        case .ended(let status, let timedOut):
            let report = SandboxFiles.readReport(files.report) ?? [:]
            return Run(
                exitCode: report["exit_code"]?.intValue ?? Int(status.shellCode),
                stdout: String(decoding: SandboxFiles.contents(stdout), as: UTF8.self),
                stderr: String(decoding: SandboxFiles.contents(stderr), as: UTF8.self), report: report,
                timedOut: timedOut || report["timed_out"]?.boolValue == true)
        }
    }
}

/// Numbers that test runners print.
enum TestCounts {
    /// Passed, failed and skipped tests, as far as the output names them (TAP summaries, node, pytest,
    /// cargo).
    static func read(_ output: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in output.split(separator: "\n").suffix(200) {
            let words = line.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
            for (index, word) in words.enumerated() {
                guard let name = names[word] else { continue }
                if line.hasPrefix("#") || line.hasPrefix("ℹ"), words.count == 2, index == 0,
                    let count = Int(words[1])
                {
                    counts[name] = count
                } else if index > 0, let count = Int(words[index - 1]) {
                    counts[name] = count
                }
            }
        }
        return counts
    }

    private static let names = [
        "pass": "passed", "passed": "passed", "passing": "passed", "fail": "failed", "failed": "failed",
        "failing": "failed", "failures": "failed", "skipped": "skipped", "skip": "skipped",
        "pending": "skipped",
        "ignored": "skipped",
    ]
}
