import Kit

/// The way to one server. What comes from it goes to the receiver, from threads of the transport's own.
protocol MCPTransport: Sendable {
    /// Sends one message, within the time that a server has to take it.
    func send(_ message: JSON) throws(MCPError)

    /// The handshake is over; from now on a version is in force.
    func begin(version: String)

    /// Ends it; nothing is received any more. May be called twice.
    func close()
}

/// Where a transport puts what it gets.
struct MCPReceiver: Sendable {
    /// A message of the server.
    let message: @Sendable (JSON) -> Void
    /// Something that is no message.
    let stray: @Sendable (String) -> Void
    /// The server has gone, for this reason; once.
    let end: @Sendable (String) -> Void
    /// True while somebody waits for the answer to a request.
    let isOpen: @Sendable (Int64) -> Bool
    /// One request will have no answer, for this reason, unless it has one.
    let lost: @Sendable (Int64, String) -> Void
}
