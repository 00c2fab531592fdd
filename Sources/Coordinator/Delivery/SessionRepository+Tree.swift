// Trees of the session repository for gates and reports.

import System

extension SessionRepository {
    /// Makes a directory hold exactly a tree, as a checkout would: modes and links as they are, line endings
    /// by the tree's attributes; without export attributes, filters, and without ever writing through a link.
    /// Submodules become empty directories.
    ///
    /// From one tree to the next only what differs is written. That needs a directory that nobody else
    /// writes; one that an earlier call did not end, or that something else made, is made anew.
    public func exportTree(_ revision: String, to directory: String) throws(DeliveryError) {
        let operation = "export \(revision) to \(directory)"
        let outcome = try git.attempt(["rev-parse", "--verify", "--quiet", "\(revision)^{tree}"])
        guard outcome.code == 0, !revision.hasPrefix("-") else {
            throw DeliveryError(.unknownRevision, operation, "there is no such tree in \(path)")
        }
        let (mark, index, name) = ("\(directory).partial", "\(directory).index", "\(directory).tree")
        let tree = outcome.line
        let last = Files.exists(mark) ? nil : try? Files.readText(name, limit: 100)
        let canGoOn = Files.isDirectory(directory) && Files.exists(index)
        if let last, canGoOn, try haveSameAttributes(last, tree) {
            if last == tree { return }
            try delivering(operation) { () throws(SystemError) in try Files.write(mark, []) }
        } else {
            try delivering(operation) { () throws(SystemError) in
                for old in [directory, index, "\(index).lock", name] { try Files.removeTree(old) }
                try Files.makeDirectories(directory)
                try Files.write(mark, [])
            }
        }
        let git = Git(
            directory, environment: ["GIT_DIR": path, "GIT_WORK_TREE": directory, "GIT_INDEX_FILE": index])
        // Unlike checkout-index this reads attributes from the tree before it writes the first file.
        try git.run(["read-tree", "--reset", "-u", tree])
        try delivering(operation) { () throws(SystemError) in
            try Files.write(name, Array(tree.utf8))
            try Files.removeTree(mark)
        }
    }

    /// Attributes say how files are written; where they differ, files differ that are the same to git.
    private func haveSameAttributes(_ one: String, _ other: String) throws(DeliveryError) -> Bool {
        let outcome = try git.attempt([
            "diff-tree", "-r", "--name-only", "--end-of-options", one, other, "--",
            ":(glob)**/.gitattributes",
        ])
        return outcome.code == 0 && outcome.stdout.isEmpty
    }

    /// The content of a file of a tree; nil when there is none, when it is longer than the limit or no
    /// regular file.
    public func file(_ name: String, in tree: String, limitBytes: Int) throws(DeliveryError) -> [UInt8]? {
        let entry = try git.run(["ls-tree", "-z", "--end-of-options", tree, "--", name]).records.first
        // MODE SP TYPE SP OBJECT TAB NAME; a link is a blob too.
        guard let words = entry?.split(separator: "\t").first?.split(separator: " "), words.count == 3,
            words[0].hasPrefix("100")
        else { return nil }
        let content = try git.run(["cat-file", "blob", String(words[2])], limit: limitBytes + 1)
        return content.stdout.count > limitBytes ? nil : content.stdout
    }

    /// Whether a tree has a directory of a name, below its top; a link is none.
    public func isDirectory(_ name: String, in tree: String) throws(DeliveryError) -> Bool {
        let outcome = try git.attempt(["cat-file", "-t", "\(try commit(of: tree)):\(name)"])
        return outcome.code == 0 && outcome.line == "tree"
    }

    /// The names at the top of a tree; a directory ends with a slash.
    public func topLevel(of tree: String) throws(DeliveryError) -> [String] {
        try git.run(["ls-tree", "-z", "--end-of-options", tree]).records.compactMap { record in
            let parts = record.split(separator: "\t", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return String(parts[1]) + (parts[0].contains(" tree ") ? "/" : "")
        }
    }
}
