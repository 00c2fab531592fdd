import Channel
import Core
import Kit
import System
import Wire

/// What the receiver of the signed webhook is told, and hears what the person behind it decided.
extension WebhookSettings {
    /// What it is told of.
    static let types: Set<String> = [
        "approval.requested", "permission.requested", "session.completed", "session.failed",
        "session.cancelled",
    ]

    func signature(of body: [UInt8]) -> (String, String) {
        (
            WebhookSignature.header,
            WebhookSignature.make(body, secret: secret, at: Clock.wallMilliseconds())
        )
    }

    func document(of event: Event, _ session: SessionRunner) -> JSON {
        let state = session.state
        let id = session.id
        var json: JSON = [
            "id": .string("\(id):\(event.seq)"), "type": .string(event.body.type),
            "session": .string(id), "seq": JSON(event.seq), "at": JSON(event.at),
            "task": .string(state.configuration?.task ?? ""), "summary": state.summary,
        ]
        let path = "/session/\(id)/canvas/hooks/decision"
        func basis(_ digest: String) -> JSON { ["seq": JSON(event.seq), "digest": .string(digest)] }
        switch event.body {
        case .approvalRequested(let tree, let commit):
            json["decide"] = [
                "path": .string(path), "commit": .string(commit), "answers": ["approve", "deny"],
                "basedOn": basis(tree),
            ]
        case .permissionRequested(let permission):
            json["decide"] = [
                "path": .string(path), "question": .string(permission.summary),
                "answers": ["permit", "refuse"], "basedOn": basis(permission.id),
            ]
        default: break
        }
        return json
    }

    /// What may be decided from elsewhere.
    private static let decisions: Set<String> = [
        "approve", "deny", "permit", "refuse", "pause", "resume", "cancel", "message",
    ]

    /// A decision that came back: a command with `by`, signed as notifications are. The signature is all the
    /// authority there is, so neither Host nor Origin matters and nothing of a browser is of use here.
    func decide(_ request: HTTPRequest, _ session: SessionRunner) -> HTTPResponse {
        do throws(ChannelError) {
            let signatures = request.headers.all(WebhookSignature.header)
            guard signatures.count == 1,
                WebhookSignature.isValid(
                    signatures[0], request.body, secret: secret, now: Clock.wallMilliseconds())
            else {
                throw ChannelError(
                    401, "unauthorized", "the signature is not right, or not of these five minutes",
                    hint: "\(WebhookSignature.header): t=MS,v1=HMAC-SHA256(secret, \"MS.\" + body)")
            }
            let body: JSON
            do throws(HTTPError) { body = try request.json() } catch {
                throw ChannelError(400, "bad_request", error.message)
            }
            let command = try CanvasCommand(body)
            guard Self.decisions.contains(command.type) else {
                throw ChannelError(400, "bad_request", "a webhook cannot \(command.type)")
            }
            let name = body["by"]?.stringValue ?? "somebody"
            let plain = name.filter { $0.isLetter || $0.isNumber || " .-_@".contains($0) }.prefix(64)
            let answer = try RunnerChannel(session: session).perform(
                command, by: "\(plain) (webhook)", via: "webhook")
            return HTTPResponse(status: 200, json: answer)
        } catch {
            return error.response
        }
    }
}
