public import Kit
import System

/// Makes a session's report: stores its artifacts and has the kit's on_publish hook write the three forms.
public struct SessionReport: Sendable {
    /// One artifact before it is a file.
    public struct Artifact: Sendable {
        /// As on_publish knows them.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case inspection, diff, tests, junit, review, summary, files, queue, cost, timeline
        }

        public let kind: Kind
        /// A plain file name.
        public let name: String
        public let bytes: [UInt8]

        public init(_ kind: Kind, name: String, bytes: [UInt8]) {
            (self.kind, self.name, self.bytes) = (kind, name, bytes)
        }

        public init(_ kind: Kind, name: String, json: JSON) {
            self.init(kind, name: name, bytes: Array(json.prettyText.utf8))
        }
    }

    public struct Paths: Sendable, Hashable {
        public let json: String
        public let markdown: String
        public let html: String
    }

    private let directory: String
    private let hook: String

    /// - Parameters:
    ///   - sessionDirectory: The report goes to `report` in it.
    ///   - hook: The path of the on_publish program.
    public init(sessionDirectory: String, hook: String) {
        (directory, self.hook) = ("\(sessionDirectory)/report", hook)
    }

    /// Makes the report; the same artifacts make the same files.
    public func make(
        session: String, release: String, commit: String, artifacts: [Artifact]
    ) throws(DeliveryError) -> Paths {
        let operation = "make the report in \(directory)"
        let input: JSON = [
            "api": "aegis.kit/v1", "hook": "on_publish",
            "app": ["id": .string(session), "session_id": .string(session)],
            "release": ["id": .string(release), "commit": .string(commit)],
            "artifacts": .array(try store(artifacts, operation)), "output_dir": .string(directory),
        ]
        let outcome = try delivering(operation) { () throws(SystemError) in
            try Spawn.run(
                Spawn.Command(
                    [hook], environment: [:], workingDirectory: "/", stdin: .bytes(input.serialized()),
                    stdout: .capture(limit: 1 << 20), stderr: .capture(limit: 1 << 16),
                    timeoutMilliseconds: Limits.hookMilliseconds, graceMilliseconds: 100))
        }
        let answer = (try? JSON.parse(outcome.stdout)) ?? .null
        guard outcome.status.isSuccess, answer["ok"] == true,
            let json = answer["report"]?["json"]?.stringValue,
            let markdown = answer["report"]?["markdown"]?.stringValue,
            let html = answer["report"]?["html"]?.stringValue
        else {
            let end = outcome.timedOut ? "no answer in \(Limits.hookMilliseconds) ms" : "\(outcome.status)"
            throw DeliveryError(
                .refused, operation, "the hook \(hook) failed (\(end)): \(outcome.stderrText)",
                hint: "the artifacts are in \(directory)/artifacts")
        }
        return Paths(json: json, markdown: markdown, html: html)
    }

    private func store(_ artifacts: [Artifact], _ operation: String) throws(DeliveryError) -> [JSON] {
        let folder = "\(directory)/artifacts"
        try delivering(operation) { () throws(SystemError) in try Files.makeDirectories(folder) }
        var references: [JSON] = []
        for artifact in artifacts {
            let isPlain =
                !artifact.name.isEmpty && !artifact.name.hasPrefix(".") && !artifact.name.contains("/")
            guard isPlain, artifact.name.utf8.count < 128, !artifact.name.utf8.contains(0) else {
                throw DeliveryError(
                    .refused, operation, "an artifact has the name \(artifact.name.prefix(128))")
            }
            let path = "\(folder)/\(artifact.name)"
            try delivering(operation) { () throws(SystemError) in
                try Files.writeAtomically(path, artifact.bytes)
            }
            references.append([
                "path": .string(path), "kind": .string(artifact.kind.rawValue),
                "sha256": .string(Digest.sha256Hex(artifact.bytes)),
            ])
        }
        return references
    }
}
