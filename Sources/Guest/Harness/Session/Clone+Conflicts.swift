// What must not be handed over: conflicts that nobody resolved, and repositories within the repository.
import Kit
import System

extension Clone {
    /// Files longer than this are no texts that anybody merges.
    private static let markerBytes = 16 << 20

    /// The names that git still holds to be in conflict, as bytes.
    func unmergedNames() throws(HarnessError) -> [[UInt8]] {
        // MODE OBJECT STAGE TAB NAME, up to three of each name (git-ls-files(1), "Output").
        var names: [[UInt8]] = []
        for record in try records(["ls-files", "--unmerged", "-z"]) {
            guard let tab = record.firstIndex(of: 0x09) else { continue }
            let name = Array(record[(tab + 1)...])
            if names.last != name { names.append(name) }
        }
        return names
    }

    /// A file that was in conflict must not be handed over half resolved, or with one side of it alone
    /// because nobody looked.
    func refuseUnresolved() throws(HarnessError) {
        var marked: [String] = []
        var untouched: [String] = []
        for name in try unmergedNames() {
            let shown = ShownText.path(name)
            guard let path = String(validating: name, as: UTF8.self) else {
                untouched.append(shown)
                continue
            }
            if hasMarkers(path) {
                marked.append(shown)
            } else if try isUntouched(path) {
                untouched.append(shown)
            }
        }
        for file in conflictFiles where hasMarkers(file) && !marked.contains(file) { marked.append(file) }
        guard marked.isEmpty else {
            throw HarnessError(
                "complete \(id)", "conflict markers are left in \(marked.joined(separator: ", "))",
                hint: "resolve them, then complete the task again")
        }
        guard untouched.isEmpty else {
            throw HarnessError(
                "complete \(id)",
                "nobody resolved the conflict in \(untouched.joined(separator: ", ")): what lies there is "
                    + "what "
                    + "git left, and a side would be lost",
                hint:
                    "write what is right and run git add FILE, or git rm FILE, for each; then complete "
                    + "the task "
                    + "again")
        }
    }

    private func hasMarkers(_ file: String) -> Bool {
        guard !file.hasPrefix("/"), !file.split(separator: "/").contains("..") else { return false }
        // A file that is gone has no markers; one that cannot be read is git's to judge.
        guard let bytes = try? Files.read("\(directory)/\(file)", limit: Self.markerBytes) else {
            return false
        }
        return bytes.split(separator: 0x0A).contains {
            $0.starts(with: "<<<<<<< ".utf8) || $0.starts(with: ">>>>>>> ".utf8)
        }
    }

    /// Whether the file of an unmerged name is exactly one of the sides, as git leaves what it cannot join
    /// (binary files, one side deleted). One that is gone was removed by somebody.
    private func isUntouched(_ path: String) throws(HarnessError) -> Bool {
        guard let status = try? Files.status("\(directory)/\(path)", followLinks: false) else { return false }
        guard status.isRegular else { return true }
        let sides = try records(["ls-files", "--unmerged", "-z", "--", ":(literal)\(path)"]).compactMap {
            $0.split(separator: 0x20).dropFirst().first.map { String(decoding: $0, as: UTF8.self) }
        }
        let object = try git(["hash-object", "--", path]).filter { !$0.isNewline }
        return sides.contains(object)
    }

    /// `git add` makes of a repository within the repository an entry without content: its files would be
    /// lost. Asked when everything is in the index.
    func refuseNestedRepositories() throws(HarnessError) {
        let fields = try records([
            "diff", "--cached", "--raw", "-z", "--no-renames", "--diff-filter=AT", "HEAD",
        ])
        var nested: [String] = []
        for (head, name) in zip(fields, fields.dropFirst()) where head.first == UInt8(ascii: ":") {
            // :MODE MODE OBJECT OBJECT STATUS, then the name (git-diff(1), "Raw output format").
            let modes = String(decoding: head, as: UTF8.self).split(separator: " ")
            if modes.count > 1, modes[1] == "160000", modes[0] != ":160000" {
                nested.append(ShownText.path(name))
            }
        }
        guard !nested.isEmpty else { return }
        let known =
            (try? git(["config", "--file", ".gitmodules", "--get-regexp", "^submodule\\..*\\.path$"])) ?? ""
        let entries = Set(
            known.byteLines.compactMap { $0.split(separator: " ", maxSplits: 1).last.map(String.init) })
        let lost = nested.filter { !entries.contains($0) }
        guard !lost.isEmpty else { return }
        // While the index has the reference, git keeps it, whatever becomes of the directory.
        for path in lost { try git(["rm", "--cached", "--quiet", "-f", "--", ":(literal)\(path)"]) }
        throw HarnessError(
            "complete \(id)",
            "\(lost.joined(separator: ", ")) is a Git repository of its own, and only a reference to it "
                + "would be committed, without its files",
            hint:
                "remove its .git directory when its files belong here, or keep it out with .gitignore; then "
                + "complete the task again")
    }
}
