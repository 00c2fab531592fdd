import Kit
import System

/// How two changes of one file are joined, by the attributes of the branch that is merged into.
enum MergeStyle: Sendable, Hashable {
    case text
    case union
    /// Not at all: one side has to be chosen. A driver that the person has a name for counts as this, too: it
    /// is a program, and none that a repository names runs on the host.
    case choice
}

/// What the attributes of a branch say about joining files.
///
/// Git reads them in a checkout. In the session repository, which has none, git reads no `.gitattributes` at
/// all, so they are asked for here, of git itself and for the names that matter, and given to a merge as a
/// file of literal names.
struct MergeAttributes {
    private(set) var styles: [GitPath: MergeStyle] = [:]

    /// The lines for git's `core.attributesFile`.
    var lines: [UInt8] {
        styles.sorted { $0.key < $1.key }.flatMap { path, style -> [UInt8] in
            let setting =
                switch style {
                case .text: "merge"
                case .union: "merge=union"
                case .choice: "-merge"
                }
            return Self.pattern(path) + Array(" \(setting)\n".utf8)
        }
    }

    /// A pattern that this name matches and no other.
    static func pattern(_ path: GitPath) -> [UInt8] {
        let special = Array("*?[\\".utf8)
        return GitPath([0x2F] + path.bytes.flatMap { special.contains($0) ? [0x5C, $0] : [$0] }).quoted
    }

    /// Reads `check-attr -z`: NAME NUL ATTRIBUTE NUL VALUE NUL.
    mutating func read(_ output: [UInt8]) {
        var fields = output.split(separator: 0, omittingEmptySubsequences: false)[...]
        while let name = fields.popFirst(), let attribute = fields.popFirst(), let value = fields.popFirst() {
            let (path, text) = (GitPath(name), String(decoding: value, as: UTF8.self))
            switch (String(decoding: attribute, as: UTF8.self), text) {
            case ("merge", "unspecified"): break
            case ("merge", "set"), ("merge", "text"): styles[path] = .text
            case ("merge", "union"): styles[path] = .union
            case ("merge", _): styles[path] = .choice
            default: break
            }
        }
    }
}

extension SessionRepository {
    /// The attributes of some names, as a checkout of a commit would have them.
    func attributes(of paths: Set<GitPath>, at commit: String) throws(DeliveryError) -> MergeAttributes {
        var attributes = MergeAttributes()
        let names = Set(paths.flatMap(\.directories)).map { $0.appending(".gitattributes") }.sorted()
        let files = try objects(of: names, at: commit)
        guard !files.isEmpty else { return attributes }
        let index = scratch("index")
        defer { discard(index) }
        let git = Git(path, environment: ["GIT_INDEX_FILE": index])
        let entries = files.flatMap { (file) -> [UInt8] in
            Array("100644 \(file.value)\t".utf8) + file.key.bytes + [0]
        }
        try git.run(["update-index", "-z", "--index-info"], input: entries)
        let asked = paths.sorted().flatMap { (path) -> [UInt8] in path.bytes + [0] }
        attributes.read(
            try git.run(
                ["check-attr", "--cached", "-z", "--stdin", "merge"], input: asked,
                limit: Limits.rawBytes
            ).stdout)
        return attributes
    }

    /// The objects of those names that a commit has.
    private func objects(of names: [GitPath], at commit: String) throws(DeliveryError) -> [GitPath: String] {
        let asked = names.map { Array("\(commit):".utf8) + $0.bytes }
        let output = try git.run(
            ["cat-file", "--batch-check", "-z"], input: asked.flatMap { (name) -> [UInt8] in name + [0] },
            limit: Limits.rawBytes
        ).stdout
        var rest = output[...]
        var objects: [GitPath: String] = [:]
        for (name, question) in zip(names, asked) {
            // A name may hold line feeds, and is told back when it is not there.
            let missing = question + Array(" missing\n".utf8)
            if rest.starts(with: missing) {
                rest = rest.dropFirst(missing.count)
                continue
            }
            let line = rest.prefix { $0 != 0x0A }
            rest = rest.dropFirst(line.count + 1)
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            if words.count == 3, words[1] == "blob" { objects[name] = String(words[0]) }
        }
        return objects
    }

    /// A file for the time of one command.
    func scratch(_ kind: String) -> String { "\(sessionDirectory)/merge.\(Random.hex(8)).\(kind)" }

    func discard(_ file: String) {
        // One that stays costs a few bytes of the session's directory.
        for name in [file, "\(file).lock"] { try? Files.removeTree(name) }
    }
}
