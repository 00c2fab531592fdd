// Where answers come from.
import Kit
import Wire

/// Makes answers. One value serves all calls; every call runs on its guest's thread.
protocol ModelProvider: Sendable {
    /// Names the provider in messages and in waits that calls share.
    var name: String { get }
    /// True when nobody sends a bill.
    var isFree: Bool { get }

    /// The specification that it was made from.
    var route: ModelRoute { get }
    /// True when marks in a request decide what the provider keeps of a prompt.
    var marksCache: Bool { get }

    /// False when documents of pages are left out of what the model gets.
    var takesDocuments: Bool { get }
    /// True when a prompt may be written to the provider's cache without a mark.
    var writesCache: Bool { get }

    /// The model that answers a role.
    func model(for role: String) -> String

    /// What shares limits with a model; nil when nothing limits it.
    func rateClass(of model: String) -> String?

    /// Streams one answer into `sink`, up to and including `message_stop`.
    func stream(_ call: ProviderCall, into sink: any EventSink) throws(ProviderFailure)

    /// The window of a model in tokens, asked of its server; nil when it does not say.
    func window(of model: String) -> Int?

    /// How many tokens a prompt has.
    func countTokens(_ call: ProviderCall, cancel: any Cancellation) throws(ProviderFailure) -> Int
}

extension ModelProvider {
    var marksCache: Bool { false }
    var writesCache: Bool { false }
    var takesDocuments: Bool { true }
    func window(of model: String) -> Int? { nil }
    func rateClass(of model: String) -> String? { model }

    /// About four bytes of text make a token; for providers that cannot say.
    func countTokens(_ call: ProviderCall, cancel: any Cancellation) throws(ProviderFailure) -> Int {
        TokenEstimate.tokens(call.request.json)
    }
}

/// One call, as a provider sees it.
struct ProviderCall: Sendable {
    let caller: Caller
    var request: MessagesRequest
    var model: String
    /// Value of `anthropic-beta`, already checked.
    let beta: String?
}

/// Asked while nothing happens; true ends the call.
protocol Cancellation: AnyObject {
    var isCancelled: Bool { get }
}

/// Takes the events of an answer.
protocol EventSink: Cancellation {
    /// The provider accepted the call; its headers tell how much more it would take.
    func accepted(_ headers: HTTPHeaders)
    /// False ends the call: nobody listens any more.
    func receive(_ event: MessageEvent) -> Bool
}

enum TokenEstimate {
    static func tokens(_ json: JSON) -> Int { tokens(bytes: json.serialized().count) }
    static func tokens(bytes: Int) -> Int { (bytes + 3) / 4 }
}

/// Why a provider gave no whole answer.
struct ProviderFailure: Error, Sendable, Hashable, CustomStringConvertible {
    enum Kind: Sendable, Hashable {
        /// It answered with an error; the status is HTTP's.
        case status(Int)
        /// There was no connection, or it broke before the answer began.
        case connection
        /// It was silent for longer than the limit.
        case idle
        /// The answer ended in the middle.
        case cut
        /// It answered what is no answer.
        case malformed
        /// The guest left, or the gateway stops.
        case cancelled
    }

    /// What the attempt cost.
    enum Charge: Sendable, Hashable {
        /// An error is not charged, nor is a request that never arrived.
        case nothing
        /// The provider may have worked for nothing: counted as the most it can be.
        case unknown
    }

    let kind: Kind
    /// In a sentence, without secrets.
    let message: String
    var type: String?
    /// The provider's own error, as far as it is JSON.
    var details: JSON?
    var charge = Charge.nothing
    /// What the provider asked for.
    var retryAfterMilliseconds: Int?
    /// What the provider said about trying again (`x-should-retry`), or what cannot get better.
    var shouldRetry: Bool?
    /// Of the answer; they tell how much more it would take.
    var headers = HTTPHeaders()

    init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }

    var description: String { message }

    /// What the guest is told. A refusal of our own key is not the guest's business to cure.
    var guestFailure: GuestFailure {
        switch kind {
        case .status(let status) where [401, 403].contains(status):
            GuestFailure(502, "\(ModelRefusal.credentials): \(message)")
        case .status(let status): GuestFailure(status, message, type: type)
        case .connection, .malformed, .cut: GuestFailure(502, message)
        case .idle: GuestFailure(504, message)
        case .cancelled: GuestFailure(503, message)
        }
    }
}
