// What `make tidy` holds and a linter cannot: the directions of imports, sizes, words that are banned,
// documents that name files which are gone. Pure: a path and a text in, sentences out.

enum TidyRules {
    /// Which modules of the project a module may import. What is missing here may import none.
    static let allowedImports: [String: Set<String>] = [
        "System": ["CSystem"],
        "Kit": ["CYAML", "CSodium"],
        "Wire": ["Kit", "System"],
        "Sandbox": ["Kit", "System", "CSystem", "CSeccomp", "CCap"],
        "Harness": ["Kit", "Wire", "System"],
        "Agent": ["Kit", "Wire", "System"],
        "Canvas": ["Kit", "Wire", "System"],
        "Hooks": ["Kit", "System"],
        "Core": ["Kit"],
        "Journal": ["Kit", "System", "CSQLite", "CSodium"],
        "Channel": ["Journal", "Kit", "Wire", "System"],
        "Transfer": ["Kit", "Wire", "System", "CCurl"],
        "Gateway": ["Kit", "Wire", "System", "Transfer"],
        "Delivery": ["Kit", "Wire", "System", "Transfer"],
        "Egress": ["Kit", "System"],
        "Platform": ["Kit", "Wire", "System"],
        "Service": [
            "Core", "Journal", "Channel", "Transfer", "Gateway", "Delivery", "Egress", "Platform", "Kit",
            "Wire", "System",
        ],
        "CLI": [
            "Service", "Platform", "Kit", "Wire", "System", "Gateway", "Delivery", "Egress", "Journal",
            "Core",
        ],
        "openclaw": ["CLI"],
        "openclaw-harness": ["Harness"],
        "openclaw-sandbox": ["Sandbox"],
        "openclaw-agent": ["Agent"],
        "openclaw-canvas": ["Canvas"],
        "render_env": ["Hooks"],
        "validate_config": ["Hooks"],
        "on_publish": ["Hooks"],
    ]

    static let projectModules = Set(allowedImports.keys).union(allowedImports.values.joined())
    static let lengthLimit = 400
    static let columnLimit = 110

    /// The module of a source file: the deepest folder of its path that is one. Nil outside of `Sources`.
    static func module(ofSource path: String) -> String? {
        let folders = path.split(separator: "/").dropLast().map(String.init)
        guard folders.first == "Sources", folders.count > 1 else { return nil }
        // Folders inside a module may have any name, so the first match from the outside counts.
        return folders.dropFirst().first { allowedImports[$0] != nil }
    }

    /// The module that a line imports.
    static func importedModule(_ line: Substring) -> String? {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard let index = words.firstIndex(of: "import"), index + 1 < words.count else { return nil }
        let attributes: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        guard words[..<index].allSatisfy({ attributes.contains($0) || $0.hasPrefix("@") }) else { return nil }
        let kinds: Set<Substring> = [
            "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
        ]
        let name = kinds.contains(words[index + 1]) ? words.dropFirst(index + 2).first : words[index + 1]
        return name?.split(separator: ".").first.map(String.init)
    }

    /// Everything that is wrong with a Swift file.
    static func check(swift path: String, _ text: String) -> [String] {
        var problems: [String] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count > lengthLimit + 1 {
            problems.append("\(path): \(lines.count - 1) lines; split it, \(lengthLimit) is the limit")
        }
        let module = module(ofSource: path)
        for (index, line) in lines.enumerated() {
            let place = "\(path):\(index + 1)"
            if line.count > columnLimit { problems.append("\(place): \(line.count) columns") }
            if let imported = importedModule(line) {
                problems += check(import: imported, in: module).map { "\(place): \($0)" }
            }
            if path.hasPrefix("Sources/") {
                for word in ["fatal" + "Error(", "try" + "!"] where code(of: line).contains(word) {
                    problems.append("\(place): \(word) ends the process; throw, or state a precondition")
                }
            }
            if splitsCharacters(line, path) {
                problems.append("\(place): CR LF is one character to split; use byteLines, or split bytes")
            }
            problems += checkWords(line).map { "\(place): \($0)" }
        }
        return problems
    }

    private static func check(import imported: String, in module: String?) -> [String] {
        if imported.hasPrefix("Foundation") { return ["Foundation is not linked; use System and Kit"] }
        guard let module, projectModules.contains(imported) else { return [] }
        guard allowedImports[module]?.contains(imported) == true || module == imported else {
            return ["\(module) must not import \(imported)"]
        }
        return []
    }

    /// A line without its comment; close enough, as a `//` inside a string only hides what follows it.
    private static func code(of line: Substring) -> Substring {
        line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
    }

    /// Files that show or judge text of strangers: there a line ends at its byte, or CR LF hides what
    /// follows.
    private static let foreignText = [
        "Sources/CLI/ChangeView.swift", "Sources/CLI/SessionCommands.swift",
        "Sources/CLI/SessionFollower.swift",
        "Sources/CLI/EventText.swift", "Sources/Coordinator/Delivery/", "Sources/Hooks/",
        "Sources/Guest/Agent/",
    ]
    /// What still waits for its own change.
    private static let unmended = ["Sources/Coordinator/Delivery/SessionRepository+Merge.swift"]

    static func splitsCharacters(_ line: Substring, _ path: String) -> Bool {
        guard foreignText.contains(where: { path.hasPrefix($0) }), !unmended.contains(path) else {
            return false
        }
        return code(of: line).contains("split(separator: \"\\n\"")
    }

    /// Notes to oneself give a reason after a colon.
    static func checkWords(_ line: Substring) -> [String] {
        ["TO" + "DO", "FIX" + "ME"].flatMap { word in
            line.ranges(of: word).compactMap { range in
                let rest = line[range.upperBound...]
                return rest.hasPrefix(": ") && rest.count > 4 ? nil : "\(word) without a reason after a colon"
            }
        }
    }

    /// The paths of the project that a document names in backticks.
    static func paths(inDocument text: String) -> [String] {
        let roots = ["Sources/", "kit/", "Tests/", "docs/", "scripts/", "examples/"]
        return text.split(separator: "\n").flatMap { line in
            line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map(\.element)
        }.compactMap { quoted in
            guard roots.contains(where: { quoted.hasPrefix($0) }) else { return nil }
            let path = quoted.prefix { !" *{<$,:".contains($0) }
            // A pattern stands for its folder.
            guard path.count < quoted.count, let next = quoted.dropFirst(path.count).first,
                "*{<$".contains(next)
            else { return String(path) }
            return path.lastIndex(of: "/").map { String(path[..<$0]) }
        }
    }
}
