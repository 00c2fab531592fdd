// How long a tool call may take. The tools keep this time themselves; the harness keeps it for a tool that
// does not.

/// The time of a tool, in milliseconds. Every one is shorter than the coordinator's stall clock (15 minutes
/// without progress), so a call that hangs costs a message to the model and not the agent.
public struct ToolTime: Sendable, Hashable {
    /// What a call gets that asks for nothing.
    public let usual: Int
    /// The most that a call may ask for.
    public let longest: Int

    private init(_ usual: Int, _ longest: Int) { (self.usual, self.longest) = (usual, longest) }

    /// Commands: two minutes, up to ten; what takes longer goes into the background.
    public static let command = ToolTime(120_000, 600_000)
    /// The task's tests, in a sandbox of their own.
    public static let tests = ToolTime(600_000, 840_000)
    /// Waiting for a background job.
    public static let job = ToolTime(60_000, 600_000)
    /// Files: a search of a large tree on a slow volume; everything else takes milliseconds.
    public static let files = ToolTime(60_000, 60_000)
    /// One address of the web; curl keeps half of it.
    public static let fetch = ToolTime(60_000, 60_000)
    /// A page: the browser's start, loading, and what a click brings about.
    public static let browse = ToolTime(150_000, 150_000)
    /// A language server's start, its reading of the project, and one answer.
    public static let language = ToolTime(180_000, 180_000)
    /// A call of a server of tools, which is given ten minutes in the sandbox.
    public static let server = ToolTime(630_000, 630_000)

    /// What is added before somebody else ends a call whose tool does not keep its time, in milliseconds.
    public static let slack = 30_000

    public static func of(_ tool: String) -> ToolTime {
        switch tool {
        case "bash", "exec", "git", "diff": command
        case "run_tests": tests
        case "job": job
        case "fetch": fetch
        case "browse": browse
        case "lsp": language
        default: files
        }
    }

    /// The time of a call: what its input asks for, within bounds.
    public func asked(_ input: JSON) -> Int {
        let wanted = input["timeout_ms"]?.intValue ?? input["timeout"]?.intValue ?? usual
        return min(max(1, wanted), longest)
    }
}
