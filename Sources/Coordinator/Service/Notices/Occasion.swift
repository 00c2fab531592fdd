import Kit

/// An event that a person wants to be called for, in words.
struct Occasion: Sendable, Hashable {
    let session: String
    let seq: Int64
    let type: String
    let at: Int64
    let task: String
    let text: String
    let next: String

    /// Nil when it is nothing to be called for.
    init?(_ event: Event, _ configuration: SessionConfiguration) {
        let id = event.session
        switch event.body {
        case .approvalRequested where !configuration.autoApprove:
            (text, next) = (
                "the change waits for your approval", "openclaw diff \(id); openclaw approve \(id)"
            )
        case .approvalHeld(_, let reasons):
            (text, next) = (
                "--yes does not approve the change: \(reasons.joined(separator: "; "))",
                "openclaw diff \(id); openclaw approve \(id)"
            )
        case .permissionRequested(let permission):
            (text, next) = (
                "asks you (\(permission.kind.rawValue)): \(permission.summary)", "openclaw session \(id)"
            )
        case .sessionCompleted: (text, next) = ("completed", "openclaw session \(id)")
        case .sessionFailed(let reason, let hint): (text, next) = ("failed: \(reason)", hint)
        // The user did it.
        case .sessionCancelled: return nil
        default: return nil
        }
        (session, seq, type, at) = (id, event.seq, event.body.type, event.at)
        task = configuration.task
    }

    var json: JSON {
        [
            "id": .string("\(session):\(seq)"), "session": .string(session), "event": .string(type),
            "at": JSON(at), "task": .string(task), "text": .string(text), "next": .string(next),
        ]
    }
}
