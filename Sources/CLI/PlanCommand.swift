// openclaw plan: an architect reads the repository and writes a plan; nothing is changed.
import Glibc
import Kit
import Service
import Synchronization
import System

extension Command {
    static let plan = Command(
        name: "plan", operands: "TASK [--repo PATH|URL]",
        summary: "let an architect write a plan, and run nothing",
        group: .work,
        options: [
            OptionSpec(
                "output", short: "o", value: "FILE", kind: .file,
                "where the plan goes; standard output by default")
        ]
            + Command.run.options.filter {
                ["repo", "ref", "subdir", "depth", "model", "budget", "deadline", "allow-dirty"].contains(
                    $0.name)
            },
        notes: "The plan can be edited and run with openclaw run --plan FILE. See openclaw help plans.",
        examples: ["openclaw plan \"Fix the auth bug\" --repo . -o ../plan.yaml"]
    ) { (arguments) throws(CLIError) in try PlanCommand(arguments).run() }
}

struct PlanCommand {
    private let arguments: Arguments
    private let terminal: Terminal
    private let client = CoordinatorClient(home: Home())

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        let output = arguments.value("output")
        if let output, Files.exists(output) {
            throw CLIError(.usage, "\(output) is there already", hint: "give another name with -o")
        }
        var body = try RunCommand(arguments).request()
        body["plan_only"] = true
        // With a choice of its own the coordinator may do a small task without an architect.
        body["agents"] = 8
        try client.start()
        terminal.remark("openclaw: an architect reads the repository…")
        let answer = try client.call("POST", "/v1/sessions", body)
        let id = answer["id"]?.stringValue ?? ""
        let path = "/v1/sessions/\(SessionCommand.segment(id))"
        let found = Mutex<JSON?>(nil)
        let dim = Terminal(json: terminal.wantsJSON, verbosity: terminal.verbosity)
        try client.follow("\(path)/events?after=0&follow=true") { event in
            let type = event["type"]?.stringValue ?? ""
            if type == "plan.accepted" { found.withLock { $0 = event["data"]?["plan"] } }
            let data = event["data"] ?? [:]
            if ["task.progressed", "plan.rejected", "agent.lost"].contains(type),
                let line = EventText.line(type, data, dim)
            {
                terminal.remark("  " + Terminal.fitted(line, to: terminal.columns - 3))
            }
            return true
        }
        guard let plan = found.withLock({ $0 }) else {
            let summary = try client.call("GET", path)
            throw CLIError(
                .failed,
                "there is no plan: \(summary["failure"]?["reason"]?.stringValue ?? "the session ended")",
                hint: "openclaw logs \(id) says what happened")
        }
        let text = Self.yaml(plan, task: arguments.positional.joined(separator: " "))
        if let output {
            do throws(SystemError) {
                try Files.writeAtomically(output, Array(text.utf8))
            } catch {
                throw CLIError(.failed, "write the plan to \(output): \(error)")
            }
            terminal.done(
                "\(output): edit it, then: openclaw run --plan \(output)",
                ["path": .string(output), "plan": plan])
        } else if terminal.wantsJSON {
            terminal.json(plan)
        } else {
            // Quoted as YAML demands, so that nothing in it can steer the terminal.
            terminal.line(Terminal.harmless(String(text.dropLast()), keepsLines: true))
        }
        return .done
    }

    /// A plan as people edit it.
    static func yaml(_ plan: JSON, task: String) -> String {
        var lines = ["# openclaw help plans says what can be here.", "task: \(scalar(task))"]
        lines.append("summary: \(scalar(plan["summary"]?.stringValue ?? ""))")
        lines.append("tasks:")
        for item in plan["tasks"]?.arrayValue ?? [] {
            lines.append("  - id: \(scalar(item["id"]?.stringValue ?? ""))")
            for name in ["title", "role", "model", "description"] {
                guard let text = item[name]?.stringValue, !text.isEmpty else { continue }
                lines.append("    \(name): \(scalar(text))")
            }
            for name in ["depends_on", "write_set", "acceptance", "checks"] {
                guard let items = item[name]?.arrayValue, !items.isEmpty else { continue }
                lines.append("    \(name):")
                lines += items.map { "      - \(scalar($0.stringValue ?? ""))" }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Plain where that is safe, else in double quotes, whose escapes YAML and JSON share.
    private static func scalar(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isASCII && $0.isLetter } ?? false && text.last != " "
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || " ._/-()'".contains($0)) }
            && !["true", "false", "null", "yes", "no", "on", "off"].contains(text.lowercased())
        return isPlain ? text : JSON.string(text).text
    }
}
