import Kit
import Wire

/// Where a peer's harness answers, with the coordinator's leave to ask it.
struct PeerPlace: Sendable {
    let host: String
    let port: UInt16
    private let grant: String

    /// From an answer of the coordinator; nil when it is not understood.
    init?(_ json: JSON) {
        guard let host = json["host"]?.stringValue,
            let port = json["port"]?.intValue.flatMap({ UInt16(exactly: $0) }),
            let grant = json["grant"]?.stringValue
        else { return nil }
        (self.host, self.port, self.grant) = (host, port, grant)
    }

    /// Shows the leave.
    func sign(_ request: inout HTTPRequest) { request.headers["Authorization"] = Authorization.bearer(grant) }
}
