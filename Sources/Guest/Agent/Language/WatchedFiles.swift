import Kit
import System

/// The files of one language below some folders, and which of them are others than the last time. Servers
/// read files that nobody opened, and believe what they have read until somebody tells them.
struct WatchedFiles {
    /// Kinds of a change, as `workspace/didChangeWatchedFiles` has them.
    enum Kind: Int { case created = 1, changed, deleted }

    struct Change: Equatable {
        var path: String
        var kind: Kind
    }

    private struct Stamp: Equatable {
        var modified: Int64
        var size: Int64
        var inode: UInt64
    }

    private let extensions: Set<String>
    private var known: [String: Stamp]?

    /// Files that are looked at; a larger tree is watched in part.
    static let fileLimit = 20_000
    /// Levels of folders.
    static let depthLimit = 32
    /// What tools make and no person writes.
    private static let skipped: Set<String> = [
        ".git", ".build", ".venv", "venv", "node_modules", "__pycache__", "target", "DerivedData",
    ]

    init(extensions: Set<String>) { self.extensions = extensions }

    /// - Returns: What changed since the last scan; nothing at the first.
    mutating func scan(_ roots: [String]) -> [Change] {
        var found: [String: Stamp] = [:]
        for root in roots { collect(root, depth: 0, &found) }
        defer { known = found }
        guard let known else { return [] }
        var changes: [Change] = []
        for (path, stamp) in found {
            guard let old = known[path] else {
                changes.append(Change(path: path, kind: .created))
                continue
            }
            if old != stamp { changes.append(Change(path: path, kind: .changed)) }
        }
        for path in known.keys where found[path] == nil { changes.append(Change(path: path, kind: .deleted)) }
        return changes.sorted { $0.path < $1.path }
    }

    private func collect(_ folder: String, depth: Int, _ found: inout [String: Stamp]) {
        guard depth < Self.depthLimit, let names = try? Files.list(folder) else { return }
        for name in names where !Self.skipped.contains(name) {
            guard found.count < Self.fileLimit else { return }
            let path = "\(folder)/\(name)"
            let ending = name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]).lowercased() }
            guard let status = try? Files.status(path, followLinks: false) else { continue }
            if status.isDirectory {
                collect(path, depth: depth + 1, &found)
            } else if status.isRegular, ending.map(extensions.contains) ?? false {
                found[path] = Stamp(
                    modified: status.modifiedNanoseconds, size: status.size, inode: status.inode)
            }
        }
    }
}
