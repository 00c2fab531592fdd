// The commits that are delivered with a change, and what they say or hold that the change does not.
import Kit

extension ChangeInspector {
    /// One commit, as git tells it.
    private struct Commit {
        let id: String
        let tree: String
        let author: String
        let committer: String
        let message: String
        let people: [String]
    }

    mutating func inspectHistory() throws(DeliveryError) {
        let commits = try commits()
        guard let commits else {
            return items.append(
                ChangeItem(.unread, "more than \(Limits.inspectedCommits) commits; not all were looked at"))
        }
        for commit in commits { items += told(by: commit) }
        try inspectIntermediates(commits)
    }

    /// Those between base and head; nil when they are too many.
    private func commits() throws(DeliveryError) -> [Commit]? {
        let format = ["%H", "%T", "%an", "%ae", "%cn", "%ce", "%B"].joined(separator: "%x00")
        let outcome = try repository.git.run(
            [
                "log", "-z", "--format=\(format)%x00", "--no-show-signature", "--no-color",
                "--max-count=\(Limits.inspectedCommits + 1)", "\(repository.base)..\(head)",
            ], limit: Limits.rawBytes)
        // No field holds a NUL; each commit ends with one of ours and one of git's.
        let fields = outcome.stdout.split(separator: 0, omittingEmptySubsequences: false)
        var commits: [Commit] = []
        for start in stride(from: 0, to: fields.count - 7, by: 8) {
            let texts = fields[start..<(start + 7)].map { String(decoding: $0, as: UTF8.self) }
            commits.append(
                Commit(
                    id: texts[0], tree: texts[1], author: texts[3], committer: texts[5], message: texts[6],
                    people: ["\(texts[2]) <\(texts[3])>", "\(texts[4]) <\(texts[5])>"]))
        }
        return commits.count > Limits.inspectedCommits ? nil : commits
    }

    private static let ownDomain = "@openclaw.invalid"

    private func told(by commit: Commit) -> [ChangeItem] {
        let name = "commit \(commit.id.prefix(12))"
        let isOurs = facts.ownCommits.contains(commit.id)
        var items: [ChangeItem] = []
        if !isOurs {
            for person in Set(
                zip([commit.author, commit.committer], commit.people)
                    .filter { !$0.0.hasSuffix(Self.ownDomain) }.map(\.1)
            ).sorted() {
                items.append(
                    ChangeItem(.history, "\(name) is said to be by \(ShownText.line(person, limit: 120))"))
            }
        }
        for line in MessageRules.surprises(commit.message, isOurs: isOurs) {
            items.append(ChangeItem(.history, "\(name) says \(ShownText.line(line, limit: 120))"))
        }
        return items
    }

    /// Paths that some commit holds and the net change does not: they are delivered, and no diff shows them.
    private mutating func inspectIntermediates(_ commits: [Commit]) throws(DeliveryError) {
        let (first, last) = (try repository.tree(of: repository.base), try repository.tree(of: head))
        let trees = Set(commits.map(\.tree)).subtracting([first, last]).sorted()
        guard !trees.isEmpty else { return }
        let headers = trees.map { "\(first) \($0)" }
        let outcome = try repository.git.run(
            ["diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames"],
            input: Array((headers.joined(separator: "\n") + "\n").utf8), limit: Limits.rawBytes)
        let net = Set(changes.map(\.path))
        var told: Set<[UInt8]> = []
        var next = 0
        for record in outcome.stdout.split(separator: 0) {
            var path = record
            // Each pair is named once, in our order, before its first path; one without a path is not named.
            while next < headers.count {
                guard let rest = Self.rest(of: path, after: headers[next...]) else { break }
                (path, next) = (rest.path, rest.next)
            }
            let bytes = Array(path)
            guard !bytes.isEmpty, !net.contains(bytes), told.insert(bytes).inserted else { continue }
            let words = "only in commits on the way, not in the change; it is delivered with them"
            items.append(ChangeItem(.history, path: ShownText.path(bytes), words))
        }
    }

    /// What follows the first of these headers that begins a record.
    private static func rest(
        of record: ArraySlice<UInt8>, after headers: ArraySlice<String>
    ) -> (path: ArraySlice<UInt8>, next: Int)? {
        for index in headers.indices {
            let header = Array("\(headers[index])\n".utf8)
            if record.starts(with: header) { return (record.dropFirst(header.count), index + 1) }
        }
        return nil
    }
}

/// Words of a commit's message that forges and services obey.
enum MessageRules {
    private static let skips = [
        "[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[skip-ci]", "[ci-skip]",
        "***no_ci***", "skip-checks:", "[skip travis]", "[travis skip]", "[skip circle]",
        "[skip azurepipelines]",
        "[azurepipelines skip]", "[skip appveyor]", "[skip netlify]", "[skip cd]", "[skip deploy]",
    ]
    private static let closers: Set<String> = [
        "close", "closes", "closed", "closing", "fix", "fixes", "fixed", "fixing", "resolve", "resolves",
        "resolved", "resolving", "implement", "implements", "implemented",
    ]

    /// The lines that are more than words.
    static func surprises(_ message: String, isOurs: Bool) -> [String] {
        var found: [String] = []
        for line in message.byteLines {
            let lower = line.lowercased()
            let isTrailer = !isOurs && isTrailer(lower)
            if isTrailer || skips.contains(where: { lower.contains($0) }) || closes(lower) {
                found.append(String(line))
            }
            if found.count == limit { break }
        }
        return found
    }

    private static let limit = 10

    /// `signed-off-by: …` and its kind, and ours.
    private static func isTrailer(_ line: String) -> Bool {
        guard let colon = line.firstIndex(of: ":") else { return false }
        let key = line[..<colon]
        return key.hasSuffix("-by") && !key.contains(" ") || key.hasPrefix("openclaw-")
    }

    /// `fixes #12`, `closes: GH-3`, `resolves https://…/issues/4`, `fix owner/name#5`.
    private static func closes(_ line: String) -> Bool {
        let words = line.split { " \t,;()".contains($0) }
        return zip(words, words.dropFirst()).contains { verb, object in
            let verb = String(verb.filter { $0 != ":" })
            guard closers.contains(verb) else { return false }
            let isNumber = object.contains("#") || object.hasPrefix("gh-") || object.contains("/issues/")
            return isNumber && object.contains(where: \.isNumber)
        }
    }
}
