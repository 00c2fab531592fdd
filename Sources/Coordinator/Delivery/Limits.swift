/// Bounds of this module, with their reasons.
enum Limits {
    /// One local git command, in milliseconds: a large repository on a slow disk.
    static let gitMilliseconds = 10 * 60 * 1000
    /// A look at the branches of a remote, in milliseconds.
    static let lookMilliseconds = 60_000
    /// A git command over the network, in milliseconds.
    static let networkMilliseconds = 60 * 60 * 1000
    /// What one git command may print into memory, in bytes.
    static let outputBytes = 16 << 20
    /// How much of git's complaint goes into an error, in bytes.
    static let complaintBytes = 2000
    /// The hunks of a conflict that go to an agent, in bytes: they become part of a prompt.
    static let hunkBytes = 32 << 10
    /// Segments of a page's address that may be a branch: each is asked for.
    static let pageSegments = 8
    /// How many dirty files are named.
    static let dirtyFiles = 20
    /// A file that is read to detect how to test, in bytes.
    static let projectFileBytes = 1 << 20
    /// The body of a fetch request, unpacked, in bytes: one line for each commit that both sides may have.
    static let fetchRequestBytes = 64 << 20
    /// The commands of one push, in bytes and in number.
    static let pushCommandBytes = 64 << 10
    static let pushCommands = 32
    /// An issue with its comments as a task, in bytes: it becomes part of every prompt.
    static let issueBytes = 48 << 10
    /// JUnit reports of one gate: files, bytes of one, and of all together. They are kept with the session.
    static let reportFiles = 64
    static let reportBytes = 8 << 20
    static let reportTotalBytes = 32 << 20
    /// What a hook may take, in milliseconds (design, section 4).
    static let hookMilliseconds = 2000
    /// What git may print of a change of many files, in bytes: names and modes, or sizes.
    static let rawBytes = 256 << 20
    /// Contents that are looked at in one go, in bytes.
    static let inspectedBytes = 64 << 20
    /// The longest file whose content is looked at, in bytes; what is longer is told.
    static let inspectedFileBytes = 16 << 20
    /// From here on a file is called large, in bytes.
    static let largeFileBytes = 1 << 20
    /// Commits between base and head that are looked at.
    static let inspectedCommits = 2000
}
