public import Journal
public import Kit
public import System
public import Wire

/// What a token allows.
public enum Authority: Sendable, Hashable {
    /// Look and steer.
    case operate
    /// Look only.
    case view
}

/// Why a request of a viewer was not carried out, in HTTP's words.
public struct ChannelError: Error, Sendable, CustomStringConvertible {
    public let status: Int
    public let code: String
    public let message: String
    public let hint: String
    /// More members of the answer: what is true now, for one who acted on what was.
    public let facts: [String: JSON]

    public init(
        _ status: Int, _ code: String, _ message: String, hint: String = "", facts: [String: JSON] = [:]
    ) {
        (self.status, self.code, self.message, self.hint, self.facts) = (status, code, message, hint, facts)
    }

    public var description: String { message + (hint.isEmpty ? "" : " (\(hint))") }

    /// As a browser gets it.
    public var response: HTTPResponse {
        HTTPResponse(status: status, headers: AppFiles.headers, json: json)
    }

    var json: JSON {
        var json = JSON.object(facts)
        json["error"] = ["code": .string(code), "message": .string(message), "hint": .string(hint)]
        return json
    }
}

/// A line of an agent's output.
public struct LogEntry: Sendable, Hashable {
    public var seq: Int64
    public var at: Int64
    public var stream: String
    public var source: String
    public var line: String

    public init(seq: Int64, at: Int64, stream: String, source: String, line: String) {
        (self.seq, self.at, self.stream, self.source, self.line) = (seq, at, stream, source, line)
    }

    var json: JSON {
        [
            "seq": JSON(seq), "at": JSON(at), "stream": .string(stream), "source": .string(source),
            "line": .string(line),
        ]
    }
}

/// A session as its viewers see it: the journal, and what only the coordinator can say or do.
public protocol ChannelSession: Sendable {
    var id: String { get }
    /// What a token allows here; nil when it is nobody's.
    func authority(of token: String) -> Authority?
    /// The session's part of the journal, after an event.
    func lines(after: Int64, limit: Int) throws(JournalError) -> [JournalLine]
    /// The number of the last event.
    var head: Int64 { get }
    /// Where snapshots of it may be kept; it need not be there yet.
    var snapshotDirectory: String { get }
    /// Changes with every append.
    var changes: Condition<Int64> { get }
    /// `summary`, `diff`, `cost`, `verify` or `output`.
    func read(_ what: String) throws(ChannelError) -> JSON
    /// Carries a command out, or says why not. The answer is what is true afterwards.
    func perform(_ command: CanvasCommand) throws(ChannelError) -> JSON
    /// The guest that an agent is in now.
    func instance(of agent: String) -> String?
    /// The output of a guest, as it comes, until the guest ends or `body` says false.
    func follow(instance: String, after: Int64, _ body: @escaping (LogEntry) -> Bool)
}
