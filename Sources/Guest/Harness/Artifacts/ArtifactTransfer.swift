// The way of one file from guest to guest, as decisions: no I/O and no clock.
import Kit

/// What to do next while a file is fetched. It ends: every try either brings bytes or uses up one of a few.
struct ArtifactTransfer: Sendable, Hashable {
    /// How a try ended.
    enum Outcome: Sendable, Hashable {
        /// The answer came to its end.
        case ended
        /// The connection was cut, the peer is silent, or it cannot be reached.
        case cut
        /// The peer answered with this status and no bytes.
        case refused(Int)
    }

    enum Step: Sendable, Hashable {
        /// Ask the owner for the rest, after a pause.
        case ask(from: Int64, afterMilliseconds: Int)
        /// Ask the coordinator for a new leave, and what the name stands for now.
        case renew
        /// Read it on the volume: the owner is away.
        case volume
        /// Everything is there.
        case verify
    }

    let size: Int64
    private(set) var offset: Int64
    /// How often the connection was cut after it had brought something.
    private(set) var cuts = 0
    /// Tries in a row that brought nothing, and leaves that were asked for.
    private var silent = 0
    private var renewals = 0

    init(size: Int64, offset: Int64) { (self.size, self.offset) = (size, offset) }

    var first: Step { offset >= size ? .verify : .ask(from: offset, afterMilliseconds: 0) }

    mutating func next(_ outcome: Outcome, offset new: Int64) -> Step {
        let hasBrought = new > offset
        offset = new
        if offset >= size { return .verify }
        if hasBrought {
            cuts += 1
            silent = 0
            return .ask(from: offset, afterMilliseconds: 0)
        }
        silent += 1
        switch outcome {
        case .refused(401) where renewals < Limits.artifactRenewals,
            .refused(404) where renewals < Limits.artifactRenewals:
            renewals += 1
            return .renew
        case _ where silent >= Limits.artifactTries: return .volume
        case .refused(503), .cut, .ended:
            return .ask(from: offset, afterMilliseconds: Limits.firstRetryMilliseconds << silent)
        case .refused: return .volume
        }
    }
}
