// openclaw session ID --artifacts and --artifact AGENT/NAME: files that agents handed to each other.
import Glibc
import Kit
import Service
import System

/// Lists them, and brings one out of the session.
struct ArtifactSteps {
    static let session = [
        OptionSpec("artifacts", "files that agents put for each other"),
        OptionSpec("artifact", value: "AGENT/NAME", "copy one of them out; its digest is checked"),
        OptionSpec(
            "output", value: "FILE", kind: .file, "with --artifact: where to; its own name by default"),
    ]
    static let verbs = ["artifacts", "artifact"]

    let arguments: Arguments
    let client: CoordinatorClient
    let terminal: Terminal
    let path: String

    /// Does what is asked, if it is one of these.
    func perform(_ verb: String) throws(CLIError) -> ExitCode? {
        guard Self.verbs.contains(verb) else { return nil }
        let answer = try client.call("GET", "\(path)/artifacts")
        let all = answer["artifacts"]?.arrayValue ?? []
        guard verb == "artifact" else {
            list(all)
            return .done
        }
        let wanted = arguments.value("artifact") ?? ""
        let found = all.first { Self.id($0) == wanted }
        guard let found, let digest = found["sha256"]?.stringValue, let size = found["size"]?.int64Value
        else {
            throw CLIError(
                .notFound, "there is no artifact \(wanted)",
                hint: all.isEmpty
                    ? "no agent has put one" : "there are " + all.map(Self.id).joined(separator: ", "))
        }
        let source = "\(answer["directory"]?.stringValue ?? "")/\(found["path"]?.stringValue ?? "")"
        let target = arguments.value("output") ?? Files.name(of: wanted)
        try Self.copy(source, below: answer["directory"]?.stringValue ?? "", size, digest, to: target)
        terminal.done("wrote \(target), \(Show.bytes(size))", found)
        return .done
    }

    private func list(_ all: [JSON]) {
        guard !terminal.wantsJSON else {
            for artifact in all { terminal.json(artifact) }
            return
        }
        let rows = all.map { artifact in
            [
                Terminal.harmless(Self.id(artifact)), Show.bytes(artifact["size"]?.int64Value ?? 0),
                artifact["sha256"]?.stringValue ?? "",
            ]
        }
        for line in Show.table(rows) { terminal.line(line) }
        if rows.isEmpty { terminal.remark("no agent has put a file for its peers") }
    }

    private static func id(_ artifact: JSON) -> String {
        "\(artifact["agent"]?.stringValue ?? "")/\(artifact["name"]?.stringValue ?? "")"
    }

    /// A guest wrote the directory, so no link in it is followed, and nothing but the bytes that the journal
    /// tells of gets its name.
    static func copy(
        _ source: String, below root: String, _ size: Int64, _ digest: String, to target: String
    ) throws(CLIError) {
        let temporary = "\(target).\(Random.hex(4)).part"
        var sum = SHA256Stream()
        var count: Int64 = 0
        do throws(SystemError) {
            let file = try Beneath(roots: [root]).open(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            let out = try Files.open(temporary, O_WRONLY | O_CREAT | O_EXCL)
            while count <= size {
                let piece = try IO.read(file.raw, at: count, 1 << 20)
                if piece.isEmpty { break }
                try IO.writeAll(out.raw, piece)
                sum.update(piece)
                count += Int64(piece.count)
            }
            if count == size, sum.hexDigest() == digest { return try Files.rename(temporary, target) }
        } catch {
            try? Files.remove(temporary)
            throw CLIError(
                .failed, "copy the artifact to \(target): \(error)",
                hint: "openclaw gc may have removed the session's workspace")
        }
        try? Files.remove(temporary)
        throw CLIError(.failed, "the artifact is not what the journal tells of; nothing was written")
    }
}
