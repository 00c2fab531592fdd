public import System

/// What went wrong with an exchange of HTTP, on either side.
public struct HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The peer sent what is not HTTP/1.1, or not as strictly as we read it.
        case malformed
        /// A limit of ours was passed.
        case tooLarge
        /// Correct HTTP that this implementation does not speak.
        case unsupported
        /// The peer was silent for too long.
        case timeout
        /// The peer left in the middle.
        case closed
        /// A system call failed; `system` says which.
        case system
        /// The caller asked for what cannot be sent, or used an exchange out of order.
        case misuse

        var status: Int {
            switch self {
            case .malformed: 400
            case .tooLarge: 413
            case .unsupported: 501
            case .timeout: 408
            case .closed, .system, .misuse: 500
            }
        }
    }

    public let kind: Kind
    /// What was tried on what.
    public let message: String
    /// The status with which a server answers this.
    public let status: Int
    public let system: SystemError?

    public init(_ kind: Kind, _ message: String, status: Int? = nil, system: SystemError? = nil) {
        self.kind = kind
        self.message = message
        self.system = system
        self.status = status ?? kind.status
    }

    init(_ message: String, _ system: SystemError) {
        self.init(.system, "\(message): \(system)", system: system)
    }

    public var description: String { message }
}
