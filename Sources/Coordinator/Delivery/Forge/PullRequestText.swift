import Kit

/// What a pull request says: the work and the evidence for it, told from the journal.
public struct PullRequestText: Sendable {
    public struct Step: Sendable {
        public var task: String
        public var title: String
        public var agent: String
        public var commit: String

        public init(task: String, title: String, agent: String, commit: String) {
            (self.task, self.title, self.agent, self.commit) = (task, title, agent, commit)
        }
    }

    public var session: String
    public var task: String
    public var summary: String
    public var steps: [Step] = []
    /// What the diff cannot show, one line each.
    public var attention: [String] = []
    /// One line of Markdown each, made harmless: gates, test runs, verdicts.
    public var evidence: [String] = []
    public var cost: String
    public var tree: String
    public var journalHead: String
    /// Of the repository; kept below what we say, for people to fill in.
    public var template: String?

    public init(
        session: String, task: String, summary: String, cost: String, tree: String, journalHead: String
    ) {
        (self.session, self.task, self.summary, self.cost) = (session, task, summary, cost)
        (self.tree, self.journalHead) = (tree, journalHead)
    }

    /// GitHub takes 65,536 characters; the rest is for what it makes of them.
    private static let limit = 60_000

    /// The first line of the task.
    public var title: String {
        HarmlessText.subject(task, fallback: session)
    }

    public var markdown: String {
        var text = ""
        if !attention.isEmpty {
            text += "### Before you read the diff\n\n"
            for line in attention.prefix(100) { text += "- \(HarmlessText.markdown(line))\n" }
            text += "\n"
        }
        text += "\(HarmlessText.markdown(summary))\n\n"
        if task != summary { text += "### Task\n\n\(Self.quoted(task))\n\n" }
        text += "### Steps\n\n| task | by | commit |\n|---|---|---|\n"
        for step in steps.prefix(64) {
            let words = [step.task, step.title, step.agent].map(HarmlessText.markdown)
            text += "| \(words[0]): \(words[1]) | \(words[2]) | \(step.commit.prefix(12)) |\n"
        }
        text += "\n### Evidence\n\n"
        for line in evidence.prefix(100) { text += "- \(line)\n" }
        text += "\n### Cost\n\n\(cost)\n\n"
        text += "Session `\(session)`, tree `\(tree)`, journal `\(journalHead)`.\n"
        if text.count > Self.limit { text = text.prefix(Self.limit) + "\n… cut …\n" }
        guard let template, !template.isEmpty, text.count + template.count < Self.limit else { return text }
        return text + "\n---\n\n\(template)"
    }

    private static func quoted(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).prefix(100)
        return lines.map { "> \(HarmlessText.markdown(String($0.prefix(2000))))" }.joined(separator: "\n")
    }

    /// Where the repository keeps the text that its pull requests start with.
    public static let templates = [
        ".github/PULL_REQUEST_TEMPLATE.md", ".github/pull_request_template.md", "PULL_REQUEST_TEMPLATE.md",
        "pull_request_template.md", "docs/pull_request_template.md",
        ".gitlab/merge_request_templates/Default.md", ".gitea/PULL_REQUEST_TEMPLATE.md",
    ]
}
