// A difference as people and models read it: a patch, and for each file what the patch does not say.
public import Kit
import System

/// A difference between two commits.
public struct ChangeSet: Sendable, Hashable {
    public struct File: Sendable, Hashable {
        /// Safe to show.
        public let path: String
        /// Nil for a binary file.
        public let added: Int?
        public let removed: Int?
        /// What lines do not say, such as `binary, 12 bytes` or `mode 644 → 755`; mostly empty.
        public let note: String
        /// All of it is in the patch.
        public internal(set) var isShown = true
    }

    /// A unified diff; cut at a limit, after a line.
    public let patch: String
    public let isTruncated: Bool
    public let files: [File]

    public var added: Int { files.reduce(0) { $0 + ($1.added ?? 0) } }
    public var removed: Int { files.reduce(0) { $0 + ($1.removed ?? 0) } }

    /// Numbers and notes, without the patch.
    public var statistics: JSON {
        [
            "added": JSON(added), "removed": JSON(removed),
            "files": .array(
                files.map { file in
                    [
                        "path": .string(file.path), "added": file.added.map { JSON($0) } ?? .null,
                        "removed": file.removed.map { JSON($0) } ?? .null, "note": .string(file.note),
                        "shown": JSON(file.isShown),
                    ]
                }),
        ]
    }
}

extension SessionRepository {
    /// What changed between two commits. Nothing that the repository configures for showing differences runs.
    /// Where a patch is long, small files that people write come before large and generated ones.
    /// - Parameter limitBytes: Of the patch.
    public func diff(from base: String, to head: String, limitBytes: Int = 4 << 20) throws(DeliveryError)
        -> ChangeSet
    {
        let maker = PatchMaker(
            git: git, range: [try commit(of: base), try commit(of: head)], limitBytes: limitBytes)
        return try maker.make(try rawChanges(maker.range[0], maker.range[1]))
    }
}

/// Makes the patch of two commits, and tells which files are not in it.
private struct PatchMaker {
    let git: Git
    let range: [String]
    let limitBytes: Int

    private static let common = [
        "diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index",
    ]
    /// Newer gits read attributes of HEAD in a repository without a work tree, and one of them hides a diff.
    private static let settings = [("attr.tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904")]
    /// A patch that is longer is put in order, in bytes.
    private static let orderedBytes = 256 << 10
    /// Files that are named in an order; the others come after them.
    private static let orderedFiles = 2000

    func make(_ changes: [RawChange]) throws(DeliveryError) -> ChangeSet {
        let numbers = try numbers()
        let files = changes.map { ($0, numbers[$0.path]) }
        let sizes = try sizes(of: files.filter { $0.1?.added == nil }.map(\.0))
        var patch = try patch([])
        var order: [String] = []
        if patch.isTruncated || patch.bytes.count > Self.orderedBytes {
            let directory = try delivering("make a directory for an order") { () throws(SystemError) in
                try Files.temporaryDirectory(prefix: "order")
            }
            // A directory that stays behind changes no answer.
            defer { try? Files.removeTree(directory) }
            try delivering("write \(directory)/order") { () throws(SystemError) in
                try Files.write("\(directory)/order", Self.order(files))
            }
            order = ["-O\(directory)/order"]
            patch = try self.patch(order)
            if patch.isTruncated { return try cut(patch.bytes, order, files, sizes) }
        }
        return ChangeSet(
            patch: String(decoding: patch.bytes, as: UTF8.self), isTruncated: false,
            files: files.map { Self.file($0.0, $0.1, sizes) })
    }

    typealias Numbers = (added: Int?, removed: Int?)

    private func patch(_ order: [String]) throws(DeliveryError) -> (bytes: [UInt8], isTruncated: Bool) {
        let arguments = Self.common + ["-p", "--src-prefix=a/", "--dst-prefix=b/"] + order + range
        let outcome = try git.attempt(arguments, limit: limitBytes, settings: Self.settings)
        // Cut off: git may have ended by SIGPIPE, which is no failure of its own.
        guard outcome.code == 0 || outcome.isTruncated else { throw git.failure(arguments, outcome) }
        return (outcome.stdout, outcome.isTruncated)
    }

    private func numbers() throws(DeliveryError) -> [[UInt8]: Numbers] {
        let outcome = try git.run(
            ["diff-tree", "-r", "-z", "--numstat", "--no-renames"] + range, limit: Limits.rawBytes,
            settings: Self.settings)
        var numbers: [[UInt8]: Numbers] = [:]
        for record in outcome.stdout.split(separator: 0) {
            let fields = record.split(separator: 0x09, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let counts = fields[..<2].map { Int(String(decoding: $0, as: UTF8.self)) }
            numbers[Array(fields[2])] = (counts[0], counts[1])
        }
        return numbers
    }

    private func sizes(of changes: [RawChange]) throws(DeliveryError) -> [String: Int] {
        var ids: Set<String> = []
        for change in changes {
            if !change.isAdded { ids.insert(change.oldID) }
            if !change.isDeleted { ids.insert(change.newID) }
        }
        return ids.isEmpty ? [:] : try BlobReader(git: git).sizes(of: ids.sorted())
    }

    private static func file(
        _ change: RawChange, _ numbers: Numbers?, _ sizes: [String: Int]
    ) -> ChangeSet.File {
        var notes: [String] = []
        if change.isSubmodule {
            notes.append("submodule")
        } else if change.isLink {
            notes.append("link")
        } else if numbers?.added == nil, change.oldID != change.newID {
            let size = sizes[change.isDeleted ? change.oldID : change.newID]
            notes.append("binary" + (size.map { ", \($0) bytes" } ?? ""))
        }
        if !change.isAdded, !change.isDeleted, change.oldMode != change.newMode {
            notes.append(ChangeRules.modeWords(change.oldMode, change.newMode))
        }
        if change.isAdded, change.newMode == RawChange.executable { notes.append("executable") }
        return ChangeSet.File(
            path: ShownText.path(change.path), added: numbers?.added, removed: numbers?.removed,
            note: notes.joined(separator: ", "))
    }

    // MARK: A long patch

    /// Patterns of an order file (git-diff(1), -O): what is small and written by hand comes first.
    private static func order(_ files: [(RawChange, Numbers?)]) -> [UInt8] {
        let ranked = files.map { change, numbers -> (rank: Int, lines: Int, path: [UInt8]) in
            let lines = (numbers?.added ?? 0) + (numbers?.removed ?? 0)
            return (isGenerated(change) ? 1 : 0, lines, change.path)
        }.sorted { ($0.rank, $0.lines) < ($1.rank, $1.lines) }
        var text: [UInt8] = []
        for file in ranked.prefix(orderedFiles) where !file.path.contains(0x0A) {
            for byte in file.path {
                // Every character of a name stands for itself.
                if [0x2A, 0x3F, 0x5B, 0x5C].contains(byte) { text.append(0x5C) }
                text.append(byte)
            }
            text.append(0x0A)
        }
        return text
    }

    private static func isGenerated(_ change: RawChange) -> Bool {
        let name = change.lowerName
        let endings = [
            ".lock", ".min.js", ".min.css", ".map", ".pb.go", "_pb2.py", ".pb.cc", ".pb.h", ".snap", ".svg",
            "-lock.json", "-lock.yaml", ".csv", ".g.dart", ".designer.cs",
        ]
        return endings.contains { name.hasSuffix($0) } || ["go.sum", "npm-shrinkwrap.json"].contains(name)
            || ChangeRules.product(change.path) != nil
    }

    /// The patch up to its last whole line, and the files that are not in it, or not all of them.
    private func cut(
        _ bytes: [UInt8], _ order: [String], _ files: [(RawChange, Numbers?)], _ sizes: [String: Int]
    ) throws(DeliveryError) -> ChangeSet {
        let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        // Every line of a content begins with a sign, so this is a header wherever it begins a line.
        let header = Array("diff --git ".utf8)
        var parts = bytes.starts(with: header) ? 1 : 0
        for index in bytes[..<end].indices where bytes[index] == 0x0A {
            if bytes[(index + 1)...].starts(with: header) { parts += 1 }
        }
        let arguments = Self.common + ["--raw", "-z"] + order + range
        let outcome = try git.run(arguments, limit: Limits.rawBytes, settings: Self.settings)
        let shown = Self.names(outcome.stdout, parts: parts - 1)
        return ChangeSet(
            patch: String(decoding: bytes[..<end], as: UTF8.self), isTruncated: true,
            files: files.map { change, numbers in
                var file = Self.file(change, numbers, sizes)
                file.isShown = shown.contains(change.path)
                return file
            })
    }

    /// The names of the files that so many parts of a patch are about. A rename has two names; a change of
    /// type is two parts.
    private static func names(_ raw: [UInt8], parts: Int) -> Set<[UInt8]> {
        var names: Set<[UInt8]> = []
        var left = parts
        var fields = raw.split(separator: 0, omittingEmptySubsequences: false)[...]
        while let head = fields.popFirst(), head.first == 0x3A {
            let status = head.split(separator: 0x20).last?.first
            let count = status == UInt8(ascii: "R") || status == UInt8(ascii: "C") ? 2 : 1
            left -= status == UInt8(ascii: "T") ? 2 : 1
            guard left >= 0 else { break }
            for _ in 0..<count { if let name = fields.popFirst() { names.insert(Array(name)) } }
        }
        return names
    }
}
