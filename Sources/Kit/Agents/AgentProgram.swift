// An agent program of somebody else's (Claude Code, Codex, aider, …) as data: how it is found, started with a
// task, told its model, and understood. One file of `kit/agents/`.

/// What is known of an agent program.
public struct AgentProgram: Sendable, Hashable {
    /// How what it prints is read.
    public enum Stream: String, Sendable, Hashable, CaseIterable {
        /// Lines for people; the last ones say what was done.
        case text
        /// `claude -p --output-format stream-json`
        case claude
        /// `codex exec --json`
        case codex
    }

    public var name: String
    public var description = ""
    /// Names that it is installed as, the first one that is there counts.
    public var find: [String] = []
    /// Where it lies in a Python package that brings it along, below `site-packages`.
    public var bundled: [String] = []
    /// How people install it, for whoever has not.
    public var install = ""
    /// What makes it print its version.
    public var version = ["--version"]
    /// The newest version that sessions were tried with; empty when none was.
    public var tried = ""
    /// Its arguments, and those of a further run that goes on with the same conversation; nil when it cannot.
    public var start: [String] = []
    public var resume: [String]?
    /// What it reads on its standard input.
    public var input = ""
    public var environment: [String: String] = [:]
    /// Files of its home, by relative path.
    public var files: [String: String] = [:]
    public var stream = Stream.text
    /// It is given our tools by the Model Context Protocol, so it can play any role.
    public var hasTools = false

    /// What a scripted model answers in a trial so that the program writes a file named `TRIAL`; nil for no
    /// trial.
    public var trial: Trial?

    /// One answer of a scripted model: a call of one of the program's own tools, or a text.
    public struct Trial: Sendable, Hashable {
        public var tool = ""
        public var input: JSON = [:]
        public var text = ""
    }

    public init(name: String) { self.name = name }

    /// What `{WORD}` stands for in arguments, input, environment and files.
    public static let words = [
        "task", "task_file", "workdir", "home", "model", "turns", "anthropic_url", "openai_url", "key",
        "agent",
        "socket",
    ]

    /// In bytes, of one file that describes a program.
    public static let fileLimit = 64 << 10
}

// MARK: Starting it

extension AgentProgram {
    /// A run of it, ready to start.
    public struct Run: Sendable, Hashable {
        public var arguments: [String]
        public var input: String
        public var environment: [String: String]
        /// By path relative to its home.
        public var files: [String: String]
    }

    /// Puts values in.
    /// - Parameter resumes: Goes on with the conversation of the run before, when the program can.
    public func run(_ values: [String: String], resumes: Bool = false) -> Run {
        let arguments = resumes ? resume ?? start : start
        return Run(
            arguments: arguments.map { Self.filled($0, values) }, input: Self.filled(input, values),
            environment: environment.mapValues { Self.filled($0, values) },
            files: files.mapValues { Self.filled($0, values) })
    }

    /// One pass: what a value holds is never looked at again, so a task cannot name a value.
    static func filled(_ text: String, _ values: [String: String]) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            result += rest[..<open]
            rest = rest[open...]
            if let word = Self.word(rest), let value = values[word] {
                result += value
                rest = rest.dropFirst(word.count + 2)
            } else {
                result.append("{")
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    /// The placeholder that a text begins with.
    private static func word(_ text: Substring) -> String? {
        guard let close = text.firstIndex(of: "}") else { return nil }
        let word = text[text.index(after: text.startIndex)..<close]
        let isWord = !word.isEmpty && word.allSatisfy { ("a"..."z").contains($0) || $0 == "_" }
        return isWord ? String(word) : nil
    }

    /// Every placeholder of a text.
    static func placeholders(_ text: String) -> [String] {
        text.indices.filter { text[$0] == "{" }.compactMap { word(text[$0...]) }
    }
}

// MARK: As JSON, for a guest

extension AgentProgram {
    /// What a guest needs of it.
    public var json: JSON {
        var json: JSON = [
            "name": .string(name), "start": JSON(start), "input": .string(input),
            "environment": .object(environment.mapValues { .string($0) }),
            "files": .object(files.mapValues { .string($0) }), "stream": .string(stream.rawValue),
            "has_tools": JSON(hasTools),
        ]
        json["resume"] = resume.map { JSON($0) }
        return json
    }

    /// Reads what `json` wrote.
    public init(_ json: JSON) throws(JSONCodingError) {
        var reader = try FieldReader(json, at: "")
        self.init(name: "")
        try reader.take("name", &name)
        try reader.take("start", &start)
        try reader.take("input", &input)
        try reader.take("environment", &environment)
        try reader.take("files", &files)
        try reader.take("stream", &stream)
        try reader.take("has_tools", &hasTools)
        var resume: [String] = []
        try reader.take("resume", &resume)
        self.resume = resume.isEmpty ? nil : resume
        try reader.finish("a program")
    }
}
