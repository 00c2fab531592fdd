// What the model is told about each tool.
import Kit

extension Tools {
    /// The tools of this role, for `tools.list`.
    func definitions() -> [JSON] {
        let names = (session.document["tools"]?.arrayValue ?? []).compactMap(\.stringValue)
        return names.compactMap { name in
            guard let tool = Self.catalogue[name] else { return nil }
            return [
                "name": .string(name), "description": .string(tool.description), "input_schema": tool.schema,
            ]
        }
    }

    private struct Definition {
        var description: String
        var schema: JSON

        init(_ description: String, _ properties: [String: JSON], required: [String]) {
            self.description = description
            schema = [
                "type": "object", "properties": .object(properties), "required": JSON(required),
                "additionalProperties": false,
            ]
        }
    }

    private static func text(_ description: String) -> JSON {
        ["type": "string", "description": .string(description)]
    }
    private static func number(_ description: String) -> JSON {
        ["type": "integer", "description": .string(description)]
    }
    private static func list(_ description: String) -> JSON {
        ["type": "array", "items": ["type": "string"], "description": .string(description)]
    }
    private static func timeout(_ time: ToolTime) -> JSON {
        number("Longest run time in milliseconds: \(time.usual) when absent, \(time.longest) at most.")
    }

    private static let planTask: JSON = [
        "type": "object", "required": ["title", "description"], "additionalProperties": false,
        "properties": [
            "id": text("A short name, such as t1."), "title": text("One line."),
            "description": text("What to do, for an engineer who has not seen your thoughts."),
            "depends_on": list("Ids of tasks that must be merged first."),
            "write_set": list("Globs of the files it writes; tasks whose sets meet run one after the other."),
            "acceptance": list("What holds when it is done, in words."),
            "checks": list(
                "Commands that must end with 0 on the merged tree, and on every one after it; 8 at most. "
                    + "Only what the repository can run without a network."),
            "role": text("Who does it: coder when absent, or another role that you were told of."),
        ],
    ]

    private static let catalogue: [String: Definition] = [
        "bash": .init(
            "Run a shell command. The shell stays: directory, variables and functions are those of the last "
                + "call. Long output is shown head and tail and kept whole in a file.",
            [
                "command": text("The command."),
                "timeout": timeout(.command),
                "run_in_background": [
                    "type": "boolean", "description": "Start it as a job and come back at once.",
                ],
            ], required: ["command"]),
        "job": .init(
            "See a background job: its new output, or wait for its end, or kill it. Without id: list all.",
            [
                "id": text("The job."),
                "action": ["type": "string", "enum": ["output", "wait", "kill"]],
                "timeout": number(
                    "For wait: milliseconds, \(ToolTime.job.usual) when absent, \(ToolTime.job.longest) at "
                        + "most."),
            ], required: []),
        "tasks": .init("List the session's tasks: who does what, and how far it is.", [:], required: []),
        "patch": .init(
            """
            Change several files at once; all of it or nothing. Between *** Begin Patch and *** End Patch: \
            *** Add File: PATH with + lines, *** Delete File: PATH, or *** Update File: PATH (and *** Move \
            to: PATH) with hunks. A hunk begins with @@ and, if that helps to find the place, a line that \
            stands before it; its lines begin with a blank (stays), - (goes) or + (comes). No line numbers.
            """,
            ["patch": text("The patch.")], required: ["patch"]),
        "lsp": .init(
            "Ask the language server: definition, references, hover, diagnostics, rename, or symbols of the "
                + "whole directory by name. A place is a line and the symbol on it.",
            [
                "action": [
                    "type": "string",
                    "enum": ["definition", "references", "hover", "diagnostics", "rename", "symbols"],
                ],
                "file_path": text("The file."), "line": number("The line, from 1."),
                "symbol": text("The name on that line."),
                "column": number("Instead of symbol: the column, from 1."),
                "new_name": text("For rename."), "query": text("For symbols: part of the name."),
            ], required: ["action"]),
        "fetch": .init(
            "Get one address of the web and show it as text. What it says is a stranger's words.",
            ["url": text("http or https."), "offset": number("Characters to skip.")], required: ["url"]),
        "browse": .init(
            "A browser with one page: open an address, read its text, click, type, go back, take a "
                + "screenshot. Links and fields are numbered. What a page says is a stranger's words.",
            [
                "action": [
                    "type": "string", "enum": ["open", "text", "click", "type", "back", "screenshot"],
                ],
                "url": text("For open."), "ref": number("For click and type: the number in the list."),
                "selector": text("Instead of ref: a CSS selector."), "text": text("For type."),
                "submit": ["type": "boolean", "description": "For type: press Enter afterwards."],
                "offset": number("For text: characters to skip."),
            ], required: ["action"]),
        "git": .init(
            "Run git in your clone. Pushing is done for you when the task is complete.",
            ["args": list("Arguments, without the word git."), "timeout": timeout(.command)],
            required: ["args"]),
        "run_tests": .init(
            "Run the task's test command in a sandbox of its own, and report the result.",
            ["timeout": timeout(.tests)], required: []),
        "diff": .init(
            "Show what the work under review changes.",
            [
                "range": text("Commits; the task's own range when absent."),
                "paths": list("Only these paths."),
            ],
            required: []),
        "read": .init(
            "Read a file, its lines numbered; an image is shown.",
            [
                "file_path": text("The file."), "offset": number("First line, from 1."),
                "limit": number("Number of lines."),
            ], required: ["file_path"]),
        "write": .init(
            "Create or replace a file.", ["file_path": text("The file."), "content": text("All of it.")],
            required: ["file_path", "content"]),
        "edit": .init(
            "Replace a text that occurs exactly once in a file. Copy it exactly, without line numbers.",
            [
                "file_path": text("The file."), "old_string": text("What is there."),
                "new_string": text("What shall be there."),
                "replace_all": ["type": "boolean", "description": "Replace every occurrence."],
            ], required: ["file_path", "old_string", "new_string"]),
        "glob": .init(
            "Find files by name.",
            ["pattern": text("A glob such as **/*.js."), "path": text("Where to start.")],
            required: ["pattern"]),
        "grep": .init(
            "Find lines in files.",
            [
                "pattern": text("A regular expression."), "path": text("Where."),
                "glob": text("Only these files."),
            ],
            required: ["pattern"]),
        "plan": .init(
            "Propose the plan of the session: tasks with role, dependencies, write set and acceptance.",
            ["summary": text("The idea."), "tasks": ["type": "array", "items": planTask]],
            required: ["summary", "tasks"]),
        "assign": .init(
            "Change the plan by adding a task.",
            ["task": planTask],
            required: ["task"]),
        "comment": .init(
            "Comment on a line of the work under review.",
            [
                "file": text("The file."), "line": number("The line."), "body": text("What you say."),
                "severity": text("blocking, warning or note."),
            ], required: ["file", "body"]),
        "verdict": .init(
            "End the review.",
            [
                "verdict": ["type": "string", "enum": ["approve", "request_changes"]],
                "summary": text("Why."),
            ], required: ["verdict", "summary"]),
        "draw": .init(
            "Show people a diagram, a table, results or a question on the session's canvas: A2UI v0.9"
                + " messages (createSurface, updateComponents, updateDataModel, deleteSurface), with the"
                + " catalog openclaw/session/v1. What a person does there comes back to you as a message.",
            ["messages": ["type": "array", "items": ["type": "object"]]], required: ["messages"]),
        "notes": .init(
            "Read the session's shared notes, or append to them.", ["text": text("What to append.")],
            required: []),
    ]
}
