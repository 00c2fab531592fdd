import Kit

/// What a session made, from its artifacts. The same artifacts make the same bytes: no clock, no paths of the
/// machine, a fixed order.
struct Report {
    /// In the order of the report.
    enum Kind: String, CaseIterable {
        case inspection, summary, tests, junit, review, diff, files, queue, cost, timeline

        var title: String {
            switch self {
            case .inspection: "Before you read the diff"
            case .summary: "Summary"
            case .tests: "Tests"
            case .junit: "JUnit"
            case .queue: "Merge queue"
            case .review: "Review"
            case .diff: "Changes"
            case .files: "Files from agent to agent"
            case .cost: "Cost"
            case .timeline: "Timeline"
            }
        }
    }

    struct Artifact {
        let name: String
        let kind: Kind
        let sha256: String
        let bytes: [UInt8]

        /// The content as JSON when it is such; diffs never are.
        var content: JSON {
            if kind == .junit { return counted }
            if kind != .diff, let json = try? JSON.parse(bytes) { return json }
            return .string(text)
        }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        /// A JUnit report in numbers, with the tests that failed.
        private var counted: JSON {
            guard let results = TestResults.read(output: "", reports: [text]) else {
                return ["file": .string(name), "note": "no test case can be read in it"]
            }
            return [
                "file": .string(name), "passed": JSON(results.passed), "failed": JSON(results.failed),
                "skipped": JSON(results.skipped),
                "failures": .array(
                    results.failures.map { failure in
                        [
                            "test": .string(failure.name), "message": .string(failure.message),
                            "place": .string(failure.place ?? ""),
                        ]
                    }),
            ]
        }
    }

    let session: String
    let release: String
    let commit: String
    /// Sorted.
    let artifacts: [Artifact]

    init(session: String, release: String, commit: String, artifacts: [Artifact]) {
        (self.session, self.release, self.commit) = (session, release, commit)
        let order = Kind.allCases
        self.artifacts = artifacts.sorted { left, right in
            let (a, b) = (order.firstIndex(of: left.kind) ?? 0, order.firstIndex(of: right.kind) ?? 0)
            return (a, left.name, left.sha256) < (b, right.name, right.sha256)
        }
    }

    /// For programs: every artifact with its content, the patch as numbers.
    var json: JSON {
        var contents: [String: [JSON]] = [:]
        for artifact in artifacts {
            let content =
                artifact.kind == .diff
                ? JSON.array(FilePatch.parse(artifact.text).map(\.json)) : artifact.content
            contents[artifact.kind.rawValue, default: []].append(content)
        }
        return [
            "api": .string(Hook.api), "session_id": .string(session),
            "release": ["id": .string(release), "commit": .string(commit)],
            "artifacts": .array(
                artifacts.map { artifact in
                    [
                        "name": .string(artifact.name), "kind": .string(artifact.kind.rawValue),
                        "sha256": .string(artifact.sha256), "bytes": JSON(artifact.bytes.count),
                    ]
                }),
            "contents": .object(contents.mapValues { .array($0) }),
        ]
    }

    /// For people: what both renderers show.
    var sections: [Section] {
        Kind.allCases.compactMap { kind in
            let blocks = artifacts.filter { $0.kind == kind }.flatMap { artifact -> [Block] in
                if kind == .diff { return [.patch(FilePatch.parse(artifact.text))] }
                let content = artifact.content
                return (kind == .timeline ? TimelineChart(content).blocks : []) + Block.make(content)
            }
            return blocks.isEmpty ? nil : Section(title: kind.title, blocks: blocks)
        }
    }

    struct Section {
        let title: String
        let blocks: [Block]
    }

    /// One piece of a section.
    enum Block {
        case text(String)
        case facts([(name: String, value: String)])
        case table(columns: [String], rows: [[String]])
        case patch([FilePatch])
        case chart(TimelineChart)
        /// Of what follows it.
        case title(String)

        /// Objects become facts, lists of objects tables; nested lists get blocks of their own.
        static func make(_ json: JSON) -> [Block] {
            switch json {
            case .object(let members):
                let sorted = members.sorted { $0.key < $1.key }
                let lists = sorted.filter { Block.isTable($0.value) }
                let facts = sorted.filter { !Block.isTable($0.value) }.map {
                    (name: $0.key, value: cell($0.value))
                }
                let tables = lists.flatMap { list in
                    let words = list.key.split(separator: "_").joined(separator: " ")
                    return [.title(words)] + make(list.value)
                }
                return (facts.isEmpty ? [] : [.facts(facts)]) + tables
            case .array(let elements) where Block.isTable(json):
                let columns = Set(elements.flatMap { $0.objectValue.map { Array($0.keys) } ?? [] }).sorted()
                let rows = elements.map { element in columns.map { element[$0].map(cell) ?? "" } }
                return [.table(columns: columns, rows: rows)]
            case .array(let elements): return [.text(elements.map(cell).joined(separator: "\n"))]
            default: return [.text(cell(json))]
            }
        }

        private static func isTable(_ json: JSON) -> Bool {
            guard let elements = json.arrayValue, !elements.isEmpty else { return false }
            return elements.allSatisfy { $0.objectValue != nil }
        }

        private static func cell(_ json: JSON) -> String {
            switch json {
            case .string(let text): text
            case .null: ""
            default: json.text
            }
        }
    }
}
