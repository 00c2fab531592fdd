// What a change is in its tree: names that meet, and attributes that reach its files.
import Kit
import System

extension ChangeInspector {
    /// New names that some file systems take for one that is there: such a tree cannot be checked out whole.
    mutating func inspectCollisions() throws(DeliveryError) {
        let added = changes.filter { $0.isAdded }
        guard !added.isEmpty else { return }
        var wanted: [String: [UInt8]] = [:]
        for change in added {
            for prefix in Self.prefixes(change.path) { wanted[Self.folded(prefix)] = Array(prefix) }
        }
        // Told once, by its topmost directory.
        var told: Set<String> = []
        let listed = try repository.git.run(
            ["ls-tree", "-r", "-z", "--name-only", "--end-of-options", head], limit: Limits.rawBytes)
        for path in listed.stdout.split(separator: 0) {
            for prefix in Self.prefixes(path) {
                let key = Self.folded(prefix)
                guard let mine = wanted[key] else { continue }
                if mine.elementsEqual(prefix) { continue }
                guard told.insert(key).inserted else { break }
                let words = "some file systems take it for \(ShownText.path(Array(prefix)))"
                items.append(ChangeItem(.name, path: ShownText.path(mine), words))
                break
            }
        }
    }

    /// A submodule that is taken away and still named.
    mutating func inspectSubmoduleNames() throws(DeliveryError) {
        let isGone = changes.contains {
            $0.oldMode == RawChange.submodule && $0.newMode != RawChange.submodule
        }
        guard isGone, !changes.contains(where: { $0.path.elementsEqual(".gitmodules".utf8) }) else { return }
        let listed = try repository.git.run([
            "ls-tree", "-z", "--name-only", "--end-of-options", head, "--", ".gitmodules",
        ])
        guard !listed.stdout.isEmpty else { return }
        items.append(
            ChangeItem(.submodule, path: ".gitmodules", "it still names a submodule that is removed here"))
    }

    /// `a`, `a/b`, `a/b/c`.
    private static func prefixes(_ path: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        let bytes = Array(path)
        return bytes.indices.filter { bytes[$0] == 0x2F }.map { bytes[..<$0] } + [bytes[...]]
    }

    /// The same for names that differ in case or in how their letters are composed.
    private static func folded(_ path: ArraySlice<UInt8>) -> String {
        if path.allSatisfy({ $0 < 0x80 }) {
            return String(decoding: path.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
        }
        // Two strings of Swift are equal when they are canonically equivalent.
        return String(decoding: path, as: UTF8.self).lowercased()
    }

    // MARK: Attributes

    /// Asks git itself which attributes of the candidate reach the files of the change. Most trees have none,
    /// and then nothing is asked.
    mutating func inspectAttributes() throws(DeliveryError) {
        let files = changes.filter(\.isFile)
        guard !files.isEmpty else { return }
        let sources = try attributeFiles(of: files)
        guard !sources.isEmpty else { return }
        let values = try attributes(of: files, sources)
        for change in files {
            guard let found = values[change.path] else { continue }
            items += found.items(ShownText.path(change.path), head: heads[change.newID]?[...])
        }
    }

    /// The .gitattributes of the candidate in the directories above these files.
    private func attributeFiles(of files: [RawChange]) throws(DeliveryError) -> [(path: [UInt8], id: String)]
    {
        var directories: Set<[UInt8]> = [[]]
        for change in files {
            for index in change.path.indices where change.path[index] == 0x2F {
                directories.insert(Array(change.path[...index]))
            }
        }
        // The protocol is one of lines: a name with a line feed is told by itself.
        var (names, input): ([[UInt8]], [UInt8]) = ([], [])
        for directory in directories where !directory.contains(0x0A) {
            let name = directory + Array(".gitattributes".utf8)
            names.append(name)
            input += Array("\(head):".utf8) + name + [0x0A]
        }
        let outcome = try repository.git.run(
            ["cat-file", "--batch-check=%(objectname) %(objecttype)", "--buffer"], input: input,
            limit: Limits.rawBytes)
        let lines = outcome.stdout.split(separator: 0x0A)
        guard lines.count == names.count else {
            throw DeliveryError(.git, "look for attributes in \(head)", "git gave \(lines.count) answers")
        }
        var found: [(path: [UInt8], id: String)] = []
        for (name, line) in zip(names, lines) {
            let words = line.split(separator: 0x20)
            guard words.count == 2, words[1].elementsEqual("blob".utf8) else { continue }
            found.append((name, String(decoding: words[0], as: UTF8.self)))
        }
        return found
    }

    /// By git's own reading, from an index that holds these files alone and in a repository without settings
    /// of its own.
    private func attributes(
        of files: [RawChange], _ sources: [(path: [UInt8], id: String)]
    ) throws(DeliveryError) -> [[UInt8]: AttributeRules.Values] {
        let directory = try delivering("make a directory for attributes") { () throws(SystemError) in
            try Files.temporaryDirectory(prefix: "attributes")
        }
        // A directory that stays behind changes no answer.
        defer { try? Files.removeTree(directory) }
        let format = head.utf8.count == 64 ? "sha256" : "sha1"
        try Git(nil).run([
            "init", "--quiet", "--bare", "--template=", "--object-format=\(format)", "--", directory,
        ])
        let git = Git(directory, environment: ["GIT_OBJECT_DIRECTORY": "\(repository.path)/objects"])
        var entries: [UInt8] = []
        for source in sources { entries += Array("100644 \(source.id)\t".utf8) + source.path + [0] }
        try git.run(["update-index", "-z", "--index-info"], input: entries)
        var asked: [UInt8] = []
        for change in files { asked += change.path + [0] }
        let outcome = try git.run(
            ["check-attr", "--cached", "-z", "--stdin"] + AttributeRules.asked, input: asked,
            limit: Limits.rawBytes)
        return AttributeRules.parse(outcome.stdout)
    }
}
