import Kit

extension HelpTopic {
    static let repositories = HelpTopic(
        name: "repositories", summary: "what --repo takes, and how openclaw gets in",
        rows: [
            ("PATH", "a worktree or a bare repository of this machine"),
            (
                "github.com/ORG/NAME",
                "and gitlab.com, bitbucket.org, codeberg.org; also with /tree/BRANCH/DIR"
            ),
            ("https://, ssh://, git@HOST:PATH", "any other remote; file:// too"),
            ("…#REF", "starts from a branch, tag or commit; as --ref"),
            ("…#REF:DIR, …#:DIR", "is about a directory: commands and tests start there; as --subdir"),
        ],
        text: """
            The session gets a copy of the history of the commit that it starts from, once for all agents;
            of a shallow repository what is there, with --depth N the last N commits, which is quicker from
            a remote that has many. The whole tree is checked out, also with DIR: a change is tested as what
            it will be merged into. Uncommitted changes stay out of it, submodules are empty directories,
            files in Git LFS are pointers; openclaw says so when it starts. A partial clone is refused,
            because objects that are not there would have to be fetched as it says itself.

            A remote is asked without credentials first. When it wants some, these are tried in turn: the
            token for its kind of forge (GITHUB_TOKEN or GH_TOKEN, GITLAB_TOKEN, GITEA_TOKEN; the host or
            --provider says which), gh auth token, git's own credential helpers as your configuration names
            them. ssh uses your keys and your agent. No credential is sent over http to another machine,
            comes into a guest, or is written down. An address with a password in it is refused.
            """)
}
