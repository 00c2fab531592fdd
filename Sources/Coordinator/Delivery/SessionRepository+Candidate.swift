// What the host itself holds against a candidate, whatever made it.
import Kit
import System

extension SessionRepository {
    /// Something that must not be merged, and why.
    struct Objection: Hashable {
        let path: String
        let reason: String
    }

    /// A longer file is no text that anybody merges.
    private static let markerBytes = 16 << 20

    /// Looks at all that a merge changes on the session branch: conflicts that were handed over unresolved,
    /// and repositories whose files would be lost.
    func objections(from ours: String, to tree: String) throws(DeliveryError) -> [Objection] {
        let changes = try changes(from: ours, to: tree)
        return try nestedRepositories(changes, tree) + conflicts(changes)
    }

    /// What differs between two commits or trees, sorted; a rename is a name that goes and one that comes.
    func changes(from: String, to: String) throws(DeliveryError) -> [GitChange] {
        let arguments = [
            "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options", from, to,
        ]
        let outcome = try git.run(arguments, limit: Limits.rawBytes)
        guard let changes = GitChange.read(outcome.stdout) else { throw git.failure(arguments, outcome) }
        return changes
    }

    /// The names that both sides changed since they parted.
    func changedByBoth(_ ours: String, _ theirs: String) throws(DeliveryError) -> Set<GitPath> {
        let found = try git.attempt(["merge-base", ours, theirs])
        // Without a common history git says so itself.
        guard found.code == 0 else { return [] }
        let mine = try changes(from: found.line, to: ours).map(\.path)
        return Set(mine).intersection(try changes(from: found.line, to: theirs).map(\.path))
    }

    private func nestedRepositories(_ changes: [GitChange], _ tree: String) throws(DeliveryError)
        -> [Objection]
    {
        let new = changes.filter { $0.new?.isSubmodule == true && $0.old?.isSubmodule != true }
        guard !new.isEmpty else { return [] }
        // No file, or one that cannot be read, names none.
        let listed = try git.attempt([
            "config", "--null", "--blob", "\(tree):.gitmodules", "--get-regexp", "^submodule\\..*\\.path$",
        ])
        let known = Set(
            listed.stdout.split(separator: 0).compactMap { record in
                record.firstIndex(of: 0x0A).map { GitPath(record[($0 + 1)...]) }
            })
        return new.filter { !known.contains($0.path) }.map {
            Objection(
                path: $0.path.text,
                reason:
                    "it is a Git repository of its own, whose files would be lost: remove its .git directory "
                    + "and commit its files, or leave it out")
        }
    }

    /// Files that were there and hold more whole conflicts now than before. A new file may well show what a
    /// conflict looks like.
    private func conflicts(_ changes: [GitChange]) throws(DeliveryError) -> [Objection] {
        let edited = changes.filter { $0.old?.isFile == true && $0.new?.isFile == true }
        guard !edited.isEmpty else { return [] }
        var counts: [String: Int] = [:]
        let reader = BlobReader(git: git)
        func count(_ ids: Set<String>) throws(DeliveryError) {
            try reader.read(ids.sorted(), limitBytes: Self.markerBytes) { id, bytes in
                counts[id] = bytes.map { ConflictHunks.count(in: $0) } ?? 0
            }
        }
        try count(Set(edited.compactMap { $0.new?.object }))
        let marked = edited.filter { counts[$0.new?.object ?? "", default: 0] > 0 }
        guard !marked.isEmpty else { return [] }
        try count(Set(marked.compactMap { $0.old?.object }).subtracting(counts.keys))
        return marked.filter {
            counts[$0.new?.object ?? "", default: 0] > counts[$0.old?.object ?? "", default: 0]
        }
        .map { Objection(path: $0.path.text, reason: "a conflict is left unresolved in it") }
    }
}
