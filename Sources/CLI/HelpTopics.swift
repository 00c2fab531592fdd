import Kit

/// Help on what several commands share.
struct HelpTopic: Sendable {
    let name: String
    let summary: String
    /// Rows of a table, if it is one.
    var rows: [(name: String, meaning: String)] = []
    /// Text after the table.
    var text = ""

    /// The topic, fitted to a terminal.
    func lines(columns: Int) -> [String] {
        var lines = Terminal.wrap(summary.prefix(1).uppercased() + summary.dropFirst() + ".", to: columns)
        if !rows.isEmpty { lines += [""] + Help.definitions(rows, columns) }
        if !text.isEmpty { lines += [""] + Help.paragraphs(text, columns) }
        return lines
    }

    static let all: [HelpTopic] = [
        exitCodes, environment, json, configuration, modelNames, repositories, plans, templates, roles,
        agents,
        notifications,
    ]

    static let exitCodes = HelpTopic(
        name: "exit-codes", summary: "what openclaw exits with",
        rows: ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) },
        text: """
            A reader that leaves early (openclaw logs ID | head) is no error: openclaw ends with 0. Output
            that cannot be written, to a full disk for example, is one: 1.
            """)

    static let environment = HelpTopic(
        name: "environment", summary: "variables that openclaw reads",
        rows: [
            ("ANTHROPIC_API_KEY", "the key for models of Anthropic; stays on the host"),
            ("ANTHROPIC_BASE_URL", "another address for the same API"),
            (
                "OPENAI_API_KEY",
                "the key for openai:MODEL at OpenAI's own API, or at OPENAI_BASE_URL; to no other server"
            ),
            (
                "OPENAI_BASE_URL",
                "the server of openai:MODEL, and the one that gets OPENAI_API_KEY: https://…/v1"
            ),
            (
                "GITHUB_TOKEN, GH_TOKEN",
                "for private repositories of GitHub and pull requests; stays on the host"
            ),
            ("GITLAB_TOKEN, GITEA_TOKEN", "the same for GitLab and for Gitea"),
            ("OPENCLAW_MODEL", "the model when --model is not given"),
            ("AEGIS_HOME", "where the platform's socket and the kits are; ~/.aegis by default"),
            ("AEGIS_OPENCLAW_HOME", "where sessions are; AEGIS_HOME/openclaw by default"),
            ("NO_COLOR", "any text: no colours (no-color.org)"),
            ("FORCE_COLOR, CLICOLOR_FORCE", "colours even where there is no terminal; NO_COLOR wins"),
            ("TERM", "dumb means no colours"),
        ],
        text: "What is on the command line wins over a variable, and a variable over the configuration file.")

    static let json = HelpTopic(
        name: "json", summary: "what --json prints",
        text: """
            One JSON value a line on standard output, and nothing else there. Remarks and errors go to
            standard error; an error is {"error":{"code","message","hint"}}, where code is the exit code.

            A session's events (openclaw run, openclaw logs ID) are the journal's own:
              {"seq":1,"session":"fix-auth-bug-4k2p","at":1767225600000,"type":"session.started","data":{…}}
            seq has no gaps and starts at 1; at is Unix milliseconds. Types that you do not know may be added:
            skip them. openclaw sessions and openclaw session ID print summaries.

            The schemas (JSON Schema 2020-12) are event.schema.json, summary.schema.json, plan.schema.json and
            error.schema.json in docs/schema of the source.

              openclaw logs ID --json | jq -r 'select(.type == "gate.failed") | .data.output'
              openclaw sessions --json | jq -r 'select(.approval != null) | .id'
            """)

    static let configuration = HelpTopic(
        name: "configuration", summary: "what can be set in config.yaml, with openclaw config",
        rows: Settings.keys.map { key in
            (key.name, key.help + (key.variable.map { "; \($0) wins" } ?? ""))
        },
        text: """
            The file is config.yaml in AEGIS_OPENCLAW_HOME (openclaw config path), one KEY: VALUE a line.
            """)

    static let notifications = HelpTopic(
        name: "notifications", summary: "being told when a session waits for you or ends",
        rows: [
            (
                "notify.command",
                "a shell command; OPENCLAW_SESSION, OPENCLAW_EVENT and OPENCLAW_TEXT are set, JSON "
                    + "is on its input"
            ),
            ("notify.webhook", "an address that gets the same JSON by POST; tried three times"),
            ("notify.desktop", "true shows it with notify-send"),
        ],
        text: """
            They are settings: openclaw config set notify.desktop true. The coordinator sends each
            notification at most once, also when it is restarted. Failures are in its log (openclaw
            coordinator status says where).

              {"session":"fix-auth-bug-4k2p","event":"approval.requested","at":…,"task":…,"text":…,"next":…}
            """)

    static let modelNames = HelpTopic(
        name: "model-names", summary: "how a model is named, and how its use is said",
        rows: [
            ("claude-…, anthropic:MODEL", "the Anthropic API; ANTHROPIC_API_KEY never enters a guest"),
            ("openai:MODEL@URL", "any OpenAI-compatible server, for example a local one"),
            ("script:FILE", "a scripted model, for demos and tests"),
            ("…?effort=high", "how hard it thinks: low, medium, high, xhigh or max"),
            ("…?fallback=MODEL,…", "who takes its place when it is away at the start of a conversation"),
            ("…?escalate=MODEL", "who does the second attempt at a task and those after it"),
            ("…?cache=off", "no marks for the provider's cache"),
            ("…?api=responses", "an OpenAI-compatible server is asked for responses, not for chat"),
            ("…?context=32768", "the model's window in tokens, for a server that does not say it"),
            ("ROLE=…", "the model of that role only; --model may be given several times"),
        ],
        text: """
            Several uses are joined with &. --model wins over OPENCLAW_MODEL, and that over model in the \
            configuration file. openclaw models lists what can be used here; openclaw models check \
            SPEC tries one.
            """)
}
