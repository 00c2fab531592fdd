// Reading the file that describes an agent program: all that is wrong at once, each with its line and field.

extension AgentProgram {
    /// Everything that is wrong with such a file.
    public struct Problems: Error, Sendable, Hashable, CustomStringConvertible {
        public let source: String
        /// "LINE: field: what is wrong".
        public let problems: [String]

        public init(source: String, problems: [String]) { (self.source, self.problems) = (source, problems) }

        public var description: String { problems.map { "\(source):\($0)" }.joined(separator: "\n") }
    }

    /// Reads a description.
    public static func parse(_ text: String, source: String) throws(Problems) -> AgentProgram {
        guard text.utf8.count <= fileLimit else {
            throw Problems(source: source, problems: ["1: it is larger than \(fileLimit) bytes"])
        }
        let node: YAMLNode
        do throws(YAMLError) {
            node = try YAML.parse(text, source: source)
        } catch {
            throw Problems(source: source, problems: ["\(error.mark.line): \(error.reason)"])
        }
        guard case .mapping(let members, _) = node else {
            throw Problems(source: source, problems: ["1: a program is a mapping with name, find and start"])
        }
        var reader = Reader(node: node)
        let program = reader.read(members.map { ($0.key, $0.node) })
        guard reader.problems.isEmpty else { throw Problems(source: source, problems: reader.problems) }
        return program
    }

    /// The fields of a file, for help.
    public static let fields: [(name: String, text: String)] = [
        (
            "name",
            "what it is called after --agent and in a role's agent; also the name of the file, NAME.yaml"
        ),
        ("description", "one line for openclaw agents list"),
        ("find", "names of the command, looked up where people install; the first that is there counts"),
        ("bundled", "paths below site-packages of a Python package that brings it along"),
        ("install", "how it is installed, for whoever has not"),
        ("version", "arguments that make it print its version; [--version] when not given"),
        ("tried", "the newest version that sessions were tried with"),
        ("start", "its arguments; {WORD} stands for: \(words.joined(separator: ", "))"),
        ("resume", "arguments of a run that goes on with the conversation of the one before"),
        ("input", "what it reads on standard input, for example \"{task}\""),
        ("environment", "variables besides those that every program gets; {WORD} as in start"),
        ("files", "files of its home by relative path; {WORD} as in start"),
        ("stream", "what it prints: \(Stream.allCases.map(\.rawValue).joined(separator: ", "))"),
        (
            "trial",
            "what a scripted model answers so that it writes a file named TRIAL: {tool, input} or {text}"
        ),
        ("has_tools", "true when it is given our tools by MCP, so that it can review, test and plan"),
    ]

    private struct Reader {
        let node: YAMLNode
        var problems: [String] = []

        init(node: YAMLNode) { self.node = node }

        mutating func read(_ members: [(key: String, node: YAMLNode)]) -> AgentProgram {
            let known = AgentProgram.fields.map(\.name)
            for (key, node) in members where !known.contains(key) {
                note(node, key, "is no field; known are \(known.joined(separator: ", "))")
            }
            var program = AgentProgram(name: text("name") ?? "")
            if !Template.isName(program.name) {
                note(node["name"], "name", "must be small letters, digits and dashes, 40 at most")
            }
            program.description = text("description") ?? ""
            program.install = text("install") ?? ""
            program.tried = text("tried") ?? ""
            program.find = texts("find") ?? []
            for name in program.find where name.isEmpty || name.contains("/") {
                note(node["find"], "find", "\(name) is no name of a command: it holds no slash")
            }
            if program.find.isEmpty { note(node["find"], "find", "is missing: what is it installed as?") }
            program.bundled = texts("bundled") ?? []
            for path in program.bundled where !Self.isPlain(path) {
                note(node["bundled"], "bundled", "\(path) is no plain path below site-packages")
            }
            program.version = texts("version") ?? program.version
            program.start = texts("start") ?? []
            if node["start"] == nil { note(nil, "start", "is missing") }
            program.resume = texts("resume")
            program.input = text("input") ?? ""
            program.environment = map("environment")
            for name in program.environment.keys.sorted() where !Self.isVariable(name) {
                note(node["environment"], "environment.\(name)", "is no name of a variable")
            }
            program.files = map("files")
            for path in program.files.keys.sorted() where !Self.isPlain(path) {
                note(node["files"], "files.\(path)", "is no plain path below its home")
            }
            readStream(&program)
            readTrial(&program)
            checkWords(program)
            return program
        }

        private mutating func readStream(_ program: inout AgentProgram) {
            if let word = text("stream") {
                if let stream = Stream(rawValue: word) {
                    program.stream = stream
                } else {
                    let known = Stream.allCases.map(\.rawValue).joined(separator: ", ")
                    note(node["stream"], "stream", "\(word) is none of \(known)")
                }
            }
            guard let value = node["has_tools"] else { return }
            guard let flag = value.json.boolValue else {
                return note(value, "has_tools", "must be true or false")
            }
            program.hasTools = flag
        }

        private mutating func readTrial(_ program: inout AgentProgram) {
            guard let value = node["trial"] else { return }
            guard case .mapping(let members, _) = value else {
                return note(value, "trial", "must be {tool, input} or {text}")
            }
            for member in members where !["tool", "input", "text"].contains(member.key) {
                note(member.node, "trial.\(member.key)", "is no field; known are tool, input, text")
            }
            var trial = Trial()
            trial.tool = value["tool"]?.json.stringValue ?? ""
            trial.text = value["text"]?.json.stringValue ?? ""
            trial.input = value["input"]?.json ?? [:]
            guard trial.tool.isEmpty != trial.text.isEmpty, trial.input.objectValue != nil else {
                return note(value, "trial", "must be {tool, input} or {text}")
            }
            program.trial = trial
        }

        private mutating func checkWords(_ program: AgentProgram) {
            let places: [(String, [String])] = [
                ("start", program.start), ("resume", program.resume ?? []), ("input", [program.input]),
                ("environment", program.environment.sorted { $0.key < $1.key }.map(\.value)),
                ("files", program.files.sorted { $0.key < $1.key }.map(\.value)),
            ]
            for (field, texts) in places {
                for word in texts.flatMap(AgentProgram.placeholders) where !AgentProgram.words.contains(word)
                {
                    let known = AgentProgram.words.joined(separator: ", ")
                    note(node[field], field, "{\(word)} stands for nothing; known are \(known)")
                }
            }
            let said = program.start + [program.input]
            let saysTask = said.contains { text in
                AgentProgram.placeholders(text).contains { $0 == "task" || $0 == "task_file" }
            }
            if node["start"] != nil, !saysTask {
                note(node["start"], "start", "neither it nor input holds {task} or {task_file}")
            }
        }

        private mutating func note(_ place: YAMLNode?, _ field: String, _ message: String) {
            problems.append("\((place ?? node).mark.line): \(field): \(message)")
        }

        private mutating func text(_ field: String) -> String? {
            guard let value = node[field] else { return nil }
            // A version such as 2.4 is meant as it is written.
            if case .scalar(let text, _, _) = value { return text }
            note(value, field, "must be a text")
            return nil
        }

        private mutating func texts(_ field: String) -> [String]? {
            guard let value = node[field] else { return nil }
            guard let items = value.json.arrayValue, items.allSatisfy({ $0.stringValue != nil }) else {
                note(value, field, "must be a list of texts")
                return nil
            }
            return items.compactMap(\.stringValue)
        }

        private mutating func map(_ field: String) -> [String: String] {
            guard let value = node[field] else { return [:] }
            guard let members = value.json.objectValue, members.values.allSatisfy({ $0.stringValue != nil })
            else {
                note(value, field, "must be a mapping of texts")
                return [:]
            }
            return members.compactMapValues(\.stringValue)
        }

        private static func isPlain(_ path: String) -> Bool {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            return !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." } && !path.utf8.contains(0)
        }

        private static func isVariable(_ name: String) -> Bool {
            !name.isEmpty && name.first?.isNumber == false
                && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
    }
}
