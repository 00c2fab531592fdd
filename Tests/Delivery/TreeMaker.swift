import Kit

@testable import Delivery

/// Makes commits of a session repository entry by entry, as no work tree could: any mode, any name, any
/// bytes.
struct TreeMaker {
    struct Entry {
        var mode = "100644"
        var path: [UInt8]
        var content: [UInt8]

        init(_ path: String, _ content: String, mode: String = "100644") {
            self.init(Array(path.utf8), Array(content.utf8), mode: mode)
        }

        init(_ path: [UInt8], _ content: [UInt8], mode: String = "100644") {
            (self.path, self.content, self.mode) = (path, content, mode)
        }
    }

    let fixture: Fixture
    let repository: SessionRepository

    private var git: Git {
        Git(
            repository.path,
            environment: [
                "GIT_INDEX_FILE": "\(fixture.directory)/made.index", "GIT_AUTHOR_DATE": "@1700000000 +0000",
                "GIT_COMMITTER_DATE": "@1700000000 +0000",
            ])
    }

    /// - Parameter author: Of the commit, and its committer.
    func commit(
        _ entries: [Entry], removing: [String] = [], on parent: String, message: String = "work",
        author: String = "coder-1"
    ) throws -> String {
        try git.run(["read-tree", parent])
        var input: [UInt8] = []
        let zeros = String(repeating: "0", count: 40)
        for path in removing { input += Array("0 \(zeros)\t\(path)\0".utf8) }
        for entry in entries {
            // The content of a submodule is the id of a commit.
            let id =
                entry.mode == "160000"
                ? String(decoding: entry.content, as: UTF8.self)
                : try git.run(["hash-object", "-w", "--stdin", "--no-filters"], input: entry.content).line
            input += Array("\(entry.mode) \(id)\t".utf8) + entry.path + [0]
        }
        if !input.isEmpty { try git.run(["update-index", "-z", "--index-info"], input: input) }
        let tree = try git.run(["write-tree"]).line
        var committer = git
        let name = author.split(separator: " ").first.map(String.init) ?? author
        let email = author.contains("@") ? author : "\(author)@openclaw.invalid"
        for role in ["AUTHOR", "COMMITTER"] {
            committer.environment["GIT_\(role)_NAME"] = name
            committer.environment["GIT_\(role)_EMAIL"] = email
        }
        return try committer.run(
            ["commit-tree", tree, "-p", parent, "-F", "-"], input: Array(message.utf8)
        ).line
    }
}

extension ChangeInspection {
    /// Items of a kind as sentences.
    func sentences(_ kind: ChangeItem.Kind) -> [String] { items.filter { $0.kind == kind }.map(\.sentence) }
}
