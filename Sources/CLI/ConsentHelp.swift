import Kit

extension HelpTopic {
    static let consent = HelpTopic(
        name: "consent", summary: "what you say yes to, and what --yes does not pass",
        rows: ChangeItem.Kind.allCases.map { kind in
            (name: (kind.needsPerson ? "! " : "  ") + kind.rawValue, meaning: meaning(kind))
        },
        text: """
            Before a result is reviewed and delivered the host lists what its diff cannot show, from the base,
            the result and the commits between them. The list stands before the diff: at the prompt, in
            openclaw diff, on the canvas, in the report and in the pull request.

            Kinds with a ! need a person: with --yes the session waits (exit code 8) and says why, unless you
            allow the kind, or the kind and a glob of paths, with --allow, in a plan's file or by the setting
            allow:

              openclaw run "Bump the action" --yes --allow 'protected-path:.github/workflows/**'
              openclaw config set allow 'gate tests:tests/generated/**'

            openclaw approve is of what openclaw diff showed you last; when that has changed, look again.
            Nothing goes to another machine before the answer, drafts of pull requests included.
            """)

    private static func meaning(_ kind: ChangeItem.Kind) -> String {
        switch kind {
        case .protectedPath: "something runs or obeys it by itself: CI, hooks, editors, tool servers"
        case .attributes: "git writes other bytes by it than it stores, or runs a program"
        case .submodule: "a commit of another repository"
        case .linkOutside: "a symbolic link out of the tree"
        case .executableBinary: "a program in a form that nobody reads"
        case .hiddenText: "characters that hide or reorder text, a NUL in a source, a bare carriage return"
        case .name: "a name that cannot be read, or that some file systems take for another one"
        case .gate: "it says what the tests are"
        case .tests: "tests that are gone, emptied or skipped"
        case .testCount: "fewer tests pass, or more are skipped, than before"
        case .testReport: "a report of tests that is part of the tree"
        case .history: "commits that say or hold what the net change does not"
        case .unread: "what was not looked at, or a list that could not be made"
        case .mode: "a new mode, such as executable"
        case .link: "a symbolic link inside the tree"
        case .binary: "a binary file"
        case .encoding: "a text that is not UTF-8"
        case .lineEnds: "line ends that change or are mixed"
        case .conversion: "attributes that are there already make git write it in another form"
        case .largeFile: "a file of a megabyte or more"
        case .buildProduct: "what looks like the product of a build"
        case .lfs: "content where Git LFS keeps a pointer"
        }
    }
}
