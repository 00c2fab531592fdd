// Known secrets in a stream that comes in pieces: a write, a line or a full buffer ends anywhere.

/// Redacts a stream. What might be the beginning of a secret is held back until more has come or the stream
/// ends, and nothing else is: text that begins like no secret passes at once.
public struct StreamRedactor: Sendable {
    private var held: [UInt8] = []

    public init() {}

    /// What may be shown now.
    /// - Parameter redactor: What is secret at this moment.
    public mutating func receive(_ bytes: [UInt8], _ redactor: Redactor) -> [UInt8] {
        let all = held + bytes
        guard !redactor.isEmpty else {
            held = []
            return all
        }
        let (shown, rest) = redactor.redact(start: all)
        held = Array(all[rest...])
        return shown
    }

    /// What is left when the stream ends: the beginning of no secret, as it turned out.
    public mutating func finish(_ redactor: Redactor) -> [UInt8] {
        defer { held = [] }
        return redactor.redact(held) ?? held
    }
}
