public import Kit

/// What a person did on the canvas, in a chat or on a phone.
public struct CanvasCommand: Sendable, Hashable {
    /// What it is based on: what the person saw.
    public struct Basis: Sendable, Hashable {
        /// The last event that was shown.
        public var seq: Int64
        /// What was shown: the tree that is decided on, or the id of the question that is answered, which
        /// names a version of what it is about.
        public var digest: String
    }

    public enum Action: Sendable, Hashable {
        case approve
        case deny(reason: String)
        /// Yes to the question that the basis names.
        /// - words: What is passed on instead of a held message's own words.
        case permit(words: String?)
        /// No to it.
        case refuse(reason: String)
        case pause
        case resume
        case cancel
        case message(to: String, text: String)
        case comment(ReviewComment)
        /// A control of a surface that an agent drew.
        case surface(surface: String, name: String, source: String, context: JSON)
    }

    /// Chosen by the client, so that sending again does nothing twice.
    public let id: String
    public let action: Action
    public let basis: Basis?

    public init(id: String, action: Action, basis: Basis? = nil) {
        (self.id, self.action, self.basis) = (id, action, basis)
    }

    /// The name of the action on the wire and in the journal.
    public var type: String {
        switch action {
        case .approve: "approve"
        case .deny: "deny"
        case .permit: "permit"
        case .refuse: "refuse"
        case .pause: "pause"
        case .resume: "resume"
        case .cancel: "cancel"
        case .message: "message"
        case .comment: "comment"
        case .surface: "action"
        }
    }

    /// Reads the body of a request.
    public init(_ json: JSON) throws(ChannelError) {
        let id = json["id"]?.stringValue ?? ""
        guard (8...64).contains(id.utf8.count), id.utf8.allSatisfy(CanvasCommand.isIDByte) else {
            throw CanvasCommand.bad("`id` is a UUID of your own for this command")
        }
        self.id = id
        action = try CanvasCommand.action(json)
        guard let given = json["basedOn"], !given.isNull else {
            basis = nil
            return
        }
        guard let seq = given["seq"]?.int64Value, seq >= 0, let digest = given["digest"]?.stringValue else {
            throw CanvasCommand.bad("`basedOn` is {\"seq\":N,\"digest\":D}, what was shown")
        }
        basis = Basis(seq: seq, digest: digest)
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
        default: false
        }
    }

    private static func action(_ json: JSON) throws(ChannelError) -> Action {
        switch json["type"]?.stringValue {
        case "approve": return .approve
        case "deny": return .deny(reason: try text(json, "reason", isOptional: true))
        case "permit": return .permit(words: json["text"] == nil ? nil : try text(json, "text"))
        case "refuse": return .refuse(reason: try text(json, "reason", isOptional: true))
        case "pause": return .pause
        case "resume": return .resume
        case "cancel": return .cancel
        case "message":
            return .message(to: json["to"]?.stringValue ?? "all", text: try text(json, "text"))
        case "comment":
            let line = json["line"]?.intValue
            let severity = json["severity"]?.stringValue ?? "note"
            guard line.map({ $0 > 0 }) ?? true, ["note", "blocking"].contains(severity) else {
                throw bad("a comment has a `line` from 1 and a `severity` of note or blocking")
            }
            return .comment(
                ReviewComment(
                    file: try text(json, "file"), line: line, body: try text(json, "text"),
                    severity: severity))
        case "action":
            let context = json["context"] ?? [:]
            guard context.objectValue != nil else { throw bad("`context` is an object") }
            return .surface(
                surface: try text(json, "surfaceId"), name: try text(json, "name"),
                source: try text(json, "sourceComponentId"), context: context)
        default:
            throw bad(
                "`type` is approve, deny, permit, refuse, pause, resume, cancel, message, comment or action")
        }
    }

    private static func text(
        _ json: JSON, _ field: String, isOptional: Bool = false
    ) throws(ChannelError) -> String {
        let text = json[field]?.stringValue ?? ""
        guard isOptional || !text.isEmpty else { throw bad("`\(field)` is required, a text") }
        return text
    }

    private static func bad(_ message: String) -> ChannelError {
        ChannelError(400, "bad_request", message)
    }
}
