// What a plan's file says about its session, besides the tasks.
import Glibc
import Kit
import System

/// A plan's file as it is sent: its text, which the coordinator reads and checks, and what it sets for the
/// session.
struct PlanFile {
    let text: String
    let path: String
    /// What is to be done, in words; nil when the file does not say.
    let task: String?
    /// Options of run.
    let options: [String: [String]]

    private static let limit = 1 << 20

    init(path: String) throws(CLIError) {
        let text: String
        do throws(SystemError) {
            text = try Files.readText(path, limit: Self.limit)
        } catch {
            throw CLIError(
                error.code == ENOENT ? .notFound : .usage, "read the plan \(path): \(error)",
                hint: "a plan is YAML or JSON; see openclaw help plans")
        }
        (self.text, self.path) = (text, path)
        // What is no YAML, or no plan, the coordinator refuses with the lines.
        guard let node = try? YAML.parse(text, source: path) else {
            (task, options) = (nil, [:])
            return
        }
        task = node["task"]?.json.stringValue ?? node["summary"]?.json.stringValue
        var options: [String: [String]] = [:]
        for name in Template.optionNames {
            guard let value = node[name] else { continue }
            guard let values = Template.optionValues(value, of: name) else {
                throw CLIError(
                    .usage, "\(path):\(value.mark.line): \(name): must be a value, or values by role")
            }
            options[name] = values
        }
        self.options = options
    }

    /// As the coordinator takes it.
    var json: JSON { ["text": .string(text), "source": .string(path)] }
}

extension HelpTopic {
    static let plans = HelpTopic(
        name: "plans", summary: "the tasks of a session in a file, instead of the architect's",
        rows: [
            ("summary", "what the tasks do together"),
            ("tasks", "a list; each with the fields below; in the order in which they are merged"),
            ("  id", "letters, digits and dashes; t1, t2, … when not given"),
            ("  title", "one line; required"),
            ("  description", "what its agent is to do"),
            ("  role", "coder, or a role of your own with a clone"),
            ("  depends_on", "ids of tasks that must be merged before it starts"),
            (
                "  write_set",
                "globs of the files it writes; tasks whose sets meet do not run at the same time"
            ),
            ("  acceptance", "what must hold when it is done, in words"),
            (
                "  checks",
                "commands that must end with 0: the gate runs them on the tree with the task merged, "
                    + "and on every tree after it"
            ),
            ("  model", "the model for this task; that of its role when not given"),
            (
                "task, agents, allow, model, budget, deadline, test",
                "as for openclaw run; what is typed there wins; model and budget also by role or agent: "
                    + "{all: VALUE, ROLE: VALUE}"
            ),
        ],
        text: """
            openclaw plan "Fix the auth bug" -o ../plan.yaml lets an architect write one, and nothing else
            happens. Edit it, look at what it would do, then run it:

              openclaw run --plan ../plan.yaml --dry-run
              openclaw run --plan ../plan.yaml

            The schema is docs/schema/plan.schema.json of the source.
            """)
}
