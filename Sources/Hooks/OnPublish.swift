import Glibc
import Kit
import System

/// The hook that makes a session's report from its artifacts. Digests are checked first: a report about other
/// bytes than those that were approved would be worse than none.
enum OnPublish {
    /// The largest artifact, and all of them together, in bytes.
    static let artifactLimit = 16 << 20
    static let totalLimit = 64 << 20

    static func answer(_ fields: InputFields, _ problems: Problems) throws(HookFailure) -> JSON? {
        var fields = fields
        var app = fields.object("app", isRequired: true)
        let id = app?.string("id", isRequired: true)
        let session = app?.string("session_id", "the id of a session", Names.isLabel)
        app?.finish(alsoKnown: ["agent_id", "role", "coordinator_url", "peers", "config"])
        var release = fields.object("release", isRequired: true)
        let releaseID = release?.string("id", isRequired: true)
        let commit = release?.string("commit", isRequired: true, "40 or 64 hexadecimal digits", isCommit)
        release?.finish()
        let references = fields.objects("artifacts", isRequired: true).compactMap { ArtifactReference($0) }
        let directory = fields.string("output_dir", isRequired: true, "an absolute path", isAbsolute)
        fields.finish(alsoKnown: ["api", "hook"])
        guard let id, let releaseID, let commit, let directory, !problems.hasMalformed else { return nil }
        let artifacts = load(references, problems)
        guard problems.isEmpty else { return nil }
        let report = Report(
            session: session ?? id, release: releaseID, commit: commit, artifacts: artifacts)
        return try write(report, to: directory)
    }

    private static func write(_ report: Report, to directory: String) throws(HookFailure) -> JSON {
        var paths: [String: JSON] = [:]
        do throws(SystemError) {
            try Files.makeDirectories(directory)
            for (kind, name, text) in [
                ("json", "report.json", report.json.prettyText), ("markdown", "report.md", report.markdown),
                ("html", "report.html", report.html),
            ] {
                try Files.writeAtomically("\(directory)/\(name)", Array(text.utf8))
                paths[kind] = .string("\(directory)/\(name)")
            }
        } catch {
            throw HookFailure(message: "the report could not be written: \(error)")
        }
        return ["ok": true, "report": .object(paths)]
    }

    private static func load(_ references: [ArtifactReference], _ problems: Problems) -> [Report.Artifact] {
        var total = 0
        var artifacts: [Report.Artifact] = []
        for reference in references {
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try read(reference.path)
            } catch {
                let isLarge = error.code == EFBIG
                problems.rejected(
                    "\(reference.pointer)/path", isLarge ? "too_large" : "unreadable",
                    isLarge ? "is larger than \(artifactLimit) bytes" : "cannot be read: \(error.name)")
                continue
            }
            total += bytes.count
            guard total <= totalLimit else {
                problems.rejected("/artifacts", "too_large", "are larger than \(totalLimit) bytes together")
                return []
            }
            guard Digest.sha256Hex(bytes) == reference.sha256 else {
                problems.rejected(
                    "\(reference.pointer)/sha256", "digest_mismatch",
                    "the file has another digest; store it again")
                continue
            }
            artifacts.append(
                Report.Artifact(
                    name: Files.name(of: reference.path), kind: reference.kind, sha256: reference.sha256,
                    bytes: bytes))
        }
        return artifacts
    }

    /// A link or a pipe in the place of an artifact is refused: whoever wrote the directory may have put it
    /// there.
    private static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try Files.openRegular(path)
        return try IO.readAll(file.raw, limit: artifactLimit)
    }

    fileprivate static func isAbsolute(_ text: String) -> Bool {
        text.hasPrefix("/") && !text.utf8.contains(0) && !text.split(separator: "/").contains("..")
    }

    private static func isCommit(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64) && Hex.decode(text) != nil
    }
}

private struct ArtifactReference {
    let pointer: String
    let path: String
    let kind: Report.Kind
    /// Lower case.
    let sha256: String

    init?(_ fields: InputFields) {
        var fields = fields
        let path = fields.string("path", isRequired: true, "an absolute path", OnPublish.isAbsolute)
        let kinds = Report.Kind.allCases.map(\.rawValue)
        let kind = fields.string("kind", isRequired: true, "one of \(kinds.joined(separator: ", "))") {
            kinds.contains($0)
        }
        let digest = fields.string("sha256", isRequired: true, "64 hexadecimal digits") {
            $0.utf8.count == 64 && Hex.decode($0) != nil
        }
        fields.finish()
        guard let path, let kind = kind.flatMap({ Report.Kind(rawValue: $0) }), let digest else { return nil }
        (pointer, self.path, self.kind, sha256) = (fields.path, path, kind, digest.lowercased())
    }
}
