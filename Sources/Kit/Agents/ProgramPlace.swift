// Where things are for an agent program in its sandbox.

/// The fixed places and names of a program's sandbox.
public enum ProgramPlace {
    /// Its home: memory of the sandbox, gone with it.
    public static let home = "/tmp/home"
    /// The harness's socket as the program reaches it.
    public static let socket = "/tmp/openclaw/agent.sock"
    public static let anthropicURL = "http://127.0.0.1:\(GuestDocument.modelPort)/anthropic"
    public static let openAIURL = "http://127.0.0.1:\(GuestDocument.modelPort)/openai/v1"
    /// What programs send as their key. The relay says the agent's token in its place, so this is no secret.
    public static let key = "openclaw"

    /// What every program is told of models, under the names that SDKs read.
    public static let environment = [
        "HOME": home, "TMPDIR": "/tmp", "OPENCLAW_AGENT_SOCKET": socket, "ANTHROPIC_BASE_URL": anthropicURL,
        "ANTHROPIC_API_KEY": key, "OPENAI_BASE_URL": openAIURL, "OPENAI_API_BASE": openAIURL,
        "OPENAI_API_KEY": key,
    ]

    /// The directory of the session's volume where what is shown of the host lies in a guest.
    public static let shown = "programs"
}
