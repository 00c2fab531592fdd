import Kit

extension Clone {
    /// Characters of a change that its author is shown.
    private static let shownCharacters = 20_000

    /// The change against what was merged when it began, and the files of it that are not in the write set.
    func review() throws(HarnessError) -> JSON {
        // Half of somebody else's work is in a rebase that stopped; the conflict is what its author looks at.
        if isRebasing { return ["diff": "", "outside": []] }
        try git(["add", "-A"])
        let options = ["diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-color", "--merge-base"]
        let diff = try git(options + [upstream])
        let files = try git(options + ["--name-only", "-z", upstream]).split(separator: "\0").map(String.init)
        let writeSet = (task["write_set"]?.arrayValue ?? []).compactMap(\.stringValue)
        let outside = files.filter { !WriteSet.meet(writeSet, [$0]) }
        return ["diff": .string(Self.shown(diff)), "outside": JSON(outside)]
    }

    /// Head and tail of a long change.
    static func shown(_ diff: String) -> String {
        guard diff.utf8.count > shownCharacters, diff.count > shownCharacters else { return diff }
        let half = shownCharacters / 2
        return "\(diff.prefix(half))\n[… the middle is left out; see git diff --cached …]\n"
            + "\(diff.suffix(half))"
    }
}
