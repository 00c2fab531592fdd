// Every bound on what a server of tools may do to its client, with its unit and its reason. A server is
// somebody else's program, and may be anybody's.

/// The numbers that a hostile server runs against.
enum MCPLimits {
    /// Versions of the protocol that begin with a handshake, the newest first: what is used of them here is
    /// the same in all. 2026-07-28 begins without one and is not spoken; servers of it answer these, too.
    static let versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    /// One message, in bytes: a result may hold a few images.
    static let messageBytes = 16 << 20
    /// What one HTTP exchange may bring in all, in bytes: many reports of progress and one result.
    static let exchangeBytes = 64 << 20
    /// The head of an HTTP answer, in bytes.
    static let headBytes = 64 << 10
    /// Fields of it that are looked at.
    static let headFields = 200
    /// Lines that are no message of the protocol, one after the other without one that is, before a server is
    /// given up: some print a greeting, and some print while they work.
    static let strayMessages = 1000
    /// Messages in one batch, which the version of 2025-03-26 has.
    static let batch = 100
    /// Time for a server to start and to say what it has, in milliseconds: interpreters are slow.
    static let startMilliseconds = 30_000
    /// Longest call however much progress it reports, in milliseconds.
    static let callMilliseconds = 600_000
    /// Time in which a server must take a message, in milliseconds.
    static let writeMilliseconds = 5000
    /// Pages of a list of tools: one that never ends is cut.
    static let pages = 20
    /// Tools of one server, and of all servers of a role: all of them are in every prompt.
    static let tools = 64
    /// Tools that a server may list: a role chooses among them.
    static let listed = 4096
    static let toolsInAll = 128
    /// Changes of its list that a server may announce in one task; later ones are not looked at.
    static let listChanges = 16
    /// Times that a server which ended is started again in one task.
    static let restarts = 3
    /// Name of a tool with its prefix, in characters: what providers take.
    static let nameCharacters = 64
    /// What a tool says of itself, in characters, and of one of its parameters.
    static let descriptionCharacters = 4000
    static let parameterCharacters = 1000
    /// The schema of a tool's input, in bytes and in levels of JSON. One that is larger loses its words, then
    /// its deepest levels.
    static let schemaBytes = 16 << 10
    static let schemaDepth = 64
    /// Words of a server that are shown in passing, in characters.
    static let briefCharacters = 300
    /// What a model is shown of the texts of one result, in characters.
    static let resultCharacters = 20_000
    /// Parts of one result that are looked at, and images of them.
    static let resultParts = 100
    static let images = 4
    /// One image, in bytes before it is encoded: the provider's limit.
    static let imageBytes = 3_750_000
    /// What is told of a server's own error, in characters.
    static let errorCharacters = 500
    /// Tries to take up an HTTP stream that ended before its answer, or that brings news.
    static let resumptions = 5
    /// Longest pause before one that a server may ask for, in milliseconds.
    static let resumeMilliseconds = 5000
    /// A session's name at an HTTP server, in characters.
    static let sessionCharacters = 1024
}

/// Why a server cannot be used, or a call of it came to nothing.
struct MCPError: Error, CustomStringConvertible, Equatable {
    let description: String
    /// Of the server's answer, when it was an error of the protocol.
    var code: Int?

    init(_ description: String) { self.description = description }

    /// With words of the server's own, cut and on one line.
    static func said(_ what: String, _ words: String) -> MCPError {
        let line = words.prefix(MCPLimits.errorCharacters * 2).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        return MCPError("\(what): \(line.prefix(MCPLimits.errorCharacters))")
    }
}
